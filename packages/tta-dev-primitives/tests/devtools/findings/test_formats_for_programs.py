from __future__ import annotations

import json
import os
import re
from importlib import resources
from pathlib import Path

import jsonschema
import jsonschema.validators
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.findings.finding import Edit, Fix
from tta_dev_primitives.devtools.findings.github_format import render_github
from tta_dev_primitives.devtools.findings.json_format import render_json
from tta_dev_primitives.devtools.findings.markdown_format import render_markdown
from tta_dev_primitives.devtools.findings.sarif_format import render_sarif
from tta_dev_primitives.devtools.findings.statistics import render_statistics

from .findings_here import FIX, found, report
from .sarif_constraints import CONSTRAINTS

REPORTS = {
    "none": report(),
    "plain": report(found()),
    "fix": report(found(fix=FIX), found(6, 4, level="error", confidence="low")),
    "notebook": report(found(2, 0, path="n.ipynb", cell=3, fix=FIX)),
    "unknown rule": report(found(code="TTA999", level="info", qualname="")),
    "odd path": report(found(path="/a b/ü#?%.py"), found(path="x:y.py"), found(path="C:/a b.py")),
    "empty line": report(found(2, 0, end_column=0)),
}
every_report = pytest.mark.parametrize("name", REPORTS)


def schema() -> dict:
    package = resources.files("tta_dev_primitives.devtools.findings")
    return json.loads(package.joinpath("report.schema.json").read_text(encoding="utf-8"))


@every_report
def test_json_fits_the_schema_that_is_shipped(name: str) -> None:
    document = json.loads(render_json(REPORTS[name], version="1.2.3"))
    jsonschema.Draft202012Validator(schema()).validate(document)


def test_json_tells_everything_of_a_finding() -> None:
    document = json.loads(render_json(report(found(fix=FIX)), version="1.2.3"))
    (finding,) = document["findings"]
    assert re.fullmatch("[0-9a-f]{24}", finding.pop("fingerprint"))
    assert finding == {
        "code": "TTA101",
        "name": "missing-timeout",
        "level": "warning",
        "confidence": "high",
        "message": "OpenAI() has no timeout",
        "path": "app/ask.py",
        "cell": None,
        "line": 5,
        "column": 14,
        "end_line": 5,
        "end_column": 29,
        "qualname": "ask",
        "fix": {
            "message": "Add timeout=120",
            "is_safe": True,
            "edits": [
                {
                    "line": 5,
                    "column": 28,
                    "end_line": 5,
                    "end_column": 28,
                    "new_text": "timeout=120",
                }
            ],
        },
    }
    assert document["summary"]["by_code"] == {"TTA101": 1}


def test_columns_of_edits_count_characters() -> None:
    """An editor put the fix of a line with umlauts into the middle of a word."""
    source = "x = 'üü', ask()\n"
    bytes_before = len("x = 'üü', ask(".encode())
    edit = Edit((1, bytes_before), (1, bytes_before), "timeout=1")
    shown = report(found(1, 10, fix=Fix("Add", (edit,), is_safe=True)), source=source)
    (finding,) = json.loads(render_json(shown, version="1"))["findings"]
    assert finding["fix"]["edits"][0]["column"] == len("x = 'üü', ask(") + 1


def test_adoption_is_in_the_json_only_when_asked_for() -> None:
    assert "adoption" not in json.loads(render_json(report(), version="1"))
    table = {"members": []}
    assert json.loads(render_json(report(), version="1", adoption=table))["adoption"] == table


@every_report
def test_sarif_keeps_the_constraints_of_the_standard(name: str) -> None:
    document = json.loads(render_sarif(REPORTS[name], version="1.2.3"))
    jsonschema.Draft202012Validator(
        CONSTRAINTS, format_checker=jsonschema.FormatChecker()
    ).validate(document)
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


@every_report
def test_sarif_fits_the_official_schema(name: str) -> None:
    """It is not ours to ship: it is looked for among the test data."""
    folder = os.environ.get("TTA_TEST_DATA")
    file = None if folder is None else Path(folder) / "sarif" / "sarif-schema-2.1.0.json"
    if file is None or not file.is_file():
        pytest.skip("needs sarif/sarif-schema-2.1.0.json of the standard in TTA_TEST_DATA")
    official = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.validators.validator_for(official)(official).validate(
        json.loads(render_sarif(REPORTS[name], version="1.2.3"))
    )


