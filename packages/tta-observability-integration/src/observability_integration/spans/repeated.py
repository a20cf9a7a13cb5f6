"""What spans of one place tell again and again: described once, and shared by them."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.core import observe

from .call_span import FIRST_ATTEMPT

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from .call_span import CallSpan
    from .light_span import SpanDetails

_MOST_KNOWN: Final = 4096


class RepeatedDetails:
    """Remember the details that other spans of the same place are likely to have too.

    Nobody may change details that were kept, since several spans have them.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, SpanDetails] = {}

    def find(self, key: Hashable) -> SpanDetails | None:
        """Return the details that were kept for *key*."""
        return self._known.get(key)

    def keep(self, key: Hashable, details: SpanDetails) -> None:
        """Keep *details* for all spans with *key*; from now on nobody changes them."""
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        details.is_shared = True
        self._known[key] = details


def key_of(span: CallSpan) -> Hashable:
    """Return what stands for all that *span* has to tell, or None where that hardly comes again.

    Finding out takes a fraction of describing it.
    """
    records, attempt = span.records, span.attempt
    if span.details is not None or span.run is not None:
        return None
    if isinstance(records, tuple):
        told = None if attempt is not None else _told_by(records[1])
    else:
        told = FIRST_ATTEMPT if records is None and attempt is FIRST_ATTEMPT else None
    if told is None:
        return None
    key = (span.site, told)
    try:
        hash(key)
    except TypeError:  # of a record of the app's own making
        return None
    return key


def _told_by(record: object) -> Hashable:
    tell = _TOLD.get(type(record))
    return None if tell is None else tell(record)


_on_a_hit: Final = attrgetter(
    "age", "saved_cost", "saved_input_tokens", "saved_output_tokens", "saved_duration"
)
_NOTHING: Final = (None,) * 5


def _cache(record: observe.CacheRecord) -> Hashable:
    return (record.name, record.result) if _on_a_hit(record) == _NOTHING else None


def _retry(record: observe.RetryRecord) -> Hashable:
    delay = record.delay_total
    if delay or type(delay) is not float:  # 0 is equal to 0.0, and written otherwise
        return None
    return record.attempts, record.max_attempts, record.exhausted


_TOLD: Final[dict[type, Callable[[Any], Hashable]]] = {  # Any: each takes its own record
    observe.CacheRecord: _cache,
    observe.RetryRecord: _retry,
    observe.RouteRecord: attrgetter("selected", "candidates", "reason", "strategy"),
}
