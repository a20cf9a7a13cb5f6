"""TTA104: retries around a client that retries by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .clients import clients_of
from .error_handlers import ends_here
from .insertion import add_argument
from .missing_timeout import confidence_in
from .retry_policies import policies_around
from .rule import Page, Rule

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.calls.call_site import CallSite
    from tta_dev_primitives.devtools.findings.finding import Finding

    from .clients import Client
    from .rule import CheckedFile

CODE: Final = "TTA104"

# What the SDKs try again by themselves; an outer policy for other errors multiplies nothing.
_RETRIED_BY_SDK: Final = frozenset(
    {
        "Exception",
        "BaseException",
        "OpenAIError",
        "AnthropicError",
        "APIError",
        "APIStatusError",
        "APIConnectionError",
        "APITimeoutError",
        "ConflictError",
        "InternalServerError",
        "RateLimitError",
    }
)
_MEASURED_SDKS: Final = ("openai.", "anthropic.", "groq.")

PAGE: Final = Page(
    what="Reports a retry (`tenacity`, `backoff`, `stamina`, `retrying` or `RetryPrimitive`) "
    "around a call whose client retries by itself.",
    why="The attempts multiply: three of tenacity around `OpenAI()`, which makes three of its "
    "own, are nine requests for one question. Under a rate limit that keeps the limit exceeded, "
    "and the waits of the two add up to minutes that nobody planned.",
    cost="Each outer attempt costs up to three requests and their waits: 3 x (1 + 2) = 9.",
    example="""
client = OpenAI(timeout=30)


@tenacity.retry(stop=tenacity.stop_after_attempt(3))
def ask(messages):
    return client.chat.completions.create(model="gpt-5-mini", messages=messages)
""",
    use_instead="""
client = OpenAI(timeout=30, max_retries=0)


@tenacity.retry(stop=tenacity.stop_after_attempt(3))
def ask(messages):
    return client.chat.completions.create(model="gpt-5-mini", messages=messages)
""",
    assumptions="`openai`, `anthropic` and `groq` retry twice unless told otherwise. The rule is "
    "silent where the client is made somewhere it cannot see, where `max_retries` is 0 or not a "
    "constant, and where the outer retry is for errors that the SDK does not retry, such as "
    "`ValueError`. The adapters of `tta_dev_primitives` turn the retries of the SDK off.",
    fix_safety="The fix adds `max_retries=0` to the client. It is unsafe: other calls through the "
    "same client lose their retries.",
)


@dataclass(frozen=True, slots=True)
class _Outer:
    """A retry around a call: what it is called and how often it tries."""

    name: str
    attempts: int | None
    node: ast.AST


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report retries around calls of clients that retry, each function once."""
    seen: set[ast.AST] = set()
    sites = [site for site in checked.sites if site.kind == "sdk"]
    for client in clients_of(checked, sites):
        retries = client.max_retries
        if not retries or not client.origin.qualified.startswith(_MEASURED_SDKS):
            continue
        for site in client.own_sites:
            outer = _outer(checked, site)
            if outer is None or outer.node in seen:
                continue
            seen.add(outer.node)
            yield _finding(checked, site, client, retries, outer)


def _outer(checked: CheckedFile, site: CallSite) -> _Outer | None:
    for policy in policies_around(checked, site.node):
        if policy.catches is not None and _overlaps(policy.catches):
            return _Outer(policy.library, policy.attempts, policy.node)
    if "RetryPrimitive" in site.wrapped_by and not _chooses_errors(checked):
        return None if ends_here(checked, site.node) else _Outer("RetryPrimitive", None, site.node)
    return None


def _chooses_errors(checked: CheckedFile) -> bool:
    """Tell whether a RetryPrimitive of this file may be for errors that no SDK retries."""
    return any(
        composition.kind == "RetryPrimitive"
        and ("retry_on" in composition.arguments or not composition.is_complete)
        for composition in checked.compositions
    )


def _overlaps(catches: tuple[str, ...]) -> bool:
    names = {name.rpartition(".")[2] for name in catches}
    return not names or not _RETRIED_BY_SDK.isdisjoint(names)


def _finding(
    checked: CheckedFile, site: CallSite, client: Client, retries: int, outer: _Outer
) -> Finding:
    inner = 1 + retries
    if outer.attempts is None:
        total = f"each of its attempts makes up to {inner} requests"
    else:
        total = f"{outer.attempts} x {inner} = {outer.attempts * inner} requests for one call"
    fix = None
    if client.constructor is not None:
        fix = add_argument(
            checked.file, client.constructor, "max_retries=0", "Add max_retries=0", is_safe=False
        )
    return checked.finding(
        CODE,
        site.node,
        f"{outer.name} retries a call that {client.class_name} retries as well: {total}",
        confidence=confidence_in(checked),
        fix=fix,
    )


RULE: Final = Rule(
    code=CODE,
    name="stacked-retries",
    level="warning",
    is_default=True,
    page=PAGE,
    check=check,
)
