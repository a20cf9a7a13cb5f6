"""How a cache writes values for stores outside the process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from tta_dev_primitives.errors import ConfigurationError, MissingExtraError

from . import encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@runtime_checkable
class Serializer(Protocol):
    """Turns values into bytes and back.

    Both methods may be called from any thread.
    """

    def encode(self, value: object, /) -> bytes:
        """Return *value* as bytes.

        Raises:
            InputTypeError: *value* has no stored form.
        """
        ...

    def decode(self, data: bytes, /) -> Any:  # Any: whatever was stored
        """Return the value that *data* was made from, as an object of the caller's own.

        Raises:
            DecodingError: *data* cannot be read; the cache takes it for a miss.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Functions:
    """A serializer made of two functions, which costs no call of its own."""

    encode: Callable[[object], bytes]
    decode: Callable[[bytes], Any]  # Any: whatever was stored


def make_serializer(
    choice: str | Serializer | None = None,
    signing_key: bytes | str | Sequence[bytes | str] | None = None,
) -> Serializer:
    """Return the serializer that the arguments ask for.

    All but the caller's own read what the automatic one, `json` and `msgpack` wrote, so the
    choice can change while entries live on. Values keep their types with each of them.

    Args:
        choice: None for MessagePack where `msgspec` is installed and JSON where it is not; `json`
            for JSON always, so that processes without `msgspec` can read it; `msgpack` to refuse
            to do without `msgspec`; `pickle` for values that the others refuse; or an object with
            `encode` and `decode`.
        signing_key: For `pickle`: at least 16 secret bytes. Of several, the first signs and all
            verify.

    Raises:
        ConfigurationError: There is no such serializer, or *signing_key* is missing, too short,
            or of no use.
        MissingExtraError: `msgpack` without `msgspec`.
    """
    if choice == "pickle":
        from .signed_pickle import SignedPickle

        return SignedPickle(signing_key)
    if signing_key is not None:
        msg = f"signing_key is for serializer='pickle' only, got it with {_named(choice)}"
        raise ConfigurationError(msg)
    if choice is None:
        return _Functions(encoding.encode, encoding.decode)
    if choice == "json":
        return _Functions(encoding.encode_json, encoding.decode)
    if choice == "msgpack":
        try:
            import msgspec as msgspec
        except ImportError as error:
            raise MissingExtraError("msgspec", "fast") from error  # noqa: EM101 - a name
        return _Functions(encoding.encode, encoding.decode)
    if isinstance(choice, Serializer) and not isinstance(cast("object", choice), type):
        return choice
    msg = (
        "serializer must be 'json', 'msgpack', 'pickle' or an object with encode and decode, got "
        f"{_named(choice)}"
    )
    raise ConfigurationError(msg)


def _named(choice: object) -> str:
    return repr(choice) if choice is None or isinstance(choice, str) else type(choice).__qualname__
