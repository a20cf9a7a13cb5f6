"""What was said to models and by them, where somebody asked for it to be captured."""

from __future__ import annotations

import logging
import os
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from observability_integration.semconv import names as semconv
from observability_integration.semconv.schema import (
    DEFAULT_SCHEMA,
    Schema,
    messages_have_finish_reason,
)

from .content_bounds import BoundedJson
from .content_messages import instructions, message
from .redaction import redact_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tta_dev_primitives.core.observe import LLMContentRecord

    from .limits import Attributes

CAPTURE_VARIABLE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
DEFAULT_MAX_CHARACTERS: Final = 65_536
_logger = logging.getLogger("observability_integration")


class ContentMode(StrEnum):
    """Where content goes; the names are those of OpenTelemetry's variable."""

    NO_CONTENT = "NO_CONTENT"
    SPAN_ONLY = "SPAN_ONLY"
    EVENT_ONLY = "EVENT_ONLY"
    SPAN_AND_EVENT = "SPAN_AND_EVENT"

    @property
    def captures(self) -> bool:
        """Whether there is any."""
        return self is not ContentMode.NO_CONTENT

    @property
    def on_span(self) -> bool:
        """Whether it becomes attributes of the span."""
        return self in (ContentMode.SPAN_ONLY, ContentMode.SPAN_AND_EVENT)

    @property
    def on_event(self) -> bool:
        """Whether it becomes an event of the span."""
        return self in (ContentMode.EVENT_ONLY, ContentMode.SPAN_AND_EVENT)


def content_mode(
    environ: Mapping[str, str] = os.environ, *, name: str = CAPTURE_VARIABLE
) -> ContentMode:
    """Return what the environment asks to be captured, in any case of letters.

    What is not understood is told in the log, and captures nothing.

    Args:
        environ: Where the variable is read.
        name: What was asked by, for the log.
    """
    asked = environ.get(CAPTURE_VARIABLE, "").strip()
    if not asked:
        return ContentMode.NO_CONTENT
    try:
        return ContentMode(asked.upper())
    except ValueError:
        _logger.warning(
            "%s must be one of %s, got %r; no content is captured",
            name,
            ", ".join(ContentMode),
            asked,
        )
        return ContentMode.NO_CONTENT


class ContentCapture:
    """Makes attributes of what was said: JSON texts in the form of the GenAI conventions.

    Pictures, sounds and files are told by where they are, or by their length.

    Args:
        mode: Where content goes.
        redact: Returns a text without what nobody should read; called for every text, in the
            thread that exports. What it raises for is left out.
        max_characters: Longest attribute. Beyond it texts are cut, and then the oldest messages go.
        schema: The conventions to follow.

    Raises:
        ValueError: *max_characters* is too small.
    """

    def __init__(
        self,
        mode: ContentMode,
        *,
        redact: Callable[[str], str] = redact_secrets,
        max_characters: int = DEFAULT_MAX_CHARACTERS,
        schema: Schema = DEFAULT_SCHEMA,
    ) -> None:
        self.mode = mode
        self._json = BoundedJson(redact, max_characters)
        self._finish_reason = messages_have_finish_reason(schema)

    def attributes(self, record: LLMContentRecord) -> Attributes:
        """Return what *record* tells, as JSON texts by the names of their attributes."""
        told: Attributes = {
            semconv.GEN_AI_INPUT_MESSAGES: self._messages(record.input_messages),
        }
        if record.output_messages is not None:
            told[semconv.GEN_AI_OUTPUT_MESSAGES] = self._messages(record.output_messages)
        if record.system_instructions:
            told[semconv.GEN_AI_SYSTEM_INSTRUCTIONS] = self._json.of(
                instructions(record.system_instructions), _items_left_out
            )
        if record.tool_definitions:
            told[semconv.GEN_AI_TOOL_DEFINITIONS] = self._json.of(
                record.tool_definitions, _items_left_out
            )
        return told

    def _messages(self, given: tuple[Mapping[str, object], ...]) -> str:
        told = [message(one, finish_reason=self._finish_reason) for one in given]
        return self._json.of(told, _messages_left_out)


def _messages_left_out(count: int) -> object:
    return {"role": "system", "parts": [{"type": "left_out", "messages": count}]}


def _items_left_out(count: int) -> object:
    return {"type": "left_out", "name": "", "items": count}
