"""What a comparison tells, as rows of words that text and Markdown share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.written.figures import change, moment, money, plural, share

from .comparison import FACTORS
from .shown_text import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .comparison import Change, Comparison, Factor, Period

MOST_ROWS: Final = 10
_NOISE: Final = 1e-12
_REASONS: Final = 2
_ALIKE: Final = 0.01  # periods whose lengths differ by less are as long as each other


def headline(comparison: Comparison) -> str:
    """Return the change in one line, with its share of what was spent before."""
    total = comparison.total
    return (
        f"{comparison.before.source} to {comparison.after.source}: "
        f"{money(total.before)} to {money(total.after)}, {_with_share(total)}"
    )


def per_day_line(comparison: Comparison) -> str | None:
    """Return the change of a day in one line; None where that cannot be told."""
    daily, days = comparison.per_day, (comparison.before.days, comparison.after.days)
    if daily is None or days[0] is None or days[1] is None:
        return None
    return (
        f"a day: {money(daily.before)} to {money(daily.after)}, {_with_share(daily)}, over "
        f"{days[0]:.1f} and {days[1]:.1f} days"
    )


def reasons(comparison: Comparison) -> list[list[str]]:
    """Return a heading and a row for each factor, the largest first, then the sum.

    Where the periods differ in length there is a column of the change of a day.
    """
    total, daily = comparison.total, comparison.per_day if _differ(comparison) else None
    rows = [["why", "change", *(["a day"] if daily else [])]]
    for factor in sorted(FACTORS, key=lambda factor: -abs(total.parts[factor])):
        rows.append([factor, change(_heard(total, factor))])
        if daily:
            rows[-1].append(change(_heard(daily, factor)))
    rows.append(["together", change(total.difference)])
    if daily:
        rows[-1].append(change(daily.difference))
    return rows


def periods(comparison: Comparison) -> list[list[str]]:
    """Return a heading and rows that describe both periods."""
    both = (comparison.before, comparison.after)
    kinds: list[tuple[str, Callable[[Period], str]]] = [
        ("first request (UTC)", lambda each: "-" if each.began is None else moment(each.began)),
        ("last request (UTC)", lambda each: "-" if each.ended is None else moment(each.ended)),
        ("requests", lambda each: f"{each.requests:,}"),
        ("failed", lambda each: f"{each.failed:,}"),
        ("spent", lambda each: money(each.dollars)),
        ("wasted on failed calls", lambda each: money(each.wasted)),
        ("input tokens an answer", lambda each: _mean(each.input_tokens, each)),
        ("of these cached", lambda each: _share(each.cached_tokens, each.input_tokens)),
        ("output tokens an answer", lambda each: _mean(each.output_tokens, each)),
    ]
    rows = [["", *(shown(each.source) for each in both)]]
    rows += [[name, *map(told, both)] for name, told in kinds]
    return rows


def changes(heading: str, listed: Sequence[Change]) -> list[list[str]]:
    """Return a heading and a row for each of the ten largest changes, with its main reasons."""
    rows = [[heading, "before", "after", "change", "mostly"]]
    rows += [
        [
            shown(each.name),
            money(each.before),
            money(each.after),
            change(each.difference),
            _mostly(each),
        ]
        for each in listed[:MOST_ROWS]
    ]
    return rows


def remarks(comparison: Comparison) -> list[str]:
    """Return what is new, what is gone, and the notes."""
    lines = [
        f"{what}: {_listed(names)}"
        for what, names in (
            ("new models", comparison.new_models),
            ("models that are gone", comparison.gone_models),
            ("new places", comparison.new_places),
            ("places that are gone", comparison.gone_places),
        )
        if names
    ]
    lines += [
        f"{plural(len(listed) - MOST_ROWS, f'more {what}')} not shown"
        for what, listed in (("model", comparison.models), ("place", comparison.places))
        if len(listed) > MOST_ROWS
    ]
    return [*lines, *comparison.notes]


def _differ(comparison: Comparison) -> bool:
    first, second = comparison.before.days, comparison.after.days
    if first is None or second is None:
        return False
    return abs(first - second) > _ALIKE * max(first, second)


def _with_share(changed: Change) -> str:
    told = change(changed.difference)
    if not changed.before:
        return told
    part = changed.difference / changed.before
    return f"{told} ({'+' if part > 0 else ''}{share(part)})"


def _heard(changed: Change, factor: Factor) -> float:
    """Return a part, or 0 where it is no more than what rounding leaves."""
    part = changed.parts[factor]
    return part if abs(part) > _NOISE * (changed.before + changed.after) else 0.0


def _mostly(changed: Change) -> str:
    factors = sorted(FACTORS, key=lambda factor: -abs(changed.parts[factor]))
    told = [
        f"{factor} {change(changed.parts[factor])}"
        for factor in factors[:_REASONS]
        if _heard(changed, factor)
    ]
    return ", ".join(told) or "nothing"


def _mean(tokens: int, period: Period) -> str:
    answered = period.requests - period.failed
    return f"{tokens / answered:,.0f}" if answered else "-"


def _share(part: int, whole: int) -> str:
    return share(part / whole) if whole else "-"


def _listed(names: Iterable[str]) -> str:
    listed = [shown(name) for name in names]
    more = f" and {len(listed) - MOST_ROWS:,} more" if len(listed) > MOST_ROWS else ""
    return ", ".join(listed[:MOST_ROWS]) + more
