"""From bytes to the endpoint that answers: routes, keys, bodies, and every bad end."""

from __future__ import annotations

import asyncio
import json
import logging
from hashlib import blake2b
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from tta_dev_primitives.testing.llm_server.anthropic_messages import AnthropicMessages
from tta_dev_primitives.testing.llm_server.draws import Draws, body_digest
from tta_dev_primitives.testing.llm_server.exchange import Exchange
from tta_dev_primitives.testing.llm_server.faults import Fault
from tta_dev_primitives.testing.llm_server.openai_chat import OpenAIChat
from tta_dev_primitives.testing.llm_server.openai_embeddings import EmbeddingsRequest
from tta_dev_primitives.testing.llm_server.openai_responses import OpenAIResponses
from tta_dev_primitives.testing.llm_server.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tta_dev_primitives.testing.llm_server.connection import Connection, HttpRequest
    from tta_dev_primitives.testing.llm_server.conversation import Conversation
    from tta_dev_primitives.testing.llm_server.journal import Journal
    from tta_dev_primitives.testing.llm_server.streams import ServedApi
    from tta_dev_primitives.testing.llm_server.values import JsonObject, Provider

_logger = logging.getLogger("tta_dev_primitives.testing.llm_server")

_CHAT_APIS: dict[str, ServedApi] = {
    "/v1/chat/completions": OpenAIChat(),
    "/v1/responses": OpenAIResponses(),
    "/v1/messages": AnthropicMessages(),
}
_MODELS = "/v1/models"
_EMBEDDINGS = "/v1/embeddings"
_COUNT_TOKENS = "/v1/messages/count_tokens"
_OTHER_APIS = {_EMBEDDINGS: "embeddings", _COUNT_TOKENS: "count_tokens"}


