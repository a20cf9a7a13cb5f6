from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import tta_dev_primitives

APP = """\
from openai import OpenAI

client = OpenAI()


def ask(text):
    return client.chat.completions.create(model="gpt-4o", messages=[text])
"""
SCRIPTS = Path(__file__).resolve().parents[4] / "scripts"
SCRIPT = SCRIPTS / "validation/validate-llm-efficiency.py"


@pytest.fixture(autouse=True)
def only_the_app(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    (folder / "app.py").write_text(APP)


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Puts something on standard input."""

    def put(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return put


def test_findings_are_shown_with_their_lines(tta: Any) -> None:
    ended = tta("lint")
    assert ended.code == 1
    assert ended.out.startswith("app.py:3:10: TTA101 OpenAI() has no timeout")
    assert "3 | client = OpenAI()\n  |          ^^^^^^^^\n" in ended.out
    assert ended.out.splitlines()[-1].startswith("2 findings in 1 file")
    assert ended.err == ""


def test_clean_code_is_exit_0(tta: Any, folder: Path) -> None:
    (folder / "app.py").write_text("x = 1\n")
    assert tta("lint", "app.py").out == "no findings in 1 file\n"
    assert tta("lint", "app.py").code == 0


def test_folder_without_python_is_one_line_and_exit_0(tta: Any, folder: Path) -> None:
    (folder / "app.py").unlink()
    ended = tta("lint", "--format", "concise")
    assert (ended.code, ended.out, ended.complaint) == (0, "", "no Python files there")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nope.py"], "cannot read nope.py: No such file"),
        (["--select", "TTA11"], "--select: no rule answers to 'TTA11'; did you mean 'TTA101'?"),
        (["--select", "missing-timout"], "did you mean 'missing-timeout'?"),
        (["--explain", "mising-timeout"], "did you mean 'missing-timeout'?"),
        (["--json", "--format", "sarif"], "do not go together"),
        (["--jobs", "-1"], "--jobs must be 0 or more, got -1"),
        (["--unsafe-fixes"], "--unsafe-fixes needs --fix or --diff"),
        (["--stdin-filename", "x.py"], "--stdin-filename needs - as the path"),
        (["-", "app.py"], "- stands alone"),
        (["--baseline", "nope.json"], "there is no baseline"),
        (["--config", "nope.toml"], "cannot read nope.toml"),
        (["--format", "xml"], "invalid choice"),
    ],
    ids=lambda value: None if isinstance(value, str) else " ".join(value),
)
def test_misuse_is_one_line_and_exit_2(tta: Any, arguments: list[str], told: str) -> None:
    ended = tta("lint", *arguments)
    assert ended.code == 2
    assert told in ended.err
    assert ended.err.count("\n") == 1
    assert "Traceback" not in ended.err


def test_mistake_in_the_settings_is_exit_2(tta: Any, folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.tta.lint]\nselect = ["TTA91"]\n')
    ended = tta("lint")
    assert ended.code == 2
    assert "tool.tta.lint.select: no rule answers to 'TTA91'; did you mean" in ended.complaint


def test_options_go_before_the_settings(tta: Any, folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.tta.lint]\nselect = ["TTA107"]\n')
    assert "TTA101" not in tta("lint").out
    ended = tta("lint", "--select", "TTA101, TTA5", "--ignore", "TTA5", "--format", "concise")
    assert [line.split()[1] for line in ended.out.splitlines()] == ["TTA101"]


def test_json_fits_its_schema(tta: Any) -> None:
    ended = tta("lint", "--json")
    schema = Path(tta_dev_primitives.__file__).parent / "devtools/findings/report.schema.json"
    document = json.loads(ended.out)
    jsonschema.validate(document, json.loads(schema.read_text()))
    assert document["summary"]["findings"] == 2
    assert document["tool"]["version"] == tta_dev_primitives.__version__


@pytest.mark.parametrize(
    ("chosen", "start"),
    [
        ("concise", "app.py:3:10: TTA101 "),
        ("github", "::warning file=app.py,line=3,"),
        ("markdown", "## LLM efficiency"),
        ("sarif", "{"),
    ],
)
def test_formats(tta: Any, chosen: str, start: str) -> None:
    ended = tta("lint", "--format", chosen)
    assert ended.code == 1
    assert ended.out.startswith(start)


def test_name_that_is_no_text_is_shown_as_far_as_it_goes(tta: Any, folder: Path) -> None:
    """A file name from an old disk, and the linter ended with a traceback."""
    try:
        (folder / os.fsdecode(b"\xff.py")).write_text("x = OpenAI()\ndef (")
    except (OSError, UnicodeError):
        pytest.skip("needs a file system that takes any name")
    for chosen in ("text", "concise", "json", "sarif", "github", "markdown"):
        ended = tta("lint", "--format", chosen)
        assert (ended.code, ended.err) == (1, "")
        assert "ff.py" in ended.out.lower()
    assert tta("lint", "calls", "--json").code == 1
    assert tta("lint", "--write-baseline", "--baseline", "b.json").code == 0
    assert tta("lint", "--baseline", "b.json").code == 0


def test_editor_finds_every_concise_line(tta: Any) -> None:
    """The pattern of the task in the editor and the format must go together."""
    pattern = r"^(.+?):(?:cell \d+:)?(\d+):(\d+): (TTA\d{3}) (.*)$"
    lines = tta("lint", "--format", "concise").out.splitlines()
    matches = [re.fullmatch(pattern, line) for line in lines]
    assert [match and match.groups()[:4] for match in matches] == [
        ("app.py", "3", "10", "TTA101"),
        ("app.py", "7", "12", "TTA107"),
    ]


@pytest.mark.parametrize(
    ("variable", "coloured"), [({}, False), ({"FORCE_COLOR": "1"}, True)], ids=["pipe", "forced"]
)
def test_colour_is_for_terminals(tta: Any, monkeypatch, variable, coloured: bool) -> None:
    for name, value in variable.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in tta("lint").out) is coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in tta("lint").out


def test_statistics_stand_at_the_end(tta: Any) -> None:
    assert "1  TTA101  missing-timeout\n" in tta("lint", "--stats").out
    ended = tta("lint", "--stats", "--json")
    json.loads(ended.out)
    assert "1  TTA101  missing-timeout\n" in ended.err


def test_fix_writes_the_file_and_shows_what_is_left(tta: Any, folder: Path) -> None:
    ended = tta("lint", "--fix", "--format", "concise")
    assert ended.code == 1
    assert [line.split()[1] for line in ended.out.splitlines()] == ["TTA107"]
    assert ended.complaint == "fixed 1 finding in 1 file"
    assert "OpenAI(timeout=120)" in (folder / "app.py").read_text()


def test_diff_writes_nothing(tta: Any, folder: Path) -> None:
    ended = tta("lint", "--diff", "--unsafe-fixes")
    assert ended.code == 1
    assert "+client = OpenAI(timeout=120)\n" in ended.out
    assert ended.complaint == "would fix 2 findings in 1 file"
    assert (folder / "app.py").read_text() == APP
    (folder / "app.py").write_text("x = 1\n")
    assert tta("lint", "--diff").code == 0


def test_diff_can_be_applied(tta: Any, folder: Path) -> None:
    """What --diff shows is what --fix writes."""
    (folder / "app.py").write_text(APP.rstrip("\n"))  # no line end at the end
    diff = tta("lint", "--diff", "--unsafe-fixes").out
    patched = subprocess.run(["git", "apply", "-p0"], input=diff, text=True, check=False)
    assert patched.returncode == 0
    by_hand = (folder / "app.py").read_text()
    (folder / "app.py").write_text(APP.rstrip("\n"))
    tta("lint", "--fix", "--unsafe-fixes")
    assert (folder / "app.py").read_text() == by_hand


def test_standard_input_is_checked_under_its_name(tta: Any, stdin: Any) -> None:
    stdin(APP.encode())
    ended = tta("lint", "-", "--stdin-filename", "src/x.py", "--format", "concise")
    assert ended.code == 1
    assert ended.out.startswith("src/x.py:3:10: TTA101")


def test_standard_input_is_fixed_to_standard_output(tta: Any, stdin: Any) -> None:
    stdin(APP.encode())
    ended = tta("lint", "-", "--fix", "--format", "concise")
    assert ended.out == APP.replace("OpenAI()", "OpenAI(timeout=120)")
    assert ended.err.startswith("stdin.py:7:12: TTA107")


def test_standard_input_that_is_no_text_is_misuse(tta: Any, stdin: Any) -> None:
    stdin(b"x = '\xff'")
    ended = tta("lint", "-")
    assert (ended.code, "not UTF-8 at byte 5" in ended.complaint) == (2, True)


def test_baseline_is_written_used_and_found_stale(tta: Any, folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.tta.lint]\nbaseline = "accepted.json"\n')
    ended = tta("lint", "--write-baseline")
    assert (ended.code, ended.out) == (0, f"accepted 2 findings in {folder / 'accepted.json'}\n")
    ended = tta("lint")
    assert (ended.code, ended.out) == (0, "no findings in 1 file (2 in the baseline)\n")
    (folder / "app.py").write_text("x = 1\n")
    ended = tta("lint")
    assert ended.code == 0
    assert ended.complaint.startswith("2 entries of the baseline fit nothing any more")


def test_baseline_without_a_setting_says_how_to_use_it(tta: Any, folder: Path) -> None:
    ended = tta("lint", "--write-baseline")
    assert 'set baseline = "lint-baseline.json" in [tool.tta.lint]' in ended.complaint
    assert (folder / "lint-baseline.json").is_file()


def test_calls_are_listed_as_records(tta: Any) -> None:
    ended = tta("lint", "calls", "app.py", "--json")
    assert ended.code == 0
    (call,) = json.loads(ended.out)
    assert call == {
        "path": "app.py",
        "cell": None,
        "line": 7,
        "end_line": 7,
        "col": 11,
        "provider": "openai",
        "api": "chat",
        "kind": "sdk",
        "mode": "sync",
        "streaming": "no",
        "timeout": "no",
        "max_tokens": "no",
        "in_loop": False,
        "wrapped_by": [],
    }


def test_calls_are_listed_for_people(tta: Any) -> None:
    ended = tta("lint", "calls")
    assert ended.out.splitlines()[0].startswith("app.py:7:12: openai chat sdk sync streaming=no")
    assert ended.out.splitlines()[-1] == "1 call of models in 1 file"


def test_calls_tell_of_files_that_cannot_be_read(tta: Any, folder: Path) -> None:
    (folder / "bad.py").write_text("def (")
    ended = tta("lint", "calls", "--json")
    assert ended.code == 1
    assert len(json.loads(ended.out)) == 1
    assert ended.complaint.startswith("bad.py:1: syntax error")


def test_page_of_a_rule_is_shown_by_code_or_name(tta: Any) -> None:
    by_code, by_name = (
        tta("lint", "--explain", "TTA101"),
        tta("lint", "--explain", "missing-timeout"),
    )
    assert by_code.out == by_name.out
    assert by_code.out.startswith("# TTA101: missing-timeout\n")


def test_rules_are_listed(tta: Any) -> None:
    rows = json.loads(tta("lint", "--list-rules", "--json").out)
    assert [row["code"] for row in rows] == sorted(row["code"] for row in rows)
    assert {"code", "name", "level", "default", "summary"} == set(rows[0])
    assert "TTA101  on   missing-timeout" in tta("lint", "--list-rules").out


def test_list_of_rules_tells_each_in_one_sentence(tta: Any) -> None:
    """The page of a rule stood in the list, its table and all."""
    rows = json.loads(tta("lint", "--list-rules", "--json").out)
    told = {row["code"]: row["summary"] for row in rows}
    assert all(text.startswith("Reports ") and text.endswith(".") for text in told.values())
    assert max(map(len, told.values())) <= 240
    assert not [text for text in told.values() if "|" in text or ". " in text]
    # What stands in code is no end of a sentence.
    assert told["TTA900"] == "Reports a comment `# tta: ignore[CODE]` that hides no finding."


@pytest.mark.parametrize("arguments", [["--help"], ["--list-rules"], ["--explain", "TTA000"]])
def test_script_is_the_command(arguments: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout


def test_script_shows_the_table_of_adoption_at_the_end() -> None:
    ran = subprocess.run([sys.executable, SCRIPT, "."], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stdout.startswith("app.py:3:10: TTA101")
    table = ran.stdout.splitlines()[-2:]
    assert table[0].split() == ["member", "calls", "cached", "routed", "timed", "out", "retried"]
    assert table[1].split()[1:] == ["1", "-", "0/1", "0/1", "0/1"]


def test_script_gives_findings_and_table_as_json() -> None:
    ran = subprocess.run(
        [sys.executable, SCRIPT, "--json"], capture_output=True, text=True, check=False
    )
    document = json.loads(ran.stdout)
    assert len(document["findings"]) == 2
    assert document["adoption"]["total"]["timeout"] == {"wrapped": 0, "eligible": 1, "unknown": 0}


@pytest.mark.parametrize(
    ("chosen", "stream"), [("markdown", "out"), ("github", "err"), ("sarif", "err")]
)
def test_table_never_disturbs_a_format_for_programs(tta: Any, chosen: str, stream: str) -> None:
    ended = tta("lint", "--adoption", "--format", chosen)
    assert "timed out" in getattr(ended, stream)
    assert chosen != "sarif" or json.loads(ended.out)


def test_script_tells_misuse() -> None:
    ran = subprocess.run(
        [sys.executable, SCRIPT, "nope"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.endswith("cannot read nope: No such file or directory\n")


def test_hook_needs_nothing_that_is_installed() -> None:
    """It runs from a clone, with the interpreter that is there."""
    command = [sys.executable, "-I", "-S", SCRIPTS / "pre_commit_lint.py"]
    ran = subprocess.run([*command, "app.py"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (1, "")
    assert ran.stdout.startswith("app.py:3:10: TTA101")
    ran = subprocess.run([*command, "nope"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "tta lint: cannot read nope: No such file or directory\n"


def test_page_of_the_rules_is_what_the_rules_say(tmp_path: Path) -> None:
    """A rule changed, and its page in the docs did not."""
    command = [sys.executable, SCRIPTS / "generate_rule_pages.py"]
    checked = subprocess.run([*command, "--check"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    page = tmp_path / "new/rules.md"
    command += ["--output", page]
    assert subprocess.run([*command, "--check"], capture_output=True, check=False).returncode == 1
    assert not page.exists()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert subprocess.run([*command, "--check"], capture_output=True, check=False).returncode == 0
