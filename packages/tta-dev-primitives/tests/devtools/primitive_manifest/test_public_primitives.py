"""Primitives are told from source alone: through imports, aliases, generics and bases."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import tta_dev_primitives
from tta_dev_primitives import WorkflowPrimitive
from tta_dev_primitives.devtools.primitive_manifest.declared_extras import declared_extras
from tta_dev_primitives.devtools.primitive_manifest.entries import ManifestError
from tta_dev_primitives.devtools.primitive_manifest.public_primitives import public_primitives
from tta_dev_primitives.devtools.primitive_manifest.source_modules import SourceModules

STEP = '''
class Step(WorkflowPrimitive[str, str]):
    """Do it.

    More of it.
    """
'''
BASE = "from tta_dev_primitives import WorkflowPrimitive\n"


def found(folder: Path, files: dict[str, str]) -> list[str]:
    """Write a package `acme` and give the names of its primitives."""
    package = folder / "acme"
    for name, text in files.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text, encoding="utf-8")
    return [entry.name for entry in public_primitives(SourceModules(package), "acme", {})]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"__init__.py": BASE + STEP}, ["Step"]),
        ({"__init__.py": BASE + STEP + "__all__ = ['Step']"}, ["Step"]),
        ({"__init__.py": BASE + STEP + "__all__ = []"}, []),
        ({"__init__.py": BASE + STEP + "__all__: list[str] = ['Step']"}, ["Step"]),
        ({"__init__.py": "from .deep.step import Step", "deep/step.py": BASE + STEP}, ["Step"]),
        (
            {
                "__init__.py": "from .deep import Step",
                "deep/__init__.py": "from .step import Step",
                "deep/step.py": BASE + STEP,
            },
            ["Step"],
        ),
        ({"__init__.py": "from acme.step import Step as Other", "step.py": BASE + STEP}, ["Other"]),
        (
            {
                "__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
                "    from .step import Step\n__all__ = ['Step']",
                "step.py": BASE + STEP,
            },
            ["Step"],
        ),
        (
            {
                "__init__.py": "try:\n    from .fast import Step\nexcept ImportError:\n"
                "    from .step import Step\n__all__ = ['Step']",
                "step.py": BASE + STEP,
                "fast.py": BASE + STEP,
            },
            ["Step"],
        ),
        (
            {
                "__init__.py": "import tta_dev_primitives as tta\n"
                "class A(tta.WorkflowPrimitive): ..."
            },
            ["A"],
        ),
        (
            {
                "__init__.py": "import tta_dev_primitives.core.base\n"
                "class A(tta_dev_primitives.core.base.WorkflowPrimitive[int, int]): ..."
            },
            ["A"],
        ),
        (
            {
                "__init__.py": "from tta_dev_primitives import core\n"
                "class A(core.base.WorkflowPrimitive): ..."
            },
            ["A"],
        ),
        (
            {
                "__init__.py": "from tta_dev_primitives import RetryPrimitive\n"
                "class A(RetryPrimitive): ...\n__all__ = ['A']"
            },
            ["A"],
        ),
        (
            {
                "__init__.py": BASE
                + STEP
                + "class _Hidden(Step): ...\nAlias = Step\n__all__ = ['Alias']"
            },
            ["Alias"],
        ),
        (
            {
                "__init__.py": "import sys\nif sys.byteorder == 'odd':\n    Step = None\nelse:\n"
                "    from .step import Step\n",
                "step.py": BASE + STEP,
            },
            ["Step"],
        ),
        ({"__init__.py": "class A(B): ...\nclass B(A): ..."}, []),
        (
            {
                "__init__.py": "from .a import A",
                "a.py": "from .b import A",
                "b.py": "from .a import A",
            },
            [],
        ),
        (
            {
                "__init__.py": "from tta_dev_primitives import ObservabilityPrimitive\n"
                "class A(ObservabilityPrimitive): ..."
            },
            [],
        ),
        (
            {
                "__init__.py": "from .missing import A\nfrom unheard_of import B\n"
                "__all__ = ['A', 'B', 3, 'C']"
            },
            [],
        ),
        ({"__init__.py": "class A(make_base()): ..."}, []),
    ],
    ids=[
        "no-all",
        "in-all",
        "not-in-all",
        "annotated-all",
        "relative",
        "through-package",
        "renamed",
        "type-checking",
        "try",
        "module-alias",
        "dotted-module",
        "module-from-package",
        "inherited",
        "alias",
        "else",
        "circle-of-bases",
        "circle-of-imports",
        "observer",
        "missing",
        "computed-base",
    ],
)
def test_primitives_of_source(tmp_path: Path, files: dict[str, str], expected: list[str]) -> None:
    """A class counts by where its bases lead, however they are spelt."""
    assert found(tmp_path, files) == expected


def test_our_own_source_tells_what_importing_tells() -> None:
    """The list from source is the list of the classes that users get."""
    folder = Path(tta_dev_primitives.__file__).parent
    entries = public_primitives(SourceModules(folder), folder.name, {})
    for entry in entries:
        value = getattr(tta_dev_primitives, entry.name)
        assert issubclass(value, WorkflowPrimitive)
        assert entry.module == value.__module__
        assert entry.summary == (value.__doc__ or "").strip().partition("\n")[0]
    values = {name: getattr(tta_dev_primitives, name) for name in tta_dev_primitives.__all__}
    steps = {
        n for n, v in values.items() if isinstance(v, type) and issubclass(v, WorkflowPrimitive)
    }
    assert {entry.name for entry in entries} == steps


def test_source_is_not_run(tmp_path: Path) -> None:
    """Looking at a package has no effect of that package."""
    files = {
        "__init__.py": "from .step import Step",
        "step.py": BASE + STEP + "raise SystemExit(3)",
    }
    assert found(tmp_path, files) == ["Step"]
    assert "acme" not in sys.modules


def test_source_that_does_not_parse_is_told_with_its_line(tmp_path: Path) -> None:
    """The maintainer is led to the line."""
    with pytest.raises(ManifestError, match=r"__init__\.py:2 does not parse"):
        found(tmp_path, {"__init__.py": "x = 1\nclass :"})


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("redis", "gives Step 'redis'; write a list"),
        (["redis", "rediss"], "gives Step the extra 'rediss'; there is: redis"),
    ],
    ids=["text", "unknown-extra"],
)
def test_wrong_extras_are_refused(value: object, told: str) -> None:
    """Nobody is told to install an extra that is not there."""
    table = {"tool": {"tta": {"primitives": {"extras": {"Step": value}}}}}
    with pytest.raises(ManifestError, match="Step") as caught:
        declared_extras(table, {"redis"})
    assert told in str(caught.value)


def test_package_without_the_table_needs_no_extras() -> None:
    """The table is for packages that have something to say."""
    assert declared_extras({"tool": {"tta": "x"}}, ()) == {}
