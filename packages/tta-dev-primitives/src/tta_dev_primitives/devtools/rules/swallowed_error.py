"""TTA105: an error of the provider that nobody hears about."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from .error_handlers import taker_of
from .missing_timeout import confidence_in
from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.findings.finding import Finding

    from .error_handlers import TryNode
    from .rule import CheckedFile

CODE: Final = "TTA105"

PAGE: Final = Page(
    what="Reports a handler around a call of a model that drops its errors, rate limits among "
    "them, without a trace: a body of `pass`, `continue`, or a `return` of nothing or of an empty "
    "value, and `contextlib.suppress`.",
    why="A rate limit comes when there is most work, and then answers go missing silently: rows "
    "of a table stay empty, questions are dropped, and the output looks complete. A bad key or "
    "a retired model does the same for every call.",
    cost="The work that led to the call is lost, and so is the time until somebody notices.",
    example="""
try:
    answer = client.chat.completions.create(model="gpt-5-mini", messages=messages)
except Exception:
    return None
""",
    use_instead="""
try:
    answer = client.chat.completions.create(model="gpt-5-mini", messages=messages)
except openai.RateLimitError:
    logger.warning("rate limited, answering from the archive")
    return archive.nearest(messages)
""",
    assumptions="A handler that logs, raises, stores the error, answers with a value of its own "
    "or is one of several attempts of a loop is left alone, and so is one after a handler of the "
    "same `try` that takes rate limits. A handler with a comment in it has medium confidence: "
    "somebody thought about it.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report handlers that drop the errors of a call, each once."""
    seen: set[ast.AST] = set()
    for site in checked.sites:
        dropper = _dropper(checked, site.node)
        if dropper is None or dropper[0] in seen:
            continue
        node, shape = dropper
        seen.add(node)
        confidence = confidence_in(checked)
        if confidence == "high" and _has_comment(checked, node):
            confidence = "medium"
        yield checked.finding(
            CODE,
            node,
            f"{shape} drops every error of this call of {site.provider}, rate limits included",
            confidence=confidence,
        )


def _dropper(checked: CheckedFile, call: ast.AST) -> tuple[ast.AST, str] | None:
    """Return what takes a rate limit of *call* first, if it drops it."""
    taker = taker_of(checked, call)
    if taker is None:
        return None
    if taker.attempt is None or not isinstance(taker.handler, ast.ExceptHandler):
        return taker.handler, "suppress()"
    if not _is_silent(taker.handler):
        return None
    if _is_answered_elsewhere(checked, taker.attempt, taker.handler):
        return None
    return taker.handler, f"except {_caught(taker.handler)}"


def _is_silent(handler: ast.ExceptHandler) -> bool:
    return all(_does_nothing(statement) for statement in handler.body)


def _does_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.Pass, ast.Continue)):
        return True
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Return) and _is_empty(statement.value)


def _is_empty(value: ast.expr | None) -> bool:
    if value is None:
        return True
    if isinstance(value, ast.Constant):
        return value.value is None or value.value == ""
    if isinstance(value, (ast.List, ast.Tuple)):
        return not value.elts
    return isinstance(value, ast.Dict) and not value.keys


def _is_answered_elsewhere(
    checked: CheckedFile, attempt: TryNode, handler: ast.ExceptHandler
) -> bool:
    """Tell whether the code goes on with another attempt, or an answer of its own, on an error."""
    return _is_one_of_several_attempts(checked, attempt) or _is_followed(checked, attempt, handler)


def _is_one_of_several_attempts(checked: CheckedFile, attempt: TryNode) -> bool:
    """Tell whether the loop around *attempt* ends on success, so that an error means: again."""
    loops = checked.file.loops_around(attempt)
    if not loops or not isinstance(loops[0], (ast.For, ast.AsyncFor, ast.While)):
        return False
    after_success: list[ast.stmt] = [*attempt.body, *attempt.orelse]
    if attempt in loops[0].body:
        after_success += loops[0].body[loops[0].body.index(attempt) + 1 :]
    return any(_leaves(statement) for statement in after_success)


def _is_followed(checked: CheckedFile, attempt: TryNode, handler: ast.ExceptHandler) -> bool:
    """Tell whether success returns, so that what comes after *attempt* is for errors alone."""
    if not all(isinstance(statement, (ast.Pass, ast.Expr)) for statement in handler.body):
        return False
    if not any(_leaves(statement) for statement in (*attempt.body, *attempt.orelse)):
        return False
    for block in _blocks(next(checked.file.parents(attempt))):
        if attempt in block:
            rest = block[block.index(attempt) + 1 :]
            return any(not _does_nothing(statement) for statement in rest)
    return False


def _blocks(parent: ast.AST) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        block: object = getattr(parent, name, None)
        if isinstance(block, list):
            yield block  # pyright: ignore[reportUnknownVariableType] - ast says list[stmt]


def _leaves(statement: ast.stmt) -> bool:
    return any(isinstance(node, (ast.Return, ast.Break)) for node in ast.walk(statement))


def _caught(handler: ast.ExceptHandler) -> str:
    return "everything" if handler.type is None else ast.unparse(handler.type)


def _has_comment(checked: CheckedFile, node: ast.AST) -> bool:
    first = getattr(node, "lineno", 1)
    last = getattr(node, "end_lineno", None) or first
    return any("#" in checked.file.line_text(line) for line in range(first, last + 1))


RULE: Final = Rule(
    code=CODE,
    name="swallowed-rate-limit",
    level="warning",
    is_default=True,
    page=PAGE,
    check=check,
)
