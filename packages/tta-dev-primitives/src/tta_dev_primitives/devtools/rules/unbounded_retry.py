"""TTA103: a call of a model that is tried again until it works, however long that takes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, TypeAlias

from .missing_timeout import confidence_in
from .retry_policies import policies_around
from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tta_dev_primitives.devtools.calls.call_site import CallSite
    from tta_dev_primitives.devtools.findings.finding import Finding

    from .rule import CheckedFile

CODE: Final = "TTA103"
_TryNode: TypeAlias = ast.Try | ast.TryStar
_MAY_END: Final = (ast.Break, ast.Return, ast.Raise, ast.Assert, ast.Yield, ast.YieldFrom)
_WAITS_OR_TELLS: Final = frozenset(
    {
        *("sleep", "uniform", "random", "randint", "expovariate", "time", "monotonic", "now"),
        *("print", "write", "echo", "secho", "print_exc", "format_exc", "getLogger", "flush"),
        *("debug", "info", "warning", "warn", "error", "exception", "critical", "log", "success"),
        *("str", "repr", "format", "type", "min", "max", "int", "float", "len", "round", "join"),
    }
)

PAGE: Final = Page(
    what="Reports retries of a call of a model that have no end: a loop `while True` that leaves "
    "only when the call works and goes round on an error, and decorators of `tenacity`, "
    "`backoff`, `retrying` and `retry` without a limit on attempts or time.",
    why="An error that does not go away (a revoked key, a retired model, a prompt that is too "
    "long, a quota that is used up until tomorrow) is then repeated for ever. The program hangs "
    "without a word, and a provider that is overloaded gets the most requests when it can stand "
    "the least. `@retry` of tenacity does not even wait between attempts.",
    cost="Unbounded: a failing call is repeated until somebody stops the process, and every "
    "attempt that reaches the model is billed.",
    example="""
while True:
    try:
        answer = client.chat.completions.create(model="gpt-5-mini", messages=messages)
        break
    except openai.APIError:
        time.sleep(1)
""",
    use_instead="""
@tenacity.retry(
    stop=tenacity.stop_after_attempt(4),
    wait=tenacity.wait_random_exponential(max=20),
    retry=tenacity.retry_if_exception_type(openai.RateLimitError),
)
def ask(messages):
    return client.chat.completions.create(model="gpt-5-mini", messages=messages)
""",
    assumptions="A loop is reported only where the call leaves it on success and nothing else "
    "leaves it: any other `break`, `return` or `raise`, a counter or a deadline in it makes the "
    "rule silent. So does a loop that goes on after success, because that is a worker or a "
    "conversation. Decorators are reported where all their arguments can be read.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report endless decorators and loops, each once."""
    seen: set[ast.AST] = set()
    for site in checked.sites:
        for policy in policies_around(checked, site.node):
            if policy.is_endless and policy.node not in seen:
                seen.add(policy.node)
                yield checked.finding(
                    CODE,
                    policy.node,
                    f"{policy.library} retries this call of {site.provider} without a limit on "
                    "attempts or time",
                    confidence=confidence_in(checked),
                )
        loop = _endless_loop(checked, site)
        if loop is not None and loop not in seen:
            seen.add(loop)
            yield checked.finding(
                CODE,
                site.node,
                f"this call of {site.provider} is retried in a loop that only its success ends",
                confidence=confidence_in(checked),
            )


def _endless_loop(checked: CheckedFile, site: CallSite) -> ast.While | None:
    """Return the loop around a call that ends when it works and goes on when it fails."""
    loops = checked.file.loops_around(site.node)
    loop = loops[0] if loops else None
    if not isinstance(loop, ast.While):
        return None
    attempt = _try_of(checked, site.node, loop)
    if attempt is None or attempt not in loop.body or not attempt.handlers:
        return None
    flag = _flag_of(loop)
    if not _is_true(loop.test) and flag is None:
        return None
    position = loop.body.index(attempt)
    after_success = [*attempt.body, *attempt.orelse, *loop.body[position + 1 :]]
    if flag is None and not any(_leaves(statement) for statement in after_success):
        return None
    if flag is not None and not any(_sets(statement, flag) for statement in after_success):
        return None
    again = [handler for handler in attempt.handlers if not _exits(handler.body)]
    leaves_below = any(_leaves(statement) for statement in loop.body[position + 1 :])
    if not again or (leaves_below and not _all_continue(again)):
        return None
    others = [statement for statement in loop.body if statement is not attempt]
    others += [statement for handler in again for statement in handler.body]
    if any(not _is_harmless(statement, flag) for statement in others):
        return None
    inside = (*attempt.body, *attempt.orelse, *attempt.finalbody)
    return None if any(_may_refuse(statement) for statement in inside) else loop


def _try_of(checked: CheckedFile, node: ast.AST, loop: ast.While) -> _TryNode | None:
    child = node
    for parent in checked.file.parents(node):
        if parent is loop:
            return None
        if isinstance(parent, (ast.Try, ast.TryStar)) and child in parent.body:
            return parent
        child = parent
    return None


def _is_true(test: ast.expr) -> bool:
    return isinstance(test, ast.Constant) and bool(test.value)


def _flag_of(loop: ast.While) -> str | None:
    """Return the name in `while not done` or `while answer is None`."""
    test = loop.test
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand.id if isinstance(test.operand, ast.Name) else None
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is) and len(test.ops) == 1:
        last = test.comparators[0]
        if isinstance(last, ast.Constant) and last.value is None:
            return test.left.id if isinstance(test.left, ast.Name) else None
    return None


def _leaves(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.Break, ast.Return))


def _sets(statement: ast.stmt, name: str) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else ()
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _exits(body: Iterable[ast.stmt]) -> bool:
    return any(isinstance(statement, (ast.Raise, ast.Return, ast.Break)) for statement in body)


def _all_continue(handlers: Iterable[ast.ExceptHandler]) -> bool:
    return all(isinstance(handler.body[-1], ast.Continue) for handler in handlers)


def _is_harmless(statement: ast.stmt, flag: str | None) -> bool:
    """Tell whether a statement neither ends the loop nor changes what the next attempt asks.

    Anything but waiting, logging and arithmetic may do either, so it counts as doing so.
    """
    if _leaves(statement):
        return True
    for node in ast.walk(statement):
        if isinstance(node, _MAY_END):
            return False
        if isinstance(node, ast.Call) and _last_name(node.func) not in _WAITS_OR_TELLS:
            return False
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == flag:
            return False
        if isinstance(node, ast.Assign) and not all(
            isinstance(target, ast.Name) for target in node.targets
        ):
            return False
    return True


def _may_refuse(statement: ast.stmt) -> bool:
    """Tell whether an answer may be refused: the loop then looks for a better one."""
    return any(
        isinstance(node, (ast.Raise, ast.Yield, ast.Continue)) for node in ast.walk(statement)
    )


def _last_name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


RULE: Final = Rule(
    code=CODE,
    name="unbounded-retry",
    level="warning",
    is_default=True,
    page=PAGE,
    check=check,
)
