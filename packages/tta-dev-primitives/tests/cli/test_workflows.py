from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.cli.exits import UsageError
from tta_dev_primitives.cli.workflows import load_workflow
from tta_dev_primitives.errors import ConfigurationError


@pytest.mark.parametrize(
    "reference",
    ["workflows_here:double", "workflows_here.py:double", "./workflows_here.py:make_double"],
    ids=["module", "file", "factory"],
)
def test_workflow_is_found(reference: str) -> None:
    assert load_workflow(reference).label == "_double"


def test_absolute_paths_are_files(folder: Path) -> None:
    assert load_workflow(f"{folder / 'workflows_here.py'}:echo")


def test_modules_beside_the_file_can_be_imported_then_and_later(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "helper_here.py").write_text("answer = 42")
    (folder / "sub" / "main_here.py").write_text(
        "from tta_dev_primitives import LambdaPrimitive\n"
        "def _late(x):\n"
        "    import helper_here\n"
        "    return helper_here.answer\n"
        "late = LambdaPrimitive(_late)\n"
    )
    assert load_workflow("sub/main_here.py:late").run(None) == 42


def test_file_named_like_a_module_of_the_library_does_not_replace_it(folder: Path) -> None:
    import json

    (folder / "json.py").write_text(
        "from tta_dev_primitives import LambdaPrimitive\nstep = LambdaPrimitive(str)\n"
    )
    step: Any = load_workflow("json.py:step")
    assert step.run(1) == "1"
    assert sys.modules["json"] is json


def complaint_about(reference: str) -> str:
    with pytest.raises(UsageError) as caught:
        load_workflow(reference)
    return str(caught.value)


@pytest.mark.parametrize(
    "reference",
    ["workflows_here", "workflows_here:", ":echo", "C:\\flows\\mine.py", "workflows_here:a.b"],
)
def test_reference_needs_two_parts(reference: str) -> None:
    assert complaint_about(reference) == f"expected MODULE_OR_FILE:WORKFLOW, got {reference!r}"


@pytest.mark.parametrize(
    ("reference", "complaint"),
    [
        ("nowhere:wf", "no module named 'nowhere'; give a dotted module name or a path"),
        ("nowhere.at.all:wf", "no module named 'nowhere.at.all'; give a dotted"),
        ("nowhere.py:wf", "no file nowhere.py; give a dotted module name or a path"),
        ("sub/nowhere:wf", "no file sub/nowhere; give"),
        ("..relative:wf", "..relative cannot be loaded: "),
        ("notes.txt:wf", "no module named 'notes.txt'"),
        ("./notes.txt:wf", "./notes.txt is no Python file"),
        ("workflows_here:duoble", "did you mean double or make_double"),
        (
            "workflows_here:zzz",
            "did you mean backwards or double or echo or endless or make_double",
        ),
        ("bare_here.py:wf", "bare_here.py has no workflow 'wf'; it has no workflow at all"),
        ("workflows_here:note", "is a function, not a primitive; wrap a function with"),
        ("workflows_here:_double", "is a function, not a primitive"),
        ("workflows_here:LambdaPrimitive", "is a class, not a primitive; name an instance of it"),
        ("workflows_here:os", "is a module, not a primitive"),
        ("makers_here:number", "is an int, not a primitive"),
        ("makers_here:nothing", "makers_here:nothing returned a NoneType, not a primitive"),
        ("makers_here:failing", "makers_here.py line 3: ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_no_workflow_is_explained(folder: Path, reference: str, complaint: str) -> None:
    (folder / "notes.txt").write_text("text")
    (folder / "bare_here.py").write_text("")
    (folder / "makers_here.py").write_text(
        "def nothing():\n    pass\ndef failing(): 1 / 0\nnumber = 5\n"
    )
    assert complaint in complaint_about(reference)


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("x = 1\ny = (", "broken_here.py line 2: SyntaxError: '(' was never closed"),
        ("\nimport nowhere_at_all", "broken_here.py line 2: ModuleNotFoundError: No module named"),
        ("x = 1\nx.y", "broken_here.py line 2: AttributeError: 'int' object has no attribute"),
        ("import sys\nsys.exit('bye')", "broken_here.py line 2: SystemExit: bye"),
    ],
    ids=["syntax", "import", "exception", "exit"],
)
@pytest.mark.parametrize("reference", ["broken_here:wf", "broken_here.py:wf"])
def test_file_that_cannot_be_loaded_is_told_with_the_line(
    folder: Path, source: str, complaint: str, reference: str
) -> None:
    (folder / "broken_here.py").write_text(source)
    assert complaint in complaint_about(reference)


def test_mistake_in_building_a_workflow_says_what_to_do(folder: Path) -> None:
    """Errors of this package carry the next move already."""
    (folder / "misbuilt_here.py").write_text(
        "from tta_dev_primitives import TimeoutPrimitive\nwf = TimeoutPrimitive(str, 0)\n"
    )
    with pytest.raises(ConfigurationError, match="timeout_seconds must be positive"):
        load_workflow("misbuilt_here.py:wf")
