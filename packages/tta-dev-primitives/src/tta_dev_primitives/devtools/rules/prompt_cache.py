"""TTA204: a long prompt that Anthropic is sent again and again at full price."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from .insertion import replace_expression
from .missing_timeout import confidence_in
from .prompt_drift import CHARACTERS_PER_TOKEN
from .prompt_text import argument_of, pieces_of
from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.calls.call_site import CallSite
    from tta_dev_primitives.devtools.findings.finding import Finding, Fix

    from .rule import CheckedFile

CODE: Final = "TTA204"

# The smallest prompt that is kept, in tokens, by family; the largest of them where the model is
# not known, so that no prompt is reported that would not be kept.
_SMALLEST: Final = (
    (re.compile(r"claude-(3-5-sonnet|3-7-sonnet|sonnet-4|opus-4-1|opus-4-2|3-opus)"), 1024),
    (re.compile(r"claude-(3-haiku|3-5-haiku)"), 2048),
)
_SMALLEST_ANYWHERE: Final = 4096

PAGE: Final = Page(
    what="Reports a call of Anthropic in a loop whose system prompt is a long constant and that "
    "asks for no caching: no `cache_control` in the file.",
    why="Anthropic keeps a prompt only when it is asked to. Without `cache_control` every call "
    "pays for the same instructions again, and waits while they are read again.",
    cost="90% of the price of the constant part for each call within five minutes of the last; "
    "the first one costs 25% more.",
    example="""
for question in questions:
    client.messages.create(
        model="claude-sonnet-4-5", max_tokens=500, system=HANDBOOK, messages=ask(question)
    )
""",
    use_instead="""
system = [{"type": "text", "text": HANDBOOK, "cache_control": {"type": "ephemeral"}}]
for question in questions:
    client.messages.create(
        model="claude-sonnet-4-5", max_tokens=500, system=system, messages=ask(question)
    )
""",
    assumptions="Only a prompt whose text is known counts, at five characters a token, and only "
    "where it is longer than the smallest one that its model keeps (1,024 to 4,096 tokens). "
    "Outside a loop the rule has medium confidence, because it cannot know how often the "
    "function runs. OpenAI and Google cache by themselves.",
    fix_safety="The fix turns the prompt into a block with `cache_control`. It is unsafe: where "
    "calls are more than five minutes apart, each costs 25% more for this part.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report long constant system prompts without `cache_control`."""
    if "cache_control" in checked.file.text:
        return
    for site in checked.sites:
        system = argument_of(site.node, "system")
        if site.provider != "anthropic" or site.kind != "sdk" or system is None:
            continue
        pieces = list(pieces_of(checked, system))
        texts = [piece for piece in pieces if isinstance(piece, str)]
        if len(texts) < len(pieces) or site.has_unknown_arguments:
            continue
        tokens = sum(map(len, texts)) // CHARACTERS_PER_TOKEN
        runs_once = checked.file.function_of(site.node) is None and not site.in_loop
        if tokens < _smallest(site) or runs_once:
            continue
        confidence = confidence_in(checked)
        yield checked.finding(
            CODE,
            system,
            f"about {tokens:,} tokens of system prompt are paid in full for each call, because "
            "nothing asks Anthropic to keep them",
            confidence="medium" if confidence == "high" and not site.in_loop else confidence,
            fix=_fix(checked, system),
        )


def _smallest(site: CallSite) -> int:
    for pattern, tokens in _SMALLEST:
        if site.model is not None and pattern.search(site.model):
            return tokens
    return _SMALLEST_ANYWHERE


def _fix(checked: CheckedFile, system: ast.expr) -> Fix | None:
    if not isinstance(system, ast.Name):
        return None
    block = f'[{{"type": "text", "text": {system.id}, "cache_control": {{"type": "ephemeral"}}}}]'
    return replace_expression(
        checked.file, system, block, "Ask for the prompt to be kept", is_safe=False
    )


RULE: Final = Rule(
    code=CODE,
    name="missing-prompt-cache-control",
    level="warning",
    is_default=True,
    page=PAGE,
    check=check,
)
