"""From an input to the key of its cache entry."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any, cast

from tta_dev_primitives.errors import InputTypeError

from .encoding import canonical
from .trees import stored_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Mapping

    from tta_dev_primitives.core.context import WorkflowContext


def default_key(value: object) -> Hashable:
    """Return the key of *value*: text is its own key, everything else is hashed.

    Raises:
        InputTypeError: *value* holds something without a canonical form.
    """
    return value if type(value) is str else digest(value)


def key_fn_without(exclude: Collection[str]) -> Callable[[object, WorkflowContext], Hashable]:
    """Return a key function that leaves mapping keys or dataclass fields out by name."""
    left_out = frozenset(exclude)

    def key(value: object, context: WorkflowContext) -> Hashable:
        del context
        if type(value) is dict:
            mapping = cast("Mapping[Any, Any]", value)
            return digest({name: item for name, item in mapping.items() if name not in left_out})
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            kind = type(value)
            kept = {
                name: getattr(value, name) for name in stored_fields(kind) if name not in left_out
            }
            return digest((kind.__module__, kind.__qualname__, kept))
        return default_key(value)

    return key


def digest(value: object) -> bytes:
    """Return the first 128 bits of the SHA-256 of *value* in canonical form."""
    return hashlib.sha256(canonical(value)).digest()[:16]


def stored_key(key: Hashable) -> bytes:
    """Return *key* as a store outside this process knows it.

    Raises:
        InputTypeError: *key* is not hashable, as it has to be for every store, or it is not made
            of data, and so means nothing outside this process.
    """
    if type(key) is str:
        return b"s" + key.encode("utf-8", "surrogatepass")
    if type(key) is bytes:
        return b"b" + key
    try:
        hash(key)
    except TypeError as error:
        raise unhashable(key) from error
    try:
        return b"h" + digest(key)
    except InputTypeError as error:
        msg = (
            f"cache_key_fn returned {key!r}, which only the memory backend can use as a key "
            f"({error}); return text, a number, or a tuple of these"
        )
        raise InputTypeError(msg) from error


def unhashable(key: object) -> InputTypeError:
    """Return the error for a key that no store can use."""
    return InputTypeError(
        f"cache_key_fn returned a {type(key).__qualname__}, which is not hashable; return text, "
        "a number, or a tuple of these"
    )
