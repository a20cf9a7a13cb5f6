"""TTA401: a cache key that different questions share."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.calls.composition import Composition
from tta_dev_primitives.devtools.calls.flow import within
from tta_dev_primitives.devtools.calls.input_uses import Use, Uses
from tta_dev_primitives.devtools.calls.primitive_shapes import ADAPTERS

from .key_folding import folding
from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tta_dev_primitives.devtools.calls.composition import Target
    from tta_dev_primitives.devtools.findings.finding import Finding

    from .rule import CheckedFile

CODE: Final = "TTA401"
_CACHES: Final = frozenset({"CachePrimitive", "UVCachePrimitive"})

# What changes an answer wherever it is used in a call of a step, be it known to ask a model or not.
_DECIDING: Final = frozenset(
    {
        *("instructions", "json_schema", "language", "locale", "max_completion_tokens"),
        *("max_output_tokens", "max_tokens", "messages", "model", "prompt", "question", "query"),
        *("reasoning_effort", "response_format", "schema", "seed", "stop", "system"),
        *("system_prompt", "temperature", "tool_choice", "tools", "top_k", "top_p"),
        *("account", "account_id", "customer", "customer_id", "org", "org_id", "organization"),
        *("organization_id", "permissions", "role", "tenant", "tenant_id", "user_id"),
        *("workspace_id", "project_id", "player_id", "persona", "history"),
    }
)
# Arguments of a call that do not change what the model answers.
_IGNORED_ARGUMENTS: Final = frozenset(
    {
        *("api_key", "callbacks", "extra_headers", "extra_query", "headers", "max_retries"),
        *("metadata", "request_id", "safety_identifier", "service_tier", "store", "stream"),
        *("stream_options", "timeout", "trace_id", "user", "base_url", "num_retries"),
    }
)
_TELLING: Final = frozenset(
    {"critical", "debug", "error", "exception", "info", "log", "print", "warning"}
)

PAGE: Final = Page(
    what="Reports a `cache_key_fn`, or an `exclude`, under which different questions get one key: "
    "it leaves out something of the input or the context that the step hands to the model, such "
    "as the model, the temperature or the tenant; it takes away case or punctuation, the order of "
    "words, or all but the beginning of a text; or it is the same for every input.",
    why="A cache answers by the key alone. Two questions with one key get one answer: the second "
    "caller reads what the first one asked, in another language, from another model, or with the "
    'data of another customer. "How do I sort in C++?" and "How do I sort in C#?" are one '
    "question without their punctuation.",
    cost="Wrong answers, and where a tenant is left out, data of one customer shown to another; "
    "the money saved is the smaller number.",
    example="""
async def ask(x):
    return await client.responses.create(model=x["model"], input=x["prompt"])


cached = CachePrimitive(ask, cache_key_fn=lambda x, context: x["prompt"].lower())
""",
    use_instead="""
async def ask(x):
    return await client.responses.create(model=x["model"], input=x["prompt"])


cached = CachePrimitive(ask)  # the whole input is the key, in any order of its fields
""",
    assumptions="What a step uses is looked up where the step is a function or a primitive of the "
    "same file; for others, only the key function itself is judged. What does not change an "
    "answer may be left out: time limits, headers, identifiers of requests. A model that is a "
    "constant of the step need not be in the key. Case and punctuation count for free text only, "
    "and not where the step folds them itself before it asks. A key that uses the whole input "
    "is complete.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report what each cache's key leaves out, at the key function."""
    seen: set[tuple[ast.AST, str]] = set()
    for made in checked.compositions:
        if made.kind not in _CACHES:
            continue
        for node, what in _problems(checked, made):
            if (node, what) not in seen:
                seen.add((node, what))
                yield checked.finding(CODE, node, what)


def _problems(checked: CheckedFile, made: Composition) -> Iterator[tuple[ast.AST, str]]:
    used = list(_used_by_steps(checked, made))
    excluded = made.values.get("exclude")
    if isinstance(excluded, (ast.Tuple, ast.List, ast.Set)):
        names = {item.value for item in excluded.elts if isinstance(item, ast.Constant)}
        lost = sorted({use.part for use in used if use.part in names and use.parameter == "input"})
        if lost:
            yield excluded, f"exclude leaves {_listed(lost)} out of the key, {_and_uses(lost)}"
    function = made.values.get("cache_key_fn")
    if isinstance(function, (ast.Lambda, ast.FunctionDef)):
        yield from _in_key(checked, made, function, used)


