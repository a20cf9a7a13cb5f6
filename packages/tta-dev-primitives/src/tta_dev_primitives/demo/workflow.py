"""The support desk: classify a ticket, answer it from the shop's policies, check the answer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast

from tta_dev_primitives.core.base import FRESH, LambdaPrimitive, WorkflowPrimitive
from tta_dev_primitives.core.conditional import ConditionalPrimitive
from tta_dev_primitives.core.routing import RouterPrimitive
from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.llm.types import LLMRequest, LLMResponse
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.recovery.fallback import FallbackPrimitive
from tta_dev_primitives.recovery.retry import RetryPrimitive, RetryStrategy
from tta_dev_primitives.recovery.timeout import TimeoutPrimitive

from .policies import Language, load_policies, policy_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tta_dev_primitives.core.context import WorkflowContext

LANGUAGES: Final[dict[Language, str]] = {"en": "English", "de": "German"}


@dataclass(frozen=True, slots=True)
class Case:
    """A ticket on its way through the desk."""

    text: str
    language: Language
    category: str = ""
    answer: str = ""
    approved: bool = False
    escalated: bool = False


class PromptStep(WorkflowPrimitive[Case, Case]):
    """Ask a model about a case and write down what it said.

    Args:
        name: Name of the step.
        write: Makes the request.
        ask: Answers it: a model, or a model in wrappers.
        read: Puts the answer into the case.
    """

    def __init__(
        self,
        name: str,
        write: Callable[[Case], LLMRequest],
        ask: WorkflowPrimitive[LLMRequest, LLMResponse],
        read: Callable[[Case, LLMResponse], Case],
    ) -> None:
        self.name = name
        self._write, self._ask, self._read = write, ask, read

    async def execute(self, input_data: Case, context: WorkflowContext = FRESH) -> Case:
        """Ask, and return the case with the answer in it."""
        response = await self._ask.execute(self._write(input_data), context)
        return self._read(input_data, response)

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return what answers."""
        return [("", self._ask)]


def build_workflow(
    models: Mapping[str, WorkflowPrimitive[LLMRequest, LLMResponse]],
    *,
    timeout_seconds: float = 10.0,
    retries: RetryStrategy | None = None,
    cache_dir: Path | None = None,
) -> WorkflowPrimitive[Mapping[str, Any], dict[str, Any]]:  # Any: JSON in, JSON out
    """Return the desk with cache, router, timeout, retry and fallback around its models.

    Args:
        models: One model for each tier: small, medium and large.
        timeout_seconds: Longest wait for one request.
        retries: How failed requests are tried again.
        cache_dir: Folder of the cache's file; without it answers are kept in memory.
    """
    dependable = {
        tier: RetryPrimitive(TimeoutPrimitive(model, timeout_seconds), retries, name=tier)
        for tier, model in models.items()
    }
    routed = RouterPrimitive(dependable, router_fn=tier_for, default="medium")
    last_resort = RetryPrimitive(
        TimeoutPrimitive(models["large"], timeout_seconds),
        RetryStrategy(max_retries=5),
        name="last resort",
    )
    cache = CachePrimitive[LLMRequest, LLMResponse](ttl_seconds=3600, cache_dir=cache_dir)
    ask = cache.wrap(FallbackPrimitive(routed, last_resort))
    ask_large = cache.wrap(last_resort)
    escalate = LambdaPrimitive(_escalated, name="take over") >> _answering(ask_large)
    return (
        LambdaPrimitive(read_ticket)
        >> _answering(ask)
        >> PromptStep("check", check_request, ask, _checked)
        >> ConditionalPrimitive(_needs_another_look, escalate, name="escalate")
        >> write_result
    )


def build_plain_workflow(
    model: WorkflowPrimitive[LLMRequest, LLMResponse],
) -> WorkflowPrimitive[Mapping[str, Any], dict[str, Any]]:  # Any: JSON in, JSON out
    """Return the same desk with every request sent to *model*, and nothing around it."""
    escalate = LambdaPrimitive(_escalated, name="take over") >> _answering(model)
    return (
        LambdaPrimitive(read_ticket)
        >> _answering(model)
        >> PromptStep("check", check_request, model, _checked)
        >> ConditionalPrimitive(_needs_another_look, escalate, name="escalate")
        >> write_result
    )


def _answering(
    ask: WorkflowPrimitive[LLMRequest, LLMResponse],
) -> WorkflowPrimitive[Case, Case]:
    return PromptStep("classify", classify_request, ask, _classified) >> PromptStep(
        "answer", answer_request, ask, _answered
    )


