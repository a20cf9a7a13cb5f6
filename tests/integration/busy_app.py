"""An app in which every policy has something to do, so that every panel has something to show.

    python busy_app.py METRICS_PORT

Goes round after round, says `ready` after the second, and ends when its standard input is closed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from functools import partial

from observability_integration import InMemoryExporter, initialize_observability
from observability_integration.apm_setup import shutdown_observability
from tta_dev_primitives import (
    BatchPrimitive,
    BudgetPrimitive,
    BulkheadPrimitive,
    CachePrimitive,
    CircuitBreakerPrimitive,
    Effect,
    FallbackPrimitive,
    HedgePrimitive,
    LambdaPrimitive,
    Limit,
    LLMRequest,
    LoopPrimitive,
    OpenAIPrimitive,
    RateLimitPrimitive,
    RetryPrimitive,
    RetryStrategy,
    SagaPrimitive,
    TimeoutPrimitive,
    WorkflowPrimitive,
)
from tta_dev_primitives.core.routing import RouterPrimitive
from tta_dev_primitives.llm.pricing import Rates
from tta_dev_primitives.testing.faults import FaultPrimitive
from tta_dev_primitives.testing.llm_server import ChatRequest, ErrorStatus, LLMServer, Reply

LONGEST_SECONDS = 120
PAUSE_SECONDS = 0.3


class Upstream:
    """A model server whose every third answer is an error, and the models that ask it."""

    def __init__(self) -> None:
        self.asked = 0
        self.server = LLMServer(answer=self._answer)
        self.models: list[OpenAIPrimitive] = []

    def _answer(self, request: ChatRequest) -> Reply | ErrorStatus:
        self.asked += 1
        if request.model == "steady" and self.asked % 3 == 0:
            return ErrorStatus(status=503)
        return Reply("an answer to " + request.last_text, cached_tokens=2)

    def model(self, name: str, prices: Rates | None = None) -> OpenAIPrimitive:
        """Return a model of the server."""
        self.models.append(
            OpenAIPrimitive(
                name, base_url=self.server.openai_base_url, api_key="test", prices=prices, name=name
            )
        )
        return self.models[-1]


async def slow(text: str) -> str:
    """Answer after longer than anybody waits."""
    await asyncio.sleep(0.2)
    return text


async def hurried(text: str) -> str:
    """Answer after a moment."""
    await asyncio.sleep(0.01)
    return text


async def down(text: str) -> str:
    """Fail as a server that is not there."""
    raise ConnectionError("down")


async def undone(effect: Effect[str, str]) -> None:
    """Undo a step of a saga."""


async def upper_all(texts: list[str]) -> list[str]:
    """Answer a whole batch."""
    return [text.upper() for text in texts]


async def each_word(text: str) -> str:
    """Work on every word, with the last of which something is wrong."""

    async def checked(word: str) -> str:
        if word == "text":
            raise ValueError("not that word")
        return word

    words = LambdaPrimitive(checked, name="checked").map(text.split())
    return " ".join([str(item.value) async for item in words if item.ok])


def policies() -> list[WorkflowPrimitive[str, str]]:
    """Return a workflow for every policy but those around models."""
    flaky = FaultPrimitive(hurried, error=ConnectionError, rate=0.4, name="flaky")
    quick = RetryStrategy(max_retries=2, initial_delay=0.01)
    return [
        RetryPrimitive(flaky, quick, name="flaky-retry"),
        RetryPrimitive(down, quick, name="hopeless-retry"),
        FallbackPrimitive(
            TimeoutPrimitive(slow, 0.02, name="impatient"), hurried, name="patched-up"
        ),
        CircuitBreakerPrimitive(down, minimum_calls=2, open_seconds=0.5, name="guard"),
        HedgePrimitive(slow, delay=0.02, alternatives=[hurried], name="hedged"),
        RateLimitPrimitive(
            hurried, limits=[Limit(40, per_seconds=1, burst=1)], max_wait_seconds=0.06, name="paced"
        ),
        BulkheadPrimitive(hurried, max_concurrent=1, max_queue=2, name="narrow"),
        CachePrimitive(
            hurried,
            ttl_seconds=0.1,
            stale_while_revalidate=60,
            max_entries=10,
            name="stale-is-fine",
        ),
        LambdaPrimitive(each_word),
        BatchPrimitive(upper_all, name="batched"),
        LoopPrimitive(lambda text: text[1:], until=lambda text, _: len(text) < 3, name="looped"),
        RouterPrimitive(
            {"short": hurried, "long": hurried},
            lambda text, _: "long" if len(text) > 6 else "short",
            name="by-length",
        ),
        SagaPrimitive(hurried, undo=undone, name="order").then(down, undo=undone),
    ]


class App:
    """The workflows, and what a round of traffic is."""

    def __init__(self, upstream: Upstream) -> None:
        self.unpriced = upstream.model("mystery")
        patient = RetryPrimitive(
            upstream.model("steady", Rates(2e-6, 8e-6)),
            RetryStrategy(max_retries=3, initial_delay=0.01),
            name="model-retry",
        )
        self.ask = LambdaPrimitive(LLMRequest.of, name="request") >> CachePrimitive(
            patient, max_entries=3, name="answers"
        )
        self.limited = BudgetPrimitive(
            upstream.model("limited", Rates(2e-6, 8e-6)), limit=2e-4, per="hour", name="allowance"
        )
        picky = RetryPrimitive(
            upstream.model("careful", Rates(2e-6, 8e-6)),
            RetryStrategy(max_retries=1, initial_delay=0.01),
            retry_result=lambda _: self.rounds % 2 == 0,
            name="picky",
        )
        self.ample = BudgetPrimitive(picky, limit=100, per="day", name="plenty")
        self.counted = BudgetPrimitive(
            self.unpriced, limit=1e6, unit="tokens", per="hour", name="token-allowance"
        )
        self.policies = policies()
        self.rounds = 0

    async def round(self) -> None:
        """Call every workflow a few times; what is refused or fails is part of it."""
        self.rounds += 1
        for number in (self.rounds, self.rounds, self.rounds % 4):
            await tried(partial(self.ask.execute, f"question {number}"))
        await tried(partial(self.counted.execute, "what is this?"))
        await tried(partial(self.limited.execute, "and how much is it?"))
        await tried(partial(self.ample.execute, "what is that?"))
        await tried(self._streamed)
        for workflow in self.policies:
            await asyncio.gather(
                *(tried(partial(workflow.execute, text)) for text in ("text", "a longer text") * 2)
            )

    async def _streamed(self) -> None:
        async for _ in self.unpriced.stream("tell a story"):
            pass


async def tried(call: Callable[[], Awaitable[object]]) -> None:
    """Make a call that may fail."""
    with suppress(Exception):
        await call()


async def serve() -> None:
    """Make traffic until the standard input is closed."""
    async with AsyncExitStack() as stack:
        upstream = Upstream()
        await stack.enter_async_context(upstream.server)
        app = App(upstream)
        for model in upstream.models:
            await stack.enter_async_context(model)
        closed = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
        async with asyncio.timeout(LONGEST_SECONDS):
            while not closed.done():
                await app.round()
                if app.rounds == 2:
                    print("ready", flush=True)
                await asyncio.sleep(PAUSE_SECONDS)


def main() -> None:
    """Watch, and make traffic."""
    on = initialize_observability(
        service_name="busy",
        prometheus_port=int(sys.argv[1]),
        exporters=[InMemoryExporter()],
    )
    assert on
    try:
        asyncio.run(serve())
    finally:
        shutdown_observability()


if __name__ == "__main__":
    main()
