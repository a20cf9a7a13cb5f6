from __future__ import annotations

import ast
import gc
import json
import multiprocessing
import random
import sys
from pathlib import Path

import pytest

from tta_dev_primitives.devtools.lint import check_file, checking, workers
from tta_dev_primitives.devtools.lint.runner import lint
from tta_dev_primitives.devtools.lint.settings import Settings
from tta_dev_primitives.devtools.source.source_file import read_source
from tta_dev_primitives.errors import ConfigurationError

from .projects_here import APP, CLIENTS, PROJECT, USER, notebook, session, told, write


def test_findings_come_with_their_places(folder: Path) -> None:
    write(folder, app=APP)
    assert told() == ["app.py:3 TTA101", "app.py:7 TTA107"]


def test_client_of_another_module_is_known(folder: Path) -> None:
    write(folder, clients=CLIENTS.replace("timeout=30", ""), user=USER)
    assert told("user.py") == []
    write(folder, **{"pyproject.toml": PROJECT})
    alone, whole = told("user.py"), told()
    assert alone == [each for each in whole if each.startswith("user.py")]


def test_package_of_a_provider_is_known_by_its_name_where_its_source_is_checked_too(
    folder: Path,
) -> None:
    """Beside a copy of the SDK, a client without a timeout was no client."""
    write(folder, app=APP, openai__client="class Base: ...\nclass OpenAI(Base): ...\n")
    (folder / "openai/__init__.py").write_text("from .client import OpenAI\n")
    assert told() == ["app.py:3 TTA101", "app.py:7 TTA107"]


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        ({"select": ("TTA107",)}, ["TTA107"]),
        ({"select": ("missing-timeout",)}, ["TTA101"]),
        ({"ignore": ("TTA107",)}, ["TTA101"]),
        ({"select": ("TTA1",), "ignore": ("TTA10",)}, []),
        ({"per_path_ignores": (("a*.py", ("TTA101",)),)}, ["TTA107"]),
        ({"per_path_ignores": (("b*.py", ("TTA101",)),)}, ["TTA101", "TTA107"]),
        ({"exclude": ("app.py",)}, []),
    ],
)
def test_settings_choose_what_is_told(folder: Path, given, codes: list[str]) -> None:
    write(folder, app=APP)
    assert [each.split()[1] for each in told(**given)] == codes


def test_unknown_rule_is_told_with_the_file_and_the_nearest(folder: Path) -> None:
    write(folder, **{"pyproject.toml": PROJECT + 'ignore = ["TTA1O1"]\n'})
    with pytest.raises(ConfigurationError) as raised:
        session()
    assert "pyproject.toml: tool.tta.lint.ignore: " in str(raised.value)
    assert "did you mean 'TTA101'?" in str(raised.value)


def test_notebook_places_are_in_the_cell(folder: Path) -> None:
    write(folder, **{"n.ipynb": notebook("import os", "%pip install openai\n" + APP)})
    result = session(min_confidence="low").run()
    places = [(each.finding.position.cell, each.finding.position.line) for each in result.findings]
    assert places == [(1, 4), (1, 8)]
    assert all(each.finding.fix is None for each in result.findings)


def test_rule_that_fails_is_a_finding_and_the_others_go_on(folder: Path, monkeypatch) -> None:
    """One odd file ended a run over thousands with a traceback."""

    def fail(*_: object) -> object:
        raise KeyError("x")

    # Whether a comment is of use is not known either then.
    write(folder, app=APP + "x = 1  # tta: ignore[TTA101]\n")
    monkeypatch.setattr(check_file, "find_calls", fail)
    result = session().run()
    assert [each.finding.code for each in result.findings] == ["TTA000"]
    assert "failed on this file" in result.findings[0].finding.message
    assert "KeyError" in result.findings[0].finding.message


MANY = {f"app_{number}": APP.replace("ask", f"ask_{number}") for number in range(12)}


def test_processes_and_order_change_nothing(folder: Path, monkeypatch) -> None:
    """The findings came in another order on a machine with more processors."""
    write(folder, clients=CLIENTS, user=USER, bad="def (", **MANY)
    monkeypatch.setattr(workers, "FILES_WORTH_A_PROCESS", 2)
    files = session().files
    one = lint(files, Settings(), jobs=1)
    shuffled = random.Random(7).sample(files, len(files))
    two = lint(shuffled, Settings(), jobs=2)
    assert (one.processes, two.processes) == (1, 2)
    assert two.findings == one.findings
    assert (two.files, two.calls, two.ignored) == (one.files, one.calls, one.ignored)


def test_process_that_dies_is_told(folder: Path, monkeypatch) -> None:
    write(folder, **MANY)
    monkeypatch.setattr(workers, "FILES_WORTH_A_PROCESS", 2)
    # The process cannot call it with what it is given, and ends.
    monkeypatch.setattr(workers, "_work", sys.exit)
    with pytest.raises(ChildProcessError, match="ended with 1; try --jobs 1"):
        lint(session().files, Settings(), jobs=2)
    assert multiprocessing.active_children() == []


@pytest.fixture
def project(folder: Path) -> Path:
    """A project with a cache that has seen it."""
    write(folder, clients=CLIENTS, user=USER, app=APP, **{"pyproject.toml": PROJECT})
    session(cache=True).run()
    return folder


def from_cache(**given) -> int:
    return session(cache=True, **given).run().from_cache


def test_second_run_takes_everything_from_the_cache(project: Path) -> None:
    first = session().run()
    again = session(cache=True).run()
    assert (again.from_cache, again.findings, again.calls) == (3, first.findings, first.calls)
    assert (again.lines, again.ignored) == (first.lines, first.ignored)


