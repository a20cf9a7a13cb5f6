from __future__ import annotations

import dataclasses
import json
import math
from importlib import resources
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.cost_report.json_format import as_json
from tta_dev_primitives.devtools.cost_report.report import CostReport
from tta_dev_primitives.devtools.replay.measurement import ArmFigures, CurvePoint, Interval

from .reports_here import REPORTS, measurement, named, passing


def document(report: CostReport) -> dict[str, Any]:
    return json.loads(as_json(report, version="1.2.3"))


def validator() -> jsonschema.Draft202012Validator:
    package = resources.files("tta_dev_primitives.devtools.cost_report")
    schema = json.loads(package.joinpath("report.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("name", REPORTS)
def test_json_fits_the_schema_that_is_shipped(name: str) -> None:
    validator().validate(document(REPORTS[name]))


@given(st.text(max_size=60))
@example("traffic-\udcff.jsonl")
def test_json_fits_the_schema_whatever_the_names(text: str) -> None:
    """A file whose name is no Unicode could not be reported."""
    told = document(named(text))
    validator().validate(told)
    assert told["traffic"]["source"] == text


def test_schema_names_every_key_and_asks_for_it() -> None:
    """A key went away, and the schema said nothing."""
    report = passing()
    told = document(report)
    schema = validator()
    for path in paths(told):
        broken = document(report)
        inner: Any = broken
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]
        assert not schema.is_valid(broken), path


def paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where each key of each object is; of lists, those of the first item."""
    if isinstance(value, dict):
        return [
            found
            for key, inner in value.items()
            for found in ((*before, key), *paths(inner, (*before, key)))
        ]
    return paths(value[0], (*before, 0)) if isinstance(value, list) and value else []


def test_every_figure_of_the_measurement_is_in_the_json() -> None:
    """Somebody needed the resamples, and they were in the page alone."""

    def leaves(value: Any) -> set[Any]:
        if isinstance(value, dict):
            return {leaf for inner in value.values() for leaf in leaves(inner)}
        if isinstance(value, list | tuple):
            return {leaf for inner in value for leaf in leaves(inner)}
        return {value}

    report = passing()
    known = dataclasses.asdict(report.measurement)
    known["price_snapshot"] = "2026-10-30"
    assert leaves(known) <= leaves(document(report))
    assert document(report)["adoption"]["members"][0]["cache"] == {
        "wrapped": 9,
        "eligible": 12,
        "unknown": 0,
    }


def test_figures_keep_all_their_digits() -> None:
    """A program compared savings that had been rounded for people."""
    arm = ArmFigures("as is", 1, 0, 0.1 + 0.2, Interval(1 / 3, 0.1, 0.5))
    (told,) = document(CostReport(measurement(arms=(arm,))))["arms"]
    assert told["cost_usd"] == 0.1 + 0.2
    assert told["saving"] == {"value": 1 / 3, "low": 0.1, "high": 0.5}


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_null(figure: float) -> None:
    """NaN in the file, and no other program could read it."""
    arm = ArmFigures("as is", 1, 0, figure, Interval(figure, figure, figure))
    report = CostReport(measurement(arms=(arm,), curve=(CurvePoint(figure, 1.0, 1.0),)))
    text = as_json(report, version="1")
    assert "NaN" not in text
    assert "Infinity" not in text
    validator().validate(json.loads(text))
    assert json.loads(text)["arms"][0]["cost_usd"] is None


def test_what_was_not_measured_is_null_and_not_left_out() -> None:
    """A program could not tell a missing figure from a misspelt key."""
    told = document(REPORTS["fail"])
    assert told["arms"][0]["quality"] is None
    assert told["prices"]["snapshot"] is None
    assert told["adoption"] is None
