from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.cli.exits import UsageError
from tta_dev_primitives.cli.results import ResultFile

DOUBLED = [{"double": 2 * x} for x in range(6)]


@pytest.fixture
def interrupted(tta_run: Any, write_lines: Any, folder: Path) -> Any:
    """A run over six lines that Ctrl-C stopped at the fourth."""
    write_lines(*range(6))
    ended = tta_run("stop_at_three", "--concurrency", "1")
    (folder / "go_on").touch()
    return ended


def test_ctrl_c_keeps_what_has_finished(interrupted: Any, folder: Path, read_records: Any) -> None:
    assert interrupted.code == 130
    assert interrupted.err.endswith(
        "tta: interrupted; what had finished is kept, --resume goes on\n"
    )
    assert not (folder / "out.jsonl").exists()
    kept = read_records("out.jsonl.partial")
    assert [record["output"] for record in kept] == DOUBLED[:3]


def test_resume_does_the_rest_and_only_that(
    interrupted: Any, tta_run: Any, folder: Path, read_records: Any, worked_on: Any
) -> None:
    ended = tta_run("stop_at_three", "--resume", "--json")
    assert ended.code == 0
    report = json.loads(ended.out)
    assert (report["items"], report["resumed"]) == (3, 3)
    assert [record["output"] for record in read_records()] == DOUBLED
    assert worked_on() == list(range(6))
    assert [path.name for path in folder.glob("out.jsonl*")] == ["out.jsonl"]


def test_interrupted_run_is_not_overwritten_by_accident(interrupted: Any, tta_run: Any) -> None:
    assert "out.jsonl.partial exists already" in tta_run("stop_at_three").complaint


@pytest.mark.parametrize("torn", [b'{"index": 3, "inp', b"\x00" * 300], ids=["text", "zeros"])
def test_torn_last_line_is_done_again(
    interrupted: Any, tta_run: Any, folder: Path, read_records: Any, torn: bytes
) -> None:
    with (folder / "out.jsonl.partial").open("ab") as file:
        file.write(torn)
    assert tta_run("stop_at_three", "--resume").code == 0
    assert [record["output"] for record in read_records()] == DOUBLED


def test_run_stopped_between_naming_the_output_and_removing_the_partial_file(
    tta_run: Any, write_lines: Any, folder: Path, read_records: Any, worked_on: Any
) -> None:
    write_lines(*range(6))
    tta_run("double")
    (folder / "out.jsonl.partial").write_bytes((folder / "out.jsonl").read_bytes())
    assert tta_run("double", "--resume").code == 0
    assert [record["output"] for record in read_records()] == DOUBLED
    assert worked_on() == list(range(6))
    assert not (folder / "out.jsonl.partial").exists()


def test_complete_output_is_left_alone_when_there_is_nothing_to_do(
    tta_run: Any, write_lines: Any, folder: Path
) -> None:
    write_lines(*range(6))
    tta_run("double")
    before = (folder / "out.jsonl").stat()
    assert tta_run("double", "--resume").code == 0
    after = (folder / "out.jsonl").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_lines_added_to_the_input_are_added_to_a_complete_output(
    tta_run: Any, write_lines: Any, folder: Path, read_records: Any, worked_on: Any
) -> None:
    write_lines(*range(4))
    tta_run("double")
    with (folder / "out.jsonl").open("rb+") as file:  # as an editor may save it
        file.truncate(file.seek(0, os.SEEK_END) - 1)
    write_lines(*range(6))
    assert tta_run("double", "--resume").code == 0
    assert [record["output"] for record in read_records()] == DOUBLED
    assert worked_on() == list(range(6))


def test_input_that_changed_is_refused_and_nothing_is_lost(
    tta_run: Any, write_lines: Any, folder: Path
) -> None:
    write_lines(*range(4))
    tta_run("double")
    before = (folder / "out.jsonl").read_bytes()
    write_lines(0, 1, 7, 3)
    ended = tta_run("double", "--resume")
    assert ended.code == 2
    assert ended.complaint == (
        "line 3 of the input has changed since the output was begun; "
        "start anew with another --output"
    )
    assert (folder / "out.jsonl").read_bytes() == before
    assert not (folder / "out.jsonl.partial").exists()


def test_interruption_before_the_first_item_leaves_nothing_behind(
    tta_run: Any, write_lines: Any, folder: Path
) -> None:
    write_lines(3)
    assert tta_run("stop_at_three").code == 130
    assert not list(folder.glob("out.jsonl*"))


def test_second_run_on_the_same_output_is_refused(
    tta_run: Any, write_lines: Any, folder: Path, read_records: Any, request: Any
) -> None:
    write_lines(*range(6))
    request.addfinalizer((first := ResultFile(folder / "out.jsonl", resume=False)).close)
    first.write({"index": 0, "input_digest": "ab", "ok": True})
    assert "out.jsonl.partial exists already" in tta_run("double").complaint
    ended = tta_run("double", "--resume")
    assert ended.code == 2
    assert ended.complaint == (
        "another run is writing out.jsonl; wait for it, or choose another --output"
    )
    first.finish()
    assert read_records() == [{"index": 0, "input_digest": "ab", "ok": True}]


def test_run_that_begins_at_the_same_moment_is_refused(folder: Path) -> None:
    """Both have looked and found nothing; the second one to create the file loses."""

    class Late(type(folder)):
        def exists(self, **_: Any) -> bool:
            return False

    first = ResultFile(folder / "out.jsonl", resume=False)
    with pytest.raises(UsageError, match="exists already"):
        ResultFile(Late(folder / "out.jsonl"), resume=False)
    first.close()


def test_file_behind_a_link_is_replaced_and_the_link_stays(
    tta_run: Any, write_lines: Any, folder: Path
) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "out.jsonl").symlink_to(folder / "elsewhere" / "real.jsonl")
    write_lines(1)
    assert tta_run("double").code == 0
    assert (folder / "out.jsonl").is_symlink()
    assert (folder / "elsewhere" / "real.jsonl").read_text().count("\n") == 1


def test_records_of_an_earlier_run_are_a_mapping_and_stay_in_order(
    folder: Path, read_records: Any
) -> None:
    (folder / "out.jsonl").write_text(
        '{"index": 2, "input_digest": "0000000000ab"}\n{"index": 0, "input_digest": "cd"}\n'
    )
    results = ResultFile(folder / "out.jsonl", resume=True)
    assert dict(results.done) == {0: "0000000000cd", 2: "0000000000ab"}
    assert len(results.done) == 2
    assert 1 not in results.done
    assert 9 not in results.done
    results.write({"index": 4, "input_digest": "ef"})
    results.finish()
    assert [record["index"] for record in read_records()] == [0, 2, 4]
