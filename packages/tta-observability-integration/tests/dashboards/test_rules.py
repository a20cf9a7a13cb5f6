"""The alert rules fire when they should, hold still when not, and say what to do."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from dashboards.exposed import series
from dashboards.promql import names_in
from dashboards.shipped import boards, rules

from observability_integration.alerts import alert_rule_files

CASES = Path(__file__).with_name("alerts")
RULES = {rule["alert"]: rule for rule in rules()}
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is missing: apt install prometheus"
)


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run promtool and return what it said."""
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)


@needs_promtool
@pytest.mark.parametrize("path", alert_rule_files(), ids=lambda path: path.name)
def test_prometheus_accepts_the_rules(path: Path) -> None:
    """Prometheus did not start with the rules mounted."""
    ran = promtool("check", "rules", str(path))
    assert ran.returncode == 0, ran.stdout + ran.stderr


@needs_promtool
@pytest.mark.parametrize("alert", RULES)
def test_a_rule_fires_and_holds_still(alert: str) -> None:
    """An alert came for nothing, or did not come, or told another value than it was about."""
    ran = promtool("test", "rules", str(CASES / f"{alert}.yml"))
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("alert", RULES)
def test_a_rule_is_tried_both_ways_with_series_that_exist(alert: str) -> None:
    """A rule's test passed because the rule saw nothing at all."""
    cases = yaml.safe_load((CASES / f"{alert}.yml").read_text(encoding="utf-8"))["tests"]
    fires = [bool(check["exp_alerts"]) for case in cases for check in case["alert_rule_test"]]
    assert True in fires
    assert False in fires
    known = series()
    for case in cases:
        assert {check["alertname"] for check in case["alert_rule_test"]} == {alert}
        for given in case["input_series"]:
            [selector] = names_in(given["series"]).selectors
            assert selector.labels <= known[selector.metric], given["series"]


def test_every_file_of_cases_has_a_rule() -> None:
    """The rule was renamed, and its cases went on testing nothing."""
    assert {path.stem for path in CASES.glob("*.yml")} == RULES.keys()


@pytest.mark.parametrize("alert", RULES)
def test_a_rule_tells_how_bad_it_is_and_what_to_do(alert: str) -> None:
    """Somebody was woken by a name without a value or a next move."""
    rule = RULES[alert]
    assert re.fullmatch(r"Tta[A-Z]\w+", alert)
    assert re.fullmatch(r"\d+m", rule["for"]), "one bad scrape would wake somebody"
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    notes = rule["annotations"]
    assert notes.keys() == {"summary", "description", "dashboard"}
    assert "{{ $labels.job }}" in notes["summary"]
    assert "{{ $value" in notes["description"]
    assert len(re.findall(r"\.(?=\s|$)", notes["description"])) >= 2
    assert notes["dashboard"] in {board["uid"] for board in boards().values()}


@pytest.mark.parametrize("alert", RULES)
def test_a_note_uses_only_labels_that_the_rule_keeps(alert: str) -> None:
    """The message had a hole where the name of the culprit should have been."""
    rule = RULES[alert]
    told = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
    kept = {label for grouping in names_in(rule["expr"]).groupings for label in grouping.labels} - {
        "le"
    }
    assert told == kept


def test_the_page_about_alerts_lists_every_rule() -> None:
    """An alert came that the documentation does not know, or with another severity."""
    page = Path(__file__).parents[4] / "docs/observability/grafana.md"
    listed = dict(re.findall(r"^\| `(Tta\w+)` \| (\w+) \|", page.read_text("utf-8"), re.MULTILINE))
    assert listed == {alert: rule["labels"]["severity"] for alert, rule in RULES.items()}
