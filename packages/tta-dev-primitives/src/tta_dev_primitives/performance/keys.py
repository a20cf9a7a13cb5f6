"""From an input to the key of its cache entry."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any, Final, cast

from tta_dev_primitives.errors import ConfigurationError, InputTypeError
from tta_dev_primitives.performance.values.encoding import canonical
from tta_dev_primitives.performance.values.trees import stored_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Mapping

    from tta_dev_primitives.core.context import WorkflowContext

PREFIX_BYTES: Final = 128


def default_key(value: object) -> Hashable:
    """Return the key of *value*: text is its own key, everything else is hashed.

    A type may have a method `cache_form()` that returns what of its values counts.

    Raises:
        InputTypeError: *value* holds something without a canonical form.
    """
    return value if type(value) is str else digest(_counted(value))


def _counted(value: Any) -> Any:  # Any: any input
    """Return what of *value* counts by the word of its type."""
    kind = cast("type[Any]", type(value))
    form = None if kind is dict else getattr(kind, "cache_form", None)
    return value if form is None else form(value)


def key_fn_without(exclude: Collection[str]) -> Callable[[object, WorkflowContext], Hashable]:
    """Return a key function that leaves mapping keys, or fields of typed values, out by name."""
    left_out = frozenset(exclude)

    def key(value: object, context: WorkflowContext) -> Hashable:
        del context
        value = _counted(value)
        if type(value) is dict:
            mapping = cast("Mapping[Any, Any]", value)
            return digest({name: item for name, item in mapping.items() if name not in left_out})
        kind = type(value)
        fields = _fields(kind)
        if fields is None:
            return default_key(value)
        kept = {name: getattr(value, name) for name in fields if name not in left_out}
        return digest((kind.__module__, kind.__qualname__, kept))

    return key


def _fields(kind: type[Any]) -> Iterable[str] | None:  # Any: any type
    """Return the names of the fields of a dataclass, a msgspec struct or a Pydantic model."""
    if dataclasses.is_dataclass(kind):
        return stored_fields(kind)
    return getattr(kind, "__struct_fields__", None) or getattr(kind, "model_fields", None)


def digest(value: object) -> bytes:
    """Return the first 128 bits of the SHA-256 of *value* in canonical form."""
    return hashlib.sha256(canonical(value)).digest()[:16]


def stored_key(key: Hashable) -> bytes:
    """Return *key* as a store outside this process knows it.

    Text of more than `PREFIX_BYTES` bytes is cut there and told apart by a hash, so that what is
    at its beginning can still be searched for.

    Raises:
        InputTypeError: *key* is not hashable, as it has to be for every store, or it is not made
            of data, and so means nothing outside this process.
    """
    if type(key) is str:
        text = key.encode("utf-8", "surrogatepass")
        # No text has the byte 0xff, so a cut one cannot be taken for one that was not.
        return b"s" + (text if len(text) <= PREFIX_BYTES else _cut(text))
    if type(key) is bytes:
        return b"b" + key if len(key) <= PREFIX_BYTES else b"c" + _cut(key)
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


def text_prefix(prefix: str) -> bytes:
    """Return what the stored keys of all texts with *prefix* begin with.

    Raises:
        ConfigurationError: The prefix is longer than what is kept of a text as it is.
    """
    text = prefix.encode("utf-8", "surrogatepass")
    if len(text) > PREFIX_BYTES:
        msg = f"a prefix has at most {PREFIX_BYTES} bytes of UTF-8, got {len(text)}; shorten it"
        raise ConfigurationError(msg)
    return b"s" + text


def _cut(text: bytes) -> bytes:
    return text[:PREFIX_BYTES] + b"\xff" + hashlib.sha256(text).digest()[:16]


def unhashable(key: object) -> InputTypeError:
    """Return the error for a key that no store can use."""
    return InputTypeError(
        f"cache_key_fn returned a {type(key).__qualname__}, which is not hashable; return text, "
        "a number, or a tuple of these"
    )
