"""What tells an exact repeat: a digest of all that decides an answer but the model."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# As tta_dev_primitives.llm.types has them, so that what is measured here is what a cache does.
VOLATILE_PARAMETERS: Final = frozenset(
    {
        "metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier",
        "service_tier", "store", "stream", "stream_options", "timeout", "user",
    }
)  # fmt: skip
"""Parameters that say who asks and how the answer travels, and leave the answer as it is."""

_LEFT_OUT: Final = VOLATILE_PARAMETERS | {"model"}
_DIGEST_BYTES: Final = 16
# Escapes keep any two texts apart, halves of surrogate pairs included, and are fastest.
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def key_of(messages: object, params: Mapping[str, object]) -> bytes:
    """Return the key of what was asked, as JSON has it; the order of keys does not matter.

    Everything else does: white space, the form of a letter, and whether a number is 0 or 0.0, as
    for the key of a cache.

    Args:
        messages: The messages; a text stands for one message of the user.
        params: The parameters. A null is no parameter.

    Raises:
        RecursionError: They are nested too deeply.
    """
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    return _digest("messages", messages, params)


def key_of_hash(prompt_hash: str, params: Mapping[str, object]) -> bytes:
    """Return the key of what is known by a hash only, which is never that of a text."""
    return _digest("hash", prompt_hash, params)


def _digest(kind: str, asked: object, params: Mapping[str, object]) -> bytes:
    if params:
        counted = {
            name: value
            for name, value in params.items()
            if value is not None and name not in _LEFT_OUT
        }
    else:
        counted = {}
    text = _canonical([kind, asked, counted])
    return hashlib.blake2b(text.encode("ascii"), digest_size=_DIGEST_BYTES).digest()
