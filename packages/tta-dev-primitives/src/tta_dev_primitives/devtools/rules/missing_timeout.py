"""TTA101: a call of a model that nothing stops from waiting for minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.source.values import Group, Made

from .clients import clients_of
from .insertion import add_argument
from .prompt_text import argument_of
from .rule import Page, Rule
from .sdk_defaults import FUNCTIONS

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.calls.call_site import CallSite
    from tta_dev_primitives.devtools.findings.finding import Confidence, Finding, Fix

    from .clients import Client
    from .rule import CheckedFile
    from .sdk_defaults import SdkDefaults

CODE: Final = "TTA101"
LONG_SECONDS: Final = 300
SUGGESTED_SECONDS: Final = 120
LIMITING_PRIMITIVES: Final = frozenset({"TimeoutPrimitive", "resilient", "ResilientPrimitive"})

PAGE: Final = Page(
    what="Reports a client of a model provider that is made without a timeout and called without "
    "one, where the SDK by itself waits five minutes or longer. It is reported once for each "
    "client, where the client is made; in a file that only uses it, at its first call.",
    why="A provider that has accepted the connection and then says nothing holds the caller for "
    "as long as the SDK lets it. `openai` and `anthropic` wait 600 seconds for each attempt and "
    "make three; `ollama`, `google-genai` and `requests` wait for ever. One such call in a "
    "request handler keeps a worker, its memory and its user waiting; a few of them stop the "
    "service.",
    cost="Up to 30 minutes of a worker for each call that hangs (600 s, three attempts).",
    example="""
from openai import OpenAI

client = OpenAI()
answer = client.chat.completions.create(model="gpt-5-mini", messages=messages)
""",
    use_instead="""
from openai import OpenAI

client = OpenAI(timeout=30)
answer = client.chat.completions.create(model="gpt-5-mini", messages=messages)
""",
    assumptions="The defaults are those of openai 3.54, anthropic 2.12, cohere 7.3, voyageai 0.5, "
    "google-genai 3.4, huggingface-hub 2.4, ollama 0.6 and requests. A timeout counts wherever it "
    "is given: on the call, by `with_options`, on the client, on its `http_client`, or around the "
    "call (`asyncio.timeout`, `asyncio.wait_for`, `TimeoutPrimitive`, `resilient`). The rule is "
    "silent where the client is made somewhere it cannot see, where `**kwargs`, or a `config` of "
    "Google from elsewhere, may hold a timeout, for streams (see TTA106), and for clients with a "
    "shorter limit of their own (groq, boto3, httpx). In tests it has low confidence and in "
    "notebooks medium, because somebody watches those.",
    fix_safety=f"The fix adds `timeout={SUGGESTED_SECONDS}` to the client or the call. It is safe "
    "for answers that arrive within that time; choose a smaller number where a user waits. "
    "Where the argument would not be a number of seconds, no fix is offered.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report clients and functions whose calls nothing limits."""
    unlimited = [
        site
        for site in checked.sites
        if _is_unlimited(site) and not _may_be_limited_by_settings(checked, site)
    ]
    told: set[ast.AST] = set()
    for client in clients_of(checked, unlimited):
        seconds = _seconds(client)
        if not client.origin.is_complete or (seconds is not None and seconds < LONG_SECONDS):
            continue
        place = client.constructor or client.sites[0].node
        if place not in told:
            told.add(place)
            yield _at_client(checked, client, seconds)
    for site in unlimited:
        name = checked.names.qualified(site.node.func) if site.client is None else None
        defaults = FUNCTIONS.get(name or "")
        if defaults is not None:
            yield checked.finding(
                CODE,
                site.node,
                f"{name}() has no timeout, so it may wait for ever",
                confidence=confidence_in(checked),
                fix=_fix(checked, site.node, defaults),
            )


def confidence_in(checked: CheckedFile) -> Confidence:
    """Return how much a missing limit matters in this file: little where somebody watches."""
    if checked.file.is_test:
        return "low"
    return "medium" if checked.file.is_notebook else "high"


def _is_unlimited(site: CallSite) -> bool:
    limited = not LIMITING_PRIMITIVES.isdisjoint(site.wrapped_by)
    return site.kind == "sdk" and site.timeout == "no" and site.streaming == "no" and not limited


def _may_be_limited_by_settings(checked: CheckedFile, site: CallSite) -> bool:
    """Tell whether the `config` of a call of Google may hold `http_options`, a timeout in it."""
    given = argument_of(site.node, "config") if site.provider == "google" else None
    if given is None:
        return False
    for value in checked.names.values(given):
        if isinstance(value, Group) and value.keys is not None:
            names = value.keys
        elif isinstance(value, Made) and value.call is not None and value.call.is_complete:
            names = tuple(name for name, _ in value.call.keywords)
        else:
            return True
        if None in names or "http_options" in names:
            return True
    return False


def _seconds(client: Client) -> float | None:
    """Return how long one attempt may wait, None for ever."""
    if "timeout" in client.origin.arguments and client.origin.arguments["timeout"] is None:
        return None
    return client.defaults.read_seconds


def _at_client(checked: CheckedFile, client: Client, seconds: float | None) -> Finding:
    if seconds is None:
        consequence = "may wait for ever"
    else:
        consequence = f"may take {seconds:g} s"
        if client.max_retries:
            again = "retry" if client.max_retries == 1 else "retries"
            total = seconds * (1 + client.max_retries)
            consequence += f", and {total:g} s with its {client.max_retries} {again}"
    if client.constructor is not None:
        return checked.finding(
            CODE,
            client.constructor,
            f"{client.class_name}() has no timeout, so a call {consequence}",
            confidence=confidence_in(checked),
            fix=_fix(checked, client.constructor, client.defaults),
        )
    place = f"{client.origin.path}:{client.origin.line}"
    return checked.finding(
        CODE,
        client.sites[0].node,
        f"{client.class_name}() of {place} has no timeout, so this call {consequence}",
        confidence=confidence_in(checked),
    )


def _fix(checked: CheckedFile, call: ast.Call, defaults: SdkDefaults) -> Fix | None:
    if not defaults.timeout_argument:
        return None
    argument = f"{defaults.timeout_argument}={SUGGESTED_SECONDS}"
    return add_argument(checked.file, call, argument, f"Add {argument}", is_safe=True)


RULE: Final = Rule(
    code=CODE,
    name="missing-timeout",
    level="warning",
    is_default=True,
    page=PAGE,
    check=check,
)
