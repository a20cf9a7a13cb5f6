"""Which calls of a file are worth a closer look, and what each of them asks for."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from . import frameworks, providers
from .raw_http import HTTP_METHODS, speaks_of_addresses

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tta_dev_primitives.devtools.source.source_file import SourceFile

_METHOD_NAMES: Final = providers.METHOD_NAMES | frameworks.METHOD_NAMES
# Functions that run what they are handed in a thread, and at which place it stands.
_THREADS: Final = {
    "run_in_executor": 1,
    "run_in_threadpool": 0,
    "run_sync": 0,
    "submit": 0,
    "to_thread": 0,
}
# Arguments of a request: a function that gets them beside a method of a client calls it.
_REQUEST: Final = frozenset({"contents", "input", "max_tokens", "messages", "model", "prompt"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A call that may run a model.

    Args:
        node: The call in the source.
        request: The call that is asked about: `node`, or what comes of a function handed on.
        is_handed_on: Whether the function is given to another one that calls it.
        in_thread: Whether that one runs it in a thread.
    """

    node: ast.Call
    request: ast.Call
    is_handed_on: bool = False
    in_thread: bool = False


def candidates(file: SourceFile, wrappers: Collection[str]) -> Iterator[Candidate]:
    """Yield the calls whose last name may be that of a call of a model.

    Args:
        file: Where to look.
        wrappers: Dotted names of in-house functions that call a model.
    """
    wanted = _METHOD_NAMES | {name.rpartition(".")[2] for name in wrappers}
    aliases = _aliases(file, wanted)
    has_addresses: bool | None = None
    for call in file.index.calls:
        function = call.func
        if isinstance(function, ast.Attribute):
            if function.attr in wanted:
                yield Candidate(call, call)
            elif function.attr in HTTP_METHODS:
                if has_addresses is None:
                    has_addresses = speaks_of_addresses(file.text)
                if has_addresses:
                    yield Candidate(call, call)
            elif call.args:
                yield from _handed_on(call, function.attr, wanted)
        elif isinstance(function, ast.Name):
            if function.id in aliases:
                yield Candidate(call, call)
            elif call.args:
                yield from _handed_on(call, function.id, wanted)
        elif isinstance(function, ast.Call) and _is_looked_up(function, wanted):
            yield Candidate(call, call)


def _handed_on(call: ast.Call, name: str, wanted: Collection[str]) -> Iterator[Candidate]:
    in_thread = name in _THREADS
    place = _THREADS.get(name, 0)
    function = call.args[place] if len(call.args) > place else None
    if not (isinstance(function, ast.Attribute) and function.attr in wanted):
        return
    if in_thread or name == "partial" or _has_request(call):
        request = ast.Call(func=function, args=call.args[place + 1 :], keywords=call.keywords)
        yield Candidate(
            call, ast.copy_location(request, call), is_handed_on=True, in_thread=in_thread
        )


def _has_request(call: ast.Call) -> bool:
    return any(word.arg is None or word.arg in _REQUEST for word in call.keywords)


def _aliases(file: SourceFile, wanted: Collection[str]) -> set[str]:
    """Collect the bare names that may stand for a wanted function, whatever they are called."""
    found = {name for name, target in file.index.imports if target.rpartition(".")[2] in wanted}
    return found | {name for name, attribute in file.index.aliases if attribute in wanted}


def _is_looked_up(function: ast.Call, wanted: Collection[str]) -> bool:
    """Whether a function comes from ``getattr(client, "create")``."""
    if not (isinstance(function.func, ast.Name) and function.func.id == "getattr"):
        return False
    name = function.args[1] if len(function.args) > 1 else None
    return isinstance(name, ast.Constant) and name.value in wanted
