"""`tta release` as a subcommand: options, output, exit codes."""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

import pytest

from tta_dev_primitives.cli import release
from tta_dev_primitives.cli.exits import EXIT_FAILED, EXIT_OK

from ..devtools.release.bakeries import bakery  # noqa: TID252 - the tests are no package
from ..devtools.workspace.trees_here import run_uv, set_up_uv, write_tree  # noqa: TID252


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that is ready to be released as v1.2.0."""
    set_up_uv(monkeypatch, tmp_path)
    root = write_tree(tmp_path / "bakery", bakery())
    assert run_uv(root, "lock").returncode == 0
    who = ["-c", "user.name=Baker", "-c", "user.email=baker@example.com"]
    for command in (["init"], ["add", "--all"], [*who, "commit", "-m", "bread"]):
        subprocess.run(["git", *command], cwd=root, check=True, capture_output=True)
    return root


def run(*arguments: str) -> int:
    """Run the command as the tta command does."""
    parser = argparse.ArgumentParser()
    release.add_parser(parser.add_subparsers(required=True))
    options = parser.parse_args(arguments)
    return int(options.command(options))


def test_check_is_one_line_where_all_is_well(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing to do is told as such."""
    assert run("release", "check", str(tree)) == EXIT_OK
    assert capsys.readouterr().out == "clean: oven 1.2.0, till 1.2.0\n"


def test_check_tells_programs_what_is_released(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program has to take versions and findings out of text."""
    assert run("release", "check", str(tree), "--tag", "oven-v1.3", "--json") == EXIT_FAILED
    told = json.loads(capsys.readouterr().out)
    assert (told["tag"], told["is_tagged"]) == ("oven-v1.3", False)
    assert told["packages"] == [{"name": "oven", "version": "1.2.0"}]
    [row] = told["findings"]
    assert set(row) == {"rule", "place", "message", "fix", "uv_says"}
    assert row["rule"] == "other-version"


def test_notes_are_for_the_version_of_the_tag(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page of a release tells what another one brought."""
    assert run("release", "notes", "oven-v1.1.0", str(tree)) == EXIT_OK
    assert capsys.readouterr().out == "### Fixed\n\n- The door.\n"
