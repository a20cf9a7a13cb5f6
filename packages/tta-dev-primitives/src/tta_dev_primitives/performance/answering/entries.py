"""From a result to an entry that no caller can corrupt."""

from __future__ import annotations

import copy
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.errors import InputTypeError
from tta_dev_primitives.performance.values import encoding
from tta_dev_primitives.performance.values.trees import without_uncached_fields

from .stream_recording import Recording

if TYPE_CHECKING:
    from collections.abc import Callable

    from tta_dev_primitives.performance.values.serializers import Serializer

NOTHING: Final = object()
"""Stands where there is no value at all, not even None."""


@dataclass(slots=True)
class Kept:
    """A result in the form in which it is kept.

    Attributes:
        value: What is kept.
        restore: Makes a caller's own copy of it; None where it can be shared.
        data: The encoded form; None when the result has none.
        plain: Whether it is the value of an answer, not an error or a stream in its place.
    """

    value: Any  # Any: whatever the cached step returned
    restore: Callable[[Any], Any] | None
    data: bytes | None
    plain: bool = True

    def restored(self) -> Any:  # Any: as above
        """Return the value for one caller."""
        return self.value if self.restore is None else self.restore(self.value)

    @property
    def size(self) -> int:
        """Bytes that it takes in memory; of an object that is kept as it is, the outermost."""
        return sys.getsizeof(self.value)


@dataclass(frozen=True, slots=True)
class RememberedError:
    """An error in the place of an answer."""

    error: Exception


def keep(
    value: Any,  # Any: any step's result
    *,
    share: bool,
    encoded: bool,
    serializer: Serializer | None = None,
) -> Kept | None:
    """Return *value* in the form in which it is kept, or None if there is none.

    Immutable values are kept as they are, others encoded; a value without an encoded form is
    copied deeply, once now and once per reader, and cannot leave the process.

    Args:
        value: The result.
        share: Keep the very object.
        encoded: An encoded form is needed, because the entry leaves the process.
        serializer: What encodes; None for the automatic choice.
    """
    plain = type(value) is not Recording and type(value) is not RememberedError
    if share:
        return Kept(value, None, None, plain)
    value = without_uncached_fields(value)
    codec = encoding if serializer is None else serializer
    try:
        if not encoded and encoding.is_immutable(value):
            return Kept(value, None, None, plain)
        data = codec.encode(value)
    except (InputTypeError, RecursionError):
        pass  # a copy may be possible
    else:
        return Kept(data, codec.decode, data, plain)
    try:
        return Kept(copy.deepcopy(value), copy.deepcopy, None, plain)
    except Exception:  # noqa: BLE001 - what __deepcopy__ raises is up to the type; None says it
        return None


@dataclass(slots=True)
class Worth:
    """What it took to make an answer; None where that is not known.

    Attributes:
        cost: US dollars.
        input_tokens: Tokens that went in.
        output_tokens: Tokens that came out.
        duration: Seconds.
    """

    cost: float | None
    input_tokens: int | None
    output_tokens: int | None
    duration: float | None

    @classmethod
    def of(cls, answer: object, duration: float | None = None) -> Worth:
        """Return what *answer* says about its price in `cost` and `usage`."""
        cost = getattr(answer, "cost", None)
        usage = getattr(answer, "usage", None)
        tokens_in = getattr(usage, "input_tokens", None)
        tokens_out = getattr(usage, "output_tokens", None)
        return cls(
            cost if isinstance(cost, int | float) else None,
            tokens_in if isinstance(tokens_in, int) else None,
            tokens_out if isinstance(tokens_out, int) else None,
            duration,
        )


def as_result(value: Any) -> Any:  # Any: whatever was kept
    """Return what `execute` returns for a kept *value*: a stream whole, an error raised."""
    if type(value) is Recording:
        return value.joined()
    if type(value) is RememberedError:
        raise value.error
    return value
