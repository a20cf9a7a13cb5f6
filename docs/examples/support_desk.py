"""A support desk: classify a ticket, answer it from the shop's policies, check the answer.

With OPENAI_API_KEY or ANTHROPIC_API_KEY in the environment it asks real models, which costs money.
Without one it starts a test server on this machine, whose models know a few words and fail now and
then.

    uv run python docs/examples/support_desk.py
    uv run tta run docs/examples/support_desk.py:workflow \
        --input docs/examples/tickets.jsonl --output answers.jsonl
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tta_dev_primitives import (
    AnthropicPrimitive,
    CachePrimitive,
    ConditionalPrimitive,
    FallbackPrimitive,
    LambdaPrimitive,
    LLMRequest,
    LLMResponse,
    OpenAIPrimitive,
    RetryPrimitive,
    RetryStrategy,
    RouterPrimitive,
    TimeoutPrimitive,
    WorkflowContext,
    WorkflowPrimitive,
    observe,
)
from tta_dev_primitives.llm.ledger import Ledger
from tta_dev_primitives.llm.pricing import Rates
from tta_dev_primitives.testing.llm_server import ChatRequest, FaultRates, LLMServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Model = WorkflowPrimitive[LLMRequest, LLMResponse]

POLICIES = {
    "billing": "An invoice is under My orders as a PDF. A double booking disappears in 5 days.",
    "returns": "Unused goods can come back within 30 days. The refund takes 7 days.",
    "shipping": "Parcels take 2 to 4 days. The tracking number comes by e-mail.",
}
OPENAI_MODELS = {"small": "gpt-6-luna", "medium": "gpt-6.1-terra", "large": "gpt-6.1-sol"}
ANTHROPIC_MODELS = {
    "small": "claude-haiku-5-5",
    "medium": "claude-sonnet-5-5",
    "large": "claude-opus-5-5",
}
# Invented, in US dollars per token: what the offline models pretend to cost.
OFFLINE_RATES = {
    "small": Rates(input=0.2e-6, output=0.8e-6),
    "medium": Rates(input=1e-6, output=4e-6),
    "large": Rates(input=5e-6, output=20e-6),
}


@dataclass(frozen=True, slots=True)
class Case:
    """A ticket on its way through the desk."""

    text: str
    category: str = ""
    answer: str = ""
    approved: bool = False
    escalated: bool = False


class Ask(WorkflowPrimitive[Case, Case]):
    """Ask a model about a case, and write into the case what it said."""

    def __init__(
        self,
        name: str,
        model: Model,
        write: Callable[[Case], LLMRequest],
        read: Callable[[Case, LLMResponse], Case],
    ) -> None:
        self.name = name
        self._model, self._write, self._read = model, write, read

    async def execute(self, input_data: Case, context: WorkflowContext) -> Case:
        """Ask once; whatever makes that dependable is in the model."""
        return self._read(input_data, await self._model.execute(self._write(input_data), context))

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return the model, so that the workflow can be drawn and counted."""
        return [("", self._model)]


def workflow() -> WorkflowPrimitive[Mapping[str, str], dict[str, object]]:
    """Return the desk. `tta run` calls this."""
    models = find_models()
    patient = RetryStrategy(max_retries=4, initial_delay=0.05)
    dependable = {
        tier: RetryPrimitive(TimeoutPrimitive(model, timeout_seconds=20), patient)
        for tier, model in models.items()
    }
    routed = RouterPrimitive(
        {"small": dependable["small"], "medium": dependable["medium"]}, router_fn=tier_for
    )
    cache = CachePrimitive[LLMRequest, LLMResponse](ttl_seconds=3600)
    ask = cache.wrap(FallbackPrimitive(routed, dependable["large"]))
    ask_large = cache.wrap(dependable["large"])
    again = (
        LambdaPrimitive(escalate)
        >> Ask("classify", ask_large, classify, read_category)
        >> Ask("answer", ask_large, answer, read_answer)
    )
    return (
        LambdaPrimitive(read_ticket)
        >> Ask("classify", ask, classify, read_category)
        >> Ask("answer", ask, answer, read_answer)
        >> Ask("check", ask, check, read_verdict)
        >> ConditionalPrimitive(is_refused, again, name="escalate")
        >> write_result
    )


def tier_for(request: LLMRequest, _context: WorkflowContext) -> str:
    """Send checks and long tickets to a medium model, the rest to a small one."""
    if request.json_schema is not None and request.json_schema["title"] == "check":
        return "medium"
    return "medium" if len(str(request.messages[-1]["content"])) > 160 else "small"


def read_ticket(ticket: Mapping[str, str]) -> Case:
    """Make a case of a line such as `{"text": "Where is my parcel?"}`."""
    return Case(ticket["text"])


