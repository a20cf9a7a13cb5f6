"""One request and one response for every provider."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias, TypeGuard, cast

from tta_dev_primitives.errors import ConfigurationError, MalformedResponseError

Message: TypeAlias = Mapping[str, Any]  # Any: a message in the provider-neutral chat form
LLMInput: TypeAlias = "str | Sequence[Message] | LLMRequest"
"""What an adapter accepts: a prompt, chat messages, or a whole request."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may ask to be called.

    Attributes:
        name: Its name.
        description: What it does, for the model to read.
        parameters: JSON Schema of its arguments.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(  # Any: JSON Schema
        default_factory=lambda: {"type": "object", "properties": {}}
    )


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model's wish to have a tool called; *arguments* is the JSON text it wrote."""

    id: str
    name: str
    arguments: str

    def parsed(self) -> dict[str, Any]:  # Any: JSON
        """Return the arguments as a dict.

        Raises:
            MalformedResponseError: The model wrote something that is no JSON object.
        """
        try:
            value = json.loads(self.arguments or "{}")
        except ValueError as error:
            msg = f"arguments of tool call {self.name!r} are not JSON: {self.arguments[:200]!r}"
            raise MalformedResponseError(msg) from error
        if not isinstance(value, dict):
            msg = f"arguments of tool call {self.name!r} are no object: {self.arguments[:200]!r}"
            raise MalformedResponseError(msg)
        return cast("dict[str, Any]", value)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer.

    `input_tokens` counts everything that went in, what was read from or written to the provider's
    prompt cache included; `output_tokens` counts everything that came out, reasoning included.
    `cache_write_1h_tokens` is the part of `cache_write_tokens` that is kept for an hour, which
    Anthropic sells at a price of its own.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_1h_tokens: int = 0


VOLATILE_PARAMETERS: Final = frozenset(
    {
        "metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier",
        "service_tier", "store", "stream", "stream_options", "timeout", "user",
    }
)  # fmt: skip
"""Parameters that say who asks and how the answer travels, and leave the answer as it is."""


@dataclass(frozen=True, slots=True)
class LLMRequest:
    """One request to a model.

    A cache takes requests for the same that differ in `VOLATILE_PARAMETERS` of `extra` only; any
    other parameter, also one that is new, makes another entry.

    Attributes:
        messages: Chat messages, `{"role": ..., "content": ...}`; content is text or the
            provider's list of parts. Roles are `system`, `user`, `assistant` and `tool`.
        model: Overrides the adapter's model.
        tools: Functions the model may ask for.
        tool_choice: `auto`, `none`, `required`, or the name of one tool.
        json_schema: JSON Schema the answer must follow; `{}` asks for any JSON object.
        max_tokens: Most tokens of the answer.
        temperature: 0 is the most predictable.
        stop: Texts that end the answer.
        seed: Asks for repeatable sampling, where the provider can.
        extra: Further keyword arguments for the SDK's call, as they are.
    """

    messages: tuple[Message, ...]
    model: str | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None
    json_schema: Mapping[str, Any] | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def cache_form(self) -> LLMRequest:
        """Return the request as a cache knows it, without what leaves the answer as it is."""
        if VOLATILE_PARAMETERS.isdisjoint(self.extra):
            return self
        counted = {
            name: value for name, value in self.extra.items() if name not in VOLATILE_PARAMETERS
        }
        return replace(self, extra=counted)

    @classmethod
    def of(cls, value: LLMInput) -> LLMRequest:
        """Return *value* as a request: text becomes one user message.

        Raises:
            ConfigurationError: *value* is none of the accepted forms, or has no message.
        """
        if isinstance(value, LLMRequest):
            request = value
        elif isinstance(value, str):
            request = cls(messages=({"role": "user", "content": value},))
        elif _are_messages(value):
            request = cls(messages=tuple(value))
        else:
            msg = (
                f"expected text, a list of messages or an LLMRequest, got {type(value).__name__}; "
                'a message is {"role": "user", "content": "..."}'
            )
            raise ConfigurationError(msg)
        if not request.messages:
            msg = "a request needs at least one message, got none"
            raise ConfigurationError(msg)
        return request


def _are_messages(value: object) -> TypeGuard[Sequence[Message]]:
    return isinstance(value, Sequence) and all(
        isinstance(item, Mapping) for item in cast("Sequence[object]", value)
    )


@dataclass(frozen=True, slots=True)
class LLMResponse:
    """One answer of a model.

    Attributes:
        text: The text of the answer; empty when the model only called tools.
        tool_calls: What the model wants called.
        usage: Tokens, as the provider counted them; zeros where it did not say.
        cost: US dollars; None where the price of the model is not known.
        model: The model that answered, as it calls itself.
        finish_reason: `stop`, `length`, `tool_calls`, `content_filter`, or the provider's word.
        latency: Seconds from the request to the whole answer.
        provider: Name of the provider.
        response_id: The provider's id of the answer.
        raw: The SDK's own object; not kept in caches.
    """

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    cost: float | None = None
    model: str = ""
    finish_reason: str = "stop"
    latency: float = 0.0
    provider: str = ""
    response_id: str | None = None
    raw: Any = field(  # Any: differs by SDK
        default=None, compare=False, repr=False, metadata={"cache": False}
    )

    @property
    def cacheable(self) -> bool:
        """Whether the answer is whole: not cut off, not filtered, and not waiting for a tool."""
        return self.finish_reason == "stop" and not self.tool_calls

    def json(self) -> Any:  # Any: JSON
        """Return the text parsed as JSON.

        Raises:
            MalformedResponseError: The text is not JSON; says so when it was cut short.
        """
        try:
            return json.loads(self.text)
        except ValueError as error:
            why = "; it was cut off at max_tokens" if self.finish_reason == "length" else ""
            msg = f"{self.model} answered something that is not JSON{why}: {self.text[:200]!r}"
            raise MalformedResponseError(msg, provider=self.provider, model=self.model) from error

    def without_raw(self) -> LLMResponse:
        """Return the answer without the SDK's object, as caches keep it."""
        return self if self.raw is None else replace(self, raw=None)


@dataclass(frozen=True, slots=True)
class LLMChunk:
    """A piece of a streamed answer.

    Attributes:
        text: New text; empty in chunks that only carry something else.
        response: The whole answer, in the last chunk only.
    """

    text: str = ""
    response: LLMResponse | None = None

    @classmethod
    def join_chunks(cls, chunks: Sequence[LLMChunk]) -> LLMResponse:
        """Return the whole answer that the last chunk carries, or what came without it."""
        last = chunks[-1].response
        return last if last is not None else LLMResponse("".join(chunk.text for chunk in chunks))
