"""scripts/ci/lockfile-diff.py: its exit codes, this workspace's lock, uv's own words, the page."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.devtools.lockfile.rules import ALL_RULES

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts/ci/lockfile-diff.py"
PAGE = ROOT / "docs/development/lockfile-diff.md"

needs_uv = pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not on PATH")


def compare(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the script, as a workflow does."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def test_help_names_the_exit_codes() -> None:
    """A caller in CI learns the codes without reading the source."""
    told = " ".join(compare("--help").stdout.split())
    assert "0 nothing has level fail, 1 something has, 2 misuse" in told


@needs_uv
def test_lock_of_this_workspace_does_not_differ_from_itself() -> None:
    """The check that this workspace runs on itself fails, or does not read its lock."""
    ran = compare("uv.lock", "uv.lock")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "uv.lock -> uv.lock: no changes\n0 fail, 0 warn, 0 info\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no-such-revision"], "'no-such-revision' is neither a file nor a revision here"),
        (["uv.lock", "--lockfile", "none.lock"], "cannot read none.lock"),
        (["uv.lock", "--json", "--format", "text"], "do not go together"),
        ([], "the following arguments are required: BASE"),
    ],
    ids=["revision", "missing", "formats", "nothing"],
)
def test_misuse_is_one_line_and_its_own_exit_code(arguments: list[str], told: str) -> None:
    """A workflow takes "I could not look" for "I looked and found"."""
    ran = compare(*arguments, "--registry", "https://index.example.com/simple")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert told in ran.stderr.splitlines()[-1]


def test_page_lists_every_rule_with_its_level() -> None:
    """A rule is missing in the docs, or has another level there."""
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (.+?) \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    assert rows == [
        (rule.code, f"{rule.level}, always" if rule.is_fixed else rule.level, rule.summary)
        for rule in ALL_RULES
    ]


def put_wheel(folder: Path, name: str, version: str, *needs: str) -> None:
    """Write an empty wheel that asks for *needs*."""
    about = f"{name}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    metadata += [f"Requires-Dist: {need}" for need in needs]
    files = {
        f"{name}.py": "",
        f"{about}/METADATA": "\n".join(metadata) + "\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": "",
    }
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)


def uv(folder: Path, *arguments: str) -> str:
    """Run uv without a network and without settings of the caller; return what it says."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("UV_")}
    environment |= {
        "UV_CACHE_DIR": str(folder / "cache"),
        "UV_OFFLINE": "1",
        "UV_PYTHON": sys.executable,
        "UV_PYTHON_DOWNLOADS": "never",
        "NO_COLOR": "1",
    }
    ran = subprocess.run(
        ["uv", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        timeout=60,
    )
    return ran.stderr


def as_uv_says(change: dict[str, Any]) -> str:
    """Write a change the way that uv announces it."""
    before, after = (change[side] and f"v{change[side]['version']}" for side in ("before", "after"))
    match change["kind"]:
        case "added":
            return f"Add {change['name']} {after}"
        case "removed":
            return f"Remove {change['name']} {before}"
        case _:
            return f"Update {change['name']} {before} -> {after}"


@needs_uv
def test_upgrade_is_told_as_uv_announces_it(tmp_path: Path) -> None:
    """The two disagree about what an upgrade of everything does."""
    wheels = tmp_path / "wheels"
    put_wheel(wheels, "bread", "1.0", "salt", "water")
    put_wheel(wheels, "salt", "3.1")
    put_wheel(wheels, "water", "1.0")
    put_wheel(wheels, "spoon", "0.9")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "bakery"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
        'dependencies = ["bread", "spoon"]\n'
        '[tool.uv]\nno-index = true\nfind-links = ["wheels"]\n',
        encoding="utf-8",
    )
    uv(tmp_path, "lock")
    shutil.copy(tmp_path / "uv.lock", tmp_path / "old.lock")
    put_wheel(wheels, "bread", "2.0", "salt<3", "flour")
    put_wheel(wheels, "salt", "2.9")
    put_wheel(wheels, "flour", "1.0rc1")
    put_wheel(wheels, "spoon", "0.9.1")
    announced = uv(tmp_path, "lock", "--dry-run", "--upgrade")
    uv(tmp_path, "lock", "--upgrade")
    ran = compare("old.lock", "uv.lock", "--json", "--registry", "wheels", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    changes = json.loads(ran.stdout)["packages"]
    told = {as_uv_says(each) for each in changes if each["kind"] != "changed"}
    assert told == set(re.findall(r"^(?:Add|Remove|Update) .+$", announced, re.MULTILINE))
    assert {each["name"]: each["kind"] for each in changes} == {
        "bread": "upgraded",
        "flour": "added",
        "salt": "downgraded",
        "spoon": "upgraded",
        "water": "removed",
    }
