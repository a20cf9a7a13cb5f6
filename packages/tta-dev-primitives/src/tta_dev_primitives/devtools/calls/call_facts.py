"""What is known of one call: streaming, timeout, limit of the answer, mode, model."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.source.value_steps import inward
from tta_dev_primitives.devtools.source.values import (
    NOT_CONSTANT,
    Constant,
    Group,
    Made,
    Member,
    Reference,
    Value,
)

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.source.names import Names, Origin
    from tta_dev_primitives.devtools.source.source_file import SourceFile

    from .call_site import Mode, Tri
    from .matching import Match

_LIMITS: Final = frozenset(
    {
        "maxOutputTokens",
        "maxTokens",
        "max_completion_tokens",
        "max_gen_len",
        "max_length",
        "max_new_tokens",
        "max_output_tokens",
        "max_tokens",
        "max_tokens_to_sample",
        "maximum_tokens",
        "num_predict",
    }
)
# Arguments that hold further settings, a limit among them.
_HOLDERS: Final = frozenset(
    {
        "additionalModelRequestFields",
        "body",
        "config",
        "extra_body",
        "generation_config",
        "inferenceConfig",
        "input",
        "options",
        "params",
        "parameters",
        "request",
    }
)
_HOLDERS_OF: Final = {
    "bedrock": frozenset({"additionalModelRequestFields", "body", "inferenceConfig"}),
    "google": frozenset({"config", "generation_config"}),
    "ollama": frozenset({"options"}),
    "openai": frozenset({"extra_body"}),
    "watsonx": frozenset({"params"}),
}
_MODELS: Final = ("model", "modelId", "model_name", "model_id", "engine", "deployment_id", "ref")
_TIMEOUTS: Final = frozenset({"timeout", "request_timeout", "timeout_ms"})
# What takes something to be awaited, and what may stand around it there.
_AWAITING: Final = frozenset(
    {
        "as_completed",
        "create_task",
        "ensure_future",
        "gather",
        "run_coroutine_threadsafe",
        "run_until_complete",
        "shield",
        "wait_for",
    }
)
_BETWEEN: Final = (ast.Starred, ast.List, ast.Tuple, ast.ListComp, ast.GeneratorExp)
_ABSENT: Final = frozenset({"NOT_GIVEN", "NotGiven", "Omit", "omit"})


def keywords_of(call: ast.Call) -> dict[str, ast.expr]:
    """Give the keyword arguments by name."""
    return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}


def hides_arguments(call: ast.Call) -> bool:
    """Whether ``*args`` or ``**kwargs`` may bring more arguments."""
    return any(keyword.arg is None for keyword in call.keywords) or any(
        isinstance(argument, ast.Starred) for argument in call.args
    )


def streaming_of(call: ast.Call, match: Match, names: Names) -> Tri:
    """Tell whether the answer comes in parts."""
    if match.method.streams:
        return "yes"
    stream = keywords_of(call).get("stream")
    if stream is None:
        return "unknown" if hides_arguments(call) else "no"
    value = names.constant(stream)
    if value is NOT_CONSTANT:
        return "no" if _is_absent(stream, names) else "unknown"
    return "yes" if value else "no"


def limit_of(call: ast.Call, match: Match, names: Names) -> Tri:
    """Tell whether the length of the answer is bounded."""
    keywords = keywords_of(call)
    for name in _LIMITS & keywords.keys():
        if names.constant(keywords[name]) is not None and not _is_absent(keywords[name], names):
            return "yes"
    answers: set[Tri] = set()
    for name in _HOLDERS_OF.get(match.provider, frozenset()) & keywords.keys():
        answers.update(_limit_in(value) for value in names.values(keywords[name]))
    if answers == {"yes"}:
        return "yes"
    if hides_arguments(call) or answers - {"no"}:
        return "unknown"
    return "no"


def _limit_in(value: Value) -> Tri:
    if value == Constant(None):
        return "no"
    if isinstance(value, Group) and value.keys is not None:
        if any(key in _LIMITS for key in value.keys):
            return "yes"
        return "unknown" if None in value.keys else "no"
    if isinstance(value, Made) and value.call is not None:
        if any(name in _LIMITS for name, _ in value.call.keywords):
            return "yes"
        is_plain = isinstance(value.callee, Reference) and not value.call.positional
        return "no" if value.call.is_complete and is_plain else "unknown"
    return "unknown"


def model_of(call: ast.Call, match: Match, names: Names) -> str | None:
    """Give the model's name where it is a constant."""
    keywords = keywords_of(call)
    for name in _MODELS:
        if name in keywords:
            value = names.constant(keywords[name])
            return value if isinstance(value, str) else None
    if match.provider in {"litellm", "replicate"} and call.args:
        value = names.constant(call.args[0])
        return value if isinstance(value, str) else None
    return None


