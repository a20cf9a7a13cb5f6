"""A recorded HTTP exchange as a request to a model: what was asked, and what it took."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, cast
from urllib.parse import unquote

from .errors import RequestError
from .request import TokenUsage
from .streamed_answer import read_stream
from .token_counts import usage_of

if TYPE_CHECKING:
    from collections.abc import Mapping

Json: TypeAlias = "Mapping[str, object]"

# Of OpenAI, of those who copy it, and of Anthropic; each with where it has what was asked.
_PATHS: Final = re.compile(
    r"/(?P<api>chat/completions|completions|responses|messages|embeddings)/?$"
)
_ASKED: Final = {
    "chat/completions": "messages",
    "completions": "prompt",
    "embeddings": "input",
    "messages": "messages",
    "responses": "input",
}
_DEPLOYMENT: Final = re.compile(r"/deployments/([^/]+)/")
_PROVIDERS: Final = {
    "api.anthropic.com": "anthropic",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral",
    "api.openai.com": "openai",
    "openrouter.ai": "openrouter",
}
_AZURE: Final = ".azure.com"


@dataclass(frozen=True, slots=True)
class ModelExchange:
    """What an exchange says about the request to a model.

    Attributes:
        model: Who was asked.
        provider: Whose host that was; None for a host that is not known.
        asked: The messages, or one text.
        params: All else that was asked for.
        usage: What the answer counts; nothing for one that failed.
        error: Why it failed; None for an answer.
    """

    model: str
    provider: str | None
    asked: object
    params: Json
    usage: TokenUsage
    error: str | None


def model_exchange_of(
    method: str, host: str, target: str, request_body: bytes, status: int, response_body: bytes
) -> ModelExchange | None:
    """Return the request to a model that an exchange was, or None where it was another one.

    Args:
        method: Of the request.
        host: That was asked, perhaps with a port.
        target: Path and query.
        request_body: Without content encoding.
        status: Of the answer.
        response_body: Without content encoding; events for a stream.

    Raises:
        RequestError: It was one, and does not say what is needed.
    """
    path = target.partition("?")[0]
    match = _PATHS.search(path)
    if match is None or method.upper() != "POST":
        return None
    asked_name = _ASKED[match["api"]]
    body = _object(request_body)
    if body is None or not isinstance(body.get(asked_name), str | list):
        return None  # other APIs have such paths too
    deployment = _DEPLOYMENT.search(path)
    model = body.get("model") or (unquote(deployment[1]) if deployment else None)
    if not isinstance(model, str):
        return None
    counts, error = _answer(response_body)
    if status >= 400:
        error = f"HTTP {status}" if error is None else f"HTTP {status} {error}"
    if counts is None and error is None:
        hint = "ask for stream_options.include_usage" if body.get("stream") else "record it again"
        msg = f"the answer does not count its tokens; {hint}"
        raise RequestError(msg)
    usage = TokenUsage() if counts is None else usage_of(counts)
    params = {name: value for name, value in body.items() if name not in ("model", asked_name)}
    return ModelExchange(model, _provider(host), body[asked_name], params, usage, error)


def _answer(body: bytes) -> tuple[Json | None, str | None]:
    """Return what the answer counts and why it failed, each None where it does not say."""
    whole = _object(body)
    return read_stream([whole] if whole is not None else body)


def _object(body: bytes) -> Json | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return cast("Json", value) if isinstance(value, dict) else None


def _provider(host: str) -> str | None:
    name = host.partition(":")[0].lower()
    return "azure" if name.endswith(_AZURE) else _PROVIDERS.get(name)
