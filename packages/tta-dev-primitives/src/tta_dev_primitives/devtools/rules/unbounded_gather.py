"""TTA303: as many calls of a model at a time as a list is long."""

from __future__ import annotations

import ast
import builtins
import re
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.calls.flow import dotted, names_in, within

from .asking_functions import AskingFunctions, has_limit, last_name
from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tta_dev_primitives.devtools.calls.call_site import CallSite
    from tta_dev_primitives.devtools.findings.finding import Finding

    from .rule import CheckedFile

CODE: Final = "TTA303"
_GATHERS: Final = frozenset(
    {
        *("asyncio.as_completed", "asyncio.gather", "asyncio.wait"),
        *("tqdm.asyncio.tqdm.as_completed", "tqdm.asyncio.tqdm.gather"),
        *("tqdm.asyncio.tqdm_asyncio.as_completed", "tqdm.asyncio.tqdm_asyncio.gather"),
    }
)
_MAKES_TASKS: Final = frozenset(
    {"create_task", "ensure_future", "shield", "start_soon", "wait_for"}
)
_NAMES: Final = frozenset({"as_completed", "create_task", "gather", "start_soon", "wait"})
_A_FEW: Final = 16
_LONGEST_NAME: Final = 40
_PIECES: Final = re.compile(r"batch|chunk|slice|group|window|page", re.IGNORECASE)

PAGE: Final = Page(
    what="Reports `asyncio.gather`, `as_completed`, `wait` and `TaskGroup.create_task` over a "
    "list of unknown length where each item asks a model and nothing bounds how many run at a "
    "time.",
    why="With a short list it works. With a long one all requests leave in the same second: the "
    "provider answers 429, every retry adds to the pile, sockets and memory run out, and one "
    "failure ends the `gather` while the rest goes on and is billed.",
    cost="Requests that are refused and repeated, and answers that are paid for and thrown away "
    "when one of the others fails.",
    example="""
async def summaries(texts: list[str]) -> list[str]:
    return await asyncio.gather(*(summary(text) for text in texts))
""",
    use_instead="""
async def summaries(texts: list[str]) -> list[str]:
    limit = asyncio.Semaphore(10)

    async def one(text: str) -> str:
        async with limit:
            return await summary(text)

    return await asyncio.gather(*(one(text) for text in texts))


# Or with bounds, order and errors taken care of:
results = [item.value async for item in LambdaPrimitive(summary).map(texts, concurrency=10)]
""",
    assumptions="The call of the model must be in the same file, in the coroutine itself or in "
    "functions that it calls. Anything on the way that bounds it keeps the rule silent: a "
    "semaphore, a lock or a limiter, also one that is only named like that; decorators of other "
    "packages; a client with an HTTP client of its own; a list that is written out or has at "
    "most sixteen items; batches that a loop goes through. Objects of a framework, and "
    "plain HTTP clients, may have a bound of their own, so for those the confidence is medium. "
    "Tests are left alone.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report each place where all are started."""
    if checked.file.is_test or not checked.sites:
        return
    asking = AskingFunctions(checked)
    sites: dict[ast.AST, CallSite] = {site.node: site for site in checked.sites}
    for call in checked.file.index.calls:
        for each, iterable in _started(checked, asking, call):
            asked = _asked(each, asking, sites)
            if asked is None or _is_bounded(asking, call, iterable):
                continue
            if any(has_limit(code) or _is_decorated(code) for code in asked):
                continue
            site = sites[asked[-1]]
            if site.client is not None and "http_client" in site.client.arguments:
                continue
            name = ast.unparse(iterable)
            what = f"every item of {name}" if len(name) <= _LONGEST_NAME else "every item"
            yield checked.finding(
                CODE,
                call,
                f"{what} asks a model at the same time, with no bound on how many",
                confidence="medium" if _may_be_bounded(site) else "high",
            )
            break


def _started(
    checked: CheckedFile, asking: AskingFunctions, call: ast.Call
) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield what is started for each item, and the items."""
    name = checked.names.qualified(call.func) if last_name(call.func) in _NAMES else None
    if name in _GATHERS:
        for argument in call.args:
            group = argument.value if isinstance(argument, ast.Starred) else argument
            is_whole = isinstance(argument, ast.Starred) or not name.endswith("gather")
            if is_whole:
                yield from _of_group(checked, asking, call, group)
    elif isinstance(call.func, ast.Attribute) and call.func.attr in ("create_task", "start_soon"):
        loops = checked.file.loops_around(call)
        is_group = (name or "").startswith(("asyncio.TaskGroup", "anyio.create_task_group"))
        if is_group and loops and isinstance(loops[0], ast.For) and call.args:
            yield call.args[0], loops[0].iter


def _of_group(
    checked: CheckedFile, asking: AskingFunctions, call: ast.Call, group: ast.expr
) -> Iterator[tuple[ast.expr, ast.expr]]:
    defined = asking.definitions.definition(group, through_calls=False)
    if isinstance(defined, (ast.ListComp, ast.GeneratorExp, ast.SetComp)):
        yield defined.elt, defined.generators[0].iter
    elif (
        isinstance(defined, (ast.List, ast.Set))
        and not defined.elts
        and isinstance(group, ast.Name)
    ):
        yield from _appended(checked, call, group.id)


def _appended(
    checked: CheckedFile, call: ast.Call, name: str
) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield what a loop of the same function adds to the list."""
    function = checked.file.function_of(call)
    body: list[ast.AST] = list(checked.file.tree.body if function is None else [])
    if isinstance(function, ast.AsyncFunctionDef):
        body = list(function.body)
    for loop in within(body):
        if not isinstance(loop, ast.For) or call in ast.walk(loop):
            continue
        for node in within(loop.body):
            is_added = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("add", "append")
                and dotted(node.func.value) == name
            )
            if is_added and isinstance(node, ast.Call) and len(node.args) == 1:
                yield node.args[0], loop.iter


