"""Calls that keep the thread, and with it an event loop, until they are done."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.calls.definitions import Definitions
from tta_dev_primitives.devtools.calls.flow import dotted, within
from tta_dev_primitives.devtools.calls.providers import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tta_dev_primitives.devtools.calls.call_site import CallSite

    from .rule import CheckedFile

_VERBS: Final = ("delete", "get", "head", "options", "patch", "post", "put", "request")
BLOCKING: Final = frozenset(
    {
        *(f"requests.{verb}" for verb in _VERBS),
        *(f"requests.Session.{verb}" for verb in (*_VERBS, "send")),
        *(f"requests.session.{verb}" for verb in (*_VERBS, "send")),
        *(f"httpx.{verb}" for verb in (*_VERBS, "stream")),
        *(f"httpx.Client.{verb}" for verb in (*_VERBS, "send", "stream")),
        *(f"httpx2.{verb}" for verb in (*_VERBS, "stream")),
        *(f"httpx2.Client.{verb}" for verb in (*_VERBS, "send", "stream")),
        *("urllib.request.urlopen", "urllib.request.urlretrieve", "urllib3.request"),
        *("urllib3.PoolManager.request", "urllib3.PoolManager.urlopen"),
        *("subprocess.call", "subprocess.check_call", "subprocess.check_output"),
        *("subprocess.getoutput", "subprocess.run", "os.system", "os.wait", "os.waitpid"),
        *("time.sleep", "builtins.input", "socket.create_connection"),
    }
)
_SDKS: Final = frozenset(
    package.partition(".")[0] for provider in PROVIDERS for package in provider.packages
)
_DEEPEST: Final = 3


@dataclass(frozen=True, slots=True)
class Blocking:
    """A call that blocks.

    Args:
        node: Where it is called from: in the function asked about.
        what: What blocks, such as `time.sleep()`.
        site: The call of a model, where it is one.
    """

    node: ast.Call
    what: str
    site: CallSite | None = None


def blocking_calls(checked: CheckedFile, function: ast.AST) -> Iterator[Blocking]:
    """Yield what blocks when *function* runs, also in plain functions of the file that it calls.

    Functions inside it count where they are called, and what is handed to a thread does not.
    """
    sites = {site.node: site for site in checked.sites}
    definitions = Definitions(checked.file, checked.names)
    yield from _in(checked, definitions, function, sites, frozenset({function}))


def _in(
    checked: CheckedFile,
    definitions: Definitions,
    function: ast.AST,
    sites: dict[ast.Call, CallSite],
    seen: frozenset[ast.AST],
) -> Iterator[Blocking]:
    for call in _calls(function):
        site = sites.get(call)
        if site is not None:
            if is_surely_sync(checked, site):
                yield Blocking(call, f"the call of {site.provider}", site)
            continue
        name = checked.names.qualified(call.func)
        if name in BLOCKING:
            yield Blocking(call, f"{dotted(call.func) or name}()")
            continue
        called = definitions.definition(call.func)
        if isinstance(called, ast.FunctionDef) and called not in seen and len(seen) <= _DEEPEST:
            if _is_generator(called) or called.decorator_list:
                continue
            inner = next(_in(checked, definitions, called, sites, seen | {called}), None)
            if inner is not None:
                what = f"{inner.what} in {called.name}() (line {inner.node.lineno})"
                yield Blocking(call, what, inner.site)


def is_surely_sync(checked: CheckedFile, site: CallSite) -> bool:
    """Whether a call of a model surely blocks: by its client, or by what is done with its answer.

    A call without `await` may make a coroutine that is awaited later; where the client is not
    known, only an answer that is used on the spot tells.
    """
    if site.mode != "sync" or site.request is not site.node:
        return False  # handed on, it runs in a thread
    # A parameter may be annotated with several clients: all of them must be synchronous.
    names = [checked.names.dotted(value) or "" for value in checked.names.values(site.node.func)]
    known = [name for name in names if name.partition(".")[0] in _SDKS]
    if known:
        return not any("async" in name.lower() or ".aio." in name for name in known)
    parent = next(checked.file.parents(site.node), None)
    if isinstance(parent, (ast.Attribute, ast.Subscript)):
        return parent.value is site.node and getattr(parent, "attr", "") != "__aenter__"
    if isinstance(parent, (ast.For, ast.comprehension)):
        return parent.iter is site.node and not getattr(parent, "is_async", 0)
    if isinstance(parent, ast.withitem):
        return isinstance(next(checked.file.parents(parent), None), ast.With)
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
        return _is_used_as_answer(checked, site.node, parent.targets[0].id)
    return False


def _is_used_as_answer(checked: CheckedFile, call: ast.Call, name: str) -> bool:
    """Whether what a call gave is read, as an answer is and a coroutine is not."""
    function = checked.file.function_of(call)
    body: Iterable[ast.AST] = checked.file.tree.body if function is None else [function]
    answers = 0
    for top in body:
        for node in ast.walk(top):
            if not isinstance(node, ast.Name) or node.id != name:
                continue
            if not isinstance(node.ctx, ast.Load):
                continue
            parent = next(checked.file.parents(node), None)
            if isinstance(parent, ast.Await):
                return False
            if isinstance(parent, (ast.Attribute, ast.Subscript)) and parent.value is node:
                answers += 1
            elif isinstance(parent, ast.Call) and node in parent.args:
                return False  # gather(call), create_task(call), and whatever else may await it
    return answers > 0


def _calls(function: ast.AST) -> Iterator[ast.Call]:
    body: list[ast.AST] = []
    if isinstance(function, ast.Lambda):
        body = [function.body]
    elif isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        body = list(function.body)
    calls = [node for node in within(body) if isinstance(node, ast.Call)]
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    yield from calls


def _is_generator(function: ast.FunctionDef) -> bool:
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in within(function.body))