def test_nothing_is_parsed_when_all_is_in_the_cache(project: Path, monkeypatch) -> None:
    monkeypatch.setattr(checking, "read_source", None)
    monkeypatch.setattr(checking, "gather_facts", None)
    assert from_cache() == 3


def test_changed_file_is_checked_again_and_the_others_are_not(project: Path) -> None:
    write(project, app=APP.replace("OpenAI()", "OpenAI(timeout=3)"))
    result = session(cache=True).run()
    assert [each.finding.code for each in result.findings] == ["TTA107"]
    assert result.from_cache == 2
    assert from_cache() == 3


def test_file_is_checked_again_when_a_client_it_imports_changes(project: Path) -> None:
    """The timeout was taken from a client in another file, and the finding never came."""
    assert "timeout=unknown" not in str(told(cache=True))
    write(project, clients=CLIENTS.replace("timeout=30", ""))
    fresh = session().run()
    assert session(cache=True).run().calls == fresh.calls
    assert session(cache=True).run().findings == fresh.findings


def test_file_is_checked_again_when_what_stands_behind_an_import_changes(folder: Path) -> None:
    """Of two files that went the same way, only the first was looked at again."""
    between = "from base import client\n"
    project = {"pyproject.toml": PROJECT}
    write(folder, base=CLIENTS, clients=between, user_a=USER, user_b=USER, **project)
    assert {call["timeout"] for call in session(cache=True).run().calls} == {"yes"}
    write(folder, base=CLIENTS.replace("timeout=30", ""))
    assert {call["timeout"] for call in session(cache=True).run().calls} == {"no"}


def test_file_is_not_checked_again_when_one_it_does_not_ask_about_changes(project: Path) -> None:
    write(project, other="def f():\n    return 1\n")
    session(cache=True).run()
    write(project, other="def g():\n    return 2\n")
    assert from_cache() == 3


def test_only_what_is_asked_about_is_read_for_a_file_of_a_project(
    project: Path, monkeypatch
) -> None:
    """The hook read the whole project for each file that was committed."""
    read: list[str] = []

    def watched(path, *rest, **more):
        read.append(path)
        return read_source(path, *rest, **more)

    monkeypatch.setattr(checking, "read_source", watched)
    session("user.py").run()
    assert sorted(read) == ["clients.py", "user.py"]


def test_file_is_checked_again_when_what_it_imports_appears(folder: Path) -> None:
    write(folder, user=USER, **{"pyproject.toml": PROJECT})
    session(cache=True).run()
    write(folder, clients=CLIENTS)
    assert session(cache=True).run().calls == session().run().calls


def test_outcome_seen_by_a_partial_run_is_not_taken_for_new(project: Path) -> None:
    """After a run over one file, another file's old findings were shown as those of now."""
    write(project, clients=CLIENTS.replace("timeout=30", ""))
    session("app.py", cache=True).run()
    assert session(cache=True).run().calls == session().run().calls


@pytest.mark.parametrize(
    "given", [{"select": ("TTA107",)}, {"min_confidence": "low"}, {"known_clients": ("a.B",)}]
)
def test_other_settings_are_another_run(project: Path, given) -> None:
    assert from_cache(**given) == 0


def test_other_linter_is_another_run(project: Path, monkeypatch) -> None:
    """A rule got better, and its old findings stayed."""
    monkeypatch.setattr("tta_dev_primitives.devtools.lint.cache._linter_version", "newer")
    assert from_cache() == 0


DAMAGES = {
    "empty": lambda text: "",
    "list": lambda text: "[]",
    "half": lambda text: text[: len(text) // 2],
    "findings": lambda text: text.replace('"findings":[', '"findings":7,"x":['),
    "edits": lambda text: text.replace('"Add timeout=120"', "[]"),
    "entry": lambda text: json.dumps({**json.loads(text), "files": {"app.py": 3}}),
    "files": lambda text: json.dumps({**json.loads(text), "files": 3}),
    "no workspace": lambda text: json.dumps({**json.loads(text), "workspace": None}),
    "deep": lambda text: "[" * 100_000,
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_cache_is_like_none(project: Path, name: str) -> None:
    """Half a cache file brought the linter down until somebody deleted it."""
    file = project / ".tta_cache/lint.json"
    before = file.read_text()
    file.write_text(DAMAGES[name](before))
    assert file.read_text() != before
    assert told(cache=True) == told()


def test_cache_keeps_itself_out_of_git(project: Path) -> None:
    assert (project / ".tta_cache/.gitignore").read_text() == "*\n"
    assert [path.name for path in (project / ".tta_cache").iterdir() if "new" in path.name] == []


def test_cache_that_cannot_be_written_is_noted(project: Path) -> None:
    for file in (project / ".tta_cache").iterdir():
        file.unlink()
    (project / ".tta_cache").rmdir()
    (project / ".tta_cache").write_text("")
    result = session(cache=True).run()
    assert len(result.findings) == 2
    assert "cannot be written" in result.notes[0]


def test_folder_that_is_no_project_gets_no_cache(folder: Path) -> None:
    """Checking an installed package left a folder in it."""
    write(folder, app=APP)
    session(cache=True).run()
    assert [path.name for path in folder.iterdir()] == ["app.py"]


def test_trees_go_when_their_file_is_done(folder: Path) -> None:
    """Every tree waited for a search for cycles, a fifth of the time and most of the memory."""
    write(folder, clients=CLIENTS, user=USER, **{f"app{number}": APP for number in range(5)})
    linter = session()
    linter.run()

    def trees() -> int:
        return sum(isinstance(each, ast.Module) for each in gc.get_objects())

    gc.collect()
    before = trees()
    gc.disable()
    try:
        linter.run()
        assert trees() == before
    finally:
        gc.enable()
