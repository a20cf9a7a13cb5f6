"""TTA302: calls of a model in a loop that wait for each other and need not."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final, TypeAlias

from tta_dev_primitives.devtools.calls.flow import dotted, fed_by, feeding, sources, within

from .asking_functions import has_limit
from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.calls.call_site import CallSite
    from tta_dev_primitives.devtools.findings.finding import Finding

    from .rule import CheckedFile

CODE: Final = "TTA302"
_Loop: TypeAlias = ast.For | ast.ListComp | ast.SetComp | ast.DictComp
_FEWEST: Final = 3
_LEAVES: Final = (ast.Break, ast.Return, ast.Yield, ast.YieldFrom, ast.AsyncWith, ast.AsyncFor)
_TRIES: Final = re.compile(
    r"^_+$|attempt|retr|tries|try|turn|round|iteration|epoch|step|trial", re.IGNORECASE
)
_ASKS_SOMEBODY: Final = frozenset({"input", "prompt_async", "readline"})
# APIs whose calls know nothing of each other.
_STATELESS: Final = frozenset(
    {
        *("audio", "chat", "completions", "converse", "embeddings", "generate_content", "images"),
        *("invoke_model", "messages", "moderations", "rerank", "responses"),
    }
)

PAGE: Final = Page(
    what="Reports an awaited call of a model in a `for` loop or a comprehension whose calls do "
    "not depend on each other: each waits until the one before it has been answered.",
    why="A model needs seconds for an answer, and the program only waits. Calls that need nothing "
    "of each other can wait at the same time, as many as the provider's limits allow.",
    cost="The times add up: 100 calls of 3 seconds take 5 minutes one after the other, and half "
    "a minute ten at a time. The tokens cost the same.",
    example="""
async def summaries(texts: list[str]) -> list[str]:
    results = []
    for text in texts:
        reply = await client.responses.create(model="gpt-5-mini", input=text)
        results.append(reply.output_text)
    return results
""",
    use_instead="""
async def summary(text: str) -> str:
    reply = await client.responses.create(model="gpt-5-mini", input=text)
    return reply.output_text


async def summaries(texts: list[str]) -> list[str]:
    limit = asyncio.Semaphore(10)

    async def one(text: str) -> str:
        async with limit:
            return await summary(text)

    return await asyncio.gather(*(one(text) for text in texts))


# Or with bounds, order and errors taken care of:
results = [item.value async for item in LambdaPrimitive(summary).map(texts, concurrency=10)]
""",
    assumptions="The question must come from the loop's own variable and from nothing that an "
    "earlier answer went into. A loop that ends early, yields, sleeps, holds a lock or a limit, "
    "asks a person, or counts attempts and turns is left alone; so are loops over fewer than "
    "three items, calls that go on with a conversation, and tests. Where the loop awaits "
    "something else as well, the order of that may matter, and the confidence is medium.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report each loop once, at the first call in it."""
    if checked.file.is_test:
        return
    seen: set[ast.AST] = set()
    for site in checked.sites:
        if site.mode != "async" or site.kind != "sdk" or site.api not in _STATELESS:
            continue
        loop = _loop_of(checked, site)
        if loop is None or loop in seen or not _is_independent(site, loop):
            continue
        seen.add(loop)
        others = _other_awaits(checked, loop)
        yield checked.finding(
            CODE,
            site.node,
            "each of these calls waits for the one before it, and needs nothing of its answer; "
            "send several at a time",
            confidence="medium" if others else "high",
        )


def _loop_of(checked: CheckedFile, site: CallSite) -> _Loop | None:
    """Return the innermost loop around an awaited call, where it is one that could be spread."""
    parents = checked.file.parents(site.node)
    if not isinstance(next(parents, None), ast.Await):
        return None
    loops = checked.file.loops_around(site.node)
    for parent in parents:
        if isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef)):
            break
        if isinstance(parent, ast.ExceptHandler):
            return None  # what is done where something else has failed
    if not loops or not isinstance(loops[0], (ast.For, ast.ListComp, ast.SetComp, ast.DictComp)):
        return None
    return loops[0]


def _is_independent(site: CallSite, loop: _Loop) -> bool:
    body: list[ast.AST] = list(loop.body) if isinstance(loop, ast.For) else [loop]
    targets = _targets(loop)
    if any(_TRIES.search(name) for name in targets) or _is_short(loop):
        return False
    for node in within(body):
        if isinstance(node, _LEAVES) or getattr(node, "is_async", 0):
            return False
        if isinstance(node, ast.Call):
            name = (dotted(node.func) or "").rpartition(".")[2]
            if name in _ASKS_SOMEBODY:
                return False
    if any(has_limit(part) for part in body):
        return False
    given = _given(site, body)
    question = [*site.node.args, *(keyword.value for keyword in site.node.keywords)]
    needed = feeding([*question, site.node.func], given)
    if targets.isdisjoint(feeding(question, given)):
        return False
    answer = [
        name
        for name, values in given.items()
        if any(site.node in ast.walk(value) for value in values)
    ]
    return (needed - targets).isdisjoint(fed_by(answer, given))


def _given(site: CallSite, body: list[ast.AST]) -> dict[str, list[ast.expr]]:
    """Return what flows where in the loop; an object may keep whatever its methods are given."""
    given = sources(body)
    for node in within(body):
        if not isinstance(node, ast.Call) or node is site.node:
            continue
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        if isinstance(node.func, ast.Attribute) and (owner := dotted(node.func.value)) is not None:
            given.setdefault(owner, []).extend(values)
        names = {name for value in values if (name := dotted(value)) is not None}
        for name in names:
            given.setdefault(name, []).extend(value for value in values if dotted(value) != name)
    return given


def _targets(loop: _Loop) -> set[str]:
    if isinstance(loop, ast.For):
        targets = [loop.target]
    else:
        targets = [generator.target for generator in loop.generators]
    return {
        node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)
    }


def _is_short(loop: _Loop) -> bool:
    iterable = loop.iter if isinstance(loop, ast.For) else loop.generators[0].iter
    if isinstance(iterable, (ast.List, ast.Tuple, ast.Set)):
        return len(iterable.elts) < _FEWEST
    if isinstance(iterable, ast.Call) and isinstance(iterable.func, ast.Name):
        first = iterable.args[0] if len(iterable.args) == 1 else None
        if iterable.func.id == "range" and isinstance(first, ast.Constant):
            return isinstance(first.value, int) and first.value < _FEWEST
    return False


def _other_awaits(checked: CheckedFile, loop: _Loop) -> bool:
    asked = {site.node for site in checked.sites}
    body: list[ast.AST] = list(loop.body) if isinstance(loop, ast.For) else [loop]
    return any(isinstance(node, ast.Await) and node.value not in asked for node in within(body))


RULE: Final = Rule(CODE, "sequential-awaits", "warning", is_default=True, page=PAGE, check=check)