def _asked(
    each: ast.expr, asking: AskingFunctions, sites: Mapping[ast.AST, CallSite]
) -> list[ast.AST] | None:
    """Return the code from a coroutine down to the call of a model, None where it asks none."""
    made = asking.definitions.definition(each, through_calls=False)
    while isinstance(made, ast.Call):
        if made in sites:
            return [made]
        if last_name(made.func) not in _MAKES_TASKS or not made.args:
            break
        made = made.args[0]
    if not isinstance(made, ast.Call):
        return None
    function = asking.function_of(made)
    if not isinstance(function, ast.AsyncFunctionDef) or has_limit(made):
        return None
    return asking.way_to_a_model(function) or None


def _is_bounded(asking: AskingFunctions, call: ast.Call, iterable: ast.expr) -> bool:
    """Whether the items are few, or a piece that a loop around goes through."""
    checked = asking.checked
    if _PIECES.search(ast.unparse(iterable)) or _is_few(asking, iterable):
        return True
    loops = checked.file.loops_around(call)
    for loop in loops:
        if isinstance(loop, ast.While):
            return True  # a queue that is emptied, or a page at a time
        if isinstance(loop, (ast.For, ast.AsyncFor)):
            targets = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
            if not targets.isdisjoint(_all_names(asking, iterable)):
                return True
    function = checked.file.function_of(call)
    return function is not None and has_limit_around(checked, call)


def has_limit_around(checked: CheckedFile, call: ast.Call) -> bool:
    """Tell whether a `with` around a call speaks of a limit."""
    for parent in checked.file.parents(call):
        if isinstance(parent, (ast.With, ast.AsyncWith)):
            head = [item.context_expr for item in parent.items]
            if any(has_limit(ast.With(items=[ast.withitem(part)], body=[])) for part in head):
                return True
    return False


def _all_names(asking: AskingFunctions, iterable: ast.expr) -> set[str]:
    definition = asking.definitions.definition(iterable, through_calls=False)
    found = names_in(iterable)
    return found | names_in(definition) if isinstance(definition, ast.expr) else found


def _is_written_out(expression: ast.expr) -> bool:
    """Whether an expression is made of literals alone, so that it is as long as it looks."""
    own = {node.arg for node in ast.walk(expression) if isinstance(node, ast.arg)}
    return all(
        node.id in own or hasattr(builtins, node.id)
        for node in ast.walk(expression)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    )


def _is_few(asking: AskingFunctions, iterable: ast.expr) -> bool:
    if isinstance(iterable, ast.Call):
        name = iterable.func.id if isinstance(iterable.func, ast.Name) else ""
        if name in ("enumerate", "zip", "list", "sorted", "reversed") and iterable.args:
            return any(_is_few(asking, part) for part in iterable.args)
        if name == "range":
            bound = asking.checked.names.constant(iterable.args[-1]) if iterable.args else None
            return isinstance(bound, int) and bound <= _A_FEW
        return False
    if isinstance(iterable, ast.Subscript) and isinstance(iterable.slice, ast.Slice):
        upper = iterable.slice.upper
        bound = None if upper is None else asking.checked.names.constant(upper)
        return isinstance(bound, int) and 0 <= bound <= _A_FEW
    definition = asking.definitions.definition(iterable, through_calls=False)
    if isinstance(definition, ast.Call) and _is_written_out(definition):
        return not any(_reads_outside(node) for node in ast.walk(definition))
    if isinstance(definition, (ast.List, ast.Tuple, ast.Set)):
        return len(definition.elts) <= _A_FEW and bool(definition.elts)
    if isinstance(definition, ast.Dict):
        return len(definition.keys) <= _A_FEW and bool(definition.keys)
    return (
        definition is not iterable
        and isinstance(definition, ast.expr)
        and _is_few(asking, definition)
    )


def _is_decorated(code: ast.AST) -> bool:
    return bool(getattr(code, "decorator_list", None))


def _may_be_bounded(site: CallSite) -> bool:
    """Whether the framework, or the HTTP client, may bound by itself what runs at a time."""
    function = site.node.func
    is_http = isinstance(function, ast.Attribute) and function.attr in ("get", "post", "request")
    return site.kind != "sdk" or is_http


def _reads_outside(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) in ("input", "open", "range")


RULE: Final = Rule(CODE, "unbounded-gather", "warning", is_default=True, page=PAGE, check=check)
