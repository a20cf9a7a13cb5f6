"""The text of what a model was asked, for those who read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

# Where the APIs keep what applies to the whole conversation, beside the messages.
_INSTRUCTIONS: Final = ("system", "instructions")
# Of a message or a part of one. A part of another kind, such as an image, has none of them.
_TEXTS: Final = ("text", "content", "parts")


def text_of(messages: object, params: Mapping[str, object]) -> str:
    """Return all texts in their order, instructions first, each on a line of its own.

    Args:
        messages: A text; or messages of OpenAI's or Anthropic's APIs, or of OpenTelemetry's
            conventions, which have parts.
        params: Parameters, among which there may be instructions.
    """
    texts: list[str] = []
    if params:
        for name in _INSTRUCTIONS:
            _gather(params.get(name), texts)
    _gather(messages, texts)
    return "\n".join(texts)


def _gather(content: object, texts: list[str]) -> None:
    """Add the texts of a text, of a message or a part of one, or of a list of these."""
    if isinstance(content, str):
        if content:
            texts.append(content)
    elif isinstance(content, list):
        for item in cast("list[object]", content):
            _gather(item, texts)
    elif isinstance(content, dict):
        given = cast("dict[str, object]", content)
        for name in _TEXTS:
            if name in given:
                _gather(given[name], texts)
