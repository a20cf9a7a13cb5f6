"""TTA403: limits and waits that never fit into the limit around them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, TypeAlias

from tta_dev_primitives.devtools.calls.layers import chains, layers_of, roots
from tta_dev_primitives.devtools.calls.policy_numbers import (
    argument,
    attempts,
    hedge_delay,
    limit_seconds,
    number,
)
from tta_dev_primitives.devtools.calls.primitive_shapes import ADAPTERS

from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.calls.layers import Chain, Layer
    from tta_dev_primitives.devtools.findings.finding import Finding

    from .rule import CheckedFile

CODE: Final = "TTA403"
_Problem: TypeAlias = tuple[ast.expr, str]

PAGE: Final = Page(
    what="Reports numbers that contradict each other in one composition: a limit inside a limit "
    "that is as short or shorter; attempts that do not fit, with their limits and the waits "
    "between them, into the limit around them all; a hedge that begins after that limit; "
    "`first_chunk_seconds` or `idle_seconds` that are not below `timeout_seconds`.",
    why="The outer limit passes first, so what was set inside never happens: the inner error is "
    "never seen, the last attempts are cut off or never begin, the hedge is never sent. Whoever "
    "reads the numbers believes in a protection that is not there.",
    cost="Time and money for attempts that are cancelled half way: the provider bills what it "
    "has produced until then.",
    example="""
ask = TimeoutPrimitive(
    RetryPrimitive(
        TimeoutPrimitive(call, timeout_seconds=20),
        RetryStrategy(max_retries=2),
    ),
    timeout_seconds=30,
)
""",
    use_instead="""
ask = TimeoutPrimitive(
    RetryPrimitive(
        TimeoutPrimitive(call, timeout_seconds=20),
        RetryStrategy(max_retries=2),
    ),
    timeout_seconds=75,
)
""",
    assumptions="Only numbers that are written down count, or that a name of the same file is "
    "given once. Waits between attempts count with the least they can be: with jitter, the "
    "default, that is nothing, so what is reported is certain and a little more may be needed. "
    "Attempts times limit is compared only where the retry is around that very limit, without a "
    "sequence or a fallback between them. A limit for the whole without one for each attempt is "
    "not reported, nor is an inner limit whose number is not known.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report each contradiction once, at the inner policy."""
    seen: set[_Problem] = set()
    for node, what in _problems(checked):
        if (node, what) not in seen:
            seen.add((node, what))
            yield checked.finding(CODE, node, what)


def _problems(checked: CheckedFile) -> Iterator[_Problem]:
    for made in checked.compositions:
        for layer in layers_of(made):
            if layer.made_at is layer.node or made.node is made.made_at:
                yield from _own_limits(layer)
    for root in roots(checked.compositions):
        for chain in chains(root):
            for place, layer in enumerate(chain.layers):
                if layer.kind == "TimeoutPrimitive" and layer.is_certain:
                    limit = limit_seconds(layer)
                    if limit is not None:
                        yield from _inside(checked, chain, place, limit)


def _own_limits(layer: Layer) -> Iterator[_Problem]:
    limit = limit_seconds(layer) if layer.kind == "TimeoutPrimitive" else None
    for name in ("first_chunk_seconds", "idle_seconds"):
        value = argument(layer, name, None)
        if limit is not None and value is not None and value >= limit:
            what = (
                f"{name}={value:g} never passes, because the whole has {limit:g} s; make it the "
                "shorter one"
            )
            yield layer.made_at, what


def _inside(checked: CheckedFile, chain: Chain, place: int, limit: float) -> Iterator[_Problem]:
    """Look at everything under a limit in one chain."""
    tries = 1
    waits = 0.0
    known = True
    for layer in chain.layers[place + 1 :]:
        # Alternatives and steps of a sequence are not all run, or not with the whole of the time.
        known = known and layer.is_direct and layer.is_certain
        if layer.kind == "RetryPrimitive":
            plan = attempts(layer)
            known = known and plan is not None and tries == 1
            if plan is not None and known:
                tries, waits = plan.most, plan.shortest_waits
                if waits >= limit:
                    what = (
                        f"the waits between {tries} attempts are {waits:g} s, and the limit "
                        f"around them is {limit:g} s, so the last attempt never begins"
                    )
                    yield layer.node, what
        elif layer.kind == "HedgePrimitive" and layer.is_certain:
            yield from _hedge(layer, limit)
        yield from _limit(layer, limit, tries, waits, is_product=known)
    yield from _calls(checked, chain, limit)


def _calls(checked: CheckedFile, chain: Chain, limit: float) -> Iterator[_Problem]:
    """Look at the calls of models in the function that runs under a limit."""
    for site in checked.sites:
        for keyword in site.node.keywords:
            inner = number(keyword.value) if keyword.arg == "timeout" else None
            around = list(checked.file.parents(site.node))
            if inner is None or inner < limit or chain.leaf not in around:
                continue
            what = (
                f"timeout={inner:g} of this call never passes, because it runs under a limit of "
                f"{limit:g} s; make it the shorter one, or leave it out"
            )
            yield site.node, what


def _hedge(layer: Layer, limit: float) -> Iterator[_Problem]:
    delay = hedge_delay(layer)
    if delay is not None and delay >= limit:
        what = (
            f"the hedge begins after {delay:g} s, and the limit around it is {limit:g} s, so no "
            "slow call is ever hedged"
        )
        yield layer.node, what


def _limit(
    layer: Layer, limit: float, tries: int, waits: float, *, is_product: bool
) -> Iterator[_Problem]:
    if not layer.is_certain:
        return
    inner: float | None = None
    if layer.kind == "TimeoutPrimitive":
        inner = limit_seconds(layer)
    elif layer.kind in ADAPTERS:
        inner = argument(layer, "timeout_seconds", None)
    if inner is None:
        return
    if inner >= limit:
        what = (
            f"a limit of {inner:g} s inside one of {limit:g} s never passes; make the inner one "
            "the shorter, or leave it out"
        )
        yield layer.node, what
    elif is_product and tries > 1 and tries * inner + waits > limit:
        total = f"{tries} attempts of up to {inner:g} s"
        if waits:
            total += f" and {waits:g} s of waits between them"
        what = (
            f"{total} need {tries * inner + waits:g} s, and the limit around them is {limit:g} s, "
            "so the last ones are cut off"
        )
        yield layer.node, what


RULE: Final = Rule(
    CODE, "timeout-exceeds-parent", "warning", is_default=True, page=PAGE, check=check
)
