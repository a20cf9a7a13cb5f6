"""From what to say to a full answer: text cut, tokens counted, stream pieces made."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tta_dev_primitives.testing.llm_server.schema_examples import example_of
from tta_dev_primitives.testing.llm_server.values import Reply, ToolCall

if TYPE_CHECKING:
    from tta_dev_primitives.testing.llm_server.draws import Draws
    from tta_dev_primitives.testing.llm_server.values import ChatRequest, FinishReason

CountTokens = Callable[[str], int]

_PIECES = re.compile(r"\s*\S+|\s+")
_ADJECTIVES = [
    "quiet",
    "brisk",
    "patient",
    "amber",
    "narrow",
    "early",
    "distant",
    "steady",
    "small",
    "bright",
]
_NOUNS = [
    "river",
    "engine",
    "garden",
    "lantern",
    "harbour",
    "kettle",
    "ladder",
    "signal",
    "orchard",
    "bridge",
]
_VERBS = [
    "follows",
    "warms",
    "carries",
    "answers",
    "mends",
    "borrows",
    "passes",
    "notices",
    "steadies",
    "outlasts",
]
_TIMES = ["before noon", "at dusk", "in spring", "on Sundays", "without haste", "once a year"]


def count_tokens(text: str) -> int:
    """Estimate tokens as a quarter of the characters, rounded up, and at least 1.

    This is a rule of thumb that is close for English prose, and no tokenizer. Pass
    `count_tokens=` to the server where it matters.
    """
    return max(1, math.ceil(len(text) / 4))


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, ready to be written by any of the APIs."""

    request: ChatRequest
    text: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: FinishReason
    stop_text: str | None
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    chunks: tuple[str, ...]
    draws: Draws
    created: int

    def call_id(self, place: int, prefix: str) -> str:
        """Give the id of a tool call, drawn unless it was set."""
        return self.tool_calls[place].id or prefix + self.draws.hex(f"call/{place}", 24)


def default_reply(request: ChatRequest, draws: Draws) -> Reply:
    """Answer like an obliging model: the forced tool, valid JSON, or a short text."""
    text = _sentences(draws)
    if request.forced_tool is not None:
        for tool in request.tools:
            if tool.name == request.forced_tool:
                arguments = example_of(tool.parameters, draws, text)
                return Reply(tool_calls=(ToolCall(tool.name, json.dumps(arguments)),))
    if request.wants_json:
        schema = request.json_schema
        document = {"answer": text} if schema is None else example_of(schema, draws, text)
        return Reply(json.dumps(document))
    return Reply(text)


def complete(
    request: ChatRequest,
    reply: Reply,
    draws: Draws,
    count: CountTokens,
    *,
    prompt_tokens: int,
    created: int,
) -> Answer:
    """Work out what a reply leaves open, and hold it to the request's limits."""
    text, stop_text = _stopped(reply.text, request.stop)
    finish: FinishReason = "tool_calls" if reply.tool_calls else "stop"
    if request.max_tokens is not None and text and count(text) > request.max_tokens:
        text, stop_text, finish = _fitting(text, request.max_tokens, count), None, "length"
    if reply.chunks is not None and text == reply.text:
        chunks = tuple(reply.chunks)
    else:
        chunks = tuple(_PIECES.findall(text)) if request.stream else ()
    output = reply.output_tokens
    if output is None:
        output = count(text) if text else 0
        output += sum(count(call.name + call.arguments_text) for call in reply.tool_calls)
    read = prompt_tokens if reply.input_tokens is None else reply.input_tokens
    return Answer(
        request=request,
        text=text,
        tool_calls=tuple(reply.tool_calls),
        finish_reason=reply.finish_reason or finish,
        stop_text=stop_text,
        input_tokens=read,
        output_tokens=output,
        cached_tokens=min(reply.cached_tokens, read),
        chunks=chunks,
        draws=draws,
        created=created,
    )


def argument_pieces(text: str) -> list[str]:
    """Cut the JSON text of a tool's arguments into stream pieces."""
    return [text[at : at + 12] for at in range(0, len(text), 12)]


def _sentences(draws: Draws) -> str:
    drawn = draws.bits("text", 512)
    sentences: list[str] = []
    for _ in range(1 + drawn % 3):
        words: list[str] = []
        for choices in (_ADJECTIVES, _NOUNS, _VERBS, _ADJECTIVES, _NOUNS, _TIMES):
            drawn, place = divmod(drawn, len(choices))
            words.append(choices[place])
        adjective, noun, verb, other_adjective, other_noun, time = words
        sentences.append(
            f"The {adjective} {noun} {verb} the {other_adjective} {other_noun} {time}."
        )
    return " ".join(sentences)


def _stopped(text: str, stops: tuple[str, ...]) -> tuple[str, str | None]:
    found = [(text.find(stop), stop) for stop in stops if stop and stop in text]
    if not found:
        return text, None
    place, stop = min(found)
    return text[:place], stop


def _fitting(text: str, most: int, count: CountTokens) -> str:
    short, long = 0, len(text)
    while short < long:
        middle = (short + long + 1) // 2
        if count(text[:middle]) <= most:
            short = middle
        else:
            long = middle - 1
    return text[:short]
