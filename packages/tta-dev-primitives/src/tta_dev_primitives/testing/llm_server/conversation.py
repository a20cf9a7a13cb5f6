"""Answering chat requests: who decides what is said, when, and what goes wrong."""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tta_dev_primitives.testing.llm_server import faults
from tta_dev_primitives.testing.llm_server.answers import complete, default_reply
from tta_dev_primitives.testing.llm_server.delivery import StreamDelivery, deliver_plain
from tta_dev_primitives.testing.llm_server.problems import Problem, rate_limited
from tta_dev_primitives.testing.llm_server.values import ChatRequest, Reply
from tta_dev_primitives.testing.llm_server.wire_json import json_bytes

if TYPE_CHECKING:
    from tta_dev_primitives.testing.llm_server.answers import CountTokens
    from tta_dev_primitives.testing.llm_server.catalogue import Catalogue
    from tta_dev_primitives.testing.llm_server.delivery import Sleep
    from tta_dev_primitives.testing.llm_server.draws import Draws
    from tta_dev_primitives.testing.llm_server.exchange import Exchange
    from tta_dev_primitives.testing.llm_server.outcomes import BodyHistory, Script
    from tta_dev_primitives.testing.llm_server.streams import ServedApi
    from tta_dev_primitives.testing.llm_server.values import JsonObject, ServedModel

Answered = str | Reply | faults.Fault
Answerer = Callable[[ChatRequest], Answered | Awaitable[Answered]]

# These leave an answer to spoil; every other fault comes in its place.
_SPOILERS = (faults.StreamAbort, faults.SlowChunks, faults.MalformedBody)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Take a request from its parsed body to the last byte of its answer."""

    catalogue: Catalogue
    script: Script
    history: BodyHistory
    rates: faults.FaultRates
    answer: Answerer | None
    count_tokens: CountTokens
    sleep: Sleep

    async def hold(
        self, api: ServedApi, exchange: Exchange, body: JsonObject, digest: bytes, attempt: int
    ) -> None:
        """Answer one chat request; raises `Problem` for what the client got wrong."""
        chat = api.read(body, attempt)
        exchange.know(model=chat.model, stream=chat.stream)
        model = self.catalogue.find(chat.model, api.provider)
        prompt_tokens = self.count_tokens(chat.prompt)
        self.check_window(exchange, model, prompt_tokens)
        if self.over_limit(exchange, model, prompt_tokens):
            return
        fault, reply = _parts(self.decide(exchange, model, digest))
        if reply is None and (fault is None or isinstance(fault, _SPOILERS)):
            own_fault, reply = _parts(await self._say(chat))
            fault = own_fault or fault
        if fault is not None and not isinstance(fault, _SPOILERS):
            await exchange.fail(fault, model.name, self.sleep)
            return
        reply = reply or default_reply(chat, exchange.draws)
        await self._send(api, exchange, model, chat, reply, prompt_tokens, fault)

    def check_window(self, exchange: Exchange, model: ServedModel, tokens: int) -> None:
        """Raise the provider's 400 for a prompt that does not fit the model."""
        most = model.context_window
        if tokens <= most:
            return
        if exchange.provider == "anthropic":
            text = f"prompt is too long: {tokens} tokens > {most} maximum"
            raise Problem(400, "invalid_request", text)
        text = (
            f"This model's maximum context length is {most} tokens. However, your messages "
            f"resulted in {tokens} tokens. Please reduce the length of the messages."
        )
        raise Problem(
            400, "invalid_request", text, param="messages", code="context_length_exceeded"
        )

    def over_limit(self, exchange: Exchange, model: ServedModel, tokens: int) -> bool:
        """Answer 429 where the model's limits are enforced and used up."""
        limits = exchange.limits = self.catalogue.limits(model)
        wait = limits.wait(tokens)
        if wait == 0:
            return False
        wait = math.ceil(wait * 1000) / 1000
        problem = rate_limited(exchange.provider, model.name, wait=wait, quota_exhausted=False)
        exchange.refuse(problem, wait=wait)
        return True

    def decide(
        self, exchange: Exchange, model: ServedModel, digest: bytes, *, faults_only: bool = False
    ) -> Reply | faults.Fault | None:
        """Take the next scripted outcome, else draw a fault, else None."""
        scripted = self.script.take(model.name, faults_only=faults_only)
        if scripted is not None:
            return scripted
        rates = self.rates if model.faults is None else model.faults
        return self.history.draw(rates, digest, exchange.draws)

    def latency(self, model: ServedModel, draws: Draws) -> float:
        """Draw how long the model takes to begin."""
        if model.latency_spread == 0 or model.latency_seconds == 0:
            return model.latency_seconds
        return model.latency_seconds * math.exp(model.latency_spread * draws.normal("latency"))

    async def send_document(
        self,
        exchange: Exchange,
        model: ServedModel,
        document: JsonObject,
        tokens: int,
        fault: faults.Fault | None,
    ) -> None:
        """Answer with a document that no chat request asked for."""
        if fault is not None and not isinstance(fault, _SPOILERS):
            await exchange.fail(fault, model.name, self.sleep)
            return
        latency = self.latency(model, exchange.draws)
        if fault is not None:
            latency += fault.after_seconds
        self.catalogue.limits(model).spend(tokens)
        cost = model.cost(tokens, 0)
        exchange.record(
            status=200, fault=fault, input_tokens=tokens, cost=cost, latency_seconds=latency
        )
        if latency > 0:
            await self.sleep(latency)
        body = json_bytes(document)
        await deliver_plain(
            exchange.connection, body, exchange.headers(), fault=fault, sleep=self.sleep
        )

    async def _say(self, chat: ChatRequest) -> Answered | None:
        if self.answer is None:
            return None
        said = self.answer(chat)
        return await said if inspect.isawaitable(said) else said

    async def _send(
        self,
        api: ServedApi,
        exchange: Exchange,
        model: ServedModel,
        chat: ChatRequest,
        reply: Reply,
        prompt_tokens: int,
        fault: faults.Fault | None,
    ) -> None:
        answer = complete(
            chat,
            reply,
            exchange.draws,
            self.count_tokens,
            prompt_tokens=prompt_tokens,
            created=int(exchange.received_at),
        )
        latency = reply.latency_seconds
        if latency is None:
            latency = self.latency(model, exchange.draws)
        if fault is not None:
            latency += fault.after_seconds
        self.catalogue.limits(model).spend(answer.input_tokens + answer.output_tokens)
        exchange.record(
            status=200,
            fault=fault,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cached_tokens=answer.cached_tokens,
            cost=model.cost(answer.input_tokens, answer.output_tokens),
            latency_seconds=latency,
        )
        if latency > 0:
            await self.sleep(latency)
        if chat.stream:
            delivery = StreamDelivery(model.tokens_per_second, self.count_tokens, self.sleep)
            await delivery.deliver(
                exchange.connection, api, answer, exchange.headers(), exchange.request_id, fault
            )
        else:
            await deliver_plain(
                exchange.connection,
                json_bytes(api.whole(answer)),
                exchange.headers(),
                fault=fault,
                sleep=self.sleep,
            )


def _parts(outcome: Answered | None) -> tuple[faults.Fault | None, Reply | None]:
    if isinstance(outcome, str):
        return None, Reply(outcome)
    if isinstance(outcome, Reply):
        return None, outcome
    return outcome, None
