"""What spans of calls of models say, against a server that speaks the real APIs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from tta_dev_primitives import AnthropicPrimitive, LLMRequest, OpenAIPrimitive, WorkflowContext
from tta_dev_primitives.llm.pricing import Rates
from tta_dev_primitives.testing.llm_server import ErrorStatus, LLMServer

from .golden_core import app
from .golden_spans import PlainSpan, call, workflow
from .golden_tracers import Case, Run, ignoring

PRICES = Rates(input=1e-6, output=2e-6)
QUESTION = LLMRequest(
    ({"role": "user", "content": "the prompt"},), max_tokens=64, temperature=0.5, stop=("END",)
)


def asking(
    make: Callable[[LLMServer], AbstractAsyncContextManager[Any]], *, fails: bool = False
) -> Run:
    async def run() -> None:
        answer: Any = ErrorStatus(status=400) if fails else "the answer"
        async with (
            LLMServer(answer=lambda request: answer) as server,
            make(server) as model,
        ):
            await app(model).execute(QUESTION, WorkflowContext(session_id="s-1"))

    return run


async def streaming() -> None:
    async with (
        LLMServer(answer=lambda request: "the answer") as server,
        openai(server) as model,
    ):
        async for _ in app(model).stream("the prompt"):
            pass


def openai(server: LLMServer) -> OpenAIPrimitive:
    return OpenAIPrimitive(
        "gpt-4o-mini", base_url=server.openai_base_url, api_key="k", prices=PRICES, name="m"
    )


def anthropic(server: LLMServer) -> AnthropicPrimitive:
    return AnthropicPrimitive(
        "claude-haiku-4-5", base_url=server.anthropic_base_url, api_key="k", prices=PRICES, name="m"
    )


IN_SESSION = {"gen_ai.conversation.id": "s-1", "workflow.session_id": "s-1"}
ASKED = {
    "gen_ai.conversation.id": "s-1",
    "gen_ai.request.max_tokens": 64,
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.stop_sequences": ("END",),
}
ANSWERED = {
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.response.id": "(any)",
    "gen_ai.usage.input_tokens": 3,
    "gen_ai.usage.output_tokens": 3,
    "gen_ai.usage.cache_read.input_tokens": 0,
    "gen_ai.usage.cache_creation.input_tokens": 0,
    "gen_ai.usage.reasoning.output_tokens": 0,
    "gen_ai.usage.cost.amount": 9e-06,
    "gen_ai.usage.cost.currency": "USD",
    "gen_ai.usage.cost.source": "local",
}


def chat(kind: str, provider: str, model: str, told: Mapping[str, Any], **others: Any) -> PlainSpan:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
        "server.address": "127.0.0.1",
        "server.port": "(any)",
        **told,
    }
    return call(1, f"chat {model}", kind, "0.app/0.m", attributes, client=True, **others)


OPENAI = "OpenAIPrimitive", "openai", "gpt-4o-mini"
ANTHROPIC = "AnthropicPrimitive", "anthropic", "claude-haiku-4-5"

CASES = [
    Case(
        "openai",
        asking(openai),
        [
            workflow("app", "SequentialPrimitive", IN_SESSION),
            chat(*OPENAI, {**ASKED, **ANSWERED, "gen_ai.response.model": "gpt-4o-mini"}),
        ],
    ),
    Case(
        "anthropic",
        asking(anthropic),
        [
            workflow("app", "SequentialPrimitive", IN_SESSION),
            chat(*ANTHROPIC, {**ASKED, **ANSWERED, "gen_ai.response.model": "claude-haiku-4-5"}),
        ],
    ),
    Case(
        "streamed answer",
        streaming,
        [
            workflow("app", "SequentialPrimitive"),
            chat(
                *OPENAI,
                {
                    **ANSWERED,
                    "gen_ai.request.stream": True,
                    "gen_ai.response.model": "gpt-4o-mini",
                    "gen_ai.response.time_to_first_chunk": "(any)",
                },
            ),
        ],
    ),
    Case(
        "refused",
        ignoring(Exception)(asking(openai, fails=True)),
        [
            workflow(
                "app",
                "SequentialPrimitive",
                IN_SESSION,
                outcome="error",
                error="BadRequestError",
            ),
            chat(*OPENAI, ASKED, outcome="error", error="BadRequestError"),
        ],
    ),
]