def mode_of(
    call: ast.Call,
    values: tuple[Value, ...],
    match: Match,
    file: SourceFile,
    names: Names,
    *,
    in_thread: bool = False,
) -> Mode:
    """Tell whether the call gives something to be awaited.

    Args:
        call: The call in the source.
        values: Everything the called thing may be: where a client may be of either kind, only
            ``await`` tells.
        match: What it was recognised as.
        file: Where it is.
        names: Of that file.
        in_thread: Whether another function makes the call in a thread.
    """
    if in_thread:
        return "sync"
    if match.method.is_async or _is_awaited(call, file):
        return "async"
    makers = [found for value in values if (found := _made_by(value, names))]
    if makers:
        is_async = all(any(_is_async_name(name) for name in found) for found in makers)
        return "async" if is_async else "sync"
    return "async" if _is_async_name(".".join(written_name(call.func))) else "sync"


def _made_by(value: Value, names: Names) -> list[str]:
    found: list[str] = []
    for place in inward(value):
        if isinstance(place, Member) and place.name == "aio":
            found.append("async")
        elif isinstance(place, Made):
            name = names.dotted(place.callee)
            if name is not None:
                found.append(name)
    return found


def _is_async_name(name: str) -> bool:
    lowered = name.lower()
    return "async" in lowered or "aio" in lowered.split(".")


def _is_awaited(call: ast.Call, file: SourceFile) -> bool:
    node: ast.AST = call
    for parent in file.parents(call):
        if isinstance(parent, ast.Await):
            return True
        if isinstance(parent, (ast.AsyncFor, ast.comprehension)) and parent.iter is node:
            return isinstance(parent, ast.AsyncFor) or bool(parent.is_async)
        if isinstance(parent, ast.withitem):
            node = parent
            continue
        if isinstance(parent, ast.AsyncWith):
            return True
        if isinstance(parent, ast.Call) and node is not parent.func:
            return written_name(parent.func)[-1] in _AWAITING
        if isinstance(parent, _BETWEEN) and not isinstance(parent, ast.comprehension):
            node = parent
            continue
        # ``await client.create(...).text()`` awaits what the call gave.
        if isinstance(parent, (ast.Attribute, ast.Call)) and _is_called_on(parent, node):
            node = parent
            continue
        return False
    return False


def _is_called_on(parent: ast.AST, node: ast.AST) -> bool:
    if isinstance(parent, ast.Attribute):
        return parent.value is node
    return isinstance(parent, ast.Call) and parent.func is node


def is_in_loop(call: ast.Call, file: SourceFile) -> bool:
    """Tell whether the call stands in a loop of its function, the loop's head included."""
    return file.is_inside_loop(call)


def written_name(node: ast.expr) -> list[str]:
    """Give the names of an expression as they are written: "a.b().c" is ["a", "b", "c"]."""
    names: list[str] = []
    place = node
    while True:
        if isinstance(place, ast.Attribute):
            names.append(place.attr)
            place = place.value
        elif isinstance(place, ast.Call):
            place = place.func
        elif isinstance(place, (ast.Subscript, ast.Await)):
            place = place.value
        else:
            break
    names.append(place.id if isinstance(place, ast.Name) else "")
    return names[::-1]


def maker_of(value: Value) -> Made | None:
    """Give the innermost call that a value comes of: that of its client's constructor."""
    made: Made | None = None
    for place in inward(value):
        if isinstance(place, Made):
            made = place
    return made


def client_of(value: Value, names: Names) -> Origin | None:
    """Give the call that made the client that a value is called on."""
    made = maker_of(value)
    return names.origin_of_value(made) if made is not None else None


def options_of(value: Value) -> list[Made]:
    """List the ``with_options(...)`` and ``copy(...)`` calls a client went through."""
    return [
        place
        for place in inward(value)
        if isinstance(place, Made)
        and isinstance(place.callee, Member)
        and place.callee.name in {"with_options", "copy"}
    ]


def _is_absent(node: ast.expr, names: Names) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else ""
    name = node.id if isinstance(node, ast.Name) else name
    if isinstance(node, ast.Call):
        return _is_absent(node.func, names)
    return name in _ABSENT