def write_result(case: Case) -> dict[str, object]:
    """Say what the desk decided."""
    return {"category": case.category, "answer": case.answer, "escalated": case.escalated}


def escalate(case: Case) -> Case:
    """Mark a case that the large model works on."""
    return replace(case, escalated=True)


def is_refused(case: Case, _context: WorkflowContext) -> bool:
    """Tell whether the check went against the answer."""
    return not case.approved


def classify(case: Case) -> LLMRequest:
    """Ask for the category, as JSON."""
    field = {"category": {"type": "string", "enum": list(POLICIES)}}
    return request_for("Name the category of the ticket.", case.text, "classification", field)


def answer(case: Case) -> LLMRequest:
    """Ask for an answer from the category's policy."""
    return request_for(f"Answer from this policy: {POLICIES[case.category]}", case.text)


def check(case: Case) -> LLMRequest:
    """Ask for a second opinion, as JSON."""
    system = f"Say whether this is the right answer: {case.category}, {case.answer}"
    return request_for(system, case.text, "check", {"approved": {"type": "boolean"}})


def request_for(
    system: str, text: str, title: str = "", fields: Mapping[str, object] | None = None
) -> LLMRequest:
    """Write a request, with a JSON schema where *fields* are given."""
    schema: dict[str, object] | None = None
    if fields is not None:
        schema = {"title": title, "type": "object", "properties": fields, "required": list(fields)}
        schema["additionalProperties"] = False
    messages = ({"role": "system", "content": system}, {"role": "user", "content": text})
    return LLMRequest(messages, json_schema=schema, max_tokens=300)


def read_category(case: Case, response: LLMResponse) -> Case:
    """Take the category that the model named."""
    return replace(case, category=response.json()["category"])


def read_answer(case: Case, response: LLMResponse) -> Case:
    """Take the answer as it is."""
    return replace(case, answer=response.text)


def read_verdict(case: Case, response: LLMResponse) -> Case:
    """Take the verdict."""
    return replace(case, approved=response.json()["approved"] is True)


def find_models() -> dict[str, Model]:
    """Return a model for each tier: real ones where there is a key, else offline ones."""
    if os.environ.get("OPENAI_API_KEY"):
        return {tier: OpenAIPrimitive(name, name=tier) for tier, name in OPENAI_MODELS.items()}
    if os.environ.get("ANTHROPIC_API_KEY"):
        return {
            tier: AnthropicPrimitive(name, name=tier) for tier, name in ANTHROPIC_MODELS.items()
        }
    base_url = start_server()
    return {
        tier: OpenAIPrimitive(
            f"desk-{tier}", base_url=base_url, api_key="offline", prices=rates, name=tier
        )
        for tier, rates in OFFLINE_RATES.items()
    }


def start_server() -> str:
    """Serve the offline models from a thread that ends with the process; return the base URL."""
    base_url: Future[str] = Future()

    async def serve() -> None:
        faults = FaultRates(server_error=0.1, rate_limited=0.1, retry_after_seconds=0.05)
        async with LLMServer(seed=7, answer=offline_answer, faults=faults) as server:
            base_url.set_result(server.openai_base_url)
            await asyncio.Event().wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except Exception as error:  # noqa: BLE001 - raised where the base URL is waited for
            base_url.set_exception(error)

    threading.Thread(target=run, name="offline-models", daemon=True).start()
    return base_url.result()


def offline_answer(request: ChatRequest) -> str:
    """Answer by keywords; the small model stops at the first one it knows."""
    words = {
        "billing": ("invoice", "charged", "paid"),
        "returns": ("refund", "send back", "return"),
        "shipping": ("parcel", "delivery", "tracking"),
    }
    text = request.last_text.casefold()
    hits = {name: sum(word in text for word in known) for name, known in words.items()}
    right = max(hits, key=lambda name: hits[name])
    first = next((name for name, count in hits.items() if count), right)
    match (request.json_schema or {}).get("title"):
        case "classification":
            return json.dumps({"category": first if request.model == "desk-small" else right})
        case "check":
            return json.dumps({"approved": f": {right}," in request.system})
        case _:
            return f"Hello! {request.system.partition(': ')[2]} Your support desk"


async def main() -> None:
    """Answer the tickets beside this file, and print what that took."""
    lines = (Path(__file__).parent / "tickets.jsonl").read_text(encoding="utf-8").splitlines()
    ledger = Ledger()
    with observe(ledger):
        async for item in workflow().map([json.loads(line) for line in lines]):
            print(item.index, item.value if item.ok else repr(item.error))
    print(
        f"{ledger.llm_calls} model calls, {ledger.cache_hits} from the cache, "
        f"{ledger.upstream_calls} requests, {ledger.retries} retries, ${ledger.cost:.6f}"
    )


if __name__ == "__main__":
    asyncio.run(main())