def test_sarif_carries_place_help_fingerprint_and_fix() -> None:
    shown = report(found(fix=FIX))
    (run,) = json.loads(render_sarif(shown, version="1.2.3"))["runs"]
    (result,) = run["results"]
    (location,) = result["locations"]
    assert location["physicalLocation"]["artifactLocation"] == {"uri": "app/ask.py"}
    region = location["physicalLocation"]["region"]
    assert (region["startLine"], region["startColumn"]) == (5, 14)
    assert (region["endLine"], region["endColumn"]) == (5, 29)
    assert result["partialFingerprints"] == {"ttaLint/v1": shown.findings[0].fingerprint}
    replacement = result["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert replacement["insertedContent"] == {"text": "timeout=120"}
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["help"]["markdown"] == "# TTA101\n"
    assert rule["defaultConfiguration"] == {"level": "warning"}


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("a/b.py", "a/b.py"),
        ("a b/ü#%.py", "a%20b/%C3%BC%23%25.py"),
        ("x:y.py", "x%3Ay.py"),
        ("/x/y.py", "file:///x/y.py"),
        ("C:/x y.py", "file:///C:/x%20y.py"),
        ("\udcff.py", "%FF.py"),
    ],
    ids=["relative", "escaped", "colon", "absolute", "drive", "bytes"],
)
def test_sarif_paths_are_references(path: str, uri: str) -> None:
    """A file with a space in its name could not be opened from the code host."""
    (run,) = json.loads(render_sarif(report(found(path=path)), version="1"))["runs"]
    location = run["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == uri


def test_github_command_names_file_and_columns() -> None:
    assert render_github(report(found())) == (
        "::warning file=app/ask.py,line=5,endLine=5,col=14,endColumn=29,"
        "title=TTA101 missing-timeout::OpenAI() has no timeout\n"
    )


def test_github_properties_hide_what_parts_them() -> None:
    """A drive letter in the path, and the annotation had no file."""
    assert "::warning file=C%3A/a%2Cb%25.py," in render_github(report(found(path="C:/a,b%.py")))


@pytest.mark.parametrize(
    ("level", "command"), [("error", "error"), ("warning", "warning"), ("info", "notice")]
)
def test_github_command_is_the_level(level: str, command: str) -> None:
    assert render_github(report(found(level=level))).startswith(f"::{command} ")


def test_github_columns_are_left_out_over_several_lines() -> None:
    line = render_github(report(found(4, end_line=6)))
    assert "line=4,endLine=6,title=" in line


def test_github_names_the_cell_of_a_notebook_in_the_text() -> None:
    line = render_github(report(found(2, 0, path="n.ipynb", cell=3)))
    assert line == (
        "::warning file=n.ipynb,title=TTA101 missing-timeout::"
        "cell 3, line 2: OpenAI() has no timeout\n"
    )


@given(st.text(max_size=60), st.text(min_size=1, max_size=60))
def test_github_command_survives_any_text(message: str, path: str) -> None:
    """A message with a line break began a command of its own."""
    line = render_github(report(found(message=message, path=path)))
    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert "\r" not in line
    properties, _, told = line.removesuffix("\n").removeprefix("::warning ").partition("::")
    given = dict(each.split("=", 1) for each in properties.split(","))
    assert unescaped(given["file"]) == path
    assert unescaped(told) == message


def unescaped(text: str) -> str:
    for code, character in (("3A", ":"), ("2C", ","), ("0D", "\r"), ("0A", "\n"), ("25", "%")):
        text = text.replace(f"%{code}", character)
    return text


def test_markdown_has_a_table_of_rules_and_one_of_places() -> None:
    text = render_markdown(report(found(), found(6, 4, message="a | b <i> `c`")))
    assert "| TTA101 | missing-timeout | 2 |" in text
    assert "| `app/ask.py:5:14` | TTA101 | OpenAI\\(\\) has no timeout |" in text
    assert "| `app/ask.py:6:5` | TTA101 | a \\| b \\<i\\> \\`c\\` |" in text


def test_markdown_is_cut_after_200_findings() -> None:
    """A comment of a megabyte was refused by the code host."""
    text = render_markdown(report(*[found(5, column) for column in range(230)]))
    assert text.count("app/ask.py:5:") == 200
    assert text.endswith("30 more findings not shown.\n")


def test_statistics_name_the_commonest_rule_first() -> None:
    findings = [found(), found(code="TTA107"), found(6, code="TTA107")]
    lines = render_statistics(report(*findings, seconds=0.5, files=100)).splitlines()
    assert lines[:2] == ["2  TTA107", "1  TTA101  missing-timeout"]
    assert "0.50 s, 200 files/s with 1 worker" in lines[3]
