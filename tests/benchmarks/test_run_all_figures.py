"""Each report gives figures that have the same names in the next run."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from run_all_figures import (
    from_cases,
    from_findings,
    from_instructions,
    from_pip_and_uv,
    from_tables,
)
from run_all_history import Better, Figure

ROW = {
    "case": "a >> b",
    "ours_ns": 400.0,
    "ours_median_ns": 440.0,
    "n": 40,
    "floor": "plain awaits",
    "floor_ns": 200.0,
    "ratio": 2.0,
}


def table(title: str, *records: Mapping[str, object], cases: tuple[object, ...] = ()) -> object:
    return {"title": title, "cases": list(cases), "records": list(records), "note": ""}


def test_timed_rows_give_nanoseconds_and_their_ratio_to_the_floor() -> None:
    """Only the nanoseconds were kept, which a busy machine moves."""
    assert list(from_cases({"cases": [ROW]})) == [
        Figure("a >> b", "ns", 400.0, 440.0, 40),
        Figure("a >> b, over plain awaits", "x", 2.0, 2.0, 40),
    ]


def test_rows_of_core_are_named_in_full() -> None:
    """A picture was called "per item", and nobody knew of what."""
    found = from_cases({"cases": [ROW | {"case": "per item", "floor": "a bare await"}]})
    assert [each.case for each in found] == ["map, per item", "map, per item, over a bare await"]


def test_rows_of_a_table_are_named_by_part_and_title() -> None:
    """Two tables had a row of the same name, and their figures were mixed."""
    found = from_tables({"parts": {"policies": [table("Retry", cases=(ROW,))]}})
    assert [each.case for each in found] == [
        "policies: Retry: a >> b",
        "policies: Retry: a >> b, over plain awaits",
    ]


@pytest.mark.parametrize(
    ("title", "record", "expected"),
    [
        (
            "Outgoing calls answered from mocks",
            {"calls": "a path each", "client": "httpx", "mocks": 1000, "ours": "1,718 (1702)"},
            [("a path each, httpx, 1000: ours", "calls/s", 1718.0, 1702.0, "more")],
        ),
        (
            "Record proxy, small JSON",
            {"way": "ours", "requests/s c=1": "900 (800)", "requests/s c=16": None},
            [("ours: requests/s c=1", "requests/s", 900.0, 800.0, "more")],
        ),
        ("Record proxy, small JSON", {"way": "mitmproxy reverse", "requests/s c=1": "9 (8)"}, []),
        (
            "Bytes of resident memory per entry",
            {"value": "text", "cache": "ours", "bytes": 312},
            [("text: bytes", "bytes", 312.0, 312.0, "less")],
        ),
        ("Bytes of resident memory per entry", {"value": "text", "cache": "x", "bytes": 9}, []),
        ("Stampede: 1000 misses, 50 followers", {"cache": "ours", "calls": 1}, []),
    ],
    ids=["best-and-median", "rate", "of-others", "ours", "bytes-of-others", "not-followed"],
)
def test_free_tables_give_what_is_followed(
    title: str, record: dict[str, object], expected: list[tuple[object, ...]]
) -> None:
    """The figures of another tool were drawn as ours."""
    found = list(from_tables({"parts": {"part": [table(title, record)]}}))
    before = f"part: {title}: "
    assert [
        (each.case.removeprefix(before), each.unit, each.best, each.median, each.better)
        for each in found
    ] == expected


def test_runs_of_keploy_are_seconds_and_a_rate() -> None:
    """A rise of tests a second was told as worse."""
    records = [
        {"what": "tests a second, 200 tests in order", "least or best": 900.0, "median": 800.0},
        {"what": "the whole run of one test, s", "least or best": 0.5, "median": 0.6},
    ]
    rate, seconds = from_tables({"parts": {"runs": [table("`keploy test`", *records)]}})
    assert (rate.unit, rate.better, rate.best) == ("tests/s", "more", 900.0)
    assert (seconds.case, seconds.unit, seconds.better) == (
        *("runs: the whole run of one test", "s", "less"),
    )


@pytest.mark.parametrize(
    ("unit", "better"),
    [
        ("us", "less"),
        ("files/s", "more"),
        ("a second", "more"),
        ("% of them", "more"),
        ("%", "less"),
        ("bytes", "less"),
        ("MB", "less"),
    ],
)
def test_rates_are_better_when_more(unit: str, better: Better) -> None:
    """A page called the faster linter worse."""
    finding = {"measure": "m", "case": "c", "ours": 3.0, "median": None, "unit": unit}
    (figure,) = from_findings({"findings": [finding]})
    assert figure == Figure("m: c", unit, 3.0, 3.0, better=better)


def test_a_case_that_tells_a_figure_has_a_name_without_it() -> None:
    """The floor of the day was part of the name, so every run began a new series."""
    finding = {"measure": "m", "ours": 3.0, "median": 4.0, "unit": "%", "series": "added to p50"}
    (figure,) = from_findings({"findings": [{**finding, "case": "p50 added to 1.07 ms"}]})
    assert (figure.case, figure.median) == ("m: added to p50", 4.0)


def test_seconds_of_both_installers_keep_their_samples() -> None:
    """Only the median was kept, so nobody could tell how it varied."""
    case = {"name": "lock", "title": "lock, cold cache", "pip": [3.0, 2.0], "uv": [1.0, 2.0]}
    uv, pip = from_pip_and_uv({"cases": [case]})
    assert uv == Figure("lock, cold cache, uv", "s", 1.0, 1.5, 2, (1.0, 2.0))
    assert pip.samples == (3.0, 2.0)


def test_a_case_that_was_not_counted_gives_nothing() -> None:
    """A budget without a case was drawn as no instructions."""
    cases = [{"case": "step", "counted": 2468.1}, {"case": "gone", "counted": None}]
    assert [each.case for each in from_instructions({"cases": cases})] == ["step"]
