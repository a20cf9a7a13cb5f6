"""What the choice of a mock ignores in requests: declared noise, and fields no model reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from keploy_framework.matching.json_values import Json, text_of
from keploy_framework.matching.noise_filter import NoiseFilter

if TYPE_CHECKING:
    from collections.abc import Iterable

_MODEL_PATH: Final = re.compile(
    r"/(?:chat/completions|completions|responses|embeddings|messages|"
    r"api/(?:chat|generate|embed|embeddings))/?\Z"
)
_NOT_READ_BY_MODELS: Final = frozenset(
    ("metadata", "prompt_cache_key", "safety_identifier", "user")
)
_NOISE_VALUE: Final = "noise"


def is_model_call(path: str) -> bool:
    """Tell whether a path is one that language models are called by."""
    return _MODEL_PATH.search(path) is not None


@dataclass(frozen=True, slots=True)
class RequestNoise:
    """What does not count when requests are compared. Equal ones share an index.

    Args:
        paths: Such as ``body.sent_at`` or ``query.ts``, named as noise of responses is; a
            name without a part is a field of the body at any depth.
        patterns: A text of the body or the query that matches one of these is noise.
        top_level: Fields of the body itself, not of what is in it.

    Raises:
        re.error: A pattern is no regular expression.
    """

    paths: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    top_level: frozenset[str] = frozenset()

    def for_path(self, path: str) -> RequestNoise:
        """Add what the calls of language models carry along but no model reads."""
        if not is_model_call(path):
            return self
        return RequestNoise(self.paths, self.patterns, self.top_level | _NOT_READ_BY_MODELS)

    def joined(self, paths: Iterable[str], patterns: Iterable[str]) -> RequestNoise:
        """Add the noise that one mock declares."""
        return RequestNoise(
            tuple(sorted({*self.paths, *paths})),
            tuple(sorted({*self.patterns, *patterns})),
            self.top_level,
        )


class RequestReducer:
    """Take noise out of the parts of requests.

    Args:
        noise: What to take out.
    """

    __slots__ = ("_body", "_patterns", "_query", "_top_level")

    def __init__(self, noise: RequestNoise) -> None:
        body: dict[str, list[str]] = {}
        query: dict[str, list[str]] = {}
        for path in noise.paths:
            part, dot, name = path.partition(".")
            if dot and part in ("query", "url_params"):
                query[name] = []
            elif part == "body":
                body[name or "*"] = []
            elif part not in ("header", "headers"):
                body[path] = []
        self._body = NoiseFilter(body, "strict")
        self._query = NoiseFilter(query, "strict")
        self._top_level = noise.top_level
        self._patterns = tuple(re.compile(pattern) for pattern in noise.patterns)

    @property
    def takes_all_of_body(self) -> bool:
        """Whether bodies do not count at all."""
        return self._body.is_everything

    def query(self, pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """Give the parameters that count; one that matches a pattern keeps its name."""
        return tuple(
            (name, _NOISE_VALUE if self._matches(value) else value)
            for name, value in pairs
            if self._query.at(name) is None
        )

    def pairs(self, pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """Give the fields of a form that count."""
        return tuple(
            (name, _NOISE_VALUE if self._matches(value) else value)
            for name, value in pairs
            if self._body.at(name) is None
        )

    def json(self, value: Json) -> Json:
        """Give the JSON value without what does not count: itself where all of it counts."""
        kept = value
        if self._top_level and isinstance(value, dict):
            fields = cast("dict[str, Json]", value)
            if not self._top_level.isdisjoint(fields):
                kept = {key: one for key, one in fields.items() if key not in self._top_level}
        return self._reduced(kept, "") if self._body or self._patterns else kept

    def _reduced(self, value: Json, path: str) -> Json:
        if isinstance(value, dict):
            items = cast("dict[str, Json]", value).items()
            below = ((key, one, f"{path}.{key}" if path else key) for key, one in items)
            return {
                key: self._reduced(one, inner)
                for key, one, inner in below
                if self._body.at(inner) is None
            }
        if isinstance(value, list):
            return [self._reduced(item, path) for item in cast("list[Json]", value)]
        return _NOISE_VALUE if self._matches(text_of(value)) else value

    def _matches(self, text: str) -> bool:
        return any(pattern.search(text) for pattern in self._patterns)
