"""Tokens as request logs and the APIs of providers count them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from .errors import RequestError
from .request import TokenUsage
from .shown import shown

MOST_TOKENS: Final = 1_000_000_000
"""More than this in one request is a mistake."""

_OWN: Final = frozenset({"input", "output", "cached", "cache_written"})
# Anthropic counts these apart from its input_tokens; OpenAI's cached tokens are part of them.
_APART: Final = ("cache_read_input_tokens", "cache_creation_input_tokens")
_Counts = Mapping[str, object]


def usage_of(given: object, where: str = "usage") -> TokenUsage:
    """Return the tokens of an object in one of the forms that are known.

    These are the form of request logs (`input`, `output`), that of OpenAI's chat completions and
    whoever copies them (`prompt_tokens`), that of OpenAI's responses and that of Anthropic's
    messages (both `input_tokens`).

    Args:
        given: What was read from JSON.
        where: What it is called in errors.

    Raises:
        RequestError: It is in no such form, or in two, or a count is none.
    """
    if not isinstance(given, dict):
        msg = f"{where} must be an object with counts of tokens, got {shown(given)}"
        raise RequestError(msg)
    counts = cast("_Counts", given)
    own = "input" in counts or "output" in counts
    chat, later = "prompt_tokens" in counts, "input_tokens" in counts
    if own + chat + later != 1:
        told = "twice" if own + chat + later else "nowhere"
        msg = (
            f"{where} tells its input tokens {told}; write input and output, or the usage of the "
            "API as it came"
        )
        raise RequestError(msg)
    if own:
        usage = _own(counts, where)
    elif chat:
        usage = _chat(counts, where)
    elif _APART[0] in counts or _APART[1] in counts:
        usage = _messages(counts, where)
    else:
        usage = _responses(counts, where)
    if usage.cached + usage.cache_written > usage.input:
        msg = (
            f"{where} has {usage.cached + usage.cache_written} cached and cache_written tokens "
            f"of {usage.input} input; they are a part of it: add them to input, or correct them"
        )
        raise RequestError(msg)
    return usage


def _own(counts: _Counts, where: str) -> TokenUsage:
    if not _OWN.issuperset(counts):
        name = next(name for name in counts if name not in _OWN)
        msg = f"{where}.{name} is not known; it has {', '.join(sorted(_OWN))}"
        raise RequestError(msg)
    return TokenUsage(
        _count(counts, "input", where),
        _count(counts, "output", where),
        _count(counts, "cached", where, missing=0),
        _count(counts, "cache_written", where, missing=0),
    )


def _chat(counts: _Counts, where: str) -> TokenUsage:
    prompt = _count(counts, "prompt_tokens", where)
    answer = _count(counts, "completion_tokens", where, missing=0)
    # Some who copy the API leave reasoning out of completion_tokens; the total gives it away.
    answer = max(answer, _count(counts, "total_tokens", where, missing=0) - prompt)
    details = _details(counts, "prompt_tokens_details", where)
    cached = _count(details, "cached_tokens", where, missing=0)
    hit = _count(counts, "prompt_cache_hit_tokens", where, missing=0)  # DeepSeek's name for it
    return TokenUsage(
        prompt, answer, cached or hit, _count(details, "cache_write_tokens", where, missing=0)
    )


def _responses(counts: _Counts, where: str) -> TokenUsage:
    details = _details(counts, "input_tokens_details", where)
    return TokenUsage(
        _count(counts, "input_tokens", where),
        _count(counts, "output_tokens", where),
        _count(details, "cached_tokens", where, missing=0),
        _count(details, "cache_write_tokens", where, missing=0),
    )


def _messages(counts: _Counts, where: str) -> TokenUsage:
    cached, written = (_count(counts, name, where, missing=0) for name in _APART)
    return TokenUsage(
        _count(counts, "input_tokens", where) + cached + written,
        _count(counts, "output_tokens", where),
        cached,
        written,
    )


def _details(counts: _Counts, name: str, where: str) -> _Counts:
    given = counts.get(name)
    if given is None:
        return {}
    if not isinstance(given, dict):
        msg = f"{where}.{name} must be an object, got {shown(given)}"
        raise RequestError(msg)
    return cast("_Counts", given)


def _count(counts: _Counts, name: str, where: str, missing: int | None = None) -> int:
    """Return one count; *missing* where it is not told, which is an error where that is None."""
    value = counts.get(name)
    if type(value) is int and 0 <= value <= MOST_TOKENS:
        return value
    if value is None and missing is not None:
        return missing
    if type(value) is float and value.is_integer() and 0 <= value <= MOST_TOKENS:
        return int(value)
    wrong = "is missing" if name not in counts else f"is {shown(value)}"
    msg = f"{where}.{name} {wrong}; write how many tokens it was, a whole number from 0"
    raise RequestError(msg)
