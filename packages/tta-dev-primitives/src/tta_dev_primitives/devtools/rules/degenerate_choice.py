"""TTA404: a router or a fallback that leaves no choice, or cannot take every name."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, TypeAlias

from tta_dev_primitives.devtools.calls.composition import Composition
from tta_dev_primitives.devtools.calls.flow import within
from tta_dev_primitives.devtools.calls.input_uses import Uses
from tta_dev_primitives.devtools.calls.primitive_shapes import ADAPTERS, POLICIES, SHAPES

from .asking_functions import last_name
from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterator

    from tta_dev_primitives.devtools.calls.call_site import CallSite
    from tta_dev_primitives.devtools.calls.composition import Step
    from tta_dev_primitives.devtools.findings.finding import Confidence, Finding

    from .rule import CheckedFile

CODE: Final = "TTA404"
_Problem: TypeAlias = "tuple[str, Confidence]"
_FALLBACKS: Final = frozenset({"FallbackPrimitive", "ResilientPrimitive", "TimeoutPrimitive"})
# What makes another service, or another account, of the same model.
_ELSEWHERE: Final = ("base_url", "client", "api_key", "http_client")

PAGE: Final = Page(
    what="Reports a `RouterPrimitive` with one route, or whose routes all lead to the same step; "
    "a router without a default whose `router_fn` returns a name that is no route, or one that "
    "it takes from the input as it is; and a fallback to the same step, or to the same model of "
    "the same provider.",
    why="A router with one way to go, and a fallback to what has failed a moment ago, look like "
    "a second way out and are none: when the provider is down, so is the alternative. A name "
    "that is no route ends the call with `RouteNotFoundError`, which is seen when the first such "
    "input comes.",
    cost="A second request to a service that has just refused the first: its waiting time and, "
    "where it was a time limit, its tokens.",
    example="""
ask = FallbackPrimitive(
    OpenAIPrimitive("gpt-5"),
    OpenAIPrimitive("gpt-5"),
)
""",
    use_instead="""
ask = FallbackPrimitive(
    RetryPrimitive(OpenAIPrimitive("gpt-5")),
    AnthropicPrimitive("claude-haiku-4-5"),
)
""",
    assumptions="Steps are the same where they are one and the same name, one and the same "
    "function, or adapters with equal model, client, address and key. Two functions that ask the "
    "same model through the same client are reported with high confidence where they ask with "
    "equal arguments, else with medium confidence, as a simpler question may pass where the "
    "first one failed. Routes that are not written out as a dict are not judged. A `router_fn` "
    "that compares the name with the routes, or that raises by itself, is left alone.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report each router and each fallback, once for each reason."""
    for made in checked.compositions:
        if made.kind == "RouterPrimitive":
            problems = _router(checked, made)
        elif made.kind in _FALLBACKS:
            problems = _fallback(checked, made)
        else:
            continue
        for message, confidence in problems:
            yield checked.finding(CODE, made.node, message, confidence=confidence)


def _router(checked: CheckedFile, made: Composition) -> Iterator[_Problem]:
    routes = made.values.get("routes")
    if not isinstance(routes, ast.Dict) or not made.is_complete or "shadow" in made.arguments:
        return
    names = [key.value for key in routes.keys if isinstance(key, ast.Constant)]
    if len(names) != len(routes.keys) or not names:
        return
    if len(names) == 1:
        yield f"this router has one route, {names[0]!r}, so there is nothing to choose", "high"
        return
    steps = {_identity(step) for step in made.steps}
    if len(made.steps) == len(names) and len(steps) == 1 and None not in steps:
        yield f"all {len(names)} routes of this router lead to the same step", "high"
    if "default" not in made.arguments:
        yield from _without_default(checked, made, names)


def _without_default(
    checked: CheckedFile, made: Composition, names: Collection[object]
) -> Iterator[_Problem]:
    function = made.values.get("router_fn")
    if not isinstance(function, (ast.Lambda, ast.FunctionDef)):
        return
    uses = Uses(checked.file, function)
    results = uses.results()
    returned = [name for result in results for name in _literals(result)]
    unknown = sorted({name for name in returned if name not in names})
    if unknown:
        yield (
            f"router_fn returns {unknown[0]!r}, which is no route, and there is no default",
            "high",
        )
    elif not _is_guarded(uses) and any(_is_taken(uses, result) for result in results):
        what = (
            "router_fn returns what the input says, and there is no default: a name that is no "
            "route ends the call"
        )
        yield what, "high"


