"""TTA201: the same question may be paid for twice."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from .prompt_text import argument_of
from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.calls.call_site import CallSite
    from tta_dev_primitives.devtools.findings.finding import Confidence, Finding

    from .rule import CheckedFile

CODE: Final = "TTA201"
_CACHES: Final = frozenset({"CachePrimitive", "UVCachePrimitive"})
_CACHE_WORD: Final = re.compile(r"cache|memo(?!ry)", re.IGNORECASE)
_CHANGING: Final = ("datetime.", "time.", "uuid.", "random.", "secrets.")

PAGE: Final = Page(
    what="Reports a call with `temperature=0`, or for embeddings, in a function or loop where no "
    "cache is in sight.",
    why="Such a call gives the same answer to the same question, near enough, so an answer that "
    "was paid for once can be kept. Embeddings of a text never change.",
    cost="The full price and the full wait for every repeated question; a cache hit is free.",
    example="""
def classify(text):
    return client.chat.completions.create(
        model="gpt-4o-mini", temperature=0, messages=[{"role": "user", "content": text}]
    )
""",
    use_instead="""
from tta_dev_primitives import CachePrimitive


@CachePrimitive(ttl_seconds=3600)
async def classify(text):
    return await client.chat.completions.create(
        model="gpt-4o-mini", temperature=0, messages=[{"role": "user", "content": text}]
    )
""",
    assumptions="The rule is off by default, because it can see neither how often a question "
    "comes again nor a cache further up. A word such as `cache` or `memoize` on the function or "
    "its class makes it silent; elsewhere in the file it lowers the confidence to medium. Streams, "
    "calls with tools, calls whose arguments hold a time or a random value, tests and notebooks "
    "are left alone.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report repeatable calls around which no cache is seen."""
    if checked.file.is_test or checked.file.is_notebook:
        return
    for site in checked.sites:
        reason = _why_repeatable(checked, site)
        if reason is None or site.kind != "sdk" or site.streaming != "no":
            continue
        if site.has_unknown_arguments or not _CACHES.isdisjoint(site.wrapped_by):
            continue
        if _changes(checked, site) or _has_tools(site):
            continue
        function = checked.file.function_of(site.node)
        if (function is None and not site.in_loop) or _is_near_a_cache(checked, site):
            continue
        in_file = _CACHE_WORD.search(checked.file.text) is not None
        confidence: Confidence = "medium" if in_file else "high"
        message = f"{reason}, and no cache is in sight"
        yield checked.finding(CODE, site.node, message, confidence=confidence)


def _why_repeatable(checked: CheckedFile, site: CallSite) -> str | None:
    if site.api == "embeddings":
        return "embeddings of the same text are the same each time"
    temperature = argument_of(site.node, "temperature")
    if temperature is None:
        return None
    value = checked.names.constant(temperature)
    is_zero = isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0
    return f"temperature 0 makes this call of {site.provider} repeatable" if is_zero else None


def _has_tools(site: CallSite) -> bool:
    return any(
        keyword.arg in ("tools", "functions", "tool_choice") for keyword in site.node.keywords
    )


def _changes(checked: CheckedFile, site: CallSite) -> bool:
    for node in ast.walk(site.node):
        if isinstance(node, ast.Call) and node is not site.node:
            name = checked.names.qualified(node.func) or ""
            if name.startswith(_CHANGING):
                return True
    return False


def _is_near_a_cache(checked: CheckedFile, site: CallSite) -> bool:
    """Tell whether the function around the call, or its class, is about keeping answers."""
    for parent in checked.file.parents(site.node):
        if isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min((node.lineno for node in parent.decorator_list), default=parent.lineno)
            lines = range(first, (parent.end_lineno or parent.lineno) + 1)
            if any(_CACHE_WORD.search(checked.file.line_text(line)) for line in lines):
                return True
        elif isinstance(parent, ast.ClassDef) and _CACHE_WORD.search(parent.name):
            return True
    return False


RULE: Final = Rule(
    code=CODE,
    name="uncached-deterministic",
    level="info",
    is_default=False,
    page=PAGE,
    check=check,
)
