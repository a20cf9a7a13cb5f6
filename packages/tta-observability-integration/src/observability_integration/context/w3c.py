"""The headers of W3C Trace Context and W3C Baggage: from text, and back to it.

What others send is read as the recommendations say: a header that is wrong counts as absent, and
nothing of it is repeated in a log or an error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
BAGGAGE: Final = "baggage"

SAMPLED: Final = 0x01
MAX_BAGGAGE_ENTRIES: Final = 64
MAX_BAGGAGE_BYTES: Final = 8192
_MAX_TRACEPARENT_LENGTH: Final = 512
_MAX_TRACESTATE_ENTRIES: Final = 32
_MAX_TRACESTATE_LENGTH: Final = 8192
_KNOWN_FLAGS: Final = 0x03  # sampled, and the random trace id of level 2

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_STATE_ENTRY = re.compile(
    r"([a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
    r"=[ -+\--<>-~]{0,255}[!-+\--<>-~]"
)
_BAGGAGE_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+")
_BAGGAGE_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")
_SPACE: Final = " \t"


class TraceParent(NamedTuple):
    """A span in another process, as `traceparent` names it.

    Attributes:
        trace_id: 32 hex digits.
        span_id: 16 hex digits.
        flags: Of the W3C; the lowest bit says that the trace is recorded.
    """

    trace_id: str
    span_id: str
    flags: int = SAMPLED


def trace_parent(trace_id: str, span_id: str, flags: int = SAMPLED) -> TraceParent | None:
    """Return a parent with these ids, or None when they are none of the W3C's."""
    return read_trace_parent(f"00-{trace_id}-{span_id}-{flags & _KNOWN_FLAGS:02x}".lower())


def read_trace_parent(header: str) -> TraceParent | None:
    """Read a `traceparent` of this or of a later version; None when it is not valid."""
    if len(header) > _MAX_TRACEPARENT_LENGTH:
        return None
    match = _PARENT.fullmatch(header.strip(_SPACE))
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    if not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return TraceParent(trace_id, span_id, int(flags, 16) & _KNOWN_FLAGS)


def write_trace_parent(parent: TraceParent) -> str:
    """Return the `traceparent` for *parent*."""
    return f"00-{parent.trace_id}-{parent.span_id}-{parent.flags:02x}"


def read_trace_state(headers: Iterable[str]) -> str:
    """Return the `tracestate` that *headers* make together; empty when one is not valid."""
    joined = ",".join(headers)
    if len(joined) > _MAX_TRACESTATE_LENGTH:
        return ""
    kept: dict[str, str] = {}
    for entry in filter(None, (part.strip(_SPACE) for part in joined.split(","))):
        match = _STATE_ENTRY.fullmatch(entry)
        if match is None or match[1] in kept:
            return ""
        kept[match[1]] = entry
    return ",".join(kept.values()) if len(kept) <= _MAX_TRACESTATE_ENTRIES else ""


def read_baggage(headers: Iterable[str]) -> dict[str, str]:
    """Return the entries of one or several `baggage` headers, within the W3C's limits.

    Entries that are not valid are left out, and so are properties, which a text cannot carry. What
    is beyond 64 entries or 8192 bytes is dropped, whole entries at a time.
    """
    joined = ",".join(headers)
    if len(joined) > MAX_BAGGAGE_BYTES:
        joined = joined[: MAX_BAGGAGE_BYTES + 1].rpartition(",")[0]
    entries: dict[str, str] = {}
    for entry in joined.split(","):
        name, equals, rest = entry.partition("=")
        name, value = name.strip(_SPACE), rest.partition(";")[0].strip(_SPACE)
        if not (equals and _BAGGAGE_NAME.fullmatch(name) and _BAGGAGE_VALUE.fullmatch(value)):
            continue
        if name in entries or len(entries) < MAX_BAGGAGE_ENTRIES:
            entries[name] = unquote(value, errors="replace")
    return entries


def fitting_baggage(entries: Mapping[str, str]) -> dict[str, str]:
    """Return the first of *entries* that fit into one header, each with its value encoded."""
    kept: dict[str, str] = {}
    length = -1  # no comma stands before the first
    for name, value in entries.items():
        if not _BAGGAGE_NAME.fullmatch(name):
            continue
        # All but letters and digits: some readers take a plus sign for a space.
        encoded = quote(value, safe="", errors="replace")
        length += 1 + len(name) + 1 + len(encoded)
        if len(kept) == MAX_BAGGAGE_ENTRIES or length > MAX_BAGGAGE_BYTES:
            break
        kept[name] = encoded
    return kept


def write_baggage(entries: Mapping[str, str]) -> str:
    """Return the `baggage` header for as many of *entries* as fit; empty for none."""
    return ",".join(f"{name}={value}" for name, value in fitting_baggage(entries).items())
