"""Pickle, for those who ask for it by name: signed, and not opened unless the signature is ours.

Whoever can write pickles that we open runs code here. The signature keeps out everybody who can
write to the store but does not have the key.
"""

from __future__ import annotations

import hashlib
import hmac
import pickle
from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.errors import ConfigurationError, InputTypeError

from . import encoding
from .encoding import DecodingError

if TYPE_CHECKING:
    from collections.abc import Sequence

SHORTEST_KEY_BYTES: Final = 16
_TAG: Final = b"p"
_SIGNATURE_BYTES: Final = hashlib.sha256().digest_size
_PROTOCOL: Final = 5


class SignedPickle:
    """Store any value that can be pickled, signed with HMAC-SHA256.

    What the other serializers wrote is read as well; it runs no code and so needs no signature.

    Args:
        signing_key: At least 16 bytes that only the processes sharing the store know; text counts
            as UTF-8. Of several, the first signs and all verify, so that a key can be changed
            without losing what is stored.

    Raises:
        ConfigurationError: There is no key, or one is too short.
    """

    __slots__ = ("_keys",)

    def __init__(self, signing_key: bytes | str | Sequence[bytes | str] | None) -> None:
        several = [signing_key] if isinstance(signing_key, bytes | str) else signing_key
        self._keys = tuple(map(_checked, several or ()))
        if not self._keys:
            msg = (
                "serializer='pickle' needs signing_key=, at least 16 secret bytes; make one with "
                "secrets.token_hex(32)"
            )
            raise ConfigurationError(msg)

    def encode(self, value: object, /) -> bytes:
        """Return *value* pickled and signed.

        Raises:
            InputTypeError: *value* cannot be pickled.
        """
        try:
            payload = pickle.dumps(value, _PROTOCOL)
        except RecursionError as error:
            raise encoding.too_much(error) from error
        except Exception as error:  # what __reduce__ raises is up to the type
            kind = type(value)
            name = f"{kind.__module__}.{kind.__qualname__}"
            msg = f"value is a {name}, which cannot be pickled: {error}"
            raise InputTypeError(msg) from error
        return _TAG + _signature(self._keys[0], payload) + payload

    def decode(self, data: bytes, /) -> Any:  # Any: whatever was stored
        """Return the value that any serializer wrote; a pickle only if one of our keys signed it.

        Raises:
            DecodingError: The signature is not ours, or the value cannot be made again.
        """
        if data[:1] != _TAG:
            return encoding.decode(data)
        end = 1 + _SIGNATURE_BYTES
        found, payload = data[1:end], data[end:]
        # Every key is tried, so that the time taken does not tell which one it was.
        ours = [hmac.compare_digest(found, _signature(key, payload)) for key in self._keys]
        if not any(ours):
            msg = "stored pickle is not signed by any of our keys; it was not opened"
            raise DecodingError(msg)
        try:
            return pickle.loads(payload)  # noqa: S301 - asked for by name, and the signature is ours
        except Exception as error:
            msg = f"stored pickle cannot be read: {error}"
            raise DecodingError(msg) from error


def _signature(key: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, _TAG + payload, "sha256")


def _checked(key: object) -> bytes:
    # No message shows the key.
    if isinstance(key, str):
        key = key.encode("utf-8", "surrogatepass")
    if not isinstance(key, bytes):
        msg = f"signing_key must be bytes or text, or a sequence of these, got {type(key).__name__}"
        raise ConfigurationError(msg)
    if len(key) < SHORTEST_KEY_BYTES:
        msg = (
            f"signing_key must be at least {SHORTEST_KEY_BYTES} bytes, got {len(key)}; make one "
            "with secrets.token_hex(32)"
        )
        raise ConfigurationError(msg)
    return key
