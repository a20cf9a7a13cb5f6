from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.cost_report.axis import Axis, axis_over
from tta_dev_primitives.devtools.cost_report.bar_chart import bar_chart
from tta_dev_primitives.devtools.cost_report.curve_chart import curve_chart
from tta_dev_primitives.devtools.cost_report.report import CostReport
from tta_dev_primitives.devtools.cost_report.tables import curve_table, spread
from tta_dev_primitives.devtools.cost_report.whisker_chart import whisker_chart
from tta_dev_primitives.devtools.replay.measurement import (
    ArmFigures,
    CurvePoint,
    Interval,
    LeverSaving,
)

from .page_here import Page
from .reports_here import measurement

finite = st.floats(min_value=-1e6, max_value=1e6)


def percent(text: str) -> float:
    assert text.endswith("%")
    return float(text.removesuffix("%"))


def costs(*amounts: float) -> tuple[ArmFigures, ...]:
    return tuple(ArmFigures(f"arm {at}", 1, 0, amount) for at, amount in enumerate(amounts))


def test_bars_are_as_long_as_the_costs() -> None:
    """A bar began at the cheapest arm, so that a third looked like nothing."""
    page = Page(bar_chart(measurement(arms=costs(8.0, 4.0), comparisons=costs(2.0))))
    assert [percent(bar["width"]) for bar in page.of("rect")] == [100, 50, 25]
    assert [bar["class"] for bar in page.of("rect")] == ["base", "arm", "other"]


def test_what_the_target_leaves_is_marked() -> None:
    """The mark of a target of 40% stood at 40% of the cost instead of 60%."""
    page = Page(bar_chart(measurement(arms=costs(8.0, 4.0), comparisons=(), target=0.4)))
    marks = {line["x1"] for line in page.of("line", "target") if line["x1"] != "0"}
    assert marks == {"60.00%"}
    assert "what is left at a saving of 40%" in page.texts


@pytest.mark.parametrize("amount", [0.0, math.nan, math.inf, -1.0])
def test_costs_that_have_no_bar_are_told_all_the_same(amount: float) -> None:
    """Free models, and the report ended with a division by zero."""
    page = Page(bar_chart(measurement(arms=costs(amount, amount), comparisons=())))
    assert {bar["width"] for bar in page.of("rect")} == {"0.00%"}
    assert len(page.of("text")) == 4
    assert "nan" not in " ".join(page.texts)


def levers(*intervals: tuple[float, float, float]) -> CostReport:
    return CostReport(
        measurement(
            levers=tuple(
                LeverSaving(f"lever {at}", Interval(*interval))
                for at, interval in enumerate(intervals)
            )
        )
    )


def test_whiskers_reach_from_bound_to_bound() -> None:
    """The whiskers were one standard error long, whatever the bounds."""
    page = Page(whisker_chart(levers((0.2, 0.1, 0.3), (0.0, -0.1, 0.2))))
    wide = [
        (percent(line["x1"]), percent(line["x2"]))
        for line in page.of("line", "whisker")
        if line["x1"] != line["x2"]
    ]
    points = [percent(point["cx"]) for point in page.of("circle")]
    # The axis reaches from -0.1 to 0.4832, the upper bound of all levers together.
    axis = Axis(-0.1, 0.4832, 5, 95)
    assert wide[0] == pytest.approx((axis.at(0.1), axis.at(0.3)), abs=0.01)
    assert wide[1] == pytest.approx((axis.at(-0.1), axis.at(0.2)), abs=0.01)
    assert points == pytest.approx([axis.at(0.2), axis.at(0.0), axis.at(0.4695)], abs=0.01)


def test_target_is_marked_only_where_it_is_what_counts() -> None:
    """The target of all levers stood beside each of them."""
    several = Page(whisker_chart(levers((0.2, 0.1, 0.3), (0.1, 0.0, 0.2))))
    assert len([line for line in several.of("line", "target") if line["x1"] != "0"]) == 1
    alone = levers((0.2, 0.1, 0.3))
    assert "target 40%" in Page(whisker_chart(alone)).texts
    untold = replace(alone.measurement, arms=costs(1.0), levers=alone.levers * 2)
    assert "target 40%" not in Page(whisker_chart(CostReport(untold))).texts


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_lever_without_figures_is_left_out_of_the_chart(bad: float) -> None:
    """One figure that is no number, and the whole chart was gone."""
    assert whisker_chart(CostReport(measurement(levers=(), arms=()))) == ""
    assert whisker_chart(levers((bad, bad, bad))) == ""
    assert len(Page(whisker_chart(levers((0.1, 0, 0.2), (bad, 0, 0.2)))).of("circle")) == 2


