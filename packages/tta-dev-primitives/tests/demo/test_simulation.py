"""The simulated models: as good as stated, the same every time, and able to be bad."""

from __future__ import annotations

import contextlib

import pytest

from tta_dev_primitives import LLMRequest, OpenAIPrimitive
from tta_dev_primitives.cli.demo_arms import Arm, run_arm
from tta_dev_primitives.demo.simulation import MODELS, SimulatedDesk, simulated_server
from tta_dev_primitives.demo.tickets import Ticket, generate_tickets
from tta_dev_primitives.demo.workflow import Case, build_plain_workflow, build_workflow
from tta_dev_primitives.demo.workflow import classify_request as classify
from tta_dev_primitives.llm.pricing import Rates
from tta_dev_primitives.recovery.retry import RetryStrategy
from tta_dev_primitives.testing.llm_server import ChatMessage, ChatRequest

TICKETS = generate_tickets(600, repeat_share=0.0)


def ask(model: str, ticket: Ticket, seed: int = 0, factor: float = 1.0) -> str:
    request: LLMRequest = classify(Case(ticket.text, ticket.language))
    desk = SimulatedDesk(TICKETS, seed=seed, error_factor=factor)
    said = desk.answer(
        ChatRequest(
            api="chat",
            model=model,
            messages=(ChatMessage("user", str(request.messages[-1]["content"])),),
            json_schema=request.json_schema,
            raw={},
        )
    )
    assert isinstance(said, str)
    return said


@pytest.mark.parametrize("difficulty", ["easy", "hard"])
@pytest.mark.parametrize("tier", list(MODELS))
def test_models_err_as_often_as_stated(tier: str, difficulty: str) -> None:
    """The share of wrong categories lies within four standard errors of the stated rate."""
    model = MODELS[tier]
    tickets = [ticket for ticket in TICKETS if ticket.difficulty == difficulty]
    wrong = sum(f'"{t.category}"' not in ask(model.name, t) for t in tickets) / len(tickets)
    rate = model.error_rates[difficulty]
    assert abs(wrong - rate) < 4 * (rate * (1 - rate) / len(tickets)) ** 0.5


def test_the_same_seed_gives_the_same_mistakes_and_another_seed_others() -> None:
    """Mistakes belong to the seed, not to the run."""
    first, again, other = (
        [ask("desk-small", ticket, seed) for ticket in TICKETS] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_a_stranger_gets_no_invented_answer() -> None:
    """A ticket the server was not given is not answered from nowhere."""
    stranger = Ticket("T", "en", "easy", "billing", (), "What is the meaning of life?")
    assert "know nothing" in ask("desk-large", stranger)


async def arm(tickets: list[Ticket], *, factor: float, plain: bool, faults: bool) -> Arm:
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            simulated_server(tickets, faults=faults, error_factor=factor, latency_factor=0.01)
        )
        models = {
            tier: await stack.enter_async_context(
                OpenAIPrimitive(
                    model.name,
                    base_url=server.openai_base_url,
                    api_key="test",
                    timeout_seconds=1.0,
                    prices=Rates(model.input_price / 1e6, model.output_price / 1e6),
                )
            )
            for tier, model in MODELS.items()
        }
        quick = RetryStrategy(max_retries=2, initial_delay=0.001)
        workflow = (
            build_plain_workflow(models["large"])
            if plain
            else build_workflow(models, timeout_seconds=0.5, retries=quick)
        )
        return await run_arm("test", workflow, tickets, 16)


async def test_quality_falls_when_the_models_get_worse() -> None:
    """The demo's figure is measured: five times the mistakes show in it."""
    tickets = generate_tickets(60, seed=5)
    good = await arm(tickets, factor=1.0, plain=False, faults=False)
    bad = await arm(tickets, factor=5.0, plain=False, faults=False)
    assert good.quality > 0.9
    assert bad.quality < good.quality - 0.05


async def test_faults_cost_retries_but_no_ticket() -> None:
    """With faults on every ticket is answered, for less than the large model alone costs."""
    tickets = generate_tickets(80, seed=6)
    dependable = await arm(tickets, factor=1.0, plain=False, faults=True)
    plain = await arm(tickets, factor=1.0, plain=True, faults=False)
    ledger = dependable.report.ledger
    assert dependable.report.errors == plain.report.errors == 0
    assert ledger.retries > 0
    assert ledger.upstream_calls < ledger.llm_calls
    assert ledger.cache_hits > 0
    assert dependable.cost is not None
    assert plain.cost is not None
    assert dependable.cost < 0.6 * plain.cost


async def test_without_retries_faults_do_cost_tickets() -> None:
    """The faults are real: the plain workflow loses tickets to them."""
    lost = await arm(generate_tickets(60, seed=7), factor=1.0, plain=True, faults=True)
    assert lost.report.errors > 0
