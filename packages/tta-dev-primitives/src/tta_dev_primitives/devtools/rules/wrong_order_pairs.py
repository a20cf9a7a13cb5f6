"""Which policy defeats which by standing around it, and why: the table of TTA402."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.calls.policy_numbers import attempts

if TYPE_CHECKING:
    from collections.abc import Callable

    from tta_dev_primitives.devtools.calls.layers import Chain, Layer

    from .rule import CheckedFile

CACHES: Final = frozenset({"CachePrimitive", "UVCachePrimitive"})
_TIMEOUTS: Final = frozenset({"TimeoutPrimitive"})


@dataclass(frozen=True, slots=True)
class Pair:
    """*outer* around *inner* goes wrong.

    Args:
        name: The word that `check_order` uses for it as well.
        outer: Kind of the outer policy.
        inner: Kinds of the inner one.
        why: What goes wrong.
        instead: What to write.
        holds: Takes the file, the chain and both places, and says whether it goes wrong there.
    """

    name: str
    outer: str
    inner: frozenset[str]
    why: str
    instead: str
    holds: Callable[[CheckedFile, Chain, int, int], bool]


def _repeats(checked: CheckedFile, chain: Chain, outer: int, inner: int) -> bool:
    """Tell whether a retry repeats, and the cache inside answers: not when it is on trial."""
    return _answers(checked, chain, outer, inner) and _tries_again(chain.layers[outer])


def _answers(checked: CheckedFile, chain: Chain, outer: int, inner: int) -> bool:
    del checked, outer
    return not _is_true(chain.layers[inner], "shadow")


def _limits(checked: CheckedFile, chain: Chain, outer: int, inner: int) -> bool:
    del checked, inner
    return not _is_true(chain.layers[outer], "shadow")


def _limits_and_answers(checked: CheckedFile, chain: Chain, outer: int, inner: int) -> bool:
    return _limits(checked, chain, outer, inner) and _answers(checked, chain, outer, inner)


def _limits_repetition(checked: CheckedFile, chain: Chain, outer: int, inner: int) -> bool:
    return _limits(checked, chain, outer, inner) and _tries_again(chain.layers[inner])


def _tries_primary_once(checked: CheckedFile, chain: Chain, outer: int, inner: int) -> bool:
    del checked
    within = chain.layers[inner + 1 :]
    through_primary = within[0].is_direct if within else chain.is_direct
    if not through_primary or not _tries_again(chain.layers[outer]):
        return False
    return all(layer.kind != "RetryPrimitive" for layer in within) and not _may_retry(chain.leaf)


def _sees_no_timeouts(checked: CheckedFile, chain: Chain, outer: int, inner: int) -> bool:
    """Tell whether a breaker hears of no limit: all inside it is seen, and nothing has one."""
    breaker = chain.layers[inner]
    if not breaker.is_complete or "slow_call_seconds" in breaker.arguments:
        return False
    within = chain.layers[inner + 1 :]
    if any(layer.kind in _TIMEOUTS or not layer.is_direct for layer in within):
        return False
    whole = chain.layers[outer].values.get("timeout_seconds")
    if isinstance(whole, ast.Constant) and whole.value is None:
        return False
    return chain.is_direct and _asks_without_limit(checked, chain.leaf)


PAIRS: Final = (
    Pair(
        "retry-around-cache",
        "RetryPrimitive",
        CACHES,
        "the cache is asked before each attempt, and each caller of a call that they share "
        "repeats it",
        "put the cache around the retry",
        _repeats,
    ),
    Pair(
        "hedge-around-cache",
        "HedgePrimitive",
        CACHES,
        "a hedge asks for what is being fetched already, and waits for that same call",
        "put the cache around the hedge",
        _limits_and_answers,
    ),
    Pair(
        "budget-around-cache",
        "BudgetPrimitive",
        CACHES,
        "a hit is charged as if it had been paid for again",
        "put the cache around the budget",
        _limits_and_answers,
    ),
    Pair(
        "rate-limit-around-cache",
        "RateLimitPrimitive",
        CACHES,
        "a hit takes a turn, or waits for one",
        "put the cache around the rate limit",
        _limits_and_answers,
    ),
    Pair(
        "bulkhead-around-cache",
        "BulkheadPrimitive",
        CACHES,
        "a hit waits for a place, and callers who share a call hold one each",
        "put the cache around the bulkhead",
        _limits_and_answers,
    ),
    Pair(
        "breaker-around-cache",
        "CircuitBreakerPrimitive",
        CACHES,
        "hits count as successes of the service, and an open circuit refuses them as well",
        "put the cache around the breaker",
        _limits_and_answers,
    ),
    Pair(
        "breaker-around-retry",
        "CircuitBreakerPrimitive",
        frozenset({"RetryPrimitive"}),
        "the breaker sees one call where there were several attempts, and opens too late",
        "put the retry around the breaker",
        _limits_repetition,
    ),
    Pair(
        "rate-limit-around-retry",
        "RateLimitPrimitive",
        frozenset({"RetryPrimitive"}),
        "one turn is taken for several requests, so repeated ones are not limited",
        "put the retry around the rate limit",
        _limits_repetition,
    ),
    Pair(
        "hedge-around-retry",
        "HedgePrimitive",
        frozenset({"RetryPrimitive"}),
        "a hedge begins while the retry waits, and with attempts of its own",
        "put the retry around the hedge",
        _limits_repetition,
    ),
    Pair(
        "retry-around-fallback",
        "RetryPrimitive",
        frozenset({"FallbackPrimitive"}),
        "the primary has one attempt before the fallback answers, and both are repeated where "
        "that fails too",
        "put the fallback around the retry",
        _tries_primary_once,
    ),
    Pair(
        "breaker-around-fallback",
        "CircuitBreakerPrimitive",
        frozenset({"FallbackPrimitive"}),
        "the breaker sees the answers of the fallback and not the failures of the primary",
        "put the fallback around the breaker",
        _limits,
    ),
    Pair(
        "breaker-around-rate-limit",
        "CircuitBreakerPrimitive",
        frozenset({"RateLimitPrimitive"}),
        "who waits for a turn is sent to the service although the circuit has opened meanwhile, "
        "and the wait counts as the service's",
        "put the rate limit around the breaker",
        _limits_and_answers,
    ),
    Pair(
        "breaker-around-bulkhead",
        "CircuitBreakerPrimitive",
        frozenset({"BulkheadPrimitive"}),
        "who waits for a place is sent to the service although the circuit has opened meanwhile, "
        "and the wait counts as the service's",
        "put the bulkhead around the breaker",
        _limits_and_answers,
    ),
    Pair(
        "bulkhead-around-rate-limit",
        "BulkheadPrimitive",
        frozenset({"RateLimitPrimitive"}),
        "a call holds its place while it waits for a turn",
        "put the rate limit around the bulkhead",
        _limits_and_answers,
    ),
    Pair(
        "budget-around-hedge",
        "BudgetPrimitive",
        frozenset({"HedgePrimitive"}),
        "what the hedges cost is not counted",
        "put the hedge around the budget",
        _limits_and_answers,
    ),
    Pair(
        "breaker-sees-no-timeouts",
        "TimeoutPrimitive",
        frozenset({"CircuitBreakerPrimitive"}),
        "the outer limit cancels the call, and cancelled calls do not count, so a service that "
        "hangs never opens the circuit",
        "put a timeout inside the breaker, or set slow_call_seconds",
        _sees_no_timeouts,
    ),
)


def _tries_again(retry: Layer) -> bool:
    tries = attempts(retry)
    return tries is None or tries.most > 1


def _is_true(layer: Layer, name: str) -> bool:
    """Whether an argument is set, or may be."""
    value = layer.values.get(name)
    if value is None:
        return not layer.is_complete
    return not (isinstance(value, ast.Constant) and value.value is False)


def _may_retry(leaf: object) -> bool:
    """Whether a function may try again by itself: decorated, or with a loop around a `try`."""
    if not isinstance(leaf, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    if leaf.decorator_list:
        return True
    loops = [node for node in ast.walk(leaf) if isinstance(node, (ast.For, ast.While))]
    return any(isinstance(node, ast.Try) for loop in loops for node in ast.walk(loop))


def _asks_without_limit(checked: CheckedFile, leaf: object) -> bool:
    """Whether a function asks models, and each time surely without a limit of time."""
    if not isinstance(leaf, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    inside = [site for site in checked.sites if leaf in checked.file.parents(site.node)]
    return bool(inside) and all(site.timeout == "no" for site in inside)
