"""Types and values that the tests of the encoding share, and stored trees made by hand."""

from __future__ import annotations

import enum
import json
import zoneinfo
from dataclasses import dataclass
from typing import Generic, TypeVar

from tta_dev_primitives.llm.types import LLMRequest, LLMResponse, Tool, ToolCall, Usage

T = TypeVar("T")
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Mood(enum.StrEnum):
    GOOD = "good"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Mode(enum.IntFlag):
    R = 4
    X = 1


@dataclass
class Point:
    x: float
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Leaf:
    name: str
    points: tuple[Point, ...] = ()


@dataclass
class Box(Generic[T]):
    content: T


ANSWER = LLMResponse(
    "It is sunny.",
    tool_calls=(ToolCall("call-1", "weather", '{"city": "Rome"}'),),
    usage=Usage(12, 34, cache_read_tokens=5),
    cost=0.0012,
    model="small-1",
    finish_reason="tool_calls",
    latency=0.25,
    provider="openai",
    response_id="r-1",
)

REQUEST = LLMRequest(
    messages=(
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
    ),
    model="small-1",
    tools=(Tool("weather", "Tells it", {"type": "object", "properties": {"city": {}}}),),
    json_schema={"type": "object"},
    stop=("END",),
    extra={"user": "ada"},
)


def stored_name(kind: type) -> str:
    """Return the name by which stored trees refer to *kind*."""
    return f"{kind.__module__}:{kind.__qualname__}"


def tree(node: object) -> bytes:
    """Return a stored tree that was made by hand."""
    return b"t" + json.dumps(node).encode()
