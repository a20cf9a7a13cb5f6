"""TTA107: an answer that may be as long as the model can write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .insertion import add_argument
from .output_settings import goes_to_a_known_host, is_plain_request, may_be_limited_elsewhere
from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.calls.call_site import CallSite
    from tta_dev_primitives.devtools.findings.finding import Finding, Fix

    from .rule import CheckedFile

CODE: Final = "TTA107"
SUGGESTED_TOKENS: Final = 1024
_ARGUMENTS: Final = {
    ("openai", "chat"): "max_completion_tokens",
    ("azure", "chat"): "max_completion_tokens",
    ("openai", "responses"): "max_output_tokens",
    ("azure", "responses"): "max_output_tokens",
    ("openai", "completions"): "max_tokens",
    ("groq", "chat"): "max_completion_tokens",
    ("litellm", "chat"): "max_tokens",
    ("mistral", "chat"): "max_tokens",
    ("cohere", "chat"): "max_tokens",
    ("together", "chat"): "max_tokens",
}
# These have a limit of their own, or one that depends on the model.
_LIMITED_BY_ITSELF: Final = frozenset({"alephalpha", "huggingface", "watsonx", "writer"})
_WRITES_TEXT: Final = frozenset(
    {"chat", "responses", "completions", "generate_content", "generate", "converse"}
)

PAGE: Final = Page(
    what="Reports a call that lets a model write text and sets no limit on how much: none of "
    "`max_tokens`, `max_completion_tokens`, `max_output_tokens` and their like.",
    why="Output is the dear part of a call, four to eight times the price of input with most "
    "providers, and its length is decided by the model. A prompt that makes it loop, or a user "
    "who asks for a book, is paid for up to the limit of the model, which is 16,000 to 128,000 "
    "tokens today. The time grows with it.",
    cost="Up to the model's own limit for one call: 128,000 tokens at 10 $ a million are 1.28 $.",
    example="""
answer = client.chat.completions.create(model="gpt-5-mini", messages=messages)
""",
    use_instead="""
answer = client.chat.completions.create(
    model="gpt-5-mini", messages=messages, max_completion_tokens=2000
)
""",
    assumptions="Calls that write no text (embeddings, images, reranking, counting tokens) and "
    "Anthropic's messages, which cannot be sent without a limit, are left alone. The rule is "
    "silent where `**kwargs`, an object built elsewhere or the body of a plain request may hold "
    "the limit, and for objects of frameworks, which have settings of their own. A plain request "
    "to a host that is not written out has medium confidence. Leave the rule out with `ignore` "
    "where answers are bounded by other means.",
    fix_safety=f"The fix adds a limit of {SUGGESTED_TOKENS} tokens. It is unsafe: an answer that "
    "needs more is cut off, and models that think spend part of it on that.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report calls that write text without a limit."""
    for site in checked.sites:
        if site.kind != "sdk" or site.max_tokens != "no" or site.api not in _WRITES_TEXT:
            continue
        if site.provider in _LIMITED_BY_ITSELF or may_be_limited_elsewhere(checked, site):
            continue
        is_certain = not is_plain_request(site) or goes_to_a_known_host(checked, site)
        yield checked.finding(
            CODE,
            site.node,
            f"this call of {site.provider} has no limit on its output tokens, so the answer may "
            "be as long as the model allows",
            confidence="high" if is_certain else "medium",
            fix=_fix(checked, site),
        )


def _fix(checked: CheckedFile, site: CallSite) -> Fix | None:
    name = _ARGUMENTS.get((site.provider, site.api))
    if name is None or is_plain_request(site):
        return None
    argument = f"{name}={SUGGESTED_TOKENS}"
    return add_argument(checked.file, site.node, argument, f"Add {argument}", is_safe=False)


RULE: Final = Rule(
    code=CODE,
    name="missing-max-tokens",
    level="warning",
    is_default=True,
    page=PAGE,
    check=check,
)
