"""One line of a request log, checked and made a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NoReturn, TypeAlias, cast

from .asked_text import text_of
from .errors import RequestError
from .request import Answer, TokenUsage, TrafficRequest
from .request_key import key_of, key_of_hash
from .shown import shown
from .timestamps import seconds_of
from .token_counts import usage_of

Row: TypeAlias = Mapping[str, object]

ASKED: Final = ("messages", "prompt", "prompt_hash")
KNOWN_NAMES: Final = frozenset(
    {
        *("id", "ts", "model", "provider", "tenant", "conversation", *ASKED, "params", "usage"),
        *("scores", "answers", "latency", "error", "cost", "currency", "place"),
    }
)
"""The keys that are read; others are left alone."""

_ANSWER_NAMES: Final = frozenset({"score", "usage"})
_MOST: Final = 1e15  # seconds or dollars; infinity is more
_NO_TOKENS: Final = TokenUsage()
_NO_PARAMETERS: Final[Row] = {}


def request_of(row: Row) -> TrafficRequest:
    """Return the request that an object of a request log tells of.

    A null is the same as a key that is not there, and so is an empty text for what may be left
    out.

    Raises:
        RequestError: Something that is needed is missing, or a value cannot be.
        RecursionError: The messages or parameters are nested too deeply.
    """
    get = row.get
    model = get("model")
    if type(model) is not str or not model:
        _refuse("model", model, "the name of the model that was asked")
    error = _text(get("error"), "error")
    given, usage = get("usage"), _NO_TOKENS
    if given is not None:
        usage = usage_of(given)
    elif error is None:
        _refuse("usage", None, "what the provider counted, unless there is an error")
    params = get("params")
    if params is None:
        params = _NO_PARAMETERS
    elif not isinstance(params, dict):
        _refuse("params", params, "an object with the parameters of the request")
    key, text = _asked(row, cast("Row", params))
    currency = get("currency")
    if currency is not None and currency != "USD":
        _refuse("currency", currency, "USD, and convert the cost to it")
    answers: Mapping[str, Answer] = {}
    if get("answers") is not None or get("scores") is not None:
        answers = _answers(get("answers"), get("scores"))
    return TrafficRequest(
        _name(get("id"), "id") or _missing_id(get("id")),
        seconds_of(get("ts")),
        model,
        usage,
        _text(get("provider"), "provider"),
        _name(get("tenant"), "tenant") or "",
        _name(get("conversation"), "conversation"),
        key,
        text,
        answers,
        error,
        _amount(get("latency"), "latency", "seconds"),
        _amount(get("cost"), "cost", "US dollars"),
        _text(get("place"), "place"),
    )


def _asked(row: Row, params: Row) -> tuple[bytes | None, str]:
    """Return the key and the text of what was asked."""
    messages, prompt, digest = row.get("messages"), row.get("prompt"), row.get("prompt_hash")
    told = (messages is not None) + (prompt is not None) + (digest is not None)
    if not told:
        return None, ""
    if told > 1:
        msg = f"more than one of {', '.join(ASKED)} is there; write one"
        raise RequestError(msg)
    if digest is not None:
        if type(digest) is not str or not digest:
            _refuse("prompt_hash", digest, "a text that is the same for the same prompt")
        return key_of_hash(digest, params), ""
    if messages is None:
        if type(prompt) is not str:
            _refuse("prompt", prompt, "a text")
        return key_of(prompt, params), text_of(prompt, params)
    if not _are_messages(messages):
        _refuse("messages", messages, "a list of at least one object")
    return key_of(messages, params), text_of(messages, params)


def _are_messages(value: object) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(message, dict) for message in cast("list[object]", value))


def _answers(answers: object, scores: object) -> dict[str, Answer]:
    found: dict[str, Answer] = {}
    for model, given in _by_model(answers, "answers").items():
        where = f"answers.{model}"
        if not isinstance(given, dict):
            _refuse(where, given, "an object with score, usage or both")
        answer = cast("Row", given)
        if not _ANSWER_NAMES.issuperset(answer):
            msg = f"{where} has {', '.join(map(shown, answer))}; it may have score and usage"
            raise RequestError(msg)
        usage = answer.get("usage")
        found[model] = Answer(
            _score(answer.get("score"), where),
            None if usage is None else usage_of(usage, f"{where}.usage"),
        )
    for model, score in _by_model(scores, "scores").items():
        before = found.get(model)
        if before is not None and before.score is not None:
            msg = f"the score of {shown(model)} stands in answers and in scores; write it once"
            raise RequestError(msg)
        found[model] = Answer(
            _score(score, f"scores.{model}"), None if before is None else before.usage
        )
    return found


def _by_model(given: object, where: str) -> Row:
    if given is None:
        return _NO_PARAMETERS
    if not isinstance(given, dict):
        _refuse(where, given, "an object with one entry for each model")
    return cast("Row", given)


def _score(value: object, where: str) -> float | None:
    if (type(value) is float or type(value) is int) and 0 <= value <= 1:
        return float(value)
    if value is not None:
        _refuse(where, value, "a score from 0 to 1")
    return None


def _amount(value: object, name: str, unit: str) -> float | None:
    if (type(value) is float or type(value) is int) and 0 <= value < _MOST:
        return float(value)
    if value is not None:
        _refuse(name, value, f"{unit}, a number from 0")
    return None


def _text(value: object, name: str) -> str | None:
    if type(value) is str:
        return value or None
    if value is not None:
        _refuse(name, value, "a text")
    return None


def _name(value: object, name: str) -> str | None:
    """Return who or what is named, by a text or a whole number."""
    if type(value) is int or (type(value) is float and value.is_integer()):
        return str(int(value))
    return _text(value, name)


def _missing_id(value: object) -> NoReturn:
    _refuse("id", value, "a text or a whole number, another for each request")


def _refuse(name: str, value: object, wanted: str) -> NoReturn:
    said = "is missing" if value is None else f"is {shown(value)}"
    msg = f"{name} {said}; write {wanted}"
    raise RequestError(msg)
