"""Spans as rows of a trace file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from observability_integration.semconv.names import (
    ERROR_TYPE,
    GEN_AI_USAGE_COST_AMOUNT,
    TTA_OUTCOME,
)

from .columns import PLACES, Cell, as_json, fits, is_foreign_money, storable
from .schema import SPAN_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.util.types import AttributeValue

    from observability_integration.spans.light_span import LightSpan, Scope, SpanDetails, SpanSite

_MOST_SITES: Final = 4096
_OUTCOME, _ERROR, _COST = PLACES[TTA_OUTCOME], PLACES[ERROR_TYPE], PLACES[GEN_AI_USAGE_COST_AMOUNT]
_NAME, _KIND = SPAN_COLUMNS.index("name"), SPAN_COLUMNS.index("kind")
_ATTRIBUTES, _EXTRA = SPAN_COLUMNS.index("attributes"), SPAN_COLUMNS.index("extra")
_SCOPE = SPAN_COLUMNS.index("scope_id")


class Batch:
    """The rows of some spans, ready to be inserted."""

    __slots__ = ("events", "links", "spans")

    def __init__(self) -> None:
        self.spans: list[list[Cell]] = []
        self.events: list[tuple[Cell, ...]] = []
        self.links: list[tuple[Cell, ...]] = []

    def make_storable(self) -> None:
        """Replace what SQLite cannot hold: halves of surrogate pairs, and numbers of 64 bits up."""
        self.spans = [[storable(cell) for cell in row] for row in self.spans]
        self.events = [tuple(storable(cell) for cell in row) for row in self.events]
        self.links = [tuple(storable(cell) for cell in row) for row in self.links]


class RowMaker:
    """Make rows of spans; what spans of one place share is made once.

    Args:
        run_id: The run that the spans belong to.
        scope_id: Gives the row of an instrumentation.
    """

    def __init__(self, run_id: int, scope_id: Callable[[Scope], int]) -> None:
        self._run_id, self._scope_id = run_id, scope_id
        self._sites: dict[SpanSite, tuple[list[Cell], Mapping[str, AttributeValue]]] = {}

    def batch(self, spans: Sequence[LightSpan], first_id: int) -> Batch:
        """Return the rows of *spans*, numbered from *first_id*."""
        batch = Batch()
        for number, span in enumerate(spans, start=first_id):
            batch.spans.append(self._row(span, number))
            details = span.details
            if details is not None:
                if details.events:
                    batch.events += (
                        (number, place, event.time_ns, event.name, as_json(event.attributes))
                        for place, event in enumerate(details.events)
                    )
                if details.links:
                    batch.links += (
                        (
                            *(number, place, f"{link.context.trace_id:032x}"),
                            *(f"{link.context.span_id:016x}", as_json(link.attributes or {})),
                        )
                        for place, link in enumerate(details.links)
                    )
        return batch

    def _row(self, span: LightSpan, number: int) -> list[Cell]:
        site = span.site
        known = self._sites.get(site)
        if known is None:
            if len(self._sites) >= _MOST_SITES:  # a program that makes places without end
                self._sites.clear()
            known = self._sites[site] = self._shared(site)
        shared, rest = known
        row = shared.copy()
        # By number, in the order of SPAN_COLUMNS: this is most of what a span costs here.
        row[0] = number
        row[2] = f"{span.trace_id:032x}"
        row[3] = f"{span.span_id:016x}"
        if span.parent_id:
            row[4] = f"{span.parent_id:016x}"
            row[5] = int(span.parent_is_remote)
        row[8] = span.start_ns
        row[9] = span.end_ns - span.start_ns
        row[10] = _STATUS[span.status_code.value]
        details = span.details
        if details is not None:
            _add_details(row, rest, details)
        if span.outcome is not None:
            row[_OUTCOME] = span.outcome
        if span.error_type is not None:
            row[_ERROR] = span.error_type
        extra = _extra(span, details)
        if extra:
            row[_EXTRA] = as_json(extra)
        return row

    def _shared(self, site: SpanSite) -> tuple[list[Cell], Mapping[str, AttributeValue]]:
        """Return a row with what all spans of *site* share, and its attributes without columns."""
        row: list[Cell] = [None] * len(SPAN_COLUMNS)
        row[1], row[5], row[_NAME], row[_KIND] = self._run_id, 1, site.name, site.kind.name.lower()
        row[_SCOPE] = self._scope_id(site.scope)
        rest = _sort_out(row, site.attributes)
        row[_ATTRIBUTES] = as_json(rest)
        return row, rest


def _add_details(
    row: list[Cell], shared: Mapping[str, AttributeValue], details: SpanDetails
) -> None:
    """Add what a span alone has to *row*, which holds what its like share."""
    if details.name is not None:
        row[_NAME] = details.name
    given = details.attributes
    own = _sort_out(row, given)
    if own or not shared.keys().isdisjoint(given):
        kept = {key: value for key, value in shared.items() if key not in given}
        row[_ATTRIBUTES] = as_json(kept | own)


def _sort_out(
    row: list[Cell], attributes: Mapping[str, AttributeValue]
) -> dict[str, AttributeValue]:
    """Put attributes into their columns and return those that have none, or do not fit."""
    rest: dict[str, AttributeValue] = {}
    for key, value in attributes.items():
        place = PLACES.get(key)
        if place is None:
            rest[key] = value
        elif fits(key, value):
            row[place] = cast("Cell", value)
        else:
            row[place] = None
            rest[key] = value
    if GEN_AI_USAGE_COST_AMOUNT in attributes and is_foreign_money(rest):
        row[_COST] = None
        rest[GEN_AI_USAGE_COST_AMOUNT] = attributes[GEN_AI_USAGE_COST_AMOUNT]
    return rest


def _extra(span: LightSpan, details: SpanDetails | None) -> dict[str, str | int]:
    extra: dict[str, str | int] = {}
    if span.trace_state:
        extra["trace_state"] = span.trace_state.to_header()
    if details is not None:
        # Where an error's type is known, it is the description too.
        if details.status_description is not None and span.error_type is None:
            extra["status_description"] = details.status_description
        for what in ("dropped_attributes", "dropped_events", "dropped_links"):
            number = getattr(details, what)
            if number:
                extra[what] = number
    return extra


_STATUS: Final = ("unset", "ok", "error")  # by the number of OpenTelemetry's StatusCode
