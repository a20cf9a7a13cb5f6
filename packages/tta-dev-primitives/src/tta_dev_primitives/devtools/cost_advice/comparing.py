"""Why one period of traffic cost more than another."""

from __future__ import annotations

from collections import Counter, defaultdict
from math import fsum
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.errors import ConfigurationError

from .cell_factors import Surroundings, factors_of, loose_waste
from .cell_names import Cell, CellNames
from .comparison import FACTORS, HOW_IT_IS_SPLIT, Change, Comparison, Period
from .period_totals import CellTotals, PeriodTotals
from .price_changes import price_changes
from .shapley import shapley_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tta_dev_primitives.devtools.replay.pricing import Prices
    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

    from .comparison import Factor

_DAY: Final = 86_400.0
_SHORTEST: Final = 3_600.0  # seconds; less says nothing about a day
_NOTHING: Final = CellTotals()


def compare(
    before: Iterable[TrafficRequest],
    after: Iterable[TrafficRequest],
    prices: Prices,
    *,
    before_source: str = "before",
    after_source: str = "after",
    before_days: float | None = None,
    after_days: float | None = None,
) -> Comparison:
    """Split the difference of what two periods cost into what made it.

    Each request is priced at its own time, and each period is gone through once, in bounded
    memory. The parts of each change add up to it, and swapping the periods changes their signs.

    Args:
        before: The first period, or an older version.
        after: The second.
        prices: What tokens cost.
        before_source: What the first one is called.
        after_source: What the second one is called.
        before_days: How long the first lasted; None to take the time from its first request to its
            last.
        after_days: How long the second lasted.

    Raises:
        ConfigurationError: A number of days is not above 0.
        UnpricedModelsError: Models of the traffic have no price; it lists them all.
    """
    for name, days in (("before_days", before_days), ("after_days", after_days)):
        if days is not None and not 0 < days <= 1e6:
            msg = f"{name} must be above 0 and at most 1,000,000, got {days!r}; leave it out"
            raise ConfigurationError(msg)
    names = CellNames()
    first, second = PeriodTotals(prices, names), PeriodTotals(prices, names)
    first.add_all(before)
    second.add_all(after)
    periods = (
        _period(first, before_source, before_days),
        _period(second, after_source, after_days),
    )
    cells = _changes(first.cells, second.cells, 1.0, 1.0)
    per_day = None
    if periods[0].days and periods[1].days:
        days = (periods[0].days, periods[1].days)
        per_day = _sum("per day", _changes(first.cells, second.cells, *days).values())
    places = [{cell.place for cell in each.cells} for each in (first, second)]
    models = [{cell.model for cell in each.cells} for each in (first, second)]
    return Comparison(
        before=periods[0],
        after=periods[1],
        total=_sum("total", cells.values()),
        per_day=per_day,
        models=_grouped({cell: cell.model for cell in cells}, cells),
        places=_grouped({cell: cell.place for cell in cells}, cells),
        new_models=tuple(sorted(models[1] - models[0])),
        gone_models=tuple(sorted(models[0] - models[1])),
        new_places=tuple(sorted(places[1] - places[0])),
        gone_places=tuple(sorted(places[0] - places[1])),
        price_source=prices.source,
        price_snapshot=prices.snapshot,
        notes=_notes(periods, names, (first, second)),
    )


def _changes(
    before: Mapping[Cell, CellTotals],
    after: Mapping[Cell, CellTotals],
    before_days: float,
    after_days: float,
) -> dict[Cell, Change]:
    """Return the change of each cell, with what was spent divided by days."""
    sides = ((before, before_days, _by_place(before)), (after, after_days, _by_place(after)))
    changes: dict[Cell, Change] = {}
    for cell in sorted({*before, *after}):
        first, second = (side[0].get(cell, _NOTHING) for side in sides)
        around = [
            Surroundings(places.total() / days, places.total(), places[cell.place])
            for _, days, places in sides
        ]
        factors = (
            factors_of(first, second, around[0], around[1]),
            factors_of(second, first, around[1], around[0]),
        )
        parts: dict[Factor, float] = dict(zip(FACTORS, shapley_parts(*factors), strict=True))
        parts["waste"] += loose_waste(second) / after_days - loose_waste(first) / before_days
        changes[cell] = Change("", first.dollars / before_days, second.dollars / after_days, parts)
    return changes


def _by_place(cells: Mapping[Cell, CellTotals]) -> Counter[str]:
    calls: Counter[str] = Counter()
    for cell, totals in cells.items():
        calls[cell.place] += totals.calls
    return calls


def _grouped(names: Mapping[Cell, str], cells: Mapping[Cell, Change]) -> tuple[Change, ...]:
    groups: defaultdict[str, list[Change]] = defaultdict(list)
    for cell, change in cells.items():
        groups[names[cell]].append(change)
    changes = [_sum(name, members) for name, members in groups.items()]
    return tuple(sorted(changes, key=lambda change: (-abs(change.difference), change.name)))


def _sum(name: str, changes: Iterable[Change]) -> Change:
    listed = list(changes)
    return Change(
        name,
        fsum(change.before for change in listed),
        fsum(change.after for change in listed),
        {factor: fsum(change.parts[factor] for change in listed) for factor in FACTORS},
    )


def _period(totals: PeriodTotals, source: str, days: float | None) -> Period:
    cells = totals.cells.values()
    lasted = 0.0
    if totals.began is not None and totals.ended is not None:
        lasted = totals.ended - totals.began
    observed = lasted / _DAY if lasted >= _SHORTEST else None
    return Period(
        source=source,
        requests=sum(each.calls + each.failed for each in cells),
        failed=sum(each.failed for each in cells),
        dollars=fsum(each.dollars for each in cells),
        wasted=fsum(each.wasted for each in cells),
        input_tokens=sum(each.input for each in cells),
        output_tokens=sum(each.output for each in cells),
        cached_tokens=sum(each.read for each in cells),
        began=totals.began,
        ended=totals.ended,
        days=observed if days is None else days,
    )


def _notes(
    periods: tuple[Period, Period], names: CellNames, totals: tuple[PeriodTotals, PeriodTotals]
) -> tuple[str, ...]:
    notes: list[str] = []
    for period, each in zip(periods, totals, strict=True):
        if not period.requests:
            notes.append(f"{period.source} has no requests")
        elif period.days is None:
            notes.append(f"{period.source} lasted less than an hour, so nothing is said per day")
        notes.extend(
            f"{period.source}: {note}"
            for note in price_changes(each.book, period.began, period.ended)
        )
    if all(period.requests for period in periods):
        notes.append(HOW_IT_IS_SPLIT)
    if names.pooled:
        notes.append("more names than are told apart; the rest is taken together as (others)")
    return tuple(notes)
