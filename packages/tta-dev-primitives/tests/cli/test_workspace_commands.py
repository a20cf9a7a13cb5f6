"""`tta workspace`, `tta groups` and `tta doctor` as subcommands: options, output, exit codes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from tta_dev_primitives.cli import doctor, groups, workspace
from tta_dev_primitives.cli.exits import EXIT_FAILED, EXIT_OK

from ..devtools.workspace.trees_here import (  # noqa: TID252 - the tests are no package with a name
    LISTED,
    SOUND,
    run_uv,
    set_up_uv,
    write_tree,
)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sound workspace with a lock, and a uv that keeps to itself."""
    root = tmp_path / "tree"
    set_up_uv(monkeypatch, tmp_path)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    write_tree(root, SOUND)
    assert run_uv(root, "lock").returncode == 0
    return root


def run(*arguments: str) -> int:
    """Run one of the commands as the tta command does."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    for command in (workspace, groups, doctor):
        command.add_parser(commands)
    options = parser.parse_args(arguments)
    return int(options.command(options))


def test_workspace_check_is_one_line_where_all_is_well(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing to do is told as such."""
    assert run("workspace", "check", str(tree)) == EXIT_OK
    assert capsys.readouterr().out == "clean: 2 members, one, two\n"


def test_workspace_check_gives_findings_as_json(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program gets every field of a finding."""
    write_tree(tree, {"packages/three/x": ""})
    assert run("workspace", "check", str(tree), "--json") == EXIT_FAILED
    [row] = json.loads(capsys.readouterr().out)["findings"]
    assert set(row) == {"rule", "place", "message", "fix", "uv_says"}


def test_workspace_check_takes_the_folder_one_stands_in(
    tree: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a folder, it is the one around."""
    monkeypatch.chdir(tree / "packages/one")
    assert run("workspace", "check") == EXIT_OK


def test_groups_check_lists_groups_and_findings(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The JSON says what there is as well as what is wrong."""
    pytest.importorskip("dependency_groups", reason="needs the extra workspace")
    write_tree(tree, {"pyproject.toml": LISTED + "[dependency-groups]\nodd = []\n"})
    assert run_uv(tree, "lock").returncode == 0
    assert run("groups", "check", str(tree), "--json") == EXIT_FAILED
    told = json.loads(capsys.readouterr().out)
    assert told["groups"] == [{"name": "odd", "place": "pyproject.toml:4"}]
    assert [row["rule"] for row in told["findings"]] == ["unused-group"]


def test_doctor_fails_for_problems_and_not_for_notes(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing key is no reason to stop a script."""
    assert run("doctor", str(tree)) == EXIT_OK
    assert "OPENAI_API_KEY is not set" in capsys.readouterr().out
    write_tree(tree, {"packages/three/x": ""})
    assert run("doctor", str(tree), "--json") == EXIT_FAILED
    rows = json.loads(capsys.readouterr().out)
    assert [row["subject"] for row in rows if row["state"] == "problem"] == ["workspace"]
