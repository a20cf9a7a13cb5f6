"""Which calls of a trace were for nothing, as far as its spans tell.

What counts as wasted is defined in `cost.account`. Spans tell the same, but for these:

* Of a stream that its reader closed they say `cancelled`, as of one that was cancelled; so what it
  cost counts as wasted.
* What an answer cost whose price is not known, as that of a loser which was stopped half-way, is
  no part of what was spent, and so none of what was wasted.
* With `span_level="workflow"` most policies have no span, and what they went on without is not
  known. Of a hedge whose calls have none its own `tta.hedge.wasted_cost` counts.
* A span that was dropped, or that has not ended when its trace is told of, tells nothing. Nor does
  one whose path was cut by a limit on the length of attributes.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from observability_integration.semconv import names as semconv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .tree_span import TreeSpan

FAILED: Final = frozenset({"error", "timeout", "rejected", "cancelled"})
# Who tells one of these may have gone on without the answers of calls below it.
_GOES_ON: Final = frozenset(
    {semconv.TTA_RETRY_ATTEMPTS, semconv.TTA_FALLBACK_USED, semconv.TTA_HEDGE_WINNER}
)


class LostCalls:
    """Tell which spans are part of a call whose answer reached nobody.

    It looks at every span once when it is made, and `holds` at those above the one it is asked of.

    Args:
        spans: Ended spans of one trace.
    """

    def __init__(self, spans: Sequence[TreeSpan]) -> None:
        self._known = {span.span_id: span for span in spans}
        self._answers: dict[int, bool] = {}
        self._left: set[int] = set()
        self._races: set[int] = set()
        for above, calls in _calls_below(spans, _GOES_ON):
            self._note_left(above, calls)

    def holds(self, span: TreeSpan) -> bool:
        """Tell whether *span*, or a call that it was part of to its end, was for nothing."""
        climbed: set[int] = set()
        lost = False
        here: TreeSpan | None = span
        while here is not None and here.span_id not in climbed:
            climbed.add(here.span_id)
            lost = here.outcome in FAILED or here.span_id in self._left
            if lost:
                break
            if here.span_id in self._answers:
                lost = self._answers[here.span_id]
                break
            above = self._known.get(here.parent_id)
            here = None if above is None or _outlives(here, above) else above
        self._answers.update(dict.fromkeys(climbed, lost))
        return lost

    def knows_losers(self, hedge: TreeSpan) -> bool:
        """Tell whether the calls of *hedge* have spans, so that those of its losers are known."""
        return hedge.span_id in self._races

    def _note_left(self, above: TreeSpan, calls: Sequence[TreeSpan]) -> None:
        """Note which of *calls*, those below *above* in their order, it went on without."""
        attempts = above.number(semconv.TTA_RETRY_ATTEMPTS)
        if attempts is not None:
            for call in calls:
                attempt = call.number(semconv.TTA_RETRY_ATTEMPT)
                if attempt is not None and attempt < attempts and _is_direct(call, above):
                    self._left.add(call.span_id)
        alternative = _alternative(above, calls)
        if alternative is not None:
            before = itertools.takewhile(lambda call: call is not alternative, calls)
            self._left.update(call.span_id for call in before)
        winner = above.number(semconv.TTA_HEDGE_WINNER)
        if winner is not None:
            racing = [call for call in calls if semconv.TTA_PRIMITIVE_PATH in call.attributes]
            if winner < len(racing) and all(_is_direct(call, above) for call in racing):
                self._races.add(above.span_id)
                losers = (call for number, call in enumerate(racing) if number != winner)
                self._left.update(call.span_id for call in losers)


def alternatives(spans: Sequence[TreeSpan]) -> dict[int, TreeSpan]:
    """Return the alternatives that were taken in the end, by the ids of the spans that took them.

    Args:
        spans: Ended spans of one trace.
    """
    found = (
        (above.span_id, _alternative(above, calls))
        for above, calls in _calls_below(spans, frozenset({semconv.TTA_FALLBACK_USED}))
    )
    return {taker: call for taker, call in found if call is not None}


def _alternative(above: TreeSpan, calls: Sequence[TreeSpan]) -> TreeSpan | None:
    """Return which of *calls* is the alternative that a fallback or timeout took in the end."""
    used = above.attributes.get(semconv.TTA_FALLBACK_USED)
    if used is None:
        return None
    # The last of that name: a step may be its own alternative.
    return next(
        (
            call
            for call in reversed(calls)
            if call.attributes.get(semconv.TTA_PRIMITIVE_NAME) == used and _is_direct(call, above)
        ),
        None,
    )


def _calls_below(
    spans: Sequence[TreeSpan], keys: frozenset[str]
) -> list[tuple[TreeSpan, list[TreeSpan]]]:
    """Return the spans that have one of *keys*, each with those directly below in their order."""
    found: dict[int, tuple[TreeSpan, list[TreeSpan]]] = {
        span.span_id: (span, []) for span in spans if not keys.isdisjoint(span.attributes)
    }
    for span in spans:
        if span.parent_id in found:
            found[span.parent_id][1].append(span)
    for _, calls in found.values():
        calls.sort(key=_start)
    return list(found.values())


def _is_direct(call: TreeSpan, above: TreeSpan) -> bool:
    """Tell whether *above* made *call* itself, and not a step between them that has no span."""
    path, outer = _text(call, semconv.TTA_PRIMITIVE_PATH), _text(above, semconv.TTA_PRIMITIVE_PATH)
    if not outer or not path.startswith(outer + "/"):
        return False
    # A name may have slashes of its own.
    return "/" not in path[len(outer) + 1 :].removesuffix(_text(call, semconv.TTA_PRIMITIVE_NAME))


def _outlives(call: TreeSpan, above: TreeSpan) -> bool:
    """Tell whether *call* went on when *above* had ended, as for others who share its answer.

    Only primitives can be compared: other spans may have their times from another clock.
    """
    path = semconv.TTA_PRIMITIVE_PATH
    return call.end_ns > above.end_ns and path in call.attributes and path in above.attributes


def _text(span: TreeSpan, key: str) -> str:
    value = span.attributes.get(key)
    return value if isinstance(value, str) else ""


def _start(span: TreeSpan) -> int:
    return span.start_ns