def _literals(result: ast.expr) -> Iterator[str]:
    if isinstance(result, ast.IfExp):
        yield from _literals(result.body)
        yield from _literals(result.orelse)
    elif isinstance(result, ast.Constant) and isinstance(result.value, str):
        yield result.value


def _is_guarded(uses: Uses) -> bool:
    for node in within(uses.body):
        if isinstance(node, (ast.Raise, ast.Try, ast.Match)):
            return True
        if isinstance(node, ast.Compare) and any(
            isinstance(operator, (ast.In, ast.NotIn)) for operator in node.ops
        ):
            return True
    return False


def _is_taken(uses: Uses, result: ast.expr) -> bool:
    """Whether a result is the input, or a part of it or of the context, as it came."""
    if isinstance(result, ast.IfExp):
        return _is_taken(uses, result.body) or _is_taken(uses, result.orelse)
    if isinstance(result, ast.Name) and result.id not in uses.parameters:
        given = uses.sources.get(result.id, [])
        return len(given) == 1 and _is_taken(uses, given[0])
    if isinstance(result, ast.Call):
        is_get = isinstance(result.func, ast.Attribute) and result.func.attr == "get"
        if not is_get:
            return False
    elif not isinstance(result, (ast.Name, ast.Attribute, ast.Subscript)):
        return False
    found = uses.of([result])
    return len(found) == 1 and not found[0].hops


def _fallback(checked: CheckedFile, made: Composition) -> Iterator[_Problem]:
    label = SHAPES[made.kind].label
    wrapped = [step for step in made.steps if step.label == label]
    others = [step for step in made.steps if step.label != label]
    if not wrapped:
        return
    for other in others:
        own, its = _identity(wrapped[0]), _identity(other)
        if own is not None and own == its:
            what = "the same step" if not isinstance(own, tuple) else f"the model {own[1]}"  # pyright: ignore[reportUnknownVariableType]
            yield f"the fallback is what has just failed: {what} again", "high"
            return
        same = _same_model(checked, wrapped[0], other)
        if same is not None:
            yield same
            return


def _identity(step: Step) -> Hashable | None:
    """Return what tells a step from others, None where that cannot be told."""
    target = step.target
    given: ast.AST = step.given
    while isinstance(target, Composition) and target.kind in POLICIES:
        inner = [s for s in target.steps if s.label == SHAPES[target.kind].label]
        if len(inner) != 1:
            return None
        target, given = inner[0].target, inner[0].given
    if isinstance(target, Composition) and target.kind in ADAPTERS:
        return _adapter(target)
    if isinstance(target, Composition) and given is target.node:
        return id(target)
    if isinstance(given, ast.Call):
        return ast.dump(given) if _is_repeatable(given) else None
    if isinstance(given, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
        return id(given)
    return ast.dump(given) if isinstance(given, (ast.Name, ast.Attribute)) else None


def _is_repeatable(call: ast.Call) -> bool:
    """Whether a call written twice surely makes the same: all its arguments are constants."""
    if last_name(call.func) == "MockPrimitive":
        return False  # who tests a fallback has two of them fail alike
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return all(isinstance(value, ast.Constant) for value in values)


def _adapter(made: Composition) -> Hashable | None:
    model = made.values.get("model")
    if not made.is_complete or not isinstance(model, ast.Constant):
        return None
    places = [made.values.get(name) for name in _ELSEWHERE]
    written = tuple(ast.dump(place) if isinstance(place, ast.AST) else None for place in places)
    return made.kind, model.value, written


def _same_model(checked: CheckedFile, first: Step, second: Step) -> _Problem | None:
    """Compare two functions that each ask one model."""
    one, two = _only_site(checked, first), _only_site(checked, second)
    if one is None or two is None or one is two or one.model is None:
        return None
    if (one.provider, one.model, one.api) != (two.provider, two.model, two.api):
        return None
    if one.client is None or one.client != two.client:
        return None
    equal = ast.dump(one.node) == ast.dump(two.node)
    message = f"the fallback asks {one.model} of {one.provider} again, as the primary does"
    return message, "high" if equal else "medium"


def _only_site(checked: CheckedFile, step: Step) -> CallSite | None:
    if not isinstance(step.target, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        return None
    inside = [s for s in checked.sites if step.target in checked.file.parents(s.node)]
    return inside[0] if len(inside) == 1 else None


RULE: Final = Rule(CODE, "degenerate-choice", "warning", is_default=True, page=PAGE, check=check)