def curve(*points: tuple[float, float, float]) -> str:
    return curve_chart(measurement(curve=tuple(CurvePoint(*point) for point in points)))


def test_better_quality_is_higher_and_more_saving_further_right() -> None:
    """The curve was upside down."""
    page = Page(curve((0.0, 1.0, 1.0), (0.5, 0.98, 0.9)))
    (router,), (random,) = (
        [line for line in page.of("line", kind) if line["x1"] != "2"]
        for kind in ("router", "random")
    )
    assert percent(router["x1"]) < percent(router["x2"])
    assert float(router["y1"]) < float(router["y2"]) < float(random["y2"])


def test_both_targets_meet_at_the_corner_of_what_passes() -> None:
    """A point in the green part failed the targets."""
    page = Page(curve((0.0, 1.0, 1.0), (0.8, 0.9, 0.8)))
    (reached,) = page.of("rect", "reached")
    lines = [line for line in page.of("line", "target") if line["x1"] != "2"]
    across = next(line for line in lines if line["y1"] == line["y2"])
    upwards = next(line for line in lines if line["x1"] == line["x2"])
    assert reached["x"] == upwards["x1"] == "50.00%"
    bottom = float(reached["y"]) + float(reached["height"])
    assert bottom == pytest.approx(float(across["y1"]), abs=0.1)


def test_points_are_joined_in_the_order_of_their_savings() -> None:
    """The line went back and forth."""
    ordered = [(0.1, 1.0, 0.9), (0.2, 0.9, 0.8), (0.3, 0.8, 0.7)]
    assert curve(*ordered) == curve(ordered[2], ordered[0], ordered[1])


def test_one_point_is_a_dot() -> None:
    """A router with one setting had an empty chart."""
    page = Page(curve((0.2, 0.9, 0.8)))
    assert len(page.of("circle")) == 2


def test_no_point_is_no_chart() -> None:
    """Axes without anything between them."""
    assert curve() == ""
    assert curve((math.nan, 1.0, 1.0)) == ""


def test_page_of_a_long_curve_stays_small() -> None:
    """A curve with a hundred thousand points made a page that no browser opened."""
    points = tuple((at / 100_000, 1 - at / 1e6, 1 - at / 2e5) for at in range(100_000))
    text = curve(*points)
    assert len(text) < 30_000
    assert "100,000 points" in text
    table = curve_table(
        CostReport(measurement(curve=tuple(CurvePoint(*point) for point in points)))
    )
    assert [table.rows[0].name, table.rows[-1].name] == ["0.0%", "100.0%"]
    assert len(table.rows) == 11


@given(st.integers(0, 200), st.integers(2, 20))
def test_spread_points_keep_order_and_ends(count: int, most: int) -> None:
    """The last point, where all go to the cheap model, was left out."""
    kept = spread(range(count), most)
    assert len(kept) == min(count, most)
    assert kept == sorted(set(kept))
    if count:
        assert (kept[0], kept[-1]) == (0, count - 1)


@given(st.lists(finite, min_size=1), st.sampled_from([0.0, 0.08]))
def test_axis_has_a_place_for_every_value(values: list[float], margin: float) -> None:
    """A bound ran out of the chart, or all values were at one place."""
    axis = axis_over(values, begin=250, end=24, margin=margin)
    places = [axis.at(value) for value in sorted(values)]
    assert places == sorted(places, reverse=True)
    assert all(24 <= place <= 250 for place in places)
    for value, place in zip(sorted(values), places, strict=True):
        back = axis.low + (250 - place) / (250 - 24) * (axis.high - axis.low)
        assert back == pytest.approx(value, abs=(axis.high - axis.low) * 1e-6)


@given(st.lists(finite, min_size=1))
def test_marks_are_few_round_and_on_the_axis(values: list[float]) -> None:
    """Marks stood on top of each other, or there were none."""
    axis = axis_over(values, begin=0, end=100)
    marks = axis.marks()
    assert 2 <= len(marks) <= 6
    width = axis.high - axis.low
    assert all(axis.low - width * 1e-6 <= mark <= axis.high + width * 1e-6 for mark in marks)
    step = marks[1] - marks[0]
    assert step / 10 ** math.floor(math.log10(step * 1.0000001)) == pytest.approx(
        next(
            each
            for each in (1, 2, 5)
            if math.isclose(
                step / 10 ** math.floor(math.log10(step * 1.0000001)), each, rel_tol=1e-6
            )
        )
    )
