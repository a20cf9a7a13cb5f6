from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

FILES = ("--input", "in.jsonl", "--output", "out.jsonl")


@pytest.fixture(autouse=True)
def one_line(write_lines: Any) -> None:
    write_lines(1)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "the following arguments are required: COMMAND; see tta --help"),
        (("rum",), "invalid choice: 'rum'"),
        (("run",), "the following arguments are required: MODULE_OR_FILE:WORKFLOW, --input"),
        (
            ("run", "workflows_here:echo", *FILES, "--concurrency", "0"),
            "expected a whole number of at least 1, got '0'",
        ),
        (
            ("run", "workflows_here:echo", *FILES, "--concurrency", "many"),
            "expected a whole number of at least 1, got 'many'",
        ),
        (("run", "workflows_here:echo", *FILES, "--jsn"), "unrecognized arguments: --jsn"),
        (
            ("run", "workflows_here:echo", "--input", "in.jsonl", "--output", "-", "--json"),
            "--json and --output - both want standard output",
        ),
        (
            ("run", "workflows_here:echo", "--input", "in.jsonl", "--output", "-", "--resume"),
            "standard output cannot be resumed; give --output a file",
        ),
        (
            ("run", "workflows_here:echo", "--input", "none.jsonl", "--output", "out.jsonl"),
            "cannot read none.jsonl: No such file or directory",
        ),
        (
            ("run", "workflows_here:echo", "--input", ".", "--output", "out.jsonl"),
            "cannot read .: ",
        ),
        (
            ("run", "workflows_here:echo", "--input", "in.jsonl", "--output", "no/out.jsonl"),
            "no folder no for the output; make it first",
        ),
        (
            ("run", "workflows_here:echo", "--input", "in.jsonl", "--output", "."),
            ". is a folder; name a file in it",
        ),
    ],
    ids=[
        "nothing",
        "unknown-command",
        "no-workflow",
        "no-concurrency",
        "concurrency-in-words",
        "unknown-option",
        "json-twice",
        "resume-stdout",
        "no-input",
        "folder-as-input",
        "no-folder",
        "folder-as-output",
    ],
)
def test_misuse_is_one_line_and_exit_code_2(
    tta: Any, folder: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    before = {path: path.read_bytes() for path in folder.glob("*.jsonl*")}
    ended = tta(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    assert complaint in ended.err
    assert {path: path.read_bytes() for path in folder.glob("*.jsonl*")} == before


@pytest.mark.parametrize("existing", ["out.jsonl", "out.jsonl.partial"])
def test_output_of_an_earlier_run_is_not_overwritten(
    tta_run: Any, folder: Path, existing: str
) -> None:
    (folder / existing).write_text("precious")
    ended = tta_run("echo")
    assert ended.code == 2
    assert ended.complaint == (
        f"{existing} exists already; go on with it by --resume, or choose another --output"
    )
    assert (folder / existing).read_text() == "precious"


@pytest.mark.parametrize(
    "content", [b"precious\n", b'{"index": 0}\n', b'{"a": 1}', b"\x00\xff\n\n"]
)
@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.partial"])
def test_file_that_is_no_output_is_left_as_it_was(
    tta_run: Any, folder: Path, name: str, content: bytes
) -> None:
    """Resuming onto the wrong file must not cost the user that file."""
    (folder / name).write_bytes(content + b"more\n")
    ended = tta_run("echo", "--resume")
    assert ended.code == 2
    assert ended.complaint == (
        f"{name} is no output of a run: line 1 is no record; choose another --output"
    )
    assert (folder / name).read_bytes() == content + b"more\n"
    assert len(list(folder.glob("out.jsonl*"))) == 1


@pytest.mark.parametrize(
    "record",
    [
        b'{"index": -1, "input_digest": "00"}',
        b'{"index": true, "input_digest": "00"}',
        b'{"index": 0, "input_digest": "zz"}',
        b'{"index": 0, "input_digest": "ffffffffffffffffffff"}',
        b'{"index": 0, "input_digest": 5}',
        b"[1, 2]",
    ],
)
def test_lines_that_only_look_like_records_are_refused(
    tta_run: Any, folder: Path, record: bytes
) -> None:
    (folder / "out.jsonl").write_bytes(record + b"\n")
    assert "line 1 is no record" in tta_run("echo", "--resume").complaint


def test_folder_in_the_way_of_the_partial_file_is_one_line(tta_run: Any, folder: Path) -> None:
    (folder / "out.jsonl.partial").mkdir()
    ended = tta_run("echo", "--resume")
    assert ended.code == 1
    assert ended.complaint.startswith("cannot write out.jsonl.partial: ")


def test_read_only_disk_is_one_line_and_exit_code_1(tta: Any) -> None:
    if not Path("/sys/kernel").is_dir():
        pytest.skip("needs a folder that not even root can write: Linux's /sys")
    ended = tta(
        "run", "workflows_here:echo", "--input", "in.jsonl", "--output", "/sys/kernel/out.jsonl"
    )
    assert ended.code == 1
    assert ended.complaint.startswith("cannot write /sys/kernel/out.jsonl.partial: ")