def tier_for(request: LLMRequest, context: WorkflowContext) -> str:
    """Return the tier of model that a request needs, by how involved the ticket reads.

    Long tickets and those with several sentences go to a medium model, the rest to a small one;
    checking an answer is harder than it looks and always gets a medium one.
    """
    del context
    if request.json_schema is not None and request.json_schema.get("title") == "check":
        return "medium"
    text = ticket_in(request)
    sentences = len(re.findall(r"[.!?](?:\s|$)", text))
    return "medium" if len(text) > 160 or sentences > 3 else "small"


def ticket_in(request: LLMRequest) -> str:
    """Return the ticket's text in a request of this workflow."""
    content = str(request.messages[-1]["content"])
    found = re.search(r"<ticket>\n(.*)\n</ticket>", content, re.DOTALL)
    return found.group(1) if found else content


def read_ticket(ticket: Mapping[str, Any]) -> Case:
    """Return a case for a ticket such as `{"text": ..., "language": "en"}`.

    Raises:
        ConfigurationError: The ticket has no text, or a language nobody here speaks.
    """
    text, language = ticket.get("text"), ticket.get("language", "en")
    if not isinstance(text, str) or not text.strip():
        msg = f"a ticket needs a text, got {text!r}"
        raise ConfigurationError(msg)
    if language not in LANGUAGES:
        msg = f"language must be one of {', '.join(LANGUAGES)}, got {language!r}"
        raise ConfigurationError(msg)
    return Case(text, language)


def write_result(case: Case) -> dict[str, Any]:  # Any: JSON
    """Return what the desk says about a case."""
    return {"category": case.category, "answer": case.answer, "escalated": case.escalated}


def classify_request(case: Case) -> LLMRequest:
    """Return the request for a case's category."""
    titles = "\n".join(
        f"- {name}: {policy.titles['en']}" for name, policy in load_policies().items()
    )
    return _request(
        "You sort the mail of an online shop for outdoor gear. Name the one category that the "
        f"customer's main concern belongs to, as JSON.\n\nCategories:\n{titles}",
        _ticket(case),
        {
            "title": "classification",
            "type": "object",
            "properties": {"category": {"type": "string", "enum": list(load_policies())}},
            "required": ["category"],
            "additionalProperties": False,
        },
        max_tokens=60,
    )


def answer_request(case: Case) -> LLMRequest:
    """Return the request for an answer to a case."""
    return _request(
        f"You answer customers of an online shop for outdoor gear, in {LANGUAGES[case.language]}. "
        "State every policy that the customer needs, in its own words, and nothing else.\n\n"
        f"Policies for {case.category}:\n{policy_text(case.category, case.language)}",
        _ticket(case),
        None,
        max_tokens=400,
    )


def check_request(case: Case) -> LLMRequest:
    """Return the request for a second opinion on a case."""
    return _request(
        "You check answers before they go out. Say as JSON whether the category fits the ticket "
        "and the answer states every policy the customer needs.\n\n"
        f"Policies for {case.category}:\n{policy_text(case.category, case.language)}",
        f"<category>{case.category}</category>\n<answer>\n{case.answer}\n</answer>\n{_ticket(case)}",
        {
            "title": "check",
            "type": "object",
            "properties": {"approved": {"type": "boolean"}},
            "required": ["approved"],
            "additionalProperties": False,
        },
        max_tokens=60,
    )


def _request(
    system: str,
    user: str,
    schema: Mapping[str, Any] | None,  # Any: JSON Schema
    *,
    max_tokens: int,
) -> LLMRequest:
    messages = ({"role": "system", "content": system}, {"role": "user", "content": user})
    return LLMRequest(messages, json_schema=schema, max_tokens=max_tokens, temperature=0)


def _ticket(case: Case) -> str:
    return f"<ticket>\n{case.text}\n</ticket>"


def _classified(case: Case, response: LLMResponse) -> Case:
    """Take the category a model named; one that talks around it is taken at its first match."""
    said = _json_field(response, "category")
    names = [name for name in load_policies() if name in str(said or response.text).casefold()]
    return replace(case, category=names[0] if names else "account")


def _answered(case: Case, response: LLMResponse) -> Case:
    return replace(case, answer=response.text)


def _checked(case: Case, response: LLMResponse) -> Case:
    return replace(case, approved=_json_field(response, "approved") is True)


def _escalated(case: Case) -> Case:
    return replace(case, escalated=True)


def _needs_another_look(case: Case, context: WorkflowContext) -> bool:
    del context
    return not case.approved


def _json_field(response: LLMResponse, name: str) -> object:
    """Return a field of a JSON answer, or None where there is none: small models ramble."""
    try:
        value = json.loads(response.text)
    except ValueError:
        return None
    return cast("dict[str, object]", value).get(name) if isinstance(value, dict) else None
