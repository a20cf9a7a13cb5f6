"""The demo's tickets as they are, with a cache, and with a router too: what each ticket cost."""

from __future__ import annotations

import contextlib
import importlib
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, WorkflowPrimitive
from tta_dev_primitives.core.observe import ObservabilityPrimitive
from tta_dev_primitives.llm.openai import OpenAIPrimitive
from tta_dev_primitives.llm.pricing import Rates
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.recovery.retry import RetryStrategy

from .simulation import MODELS, simulated_server
from .tickets import grade
from .workflow import build_plain_workflow, build_workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tta_dev_primitives.core.context import WorkflowContext
    from tta_dev_primitives.llm.types import LLMRequest, LLMResponse
    from tta_dev_primitives.testing.llm_server import LLMServer

    from .tickets import Ticket

ARMS: Final = ("as is", "cache", "cache and router")
EVERY_TIER: Final[Mapping[str, str]] = MappingProxyType({tier: tier for tier in MODELS})
_AT_ONCE: Final = 32
_TIMEOUT: Final = 1.5


@dataclass(slots=True)
class TicketBill:
    """What one ticket came to on one arm.

    Attributes:
        cost: US dollars paid for it; for answers that several tickets shared, by whoever asked
            first.
        calls: Requests that were sent for it, failed ones included.
        hits: Requests that a cache answered.
        correct: Whether category and answer agree with gold; a failed ticket agrees with nothing.
    """

    cost: float = 0.0
    calls: int = 0
    hits: int = 0
    correct: bool = False


_bill: ContextVar[TicketBill | None] = ContextVar("bill", default=None)


async def run_measured_arms(
    tickets: Sequence[Ticket],
    *,
    seed: int = 0,
    tiers: Mapping[str, str] = EVERY_TIER,
    error_rates: Mapping[str, float] | None = None,
    latency_factor: float = 1.0,
    on_ticket: Callable[[str], None] | None = None,
) -> dict[str, list[TicketBill]]:
    """Run *tickets* through every arm and return a bill for each ticket, in their order.

    The arm as it is sends every request to the large model, with nothing around it. It and the
    one with a cache ask a server without faults, the whole desk one that fails on purpose: what
    failed and was tried again is on its bill.

    Args:
        tickets: What to answer.
        seed: Another seed, other mistakes and faults of the simulated models.
        tiers: Which model the router's tiers really are, such as all of them `large`.
        error_rates: By tier, how often a task goes wrong instead of what is usual.
        latency_factor: Multiplies how long the models take; no bill depends on it.
        on_ticket: Called with the arm's name after each ticket.
    """
    importlib.import_module("openai")  # takes a second, which is no ticket's fault
    bills: dict[str, list[TicketBill]] = {}
    async with contextlib.AsyncExitStack() as stack:
        sound, faulty = [
            await _adapters(
                stack,
                simulated_server(
                    tickets,
                    seed=seed,
                    faults=faults,
                    error_rates=error_rates,
                    latency_factor=latency_factor,
                ),
            )
            for faults in (False, True)
        ]
        cache = CachePrimitive[Any, Any](sound["large"], ttl_seconds=3600)
        stack.push_async_callback(cache.aclose)
        routed = {tier: faulty[model] for tier, model in tiers.items()}
        desk = build_workflow(
            routed, timeout_seconds=_TIMEOUT, retries=RetryStrategy(max_retries=1)
        )
        workflows = (build_plain_workflow(sound["large"]), build_plain_workflow(cache), desk)
        for arm, workflow in zip(ARMS, workflows, strict=True):
            bills[arm] = await _run(arm, workflow, tickets, on_ticket)
    return bills


async def _adapters(
    stack: contextlib.AsyncExitStack, server: LLMServer
) -> dict[str, WorkflowPrimitive[LLMRequest, LLMResponse]]:
    served = await stack.enter_async_context(server)
    return {
        tier: await stack.enter_async_context(
            OpenAIPrimitive(
                model.name,
                base_url=served.openai_base_url,
                api_key="simulated",
                prices=Rates(input=model.input_price / 1e6, output=model.output_price / 1e6),
                name=tier,
            )
        )
        for tier, model in MODELS.items()
    }


async def _run(
    arm: str,
    workflow: WorkflowPrimitive[Any, Any],  # Any: JSON in, JSON out
    tickets: Sequence[Ticket],
    on_ticket: Callable[[str], None] | None,
) -> list[TicketBill]:
    bills = [TicketBill() for _ in tickets]
    work = _Billed(workflow)
    pairs = list(zip(tickets, bills, strict=True))
    with observe.observe(_Biller()):
        async for _ in work.map(pairs, concurrency=_AT_ONCE, ordered=False, on_error="raise"):
            if on_ticket is not None:
                on_ticket(arm)
    return bills


class _Billed(WorkflowPrimitive["tuple[Ticket, TicketBill]", None]):
    """Answers one ticket with its bill at hand, and grades the answer."""

    def __init__(self, workflow: WorkflowPrimitive[Any, Any]) -> None:  # Any: JSON in, JSON out
        self._workflow = workflow

    async def execute(
        self, input_data: tuple[Ticket, TicketBill], context: WorkflowContext = FRESH
    ) -> None:
        """Answer the ticket; one that fails stays unanswered."""
        ticket, bill = input_data
        token = _bill.set(bill)
        try:
            said = await self._workflow.execute(
                {"text": ticket.text, "language": ticket.language}, context
            )
        except Exception:  # noqa: BLE001 - a failed ticket is a wrong one, and graded as such
            return
        finally:
            _bill.reset(token)
        bill.correct = grade(ticket, said["category"], said["answer"]).correct


class _Biller(ObservabilityPrimitive):
    """Puts what models and caches tell on the bill of the ticket that is under way."""

    def start(
        self,
        primitive: WorkflowPrimitive[Any, Any],  # Any: every kind
        path: str,
        context: WorkflowContext,
    ) -> None:
        """Count a request that goes out."""
        bill = _bill.get()
        if bill is not None and primitive.upstream:
            bill.calls += 1

    def event(self, token: object, record: object) -> None:
        """Add what *record* tells."""
        bill = _bill.get()
        if bill is None:
            return
        match record:
            case observe.LLMRecord(cost=float() as cost):
                bill.cost += cost
            case observe.CacheRecord(result="hit" | "stale" | "coalesced"):
                bill.hits += 1
            case _:
                pass
