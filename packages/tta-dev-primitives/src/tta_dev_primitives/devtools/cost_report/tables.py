"""The tables that text, Markdown and HTML show alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from tta_dev_primitives.devtools.calls.adoption import CONCERNS, MemberAdoption
from tta_dev_primitives.devtools.written.figures import NOTHING, bounds, money, share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tta_dev_primitives.devtools.replay.measurement import ArmFigures, Interval

    from .report import CostReport

Point = TypeVar("Point")
COMPARED: Final = "to compare with"
_MOST_POINTS: Final = 11


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure, and its bounds where it has them."""

    text: str
    bounds: str = ""

    def __str__(self) -> str:
        return f"{self.text} ({self.bounds})" if self.bounds else self.text


@dataclass(frozen=True, slots=True)
class Row:
    """What it is about, which may be any text, and its figures."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below headings.

    Attributes:
        title: What it shows.
        headings: Of the names, then of each column.
        rows: Those that it is about.
        compared: Those that they are to be compared with.
        missing: Said instead where it has no rows.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    compared: tuple[Row, ...] = ()
    missing: str = ""


def cost_table(report: CostReport) -> Table:
    """Return what each arm costs and saves."""
    measurement = report.measurement
    return Table(
        "Cost by arm",
        ("arm", "calls", "hits", "cost", "saving"),
        tuple(_cost_row(arm) for arm in measurement.arms),
        tuple(_cost_row(arm) for arm in measurement.comparisons),
        "No request was served, so there is no cost.",
    )


def quality_table(report: CostReport) -> Table:
    """Return the quality that each arm keeps, and the hits that were wrong."""
    arms, compared = report.measurement.arms, report.measurement.comparisons
    if all(arm.quality is arm.wrong_hits is None for arm in (*arms, *compared)):
        arms, compared = (), ()
    return Table(
        "Quality by arm",
        ("arm", "quality", "wrong hits"),
        tuple(_quality_row(arm) for arm in arms),
        tuple(_quality_row(arm) for arm in compared),
        "Quality was not measured.",
    )


def lever_table(report: CostReport) -> Table:
    """Return what each lever adds."""
    return Table(
        "Saving by lever",
        ("lever", "saving"),
        tuple(Row(each.lever, (_interval(each.saving),)) for each in report.levers),
        missing="No lever was measured.",
    )


def curve_table(report: CostReport) -> Table:
    """Return some points of the router's curve, the first and the last among them."""
    points = spread(report.measurement.curve, _MOST_POINTS)
    return Table(
        "Quality at each saving",
        ("saving", "router", "by lot"),
        tuple(
            Row(
                share(point.saving), (Cell(share(point.quality)), Cell(share(point.random_quality)))
            )
            for point in points
        ),
        missing="No router was measured, or the traffic has no scores.",
    )


def adoption_table(adoption: Sequence[MemberAdoption]) -> Table:
    """Return wrapped and eligible calls of each member that has calls, and of all."""
    counted = [row for row in adoption if row.calls]
    total = [_total(counted)] if len(counted) > 1 else []
    return Table(
        "Adoption in the code",
        ("member", "calls", "cached", "routed", "timed out", "retried"),
        tuple(
            Row(
                row.member,
                (
                    Cell(f"{row.calls:,}"),
                    *(Cell(str(row.shares[concern])) for concern in CONCERNS),
                ),
            )
            for row in (*counted, *total)
        ),
        missing="No calls of models found, so there is nothing to wrap.",
    )


def spread(points: Sequence[Point], most: int) -> list[Point]:
    """Return at most *most* of the points, as even as can be, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    return [points[round(at * (len(points) - 1) / (most - 1))] for at in range(most)]


def _cost_row(arm: ArmFigures) -> Row:
    figures = (Cell(f"{arm.calls:,}"), Cell(f"{arm.hits:,}"), Cell(money(arm.cost)))
    return Row(arm.name, (*figures, _interval(arm.saving)))


def _quality_row(arm: ArmFigures) -> Row:
    return Row(arm.name, (_interval(arm.quality), _interval(arm.wrong_hits)))


def _interval(interval: Interval | None) -> Cell:
    return Cell(NOTHING) if interval is None else Cell(share(interval.value), bounds(interval))


def _total(adoption: Sequence[MemberAdoption]) -> MemberAdoption:
    total = MemberAdoption("all")
    for row in adoption:
        total.calls += row.calls
        for concern in CONCERNS:
            share_of_all, more = total.shares[concern], row.shares[concern]
            share_of_all.wrapped += more.wrapped
            share_of_all.eligible += more.eligible
            share_of_all.unknown += more.unknown
    return total
