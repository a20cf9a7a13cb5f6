"""The plugin under hatchling itself: what comes out as wheel and sdist, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="hatchling is not installed. Try: uv sync")

from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

from tta_dev_primitives.devtools.build_hook.refusal import BuildRefusedError
from tta_dev_primitives.devtools.primitive_manifest.entries import ManifestError

# Named `custom`, the hooks are found without an installed entry point.
PLUGIN = """
from tta_dev_primitives.devtools.build_hook.plugin import PublishableWheel, SiblingRanges
"""
SHOUT = '''
from tta_dev_primitives import WorkflowPrimitive
class Shout(WorkflowPrimitive[str, str]):
    """Say it louder."""
'''
FILLED = """
dynamic = ["dependencies", "optional-dependencies"]
[tool.hatch.metadata.hooks.custom]
dependencies = ["base", "httpx2>=1"]
optional-dependencies = { loud = ["base[fast]"] }
"""


class Workspace:
    """A uv workspace with the members `base` 0.2.0 and `acme`."""

    def __init__(self, root: Path) -> None:
        self.root, self.acme = root, root / "packages" / "acme"
        self.write("pyproject.toml", '[tool.uv.workspace]\nmembers = ["packages/*"]\n')
        self.write("packages/base/pyproject.toml", '[project]\nname = "base"\nversion = "0.2.0"\n')
        self.write("packages/acme/hatch_build.py", PLUGIN)
        self.write("packages/acme/LICENSE", "Do as you like.\n")
        self.write("packages/acme/src/acme/__init__.py", "from .loud import Shout\n")
        self.write("packages/acme/src/acme/loud.py", SHOUT)
        self.write("packages/acme/src/acme/py.typed", "")
        self.project(FILLED)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def project(self, more: str) -> None:
        """Write the file of `acme`; *more* begins inside its [project] table."""
        self.write(
            "packages/acme/pyproject.toml",
            f'[project]\nname = "acme"\nversion = "1.0"\n{more}\n'
            "[tool.hatch.build.hooks.custom]\n"
            '[tool.hatch.build]\ndev-mode-dirs = ["src"]\n'
            '[tool.hatch.build.targets.wheel]\npackages = ["src/acme"]\n',
        )

    def wheel(self, version: str = "standard") -> Path:
        return build(WheelBuilder(str(self.acme)), self.root / "dist", version)

    def sdist(self) -> Path:
        return build(SdistBuilder(str(self.acme)), self.root / "dist", "standard")


def build(builder: WheelBuilder | SdistBuilder, folder: Path, version: str) -> Path:
    return Path(next(builder.build(directory=str(folder), versions=[version])))


def content(wheel: Path, name: str) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        [found] = [each for each in archive.namelist() if each.endswith(name)]
        return archive.read(found)


def requirements(wheel: Path) -> list[str]:
    return message_from_bytes(content(wheel, "METADATA")).get_all("Requires-Dist", [])


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


EXPECTED = ["base<0.3,>=0.2", "httpx2>=1", "base[fast]<0.3,>=0.2; extra == 'loud'"]


def test_siblings_in_the_wheel_have_a_range(workspace: Workspace) -> None:
    """A user gets the sibling that the package was built with, not any version."""
    assert requirements(workspace.wheel()) == EXPECTED


def test_editable_install_requires_the_same(workspace: Workspace) -> None:
    """What works in the workspace is what users get."""
    assert requirements(workspace.wheel("editable")) == EXPECTED


def test_wheel_from_an_sdist_requires_the_same(workspace: Workspace, tmp_path: Path) -> None:
    """An sdist is built far from the workspace, where no sibling can be looked up."""
    with tarfile.open(workspace.sdist()) as archive:
        archive.extractall(tmp_path / "far", filter="data")
    [project] = (tmp_path / "far").iterdir()
    wheel = build(WheelBuilder(str(project)), tmp_path / "far-dist", "standard")
    assert requirements(wheel) == EXPECTED
    assert wheel.read_bytes() == workspace.wheel().read_bytes()


def test_manifest_lists_the_primitives(workspace: Workspace) -> None:
    """`tta list` finds them in the wheel without importing it."""
    manifest = json.loads(content(workspace.wheel(), "extra_metadata/primitives.json"))
    assert manifest["primitives"] == [
        {
            "name": "Shout",
            "import_path": "acme:Shout",
            "module": "acme.loud",
            "summary": "Say it louder.",
            "extras": [],
        }
    ]


def test_manifest_has_the_declared_extras(workspace: Workspace) -> None:
    """A reader is told what to install for a primitive."""
    workspace.project(f'{FILLED}\n[tool.tta.primitives.extras]\nShout = ["loud"]')
    manifest = json.loads(content(workspace.wheel(), "primitives.json"))
    assert manifest["primitives"][0]["extras"] == ["loud"]


def test_editable_install_has_no_manifest(workspace: Workspace) -> None:
    """It would be out of date after the next edit."""
    with zipfile.ZipFile(workspace.wheel("editable")) as archive:
        assert not [name for name in archive.namelist() if name.endswith("primitives.json")]


def test_two_builds_are_the_same_bytes(workspace: Workspace, tmp_path: Path) -> None:
    """Whoever builds a release anew can compare it, on another day and in another folder."""
    first = [workspace.wheel(), workspace.sdist()]
    other = Workspace(tmp_path / "elsewhere" / "deeper")
    for path in other.acme.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        if path.is_file():
            path.chmod(0o600)
    second = [other.wheel(), other.sdist()]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_nothing_temporary_stays(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest is written beside the package for a moment, and then it is gone."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    workspace.wheel()
    assert list(scratch.iterdir()) == []


def faults(workspace: Workspace) -> list[str]:
    with pytest.raises(BuildRefusedError) as caught:
        workspace.wheel()
    assert caught.value.package == "acme"
    assert not list((workspace.root / "dist").glob("*.whl"))
    return [fault.rule for fault in caught.value.faults]


def test_wheel_without_types_is_refused(workspace: Workspace) -> None:
    """Without py.typed the checkers of users ignore every annotation."""
    (workspace.acme / "src" / "acme" / "py.typed").unlink()
    assert faults(workspace) == ["untyped-package"]


def test_package_in_a_namespace_needs_its_own_mark(workspace: Workspace) -> None:
    """A namespace has no __init__.py, and the mark belongs into what has one."""
    (workspace.acme / "src" / "acme").rename(workspace.acme / "src" / "inner")
    (workspace.acme / "src" / "acme").mkdir()
    (workspace.acme / "src" / "inner").rename(workspace.acme / "src" / "acme" / "inner")
    assert json.loads(content(workspace.wheel(), "primitives.json"))["primitives"]
    shutil.rmtree(workspace.root / "dist")
    (workspace.acme / "src" / "acme" / "inner" / "py.typed").unlink()
    assert faults(workspace) == ["untyped-package"]


def test_wheel_without_licence_is_refused(workspace: Workspace) -> None:
    """Without a licence nobody may use it."""
    (workspace.acme / "LICENSE").unlink()
    assert faults(workspace) == ["no-licence"]


def test_empty_licence_is_refused(workspace: Workspace) -> None:
    """A file alone allows nothing."""
    workspace.write("packages/acme/LICENSE", "")
    assert faults(workspace) == ["no-licence"]


@pytest.mark.parametrize(
    ("line", "rule"),
    [("base", "sibling-without-range"), ("base<0.2", "sibling-out-of-range")],
)
def test_range_written_by_hand_is_checked(workspace: Workspace, line: str, rule: str) -> None:
    """A package whose requirements are static is held to the same."""
    workspace.project(f'dependencies = ["{line}"]')
    assert faults(workspace) == [rule]


def test_sdist_with_a_wrong_range_is_refused(workspace: Workspace) -> None:
    """The wheel is built from the sdist, where nothing can be compared any more."""
    workspace.project('dependencies = ["base<0.2"]')
    with pytest.raises(BuildRefusedError, match=r"leaves out 0\.2\.0"):
        workspace.sdist()


def test_all_reasons_are_told_at_once(workspace: Workspace) -> None:
    """One build shows everything there is to repair."""
    (workspace.acme / "LICENSE").unlink()
    (workspace.acme / "src" / "acme" / "py.typed").unlink()
    workspace.project('dependencies = ["base"]')
    assert faults(workspace) == ["sibling-without-range", "untyped-package", "no-licence"]


def test_unfinished_package_can_be_worked_on(workspace: Workspace) -> None:
    """`uv sync` installs it though it could not be published yet."""
    (workspace.acme / "LICENSE").unlink()
    (workspace.acme / "src" / "acme" / "py.typed").unlink()
    assert workspace.wheel("editable").is_file()


def test_extras_of_what_is_no_primitive_are_refused(workspace: Workspace) -> None:
    """A class that was renamed takes its line along."""
    workspace.project(f'{FILLED}\n[tool.tta.primitives.extras]\nWhisper = ["loud"]')
    assert faults(workspace) == ["extras-of-no-primitive"]


def test_extra_that_is_not_there_is_refused(workspace: Workspace) -> None:
    """Nobody is told to install what does not exist."""
    workspace.project(f'{FILLED}\n[tool.tta.primitives.extras]\nShout = ["louder"]')
    with pytest.raises(ManifestError, match="'louder'; there is: loud"):
        workspace.wheel()


def test_project_outside_its_workspace_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    """A copied folder would lose its ranges."""
    workspace.project(f"{FILLED}\n[tool.uv.sources]\nbase = {{ workspace = true }}")
    shutil.copytree(workspace.acme, tmp_path / "copied")
    with pytest.raises(BuildRefusedError, match="build it there or from its sdist"):
        build(WheelBuilder(str(tmp_path / "copied")), tmp_path / "dist", "standard")
