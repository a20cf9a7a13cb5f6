"""Reports for the tests of the formats, made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from tta_dev_primitives.devtools.calls.adoption import CONCERNS, MemberAdoption, Share
from tta_dev_primitives.devtools.cost_report.report import CostReport
from tta_dev_primitives.devtools.replay.measurement import (
    ArmFigures,
    CurvePoint,
    Interval,
    LeverSaving,
    Measurement,
    Verdict,
)

BEGAN = 1_793_520_000.0  # 2026-11-01 08:00 UTC
ALL = Interval(1.0, 1.0, 1.0)


def member(name: str, calls: int, **shares: tuple[int, int, int]) -> MemberAdoption:
    """A row of the adoption table; shares are wrapped, eligible, unknown."""
    row = MemberAdoption(name, calls)
    for concern in CONCERNS:
        row.shares[concern] = Share(*shares.get(concern, (0, 0, 0)))
    return row


def measurement(**given: Any) -> Measurement:
    """A measurement that passes with cache and router, but for what is given."""
    figures: dict[str, Any] = {
        "source": "traffic.jsonl",
        "requests": 8381,
        "fitted_on": 2000,
        "conversations": 4012,
        "began": BEGAN,
        "ended": BEGAN + 21 * 86400 + 34200,
        "price_source": "genai-prices 0.2.3",
        "price_snapshot": date(2026, 10, 30),
        "keyed": 1.0,
        "scored": 0.984,
        "target": 0.4,
        "quality_target": 0.95,
        "confidence": 0.95,
        "resamples": 1000,
        "arms": (
            ArmFigures("as is", 8381, 0, 134.4231, quality=ALL),
            ArmFigures(
                "cache", 7142, 1239, 113.9512,
                Interval(0.1523, 0.1437, 0.161), Interval(0.9996, 0.999, 1.0001),
                Interval(0.0008, 0.0002, 0.0031),
            ),
            ArmFigures(
                "cache and router", 7142, 1239, 71.3122,
                Interval(0.4695, 0.4551, 0.4832), Interval(0.9664, 0.9583, 0.9744),
                Interval(0.0008, 0.0002, 0.0031),
            ),
        ),
        "comparisons": (
            ArmFigures(
                "random router", 7142, 1239, 71.4027,
                Interval(0.4688, 0.4533, 0.4829), Interval(0.9312, 0.921, 0.9411),
            ),
            ArmFigures(
                "always small-model", 7142, 1239, 8.1094,
                Interval(0.9397, 0.9388, 0.9405), Interval(0.8488, 0.8391, 0.8592),
            ),
        ),
        "levers": (
            LeverSaving("exact cache", Interval(0.1523, 0.1437, 0.161)),
            LeverSaving("router", Interval(0.3172, 0.3041, 0.3301)),
        ),
        "curve": tuple(
            CurvePoint(
                0.93 * part / 20,
                1.0 + 0.02 * part / 20 - 0.17 * (part / 20) ** 3,
                1.0 - 0.15 * part / 20,
            )
            for part in range(21)
        ),
        "verdict": Verdict(
            "PASS",
            (
                "saving 46.9% (45.5% to 48.3%), target 40%: met",
                "quality 96.6% (95.8% to 97.4%), target 95%: met",
                "wrong hits 0.1% (0.0% to 0.3%), limit 2%: met",
            ),
        ),
        "notes": (
            "tokens of small-model were not recorded, so those of large-model are taken",
            "the clock ran backwards 2 times; requests are in the order of their times",
        ),
    }  # fmt: skip
    return Measurement(**figures | given)


def passing() -> CostReport:
    """Cache and router, with scores, and two members with calls."""
    return CostReport(
        measurement(),
        [
            member(
                "shop-assistant", 42,
                cache=(9, 12, 0), router=(20, 30, 4), timeout=(42, 42, 0), retry=(40, 42, 0),
            ),
            member("docs-search", 7, cache=(0, 7, 0), timeout=(3, 7, 0), retry=(0, 6, 1)),
            member("no-calls", 0),
        ],
    )  # fmt: skip


def failing() -> CostReport:
    """The cache alone, which makes a little dearer what never repeats; no scores, no code."""
    return CostReport(
        measurement(
            requests=600,
            fitted_on=0,
            conversations=600,
            price_snapshot=None,
            keyed=0.75,
            scored=0.0,
            arms=(
                ArmFigures("as is", 600, 0, 0.00312),
                ArmFigures("cache", 600, 0, 0.003155, Interval(-0.0112, -0.021, 0.0)),
            ),
            comparisons=(),
            levers=(LeverSaving("exact cache", Interval(-0.0112, -0.021, 0.0)),),
            curve=(),
            verdict=Verdict("FAIL", ("saving -1.1% (-2.1% to 0.0%), target 40%: not met",)),
            notes=("no scores: hits are taken to be as good as an answer of their own",),
        )
    )


def nothing() -> CostReport:
    """No request at all, and code without a call."""
    return CostReport(
        measurement(
            requests=0,
            fitted_on=0,
            conversations=0,
            began=None,
            ended=None,
            keyed=0.0,
            scored=0.0,
            arms=(),
            comparisons=(),
            levers=(),
            curve=(),
            verdict=Verdict("NOT MEASURED", ("no requests in traffic.jsonl",)),
            notes=(),
        ),
        [],
    )


def named(text: str) -> CostReport:
    """The text stands wherever a text may come from outside."""
    report = passing()
    figures = report.measurement
    arms = tuple(replace(arm, name=text) for arm in figures.arms)
    others = tuple(replace(arm, name=text) for arm in figures.comparisons)
    return CostReport(
        replace(
            figures,
            source=text,
            price_source=text,
            arms=arms,
            comparisons=others,
            levers=tuple(replace(each, lever=text) for each in figures.levers),
            verdict=Verdict("FAIL", (text,)),
            notes=(text,),
        ),
        [member(text, 3, cache=(1, 2, 0))],
    )


REPORTS = {"pass": passing(), "fail": failing(), "nothing": nothing()}
