from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.findings.source_frame import columns
from tta_dev_primitives.devtools.replay.measurement import Interval
from tta_dev_primitives.devtools.written.figures import (
    bounded,
    moment,
    money,
    share,
    whole_share,
)
from tta_dev_primitives.devtools.written.one_line import one_line, shortened


@pytest.mark.parametrize(
    ("dollars", "expected"),
    [
        (0.0, "$0"),
        (0.0066, "$0.0066"),
        (0.1344, "$0.1344"),
        (0.00312, "$0.00312"),
        (1.2e-7, "$0.00000012"),
        (1.0, "$1.00"),
        (1234567.891, "$1,234,567.89"),
        (-0.0255, "-$0.0255"),
        (math.nan, "unknown"),
        (math.inf, "unknown"),
    ],
)
def test_money_reads_as_in_the_demo(dollars: float, expected: str) -> None:
    """A cost of a thousandth of a cent was shown as $0.0000."""
    assert money(dollars) == expected


@given(st.floats(min_value=1e-12, max_value=1e12))
def test_money_is_shown_to_the_cent_or_to_three_digits(dollars: float) -> None:
    """A small cost lost the digits that tell it from another."""
    shown = float(money(dollars).replace("$", "").replace(",", ""))
    assert abs(shown - dollars) <= 0.0051 * dollars


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        (0.0, "0.0%"),
        (0.4314, "43.1%"),
        (1.0, "100.0%"),
        (-0.0112, "-1.1%"),
        (-12.34, "-1,234.0%"),
        (0.0005, "0.1%"),
        (0.0004, "0.04%"),
        (0.00001, "0.001%"),
        (0.0000001, "under 0.001%"),
        (-0.0000001, "over -0.001%"),
        (math.nan, "unknown"),
    ],
)
def test_share_has_one_decimal(fraction: float, expected: str) -> None:
    """A share of wrong hits that is small was shown as none at all."""
    assert share(fraction) == expected


@given(st.floats(min_value=-1e3, max_value=1e3).filter(bool))
def test_no_share_but_nothing_reads_as_nothing(fraction: float) -> None:
    """The bound of a share of wrong hits read 0.0% and was not 0."""
    assert re.search("[1-9]", share(fraction))


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [(0.4, "40%"), (0.975, "97.5%"), (0.07, "7%"), (1, "100%")],
)
def test_chosen_share_is_shown_as_it_was_chosen(fraction: float, expected: str) -> None:
    """A target of 40% was shown as 40.00000000000001%."""
    assert whole_share(fraction) == expected


def test_bounds_without_width_are_left_out() -> None:
    """100.0% (100.0% to 100.0%) said nothing with many words."""
    assert bounded(Interval(1.0, 1.0, 1.0)) == "100.0%"
    assert bounded(Interval(0.43, 0.41, 0.45)) == "43.0% (41.0% to 45.0%)"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, "1970-01-01 00:00"),
        (1_793_520_059.9, "2026-11-01 08:00"),
        (1.79352e12, "1.79352e+12 s after 1970"),
        (1e300, "1e+300 s after 1970"),
    ],
    ids=["first", "minute", "milliseconds", "endless"],
)
def test_moments_beyond_the_calendar_are_shown(seconds: float, expected: str) -> None:
    """Times that somebody recorded in milliseconds ended the report."""
    assert moment(seconds) == expected


@given(st.text())
def test_any_text_becomes_one_printable_line(text: str) -> None:
    """A model's name moved the cursor of a terminal."""
    assert one_line(text).isprintable()


@given(st.text("ab\u6a21\u0301", max_size=40), st.integers(5, 30))
def test_shortened_text_fits_and_keeps_both_ends(text: str, width: int) -> None:
    """A name of wide characters pushed the columns of a table apart."""
    shown = shortened(text, width)
    assert columns(shown) <= width
    if shown != text:
        left, _, right = shown.partition("...")
        assert text.startswith(left)
        assert text.endswith(right)
