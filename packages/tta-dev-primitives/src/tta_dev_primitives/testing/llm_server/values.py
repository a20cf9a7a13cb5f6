"""What the server serves, reads, answers and remembers, as plain values."""

from __future__ import annotations

import json
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tta_dev_primitives.testing.llm_server.faults import Fault, FaultRates

# Any: a JSON document from outside, whose shape is what the code that reads it has to find out.
JsonObject = dict[str, Any]

Provider = Literal["openai", "anthropic"]
ChatApi = Literal["chat", "messages", "responses"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class ServedModel:
    """Describe one model the server answers for.

    Args:
        name: What clients send as `model`.
        provider: Whose API the model belongs to; the other API answers 404 for it.
        input_price: USD per million input tokens, cached ones included. None is unpriced.
        output_price: USD per million output tokens. None is unpriced.
        latency_seconds: Median wait before a plain answer, or before the first chunk of a stream.
        latency_spread: Sigma of the log-normal the wait is drawn from. 0 is always the median,
            0.5 puts one wait in twenty at 2.3 times the median or more.
        tokens_per_second: Pace of a stream. None sends every chunk at once.
        context_window: Most input tokens; a longer prompt gets the provider's own 400.
        requests_per_minute: Enforced, with a real 429. None states a large limit, enforces none.
        tokens_per_minute: The same for input and output tokens together.
        faults: Fault rates of this model, in place of the server's.
        embedding_dimensions: Length of its vectors when the client does not ask for one.
    """

    name: str
    _: KW_ONLY
    provider: Provider | Literal["both"] = "both"
    input_price: float | None = None
    output_price: float | None = None
    latency_seconds: float = 0.0
    latency_spread: float = 0.0
    tokens_per_second: float | None = None
    context_window: int = 128_000
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    faults: FaultRates | None = None
    embedding_dimensions: int = 1536

    def __post_init__(self) -> None:
        if not self.name:
            msg = "name of a served model must not be empty, pass the name clients send"
            raise ValueError(msg)
        for field in ("latency_seconds", "latency_spread"):
            if getattr(self, field) < 0:
                msg = f"{field} of {self.name} must be 0 or more, got {getattr(self, field)!r}"
                raise ValueError(msg)
        for field in (
            "tokens_per_second",
            "context_window",
            "requests_per_minute",
            "tokens_per_minute",
            "embedding_dimensions",
        ):
            value = getattr(self, field)
            if value is not None and value <= 0:
                msg = f"{field} of {self.name} must be positive, got {value!r}"
                raise ValueError(msg)

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Price one answer in USD, or None where a price is unknown."""
        if self.input_price is None or self.output_price is None:
            return None
        return (input_tokens * self.input_price + output_tokens * self.output_price) / 1e6


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a conversation, its text parts joined by newlines."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool the client offers, with the JSON schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]  # Any: a JSON schema


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One request for a completion, the same whichever API it came by.

    Attributes:
        api: `chat` and `responses` are OpenAI's, `messages` is Anthropic's.
        messages: The conversation without system messages.
        system: System and developer instructions, joined by blank lines, or "".
        forced_tool: Name of the tool the answer must call, or None.
        wants_json: Whether the text of the answer must be a JSON document.
        json_schema: The schema that document must match, if the client gave one.
        max_tokens: Most output tokens, or None.
        stop: Texts at which the answer ends.
        attempt: How many times this very body came before; 1 is the first retry.
        raw: The body as it came.
    """

    api: ChatApi
    model: str
    messages: tuple[ChatMessage, ...]
    system: str = ""
    tools: tuple[ToolSpec, ...] = ()
    forced_tool: str | None = None
    wants_json: bool = False
    json_schema: Mapping[str, Any] | None = None  # Any: a JSON schema
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    stream: bool = False
    attempt: int = 0
    raw: Mapping[str, Any]  # Any: the JSON body

    @property
    def last_text(self) -> str:
        """The text of the newest message, "" when there is none."""
        return self.messages[-1].text if self.messages else ""

    @property
    def prompt(self) -> str:
        """Everything the model reads as one text; its tokens are the input tokens."""
        parts = [self.system] if self.system else []
        parts += [message.text for message in self.messages]
        parts += [
            f"{tool.name} {tool.description} {json.dumps(tool.parameters)}" for tool in self.tools
        ]
        return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool in an answer.

    Args:
        name: The tool's name.
        arguments: An object, or the JSON text itself (which may then be broken on purpose).
        id: The call's id. None draws one.
    """

    name: str
    arguments: Mapping[str, Any] | str  # Any: JSON values
    id: str | None = None

    @property
    def arguments_text(self) -> str:
        """The arguments as the JSON text that goes over the wire."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)

    @property
    def arguments_value(self) -> Mapping[str, Any]:  # Any: JSON values
        """The arguments as an object; empty where their text is broken or is no object."""
        if not isinstance(self.arguments, str):
            return self.arguments
        try:
            value = json.loads(self.arguments)
        except ValueError:
            return {}
        return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Reply:
    """Say what to answer; whatever is left out is worked out from the request.

    Args:
        text: The answer. Cut at `max_tokens` and stop texts like a model's.
        tool_calls: Tools to call, after the text if there is any.
        finish_reason: In OpenAI's words whatever the API. None works it out.
        input_tokens: All input tokens, cached ones included. None counts the prompt.
        output_tokens: None counts text and arguments.
        cached_tokens: How many of the input tokens were read from the provider's cache.
        latency_seconds: Wait before the answer. None draws it from the model's latency.
        chunks: The exact pieces a stream is sent in. Alone, they are the text as well.
    """

    text: str = ""
    tool_calls: Sequence[ToolCall] = ()
    finish_reason: FinishReason | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int = 0
    latency_seconds: float | None = None
    chunks: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.chunks is None:
            return
        joined = "".join(self.chunks)
        if not self.text:
            object.__setattr__(self, "text", joined)
        elif self.text != joined:
            msg = f"chunks join to {joined!r}, which is not the text {self.text!r}; pass one"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedRequest:
    """Record one request the server received, and what became of it.

    Attributes:
        number: Its place in order of arrival, from 0.
        api: `chat`, `responses`, `messages`, `embeddings`, `models`, `count_tokens`, or "" for a
            path that is not served.
        headers: Lower-case names; the values of key headers are replaced by `[hidden]`.
        body: The parsed body, or None when there was none or it could not be read.
        status: The HTTP status, or None when the connection ended without one.
        fault: What went wrong on purpose, or None.
        attempt: How many times this very body came before.
        input_tokens: What the answer bills, cached tokens included; 0 for an error.
        cost: USD by the model's prices, 0.0 for an error, None where a price is unknown.
        latency_seconds: The wait that was drawn or scripted.
        received_at: Unix seconds by the server's clock.
        finished: Whether everything was sent, the agreed fault included.
        client_left: Whether the client hung up before that.
    """

    number: int
    provider: Provider
    api: str = ""
    method: str
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any] | None = None  # Any: the JSON body
    model: str | None = None
    stream: bool = False
    status: int | None = None
    fault: Fault | None = None
    attempt: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: float | None = 0.0
    latency_seconds: float = 0.0
    received_at: float
    finished: bool = False
    client_left: bool = False
