"""Make JSON of anything: redacted, and never longer than it may be."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from .redaction import REDACTED, names_a_secret

if TYPE_CHECKING:
    from collections.abc import Callable

_DEEPEST: Final = 24
_MOST_ITEMS: Final = 1000
_LONGEST_KEY: Final = 256
_SHORTEST_CUT: Final = 32
_FEWEST_CHARACTERS: Final = 256
_LARGEST_INTEGER: Final = 2**63
_logger = logging.getLogger("observability_integration")


class BoundedJson:
    """Turns lists of JSON-like values into JSON texts that are safe to store.

    Every text goes through *redact* before it is cut, or half of a secret could stay. What cannot
    be redacted is left out.

    Args:
        redact: Returns a text without what nobody should read.
        max_characters: Longest JSON text, 256 or more.

    Raises:
        ValueError: *max_characters* is too small.
    """

    def __init__(self, redact: Callable[[str], str], max_characters: int) -> None:
        if max_characters < _FEWEST_CHARACTERS:
            msg = f"max_characters must be at least {_FEWEST_CHARACTERS}, got {max_characters!r}"
            raise ValueError(msg)
        self._redact, self._most = redact, max_characters
        self._told = False

    def of(self, items: Sequence[object], left_out: Callable[[int], object]) -> str:
        """Return *items* as a JSON list.

        When they are too long, long texts are cut and then the oldest items go; the newest is kept
        as far as it can be.

        Args:
            items: Oldest first.
            left_out: Makes what stands in place of so many items.
        """
        safe = [self._safe(item, 0) for item in items]
        texts = [_json(item) for item in safe]
        longest = self._most
        if sum(map(len, texts)) + len(texts) < longest:
            return _joined(texts)
        room = self._most - len(_joined([_json(left_out(len(texts)))])) - 1
        kept: list[str] = []
        while not kept and longest > _SHORTEST_CUT:
            longest //= 4
            kept = _newest([_json(_cut(item, longest)) for item in safe], room)
        missing = len(texts) - len(kept)
        return _joined([_json(left_out(missing)), *kept] if missing else kept)

    def _safe(self, value: object, depth: int) -> object:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._redacted(value)
        if isinstance(value, int):
            small = -_LARGEST_INTEGER <= value < _LARGEST_INTEGER
            return value if small else f"[an integer of {value.bit_length()} bits]"
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if depth > _DEEPEST:
            return "[deeper]"
        if isinstance(value, Mapping):
            return self._safe_mapping(cast("Mapping[object, object]", value), depth)
        if isinstance(value, list | tuple):
            items = cast("Sequence[object]", value)
            safe = [self._safe(item, depth + 1) for item in items[:_MOST_ITEMS]]
            more = len(items) - len(safe)
            return [*safe, f"[{more} more]"] if more else safe
        return f"[{type(value).__name__}]"

    def _safe_mapping(self, value: Mapping[object, object], depth: int) -> dict[str, object]:
        safe: dict[str, object] = {}
        for number, (key, item) in enumerate(value.items()):
            if number == _MOST_ITEMS:
                safe["..."] = f"[{len(value) - number} more]"
                break
            name = str(key)
            safe[self._redacted(name)[:_LONGEST_KEY]] = (
                REDACTED if _is_hidden(name, item) else self._safe(item, depth + 1)
            )
        return safe

    def _redacted(self, text: str) -> str:
        try:
            return "".join((self._redact(text),))  # raises for what is no text
        except Exception as error:  # noqa: BLE001 - a user's function; what it was given stays out
            if not self._told:
                self._told = True
                kind = type(error).__name__
                _logger.warning("content is left out where redacting it raises %s", kind)
            return "[left out: could not be redacted]"


def _is_hidden(name: str, value: object) -> bool:
    # A mapping has names of its own: it may be the schema of the secret.
    return names_a_secret(name) and not (value is None or isinstance(value, Mapping))


def _newest(texts: list[str], room: int) -> list[str]:
    """Return as many of *texts* from the end as fit, with a comma for each."""
    at = len(texts)
    while at and len(texts[at - 1]) < room:
        at -= 1
        room -= len(texts[at]) + 1
    return texts[at:]


def _joined(texts: Sequence[str]) -> str:
    return f"[{','.join(texts)}]"


def _cut(value: Any, longest: int) -> Any:  # Any: JSON
    if isinstance(value, str):
        more = len(value) - longest
        return f"{value[:longest]}[{more} characters more]" if more > _SHORTEST_CUT else value
    if isinstance(value, dict):
        return {key: _cut(item, longest) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_cut(item, longest) for item in cast("list[Any]", value)]
    return value


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