class Service:
    """Answer every request of a server.

    Args:
        conversation: Answers what is asked of models.
        journal: Remembers each request.
        seed: Root of every draw.
        api_key: The only key let in; None lets any key in.
        clock: Unix seconds.
    """

    def __init__(
        self,
        conversation: Conversation,
        journal: Journal,
        *,
        seed: int,
        api_key: str | None,
        clock: Callable[[], float],
    ) -> None:
        self._conversation, self._journal = conversation, journal
        self._seed, self._api_key, self._clock = seed, api_key, clock

    async def handle(self, http: HttpRequest, connection: Connection) -> None:
        """Answer one request, whatever it is."""
        path = http.path.partition("?")[0]
        exchange = Exchange(
            http,
            connection,
            self._journal,
            provider=_provider(path, http.headers),
            received_at=self._clock(),
            draws=Draws(self._seed, blake2b(http.body, digest_size=16).digest(), 0),
        )
        try:
            await self._answer(path, exchange)
        except Problem as problem:
            exchange.refuse(problem)
        except asyncio.CancelledError:
            exchange.interrupted()
            raise
        except Exception as error:
            # A callable of the user's raised. The client learns of it at once, its retries
            # would change nothing, and the traceback is for whoever wrote the callable.
            _logger.exception("request %s could not be answered", exchange.request_id)
            text = f"{type(error).__name__} raised while answering: {error}"
            if connection.answering:
                connection.reset()
                return
            exchange.refuse(Problem(500, "server", text, should_retry=False))
        exchange.finished()

    async def _answer(self, path: str, exchange: Exchange) -> None:
        api = _CHAT_APIS.get(path)
        _check_route(path, api, exchange)
        self._check_key(exchange)
        if exchange.http.method == "GET":
            exchange.know(api="models")
            name = unquote(path.removeprefix(_MODELS).lstrip("/")) or None
            exchange.respond(self._conversation.catalogue.document(exchange.provider, name))
            return
        exchange.know(api=_OTHER_APIS[path] if api is None else api.api)
        body = _body(exchange)
        digest = body_digest(path, body)
        attempt = self._conversation.history.attempt(digest)
        exchange.draws = Draws(self._seed, digest, attempt)
        exchange.know(body=body, attempt=attempt)
        if api is not None:
            await self._conversation.hold(api, exchange, body, digest, attempt)
        elif path == _EMBEDDINGS:
            await self._embed(exchange, body, digest)
        else:
            self._count_tokens(exchange, body)

    async def _embed(self, exchange: Exchange, body: JsonObject, digest: bytes) -> None:
        conversation = self._conversation
        wanted = EmbeddingsRequest.read(body)
        exchange.know(model=wanted.model)
        model = conversation.catalogue.find(wanted.model, "openai")
        tokens = wanted.tokens(conversation.count_tokens)
        if conversation.over_limit(exchange, model, tokens):
            return
        fault = conversation.decide(exchange, model, digest, faults_only=True)
        document = wanted.document(self._seed, model.embedding_dimensions, tokens)
        await conversation.send_document(
            exchange, model, document, tokens, fault if isinstance(fault, Fault) else None
        )

    def _count_tokens(self, exchange: Exchange, body: JsonObject) -> None:
        chat = AnthropicMessages().read_prompt(body)
        exchange.know(model=chat.model)
        self._conversation.catalogue.find(chat.model, "anthropic")
        exchange.respond({"input_tokens": self._conversation.count_tokens(chat.prompt)})

    def _check_key(self, exchange: Exchange) -> None:
        headers = exchange.http.headers
        key = headers.get("x-api-key") if exchange.provider == "anthropic" else None
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if not key and scheme.lower() == "bearer":
            key = token.strip()
        if exchange.provider == "anthropic":
            if not key:
                raise Problem(401, "authentication", "x-api-key header is required")
            if self._api_key not in (None, key):
                raise Problem(401, "authentication", "invalid x-api-key")
            if "anthropic-version" not in headers:
                raise Problem(400, "invalid_request", "anthropic-version: header is required")
        elif not key:
            text = (
                "You didn't provide an API key. You need to provide your API key in an "
                "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
            )
            raise Problem(401, "authentication", text)
        elif self._api_key not in (None, key):
            text = "Incorrect API key provided. You can find your API key in your account."
            raise Problem(401, "authentication", text, code="invalid_api_key")


def _provider(path: str, headers: Mapping[str, str]) -> Provider:
    api = _CHAT_APIS.get(path)
    if api is not None:
        return api.provider
    if path == _COUNT_TOKENS or "anthropic-version" in headers or "x-api-key" in headers:
        return "anthropic"
    return "openai"


def _check_route(path: str, api: ServedApi | None, exchange: Exchange) -> None:
    lists_models = path == _MODELS or path.startswith(_MODELS + "/")
    method = exchange.http.method
    if not (lists_models or api is not None or path in _OTHER_APIS):
        text = f"Invalid URL ({method} {path})"
        if exchange.provider == "anthropic":
            text = "Not Found"
        raise Problem(404, "not_found", text)
    if method != ("GET" if lists_models else "POST"):
        text = f"Not allowed to {method} on {path}"
        raise Problem(405, "invalid_request", text, code="method_not_supported")
    if exchange.http.too_large:
        raise Problem(413, "too_large", "Request exceeds the maximum size")


def _body(exchange: Exchange) -> JsonObject:
    try:
        body: object = json.loads(exchange.http.body)
    except (ValueError, RecursionError) as error:
        if exchange.provider == "anthropic":
            text = f"The request body is not valid JSON: {error}"
        else:
            text = (
                "We could not parse the JSON body of your request. (HINT: This likely means you "
                "aren't using your HTTP library correctly. The API expects a JSON payload.)"
            )
        raise Problem(400, "invalid_request", text) from error
    if not isinstance(body, dict):
        text = f"The request body must be a JSON object, not {type(body).__name__}."
        raise Problem(400, "invalid_request", text)
    return cast("JsonObject", body)
