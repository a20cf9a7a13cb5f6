"""Three models that do not exist, served for the demo: their prices, speeds and mistakes."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.testing.llm_server import (
    ChatRequest,
    FaultRates,
    LLMServer,
    Reply,
    ServedModel,
)

from .policies import load_policies
from .tickets import Ticket, grade

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class SimulatedModel:
    """A model of the demo.

    Attributes:
        name: Its name.
        input_price: US dollars for a million tokens in.
        output_price: US dollars for a million tokens out.
        latency_seconds: Median time to an answer.
        error_rates: How often one task goes wrong, on easy and on hard tickets.
    """

    name: str
    input_price: float
    output_price: float
    latency_seconds: float
    error_rates: dict[str, float]


MODELS: Final[dict[str, SimulatedModel]] = {
    "small": SimulatedModel("desk-small", 0.15, 0.60, 0.04, {"easy": 0.02, "hard": 0.25}),
    "medium": SimulatedModel("desk-medium", 0.80, 3.20, 0.08, {"easy": 0.01, "hard": 0.08}),
    "large": SimulatedModel("desk-large", 5.00, 20.00, 0.16, {"easy": 0.005, "hard": 0.03}),
}
FAULTS: Final = FaultRates(
    rate_limited=0.02,
    server_error=0.02,
    overloaded=0.01,
    dropped_connection=0.01,
    malformed_body=0.005,
    hang=0.005,
    retry_after_seconds=0.2,
)


class SimulatedDesk:
    """Answers the demo's requests as the simulated models would.

    Whether a model gets a task of a ticket right is drawn from the seed, the model, the task and
    the ticket's text: asking again gives the same answer.

    Args:
        tickets: Tickets with their gold answers.
        seed: Another seed gives other mistakes.
        error_factor: Multiplies every error rate.
        error_rates: By tier, how often one task goes wrong instead, whatever the ticket.
    """

    def __init__(
        self,
        tickets: Sequence[Ticket],
        *,
        seed: int = 0,
        error_factor: float = 1.0,
        error_rates: Mapping[str, float] | None = None,
    ) -> None:
        self._by_text = {ticket.text: ticket for ticket in tickets}
        self._seed, self._error_factor = seed, error_factor
        self._rates = {model.name: model.error_rates for model in MODELS.values()}
        for tier, rate in (error_rates or {}).items():
            self._rates[MODELS[tier].name] = {"easy": rate, "hard": rate}

    def answer(self, request: ChatRequest) -> Reply | str:
        """Return the answer of the model that *request* names."""
        content = request.last_text
        found = re.search(r"<ticket>\n(.*)\n</ticket>", content, re.DOTALL)
        ticket = self._by_text.get(found.group(1)) if found else None
        if ticket is None:
            return "I know nothing about this ticket."
        schema = request.json_schema or {}
        match schema.get("title"):
            case "classification":
                return json.dumps({"category": self._category(request.model, ticket)})
            case "check":
                return json.dumps({"approved": self._approves(request.model, ticket, content)})
            case _:
                return self._reply(request, ticket)

    def _category(self, model: str, ticket: Ticket) -> str:
        if self._right(model, "classify", ticket):
            return ticket.category
        others = [name for name in load_policies() if name != ticket.category]
        return others[int(self._draw(model, "which", ticket) * len(others))]

    def _reply(self, request: ChatRequest, ticket: Ticket) -> str:
        """State the facts that the policies in the prompt offer, or forget the first of them."""
        facts = {
            fact.id: fact.sentences[ticket.language]
            for fact in load_policies()[ticket.category].facts
        }
        wanted = [facts[name] for name in ticket.required_facts]
        offered = [sentence for sentence in wanted if sentence in request.system]
        if not self._right(request.model, "answer", ticket):
            offered = offered[1:]
        greeting, regards = {
            "en": ("Thank you for your message.", "Kind regards, your support desk"),
            "de": ("Danke für deine Nachricht.", "Viele Grüße vom Support"),
        }[ticket.language]
        return "\n".join((greeting, *offered, regards))

    def _approves(self, model: str, ticket: Ticket, content: str) -> bool:
        category = re.search(r"<category>(.*?)</category>", content)
        answer = re.search(r"<answer>\n(.*)\n</answer>", content, re.DOTALL)
        good = (
            category is not None
            and answer is not None
            and grade(ticket, category.group(1), answer.group(1)).correct
        )
        return good if self._right(model, f"check {good}", ticket) else not good

    def _right(self, model: str, task: str, ticket: Ticket) -> bool:
        rates = self._rates.get(model, {})
        error_rate = min(1.0, rates.get(ticket.difficulty, 0.0) * self._error_factor)
        return self._draw(model, task, ticket) >= error_rate

    def _draw(self, *parts: object) -> float:
        """Return a number from 0 up to 1 that depends on the seed and *parts* alone."""
        text = "\0".join(part.text if isinstance(part, Ticket) else str(part) for part in parts)
        digest = hashlib.sha256(f"{self._seed}\0{text}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64


def simulated_server(
    tickets: Sequence[Ticket],
    *,
    seed: int = 0,
    faults: bool = True,
    error_factor: float = 1.0,
    error_rates: Mapping[str, float] | None = None,
    latency_factor: float = 1.0,
) -> LLMServer:
    """Return a server of the simulated models for *tickets*, with faults switched on or off."""
    desk = SimulatedDesk(tickets, seed=seed, error_factor=error_factor, error_rates=error_rates)
    served = [
        ServedModel(
            model.name,
            input_price=model.input_price,
            output_price=model.output_price,
            latency_seconds=model.latency_seconds * latency_factor,
        )
        for model in MODELS.values()
    ]
    return LLMServer(served, seed=seed, answer=desk.answer, faults=FAULTS if faults else None)
