"""The values, requests and key sequences that the cache benchmarks work on, the same every run."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import random
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.performance.values import encoding

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from timing import Timing

# The goals were set in microseconds on a machine where a bare await took this long.
REFERENCE_AWAIT_NS = 80


async def step(value: Any) -> Any:  # Any: the same comes back
    """Return *value*: the least a step can do."""
    return value


def goal(microseconds: float) -> float:
    """Return the goal as a ratio to a bare await."""
    return microseconds * 1000 / REFERENCE_AWAIT_NS


def peers(timings: dict[str, Timing], *not_peers: str) -> dict[str, Timing]:
    """Return the timings of others out of those measured together."""
    return {name: timing for name, timing in timings.items() if name not in not_peers}


def installed(module: str) -> bool:
    """Tell whether *module* can be imported."""
    return importlib.util.find_spec(module) is not None


def payload(size: int) -> dict[str, Any]:  # Any: JSON values
    """Return a value shaped like a chat completion, *size* bytes as JSON or a little more."""
    drawn = random.Random(7)
    words = ["".join(drawn.choices("etaoinshrdlucmf", k=drawn.randint(2, 9))) for _ in range(3000)]
    message = {"role": "assistant", "content": ""}
    value: dict[str, Any] = {
        "id": "chatcmpl-abc",
        "model": "example",
        "created": 1_700_000_000,
        "usage": {"prompt_tokens": 123, "completion_tokens": 456, "cost": 0.00123},
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "scores": [round(number * 0.37, 3) for number in range(8)],
    }
    while (missing := size - len(json.dumps(value))) > 0:
        message["content"] += " " + " ".join(drawn.choices(words, k=1 + missing // 10))
    return value


def chat_request() -> dict[str, Any]:  # Any: JSON values
    """Return a chat request of about 700 bytes as JSON."""
    drawn = random.Random(11)
    words = [
        "".join(drawn.choices("etaoinshrdlucmf", k=drawn.randint(2, 9))) + " " for _ in range(200)
    ]
    return {
        "model": "example-large",
        "messages": [
            {"role": "system", "content": "You answer briefly. " + "".join(words[:25])},
            {"role": "user", "content": "".join(words[25:75])},
        ],
        "temperature": 0.2,
        "max_tokens": 512,
        "top_p": 1.0,
        "stop": ["\n\n"],
        "user": "tenant-17",
    }


def keys(count: int = 500) -> Iterator[str]:
    """Yield *count* different keys, over and over."""
    return itertools.cycle([f"key:{number}" for number in range(count)])


def codecs() -> list[str]:
    """Return the names that `codec` takes here: without msgspec there is only the stdlib's."""
    return ["[fast]", "stdlib json"] if installed("msgspec") else ["stdlib json"]


@contextlib.contextmanager
def codec(title: str) -> Generator[None]:
    """Encode by msgspec, or as an installation without `[fast]` does."""
    packers = (encoding._pack, encoding._sorted_json)  # pyright: ignore[reportPrivateUsage]
    if title == "stdlib json":
        encoding._pack = encoding._sorted_json = None  # pyright: ignore[reportPrivateUsage]
    try:
        written = encoding.encode({"codec": title})
        if (b'"codec"' in written) is not (title == "stdlib json"):
            msg = f"the codec is not {title}: it wrote {written!r}"
            raise RuntimeError(msg)
        yield
    finally:
        encoding._pack, encoding._sorted_json = packers  # pyright: ignore[reportPrivateUsage]