def _in_key(
    checked: CheckedFile,
    made: Composition,
    function: ast.Lambda | ast.FunctionDef,
    used: list[Use],
) -> Iterator[tuple[ast.AST, str]]:
    place = function if isinstance(function, ast.Lambda) else made.arguments["cache_key_fn"]
    uses = Uses(checked.file, function)
    keys = uses.results()
    if not keys:
        return
    in_key = list(_named(uses, keys))
    if not in_key:
        if all(_is_fixed(key) for key in keys):
            yield place, "the cache key is the same for every input, so all share one answer"
        return
    folded_before_asking = {hop[1] for use in used for hop in use.hops}
    for use in in_key:
        what = folding(use) if use.parameter == "input" else None
        if what is not None and not any(hop[1] in folded_before_asking for hop in use.hops):
            yield place, f"the cache key is not the whole question: {what}"
            return
    yield from _narrowed(place, in_key, used)
    lost = sorted(_lost(in_key, used))
    if lost:
        yield place, f"the cache key leaves out {_listed(lost)}, {_and_uses(lost)}"


def _narrowed(place: ast.AST, in_key: list[Use], used: list[Use]) -> Iterator[tuple[ast.AST, str]]:
    """Report a part of which the key has only a piece, and the step all."""
    whole = {(use.parameter, use.part) for use in in_key if not use.is_narrowed}
    for use in in_key:
        part = (use.parameter, use.part)
        if not use.is_narrowed or part in whole or (use.parameter, "") in whole:
            continue
        is_slice = any(kind == "slice" for kind, _, _ in use.hops)
        step_takes_all = any((u.parameter, u.part) == part and not u.is_narrowed for u in used)
        if step_takes_all:
            name = f"`{use.part}`" if use.part else "the input"
            piece = "a piece" if is_slice else "one item"
            yield place, f"the cache key has {piece} of {name}, and the step uses all of it"
            return


def _lost(in_key: list[Use], used: list[Use]) -> Iterator[str]:
    kept = {(use.parameter, use.part) for use in in_key}
    for use in used:
        if (use.parameter, "") in kept or (use.parameter, use.part) in kept or not use.part:
            continue
        yield use.part if use.parameter == "input" else f"context {use.part}"


def _used_by_steps(checked: CheckedFile, made: Composition) -> Iterator[Use]:
    """Yield what the steps inside make of their input and context, where it decides answers."""
    for target in _leaves(made):
        if isinstance(target, Composition):  # an adapter: it hands on all messages
            yield from (Use("input", part, ()) for part in ("", "messages"))
            continue
        for function in _functions(target):
            uses = Uses(checked.file, function)
            asked = [site.node for site in checked.sites if _runs(checked, function, site.node)]
            given = [value for call in asked for value in _deciding_arguments(call)]
            yield from _named(uses, given)
            if not asked:
                for use in _named(uses, _arguments_of_calls(uses)):
                    if use.part in _DECIDING:
                        yield use


def _leaves(made: Composition) -> Iterator[Target]:
    waiting: list[Target] = [step.target for step in made.steps]
    seen: set[int] = set()
    while waiting:
        target = waiting.pop()
        if isinstance(target, Composition):
            # After the first step of a sequence the input is another one.
            steps = target.steps[:1] if target.kind == "SequentialPrimitive" else target.steps
            if id(target) in seen:
                continue
            seen.add(id(target))
            waiting.extend(step.target for step in steps)
            if target.kind in ADAPTERS:
                yield target
        else:
            yield target


def _functions(
    target: Target,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda]:
    if isinstance(target, ast.ClassDef):
        for node in target.body:
            if isinstance(node, ast.AsyncFunctionDef) and node.name == "execute":
                yield node
    elif isinstance(target, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        yield target


def _runs(checked: CheckedFile, function: ast.AST, call: ast.Call) -> bool:
    return checked.file.function_of(call) is function


def _deciding_arguments(call: ast.Call) -> Iterator[ast.expr]:
    yield call.func
    yield from call.args
    for keyword in call.keywords:
        if keyword.arg not in _IGNORED_ARGUMENTS:
            yield keyword.value


def _arguments_of_calls(uses: Uses) -> Iterable[ast.expr]:
    for node in within(uses.body):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else ""
            name = function.id if isinstance(function, ast.Name) else name
            if name not in _TELLING:
                yield from _deciding_arguments(node)


def _named(uses: Uses, expressions: Iterable[ast.expr]) -> Iterator[Use]:
    """Call the parameters of every function alike: the input, and the context."""
    named = [name for name in uses.parameters if name not in ("self", "cls")]
    for use in uses.of(expressions):
        if use.parameter in named:
            role = "input" if use.parameter == named[0] else "context"
            yield Use(role, use.part, use.hops)


def _is_fixed(key: ast.expr) -> bool:
    return all(
        isinstance(node, (ast.Constant, ast.Tuple, ast.expr_context, ast.JoinedStr))
        for node in ast.walk(key)
    )


def _listed(names: list[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _and_uses(names: list[str]) -> str:
    return f"and the step uses {'it' if len(names) == 1 else 'them'}"


RULE: Final = Rule(CODE, "cache-key-incomplete", "error", is_default=True, page=PAGE, check=check)
