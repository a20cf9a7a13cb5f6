"""Whether a call has a timeout: its own, its client's, or one of what encloses it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.source.values import (
    CallRecord,
    Constant,
    Group,
    Made,
    Reference,
    Value,
)

from .call_facts import client_of, hides_arguments, keywords_of, maker_of, options_of
from .raw_http import PACKAGES_WITH_TIMEOUT

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.source.names import Names
    from tta_dev_primitives.devtools.source.source_file import SourceFile

    from .call_site import Tri
    from .matching import Match

_ON_CALL: Final = ("timeout", "request_timeout")
_ON_CLIENT: Final = ("timeout", "timeout_ms", "request_timeout", "read_timeout")
# Arguments of a constructor that may bring a timeout with them.
_CARRIERS: Final = (
    "http_client",
    "async_http_client",
    "config",
    "http_options",
    "client",
    "transport",
    "client_options",
    "httpx_client",
)
_ENCLOSING: Final = frozenset(
    {
        "anyio.fail_after",
        "anyio.move_on_after",
        "async_timeout.timeout",
        "asyncio.timeout",
        "asyncio.timeout_at",
        "trio.fail_after",
        "trio.move_on_after",
    }
)
_WAITING: Final = frozenset({"asyncio.wait_for", "asyncio.wait"})
_OWN_TIMEOUT: Final = "tta_dev_primitives.TimeoutPrimitive"


def timeout_of(
    call: ast.Call,
    node: ast.Call,
    values: tuple[Value, ...],
    match: Match,
    file: SourceFile,
    names: Names,
) -> Tri:
    """Tell whether a call has a timeout.

    Args:
        call: The call with its arguments.
        node: Where it is made.
        values: Everything the called thing may be, as the client may be one of several.
        match: What it was recognised as.
        file: Where it is.
        names: Of that file.
    """
    keywords = keywords_of(call)
    for name in _ON_CALL:
        if name in keywords:
            value = names.constant(keywords[name])
            return "no" if value is None else "yes"
    if is_enclosed(node, file, names):
        return "yes"
    if match.via in PACKAGES_WITH_TIMEOUT:
        return _timeout_by_default(match.value, names)
    answers = {_client_timeout(value, names) for value in values if value != Constant(None)}
    if answers == {"yes"}:
        return "yes"
    if hides_arguments(call) or answers != {"no"}:
        return "unknown"
    return "no"


def is_enclosed(call: ast.AST, file: SourceFile, names: Names) -> bool:
    """Tell whether a timeout of asyncio, anyio or this library is around a call."""
    function = file.function_of(call)
    for parent in file.parents(call):
        if parent is function:
            return False
        if isinstance(parent, (ast.With, ast.AsyncWith)):
            for item in parent.items:
                manager = item.context_expr
                if isinstance(manager, ast.Call) and names.qualified(manager.func) in _ENCLOSING:
                    return _limits(manager, 0, "delay", names)
        elif isinstance(parent, ast.Call) and parent.func is not call:
            called = names.qualified(parent.func)
            if called in _WAITING and _limits(parent, 1, "timeout", names):
                return True
    return False


def _limits(call: ast.Call, position: int, keyword: str, names: Names) -> bool:
    given = keywords_of(call).get(keyword)
    if given is None and len(call.args) > position:
        given = call.args[position]
    return given is not None and names.constant(given) is not None


def _client_timeout(value: Value, names: Names) -> Tri:
    for options in options_of(value):
        answer = _timeout_in(options.call, names, _ON_CLIENT)
        if answer != "no":
            return answer
    origin = client_of(value, names)
    if origin is None:
        return "no" if isinstance(value, Reference) and _is_module_call(value) else "unknown"
    for name in _ON_CLIENT:
        if name in origin.arguments:
            return "no" if origin.arguments[name] is None else "yes"
    maker = maker_of(value)
    if maker is not None:
        return _timeout_in(maker.call, names, _ON_CLIENT)
    return "unknown" if not origin.is_complete else "no"


def _timeout_by_default(value: Value, names: Names) -> Tri:
    """Answer for HTTP clients that have a timeout unless told otherwise."""
    maker = maker_of(value)
    if maker is None or maker.call is None:
        return "yes" if maker is None else "unknown"
    answer = _timeout_in(maker.call, names, _ON_CLIENT)
    switched_off = dict(maker.call.keywords).get("timeout") == Constant(None)
    return "no" if switched_off else "yes" if answer != "unknown" else "unknown"


def _timeout_in(record: CallRecord | None, names: Names, keywords: tuple[str, ...]) -> Tri:
    if record is None:
        return "unknown"
    given = dict(record.keywords)
    for name in keywords:
        if name in given:
            return "no" if given[name] == Constant(None) else "yes"
    for name in _CARRIERS:
        if name in given:
            return _carried(given[name], names)
    return "no" if record.is_complete else "unknown"


def _carried(value: Value, names: Names) -> Tri:
    for found in names.resolved(value):
        keys: list[object] = []
        if isinstance(found, Made) and found.call is not None:
            keys = [name for name, _ in found.call.keywords]
        elif isinstance(found, Group):
            keys = list(found.keys or ())
        if any(isinstance(key, str) and "timeout" in key for key in keys):
            return "yes"
    return "unknown"


def _is_module_call(value: Reference) -> bool:
    return "." in value.name
