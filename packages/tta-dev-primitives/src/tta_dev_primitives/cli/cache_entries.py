"""What an entry of a cache is, from its bytes: whose it is, and what it says."""

from __future__ import annotations

import json
import math
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from tta_dev_primitives.performance.keys import PREFIX_BYTES, text_prefix
from tta_dev_primitives.performance.tiers.deletion import EVERYTHING, Deletion
from tta_dev_primitives.performance.values import encoding
from tta_dev_primitives.performance.values.encoding import DecodingError

if TYPE_CHECKING:
    from tta_dev_primitives.performance.stores.base import StoredEntry

_SCOPE_BYTES: Final = 16
_TAG_SEPARATOR: Final = "\x1f"
# The first byte of a value says how it is written. What the values of typed trees are made of is
# read as the JSON or MessagePack that it is, so that no type is looked for.
_WITHOUT_TYPES: Final = {b"t": b"j", b"n": b"m"}
_SIGNED_PICKLE: Final = b"p"
# What turns the direction of text, so that it reads as something else.
_TURNING: Final = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))


@dataclass(frozen=True, slots=True)
class EntryKey:
    """A stored key, taken apart.

    Attributes:
        namespace: Of the cache that wrote it.
        part: What stands for the caller's key, behind the namespace and the step.
    """

    namespace: str
    part: bytes

    @classmethod
    def parse(cls, key: bytes) -> EntryKey:
        """Take *key* apart; one of another form has no namespace and no part."""
        namespace, separator, rest = key.partition(b"\0")
        if not separator:
            return cls("", b"")
        return cls(namespace.decode(errors="backslashreplace"), rest[_SCOPE_BYTES:])

    @property
    def is_cut(self) -> bool:
        """Whether `text` is only the beginning of a longer one."""
        return self.part[:1] == b"s" and len(self.part) > 1 + PREFIX_BYTES

    @property
    def text(self) -> str | None:
        """The caller's key where that is text, else None."""
        if self.part[:1] != b"s":
            return None
        text = self.part[1 : 1 + PREFIX_BYTES]
        if self.is_cut:
            # The cut may have gone through a character.
            return text.decode("utf-8", "ignore")
        try:
            return text.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:  # no text of ours
            return None

    def tag(self, stored: str) -> str:
        """Return a stored tag as its cache knows it, without the namespace."""
        return stored.removeprefix(self.namespace + _TAG_SEPARATOR) if self.namespace else stored


class Selection:
    """Entries that fulfil every condition that is given.

    Args:
        namespace: They are of this namespace; empty for those without one.
        prefix: Their keys are texts that begin with this.
        tag: They carry this tag.

    Raises:
        ConfigurationError: *prefix* is longer than what is kept of a text as it is.
    """

    def __init__(
        self, *, namespace: str | None = None, prefix: str | None = None, tag: str | None = None
    ) -> None:
        self._namespace, self._tag = namespace, tag
        self._part = None if prefix is None else text_prefix(prefix)

    def __call__(self, key: bytes, entry: StoredEntry) -> bool:
        """Tell whether *entry* is meant."""
        parsed = EntryKey.parse(key)
        return (
            (self._namespace is None or parsed.namespace == self._namespace)
            and (self._part is None or parsed.part.startswith(self._part))
            and (self._tag is None or self._tag in map(parsed.tag, entry.tags))
        )

    def as_deletion(self) -> Deletion | None:
        """Return how a store is told to delete these; None where it has to look at each."""
        space = self._namespace
        if self._part is not None or (self._tag is not None and space is None):
            return None
        if space is None:
            return EVERYTHING
        if self._tag is None:
            return Deletion(prefixes=(space.encode() + b"\0",))
        return Deletion(tags=(space + _TAG_SEPARATOR + self._tag if space else self._tag,))


def state_of(entry: StoredEntry, now: float) -> Literal["fresh", "stale", "expired"]:
    """Return what has become of *entry* by *now*."""
    if now < entry.fresh_until:
        return "fresh"
    return "stale" if now < entry.expires_at else "expired"


def describe(key: bytes, entry: StoredEntry) -> dict[str, Any]:  # Any: JSON
    """Return an entry as a JSON object. Times are seconds since the epoch, null for never."""
    parsed = EntryKey.parse(key)
    return {
        "key": key.hex(),
        "text": parsed.text,
        "text_is_cut": parsed.is_cut,
        "namespace": parsed.namespace,
        "stored_at": finite(entry.stored_at),
        "fresh_until": finite(entry.fresh_until),
        "expires_at": finite(entry.expires_at),
        "tags": [parsed.tag(tag) for tag in entry.tags],
        "cost_usd": finite(entry.cost),
        "input_tokens": entry.input_tokens,
        "output_tokens": entry.output_tokens,
        "duration_seconds": finite(entry.duration),
        "value": value_of(entry.data),
    }


def value_of(data: bytes) -> Any:  # Any: JSON
    """Return a stored value as JSON, running no code of its types and importing none.

    What JSON has no form for stands there as the store has it, with a tag in the key `!`. What
    cannot be read, signed pickles above all, is `{"unreadable": reason}`.
    """
    form = data[:1]
    if form == _SIGNED_PICKLE:
        return _unreadable("a signed pickle, which is not opened here")
    try:
        value = encoding.decode(_WITHOUT_TYPES.get(form, form) + data[1:])
        json.dumps(value, allow_nan=False)
    except (DecodingError, TypeError, ValueError, RecursionError) as error:
        return _unreadable(str(error))
    return value


def _unreadable(reason: str) -> dict[str, str]:
    return {"unreadable": reason}


def finite(number: float | None) -> float | None:
    """Return *number*, or None for what JSON cannot say."""
    return number if number is not None and math.isfinite(number) else None


def printable(text: str) -> str:
    """Return *text* with escapes for what a terminal would obey, or UTF-8 has no form for."""
    return "".join(
        char.encode("unicode_escape").decode()
        if char in _TURNING or unicodedata.category(char) in ("Cc", "Cs")
        else char
        for char in text
    )


def counted(entries: int) -> str:
    """Return a number of entries for people to read."""
    return "1 entry" if entries == 1 else f"{entries:,} entries"
