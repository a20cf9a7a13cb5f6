"""OpenAI's embeddings: unit vectors that depend on nothing but the text."""

from __future__ import annotations

import base64
import math
from array import array
from dataclasses import dataclass
from hashlib import shake_128
from typing import TYPE_CHECKING, Any, cast

from tta_dev_primitives.testing.llm_server.wire_json import BodyReader

if TYPE_CHECKING:
    from tta_dev_primitives.testing.llm_server.answers import CountTokens
    from tta_dev_primitives.testing.llm_server.values import JsonObject


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    """What to embed, and how to write the vectors."""

    model: str
    inputs: tuple[str | tuple[int, ...], ...]
    dimensions: int | None
    as_base64: bool

    @classmethod
    def read(cls, body: JsonObject) -> EmbeddingsRequest:
        """Read a request; raises `Problem` where OpenAI answers 400."""
        reader = BodyReader(body, "openai")
        encoding = body.get("encoding_format") or "float"
        if encoding not in ("float", "base64"):
            reader.refuse_type("encoding_format", "'float' or 'base64'", encoding)
        return cls(
            model=reader.text("model"),
            inputs=_inputs(reader.required("input"), reader),
            dimensions=reader.count("dimensions"),
            as_base64=encoding == "base64",
        )

    def tokens(self, count: CountTokens) -> int:
        """Count the tokens of all inputs; inputs that are tokens already count as they are."""
        return sum(count(item) if isinstance(item, str) else len(item) for item in self.inputs)

    def document(self, seed: int, dimensions: int, tokens: int) -> JsonObject:
        """Write the answer."""
        data: list[JsonObject] = []
        for index, item in enumerate(self.inputs):
            vector = _vector(f"{seed}/{self.model}/{item!r}", self.dimensions or dimensions)
            embedding: Any = vector
            if self.as_base64:
                embedding = base64.b64encode(array("f", vector).tobytes()).decode()
            data.append({"object": "embedding", "index": index, "embedding": embedding})
        return {
            "object": "list",
            "data": data,
            "model": self.model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }


def _inputs(value: Any, reader: BodyReader) -> tuple[str | tuple[int, ...], ...]:
    # Any: a text, token numbers, or a list of either
    if (isinstance(value, str) and value) or _are_tokens(value):
        value = [value]
    items = cast("list[Any]", value) if isinstance(value, list) else []
    texts = all(isinstance(item, str) and item for item in items)
    if not items or not (texts or all(_are_tokens(item) for item in items)):
        text = "'input' must be a non-empty string, or a list of these or of token numbers."
        reader.refuse(text, text, "input", None)
    return tuple(item if isinstance(item, str) else tuple(item) for item in items)


def _are_tokens(value: Any) -> bool:  # Any: JSON
    return (
        isinstance(value, list)
        and bool(cast("list[Any]", value))
        and all(isinstance(item, int) for item in cast("list[Any]", value))
    )


def _vector(name: str, dimensions: int) -> list[float]:
    drawn = shake_128(name.encode("utf-8", "surrogatepass")).digest(dimensions * 2)
    centred = [number - 32767.5 for number in memoryview(drawn).cast("H")]
    length = math.sqrt(sum(number * number for number in centred))
    return [number / length for number in centred]
