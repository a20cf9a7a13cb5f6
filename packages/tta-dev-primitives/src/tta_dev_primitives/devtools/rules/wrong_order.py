"""TTA402: policies that stand in an order in which one defeats the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.calls.layers import chains, roots
from tta_dev_primitives.devtools.calls.policy_numbers import attempts

from .rule import Page, Rule
from .wrong_order_pairs import PAIRS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.calls.layers import Chain, Layer
    from tta_dev_primitives.devtools.findings.finding import Finding

    from .rule import CheckedFile
    from .wrong_order_pairs import Pair

CODE: Final = "TTA402"


def _short(kind: str) -> str:
    return kind.removesuffix("Primitive")


def _table() -> str:
    rows = [
        f"| {_short(pair.outer)} around {_short(min(pair.inner))} | {pair.why} | {pair.instead} |"
        for pair in PAIRS
    ]
    again = "| Retry with a Retry anywhere inside | the attempts are multiplied | keep the inner |"
    return "\n".join(["| order | what goes wrong | instead |", "|---|---|---|", *rows, again])


PAGE: Final = Page(
    what="Reports a policy around another one that it defeats, also with other policies between "
    "them:\n\n" + _table() + "\n\n`check_order` reports the same of a workflow at run time; this "
    "rule finds it without running anything.",
    why="Wrappers are read from the outside in, and each decides what the next one sees. A retry "
    "around a cache asks the cache again and again, a breaker around a retry counts several "
    "failures as one. Everything still works in a test, and the protection is missing on the day "
    "it was built for.",
    cost="Multiplied attempts are billed one by one: a retry of 4 around a retry of 4 makes up to "
    "16 requests of one question.",
    example="""
ask = RetryPrimitive(TimeoutPrimitive(CachePrimitive(call), timeout_seconds=10))
""",
    use_instead="""
ask = CachePrimitive(RetryPrimitive(TimeoutPrimitive(call, timeout_seconds=10)))

# Or let the order be chosen:
ask = resilient(call, cache=3600, retry=3, attempt_timeout=10)
""",
    assumptions="Only what surrounds the very step of a policy counts: a cache for one step of a "
    "sequence inside a retry is fine, because the steps that went well are not repeated. A retry "
    "around a cache is wrong wherever both are at work, as the order the other way round costs "
    "nothing: a cache in the shadow, or a retry that is set to no retries, is left alone. With "
    "`negative_ttl` or `retry_result` it is worse, and the message says so: the retry then gets "
    "the kept error or the kept answer each time. A retry around a fallback is reported where "
    "nothing in the primary tries again by itself. A timeout around a breaker is reported only "
    "where the calls inside are known to have no limit of their own. `Timeout(Retry(step))`, "
    "`Cache(Fallback(a, b))` and other orders that each mean something are not reported.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report each pair once, at the outer policy."""
    seen: set[tuple[object, ...]] = set()
    for root in roots(checked.compositions):
        for chain in chains(root):
            for outer, inner, what in _problems(checked, chain):
                key = (chain.layers[outer].node, chain.layers[inner].node, what)
                if key not in seen:
                    seen.add(key)
                    yield checked.finding(CODE, chain.layers[outer].node, what)


def _problems(checked: CheckedFile, chain: Chain) -> Iterator[tuple[int, int, str]]:
    for outer, inner in chain.pairs():
        around, inside = chain.layers[outer], chain.layers[inner]
        if around.node is inside.node:
            continue  # both made by one `resilient`, which knows the order
        for pair in PAIRS:
            if (
                pair.outer == around.kind
                and inside.kind in pair.inner
                and pair.holds(checked, chain, outer, inner)
            ):
                yield outer, inner, _message(pair, around, inside)
    yield from _multiplied(chain)


def _multiplied(chain: Chain) -> Iterator[tuple[int, int, str]]:
    retries = [
        place
        for place, layer in enumerate(chain.layers)
        if layer.kind == "RetryPrimitive" and layer.is_certain
    ]
    for number, outer in enumerate(retries):
        for inner in retries[number + 1 :]:
            around, inside = chain.layers[outer], chain.layers[inner]
            most, each = attempts(around), attempts(inside)
            if (most is not None and most.most == 1) or (each is not None and each.most == 1):
                continue
            product = ""
            if most is not None and each is not None:
                product = f": up to {most.most} x {each.most} = {most.most * each.most} requests"
            what = f"Retry around Retry{_where(around, inside)}: the attempts are multiplied"
            yield outer, inner, f"{what}{product}; keep the one next to the request"


def _message(pair: Pair, around: Layer, inside: Layer) -> str:
    why = pair.why
    if pair.name == "retry-around-cache" and "retry_result" in around.arguments:
        why = "an answer that the retry does not want is kept, and given again each time"
    elif pair.name == "retry-around-cache" and "negative_ttl" in inside.arguments:
        why = "the cache keeps the error, and each retry gets it again"
    what = f"{_short(around.kind)} around {_short(inside.kind)}{_where(around, inside)}"
    return f"{what}: {why}; {pair.instead}"


def _where(around: Layer, inside: Layer) -> str:
    line = inside.node.lineno
    return "" if line == around.node.lineno else f" (line {line})"


RULE: Final = Rule(CODE, "wrong-order", "warning", is_default=True, page=PAGE, check=check)
