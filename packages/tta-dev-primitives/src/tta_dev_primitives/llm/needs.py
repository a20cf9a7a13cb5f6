"""What an input asks of a model, estimated without calling anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from .models import Feature
from .types import LLMRequest, Message

Needs: TypeAlias = tuple[int, int | None, frozenset[Feature], str | None]
"""Tokens going in, most tokens coming out, features, and the model that was asked for by name.

A plain tuple, because one is made for every call of a router.
"""

_NO_FEATURES: frozenset[Feature] = frozenset()
_VISION: frozenset[Feature] = frozenset({"vision"})
_TOOLS: frozenset[Feature] = frozenset({"tools"})
_JSON: frozenset[Feature] = frozenset({"json"})
_IMAGE_PARTS = frozenset({"image", "image_url", "input_image"})


def needs_of(value: object) -> Needs:
    """Estimate what an input needs; a token is taken to be four characters.

    An input that is no prompt, no messages and no request needs nothing that is known here.
    """
    if isinstance(value, str):
        return len(value) >> 2, None, _NO_FEATURES, None
    if isinstance(value, LLMRequest):
        characters, vision = _weigh_messages(value.messages)
        features = _VISION if vision else _NO_FEATURES
        if value.tools:
            features |= _TOOLS
        if value.json_schema is not None:
            features |= _JSON
        return characters >> 2, value.max_tokens, features, value.model
    if isinstance(value, list | tuple) and value and isinstance(value[0], dict | Mapping):
        characters, vision = _weigh_messages(cast("Sequence[Message]", value))
        return characters >> 2, None, _VISION if vision else _NO_FEATURES, None
    return 0, None, _NO_FEATURES, None


def _weigh_messages(messages: Sequence[Message]) -> tuple[int, bool]:
    """Return the characters of text in *messages*, and whether there is an image."""
    characters, vision = 0, False
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else message
        if type(content) is str:  # nearly always, and isinstance would be dearer
            characters += len(content)
        else:
            more, seen = _weigh(content)
            characters, vision = characters + more, vision or seen
    return characters, vision


def _weigh(content: object) -> tuple[int, bool]:
    """Do the same for the content of a message, whole or a part of it."""
    if isinstance(content, str):
        return len(content), False
    characters, vision = 0, False
    if isinstance(content, Mapping):
        part = cast("Mapping[str, object]", content)
        vision = part.get("type") in _IMAGE_PARTS
        inner: Sequence[object] = (part.get("content"), part.get("text"))
    elif isinstance(content, list | tuple):
        inner = cast("Sequence[object]", content)
    else:
        return 0, False
    for item in inner:
        more, seen = _weigh(item)
        characters, vision = characters + more, vision or seen
    return characters, vision
