"""Where reports are kept, and how they are found again."""

from __future__ import annotations

from pathlib import Path

import pytest

from keploy_framework.errors import KeployFormatError, KeployPathError, KeployReportError
from keploy_framework.formats import Report, validate_tree
from keploy_framework.redaction import Redactor
from keploy_framework.report import read_run, run_names, set_report, write_run


def report(name: str, created_at: int = 0) -> Report:
    return Report.of(
        f"{name}-report", test_set=name, status="PASSED", tests=[], created_at=created_at
    )


def test_runs_are_numbered(tmp_path: Path):
    """A run overwrote the reports of the one before."""
    folders = [write_run(tmp_path, [report("a")]).name for _ in range(11)]
    assert folders[:2] == ["test-run-0", "test-run-1"]
    assert run_names(tmp_path) == folders
    assert read_run(tmp_path)[0] == "test-run-10"


def test_reports_are_read_in_the_order_of_the_sets(tmp_path: Path):
    """Sets were shown in the order of their names."""
    write_run(tmp_path, [report("b", 1), report("a", 2)])
    name, reports = read_run(tmp_path, "0")
    assert name == "test-run-0"
    assert [one.test_set for one in reports] == ["b", "a"]


def test_written_reports_are_sound(tmp_path: Path, outcomes):
    """A report could not be read by upstream's tools."""
    write_run(tmp_path, [set_report(one, Redactor()) for one in outcomes])
    check = validate_tree(tmp_path)
    assert check.problems == []
    assert check.equal == 2


def test_missing_run_names_those_that_are_there(tmp_path: Path):
    """An unknown run ended in a traceback about files."""
    with pytest.raises(KeployReportError, match="run the tests first"):
        read_run(tmp_path)
    write_run(tmp_path, [report("a")])
    with pytest.raises(KeployReportError, match=r"'test-run-7'.*there are test-run-0"):
        read_run(tmp_path, "7")
    (tmp_path / "reports" / "empty").mkdir()
    with pytest.raises(KeployReportError, match="there is no report in"):
        read_run(tmp_path, "empty")


@pytest.mark.parametrize("name", ["../x", "/etc", "a/../../b"])
def test_names_cannot_lead_out(tmp_path: Path, name):
    """The name of a run or a set reached files elsewhere."""
    with pytest.raises(KeployPathError):
        read_run(tmp_path, name)
    with pytest.raises(KeployPathError):
        write_run(tmp_path, [report("a")], name=name)
    with pytest.raises(KeployPathError):
        write_run(tmp_path, [report(name)])


def test_damaged_report_is_told(tmp_path: Path):
    """A damaged report was passed over."""
    folder = write_run(tmp_path, [report("a"), report("b")])
    (folder / "a-report.yaml").write_text("a: [\n")
    with pytest.raises(KeployFormatError):
        read_run(tmp_path)
    damaged: list[KeployFormatError] = []
    assert [one.test_set for one in read_run(tmp_path, damaged=damaged)[1]] == ["b"]
    assert damaged[0].file == folder / "a-report.yaml"
