"""The models behind the demo: simulated ones, a provider's, or a real one on this machine."""

from __future__ import annotations

import contextlib
import importlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.llm.openai import OpenAIPrimitive
from tta_dev_primitives.llm.pricing import Rates
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.recovery.retry import RetryStrategy

from .simulation import MODELS, simulated_server
from .workflow import build_plain_workflow, build_workflow

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from tta_dev_primitives.core.base import WorkflowPrimitive
    from tta_dev_primitives.llm.types import LLMRequest, LLMResponse

    from .tickets import Ticket


@dataclass(frozen=True, slots=True)
class Desk:
    """A workflow ready to run, and how many tickets it should see at once."""

    workflow: WorkflowPrimitive[Any, Any]  # Any: JSON in, JSON out
    concurrency: int


@contextlib.asynccontextmanager
async def open_desks(
    provider: str, tickets: Sequence[Ticket], *, seed: int = 0, cache_dir: Path | None = None
) -> AsyncGenerator[tuple[Desk, Desk], None]:
    """Open the models of *provider*, and yield the desk with primitives and the plain one.

    Args:
        provider: Whose models to ask.
        tickets: What will be asked.
        seed: Another seed, other mistakes and faults of the simulated models.
        cache_dir: Where the desk's answers are kept; a folder that goes with it when left out.

    Raises:
        ConfigurationError: The provider's SDK, key or model is missing; says what to do.
    """
    importlib.import_module("openai")  # takes a second, which is no ticket's fault
    async with contextlib.AsyncExitStack() as stack:
        if cache_dir is None:
            folder = tempfile.TemporaryDirectory(prefix="tta-demo-")
            cache_dir = Path(stack.enter_context(folder))

        def cached(
            models: Mapping[str, WorkflowPrimitive[LLMRequest, LLMResponse]],
            timeout_seconds: float,
            retries: RetryStrategy | None = None,
        ) -> WorkflowPrimitive[Any, Any]:  # Any: JSON in, JSON out
            workflow = build_workflow(
                models, timeout_seconds=timeout_seconds, retries=retries, cache_dir=cache_dir
            )
            for _, node in workflow.walk():
                if isinstance(node, CachePrimitive):
                    stack.push_async_callback(node.aclose)
            return workflow

        match provider:
            case "simulated":
                yield await _simulated(stack, cached, tickets, seed)
            case "local":
                from .local_model import open_local_model

                model = await stack.enter_async_context(open_local_model())
                tiers = dict.fromkeys(MODELS, model)
                yield (
                    Desk(cached(tiers, 120), 2),
                    Desk(build_plain_workflow(model), 2),
                )
            case _:
                models = _discovered(provider)
                for model in models.values():
                    stack.push_async_callback(model.aclose)
                yield (
                    Desk(cached(models, 60), 8),
                    Desk(build_plain_workflow(models["large"]), 8),
                )


async def _simulated(
    stack: contextlib.AsyncExitStack,
    cached: Callable[..., WorkflowPrimitive[Any, Any]],  # Any: JSON in, JSON out
    tickets: Sequence[Ticket],
    seed: int,
) -> tuple[Desk, Desk]:
    faulty = await stack.enter_async_context(simulated_server(tickets, seed=seed))
    sound = await stack.enter_async_context(simulated_server(tickets, seed=seed, faults=False))

    async def adapters(base_url: str) -> dict[str, OpenAIPrimitive]:
        return {
            tier: await stack.enter_async_context(
                OpenAIPrimitive(
                    model.name,
                    base_url=base_url,
                    api_key="simulated",
                    prices=Rates(input=model.input_price / 1e6, output=model.output_price / 1e6),
                    name=tier,
                )
            )
            for tier, model in MODELS.items()
        }

    brief = RetryStrategy(max_retries=1, initial_delay=0.1)
    with_primitives = cached(await adapters(faulty.openai_base_url), 1.5, brief)
    plain = build_plain_workflow((await adapters(sound.openai_base_url))["large"])
    return Desk(with_primitives, 32), Desk(plain, 32)


def _discovered(provider: str) -> dict[str, Any]:  # Any: either adapter
    from tta_dev_primitives.llm.anthropic import AnthropicPrimitive
    from tta_dev_primitives.llm.models import discover_models

    adapter = {"openai": OpenAIPrimitive, "anthropic": AnthropicPrimitive}[provider]
    known = [model for model in discover_models(os.environ).models if model.provider == provider]
    usable = {model.tier: model for model in reversed(known) if model.available}
    missing = [tier for tier in MODELS if tier not in usable]
    if missing:
        reason = next((model.reason for model in known if not model.available), "no such models")
        msg = f"{provider} cannot be used: {reason}"
        raise ConfigurationError(msg)
    return {tier: adapter(usable[tier].id, name=tier) for tier in MODELS}
