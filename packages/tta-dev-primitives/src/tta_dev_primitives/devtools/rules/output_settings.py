"""Where a limit on the output may stand when it is not an argument of the call."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.source.values import Element, Made, Member

from .prompt_text import argument_of, definition_of, pieces_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.calls.call_site import CallSite
    from tta_dev_primitives.devtools.source.values import Value

    from .rule import CheckedFile

# Arguments of a request over plain HTTP that hold everything else.
_HTTP_BODIES: Final = frozenset({"json", "data", "content"})
_BODIES: Final = (*_HTTP_BODIES, "body", "extra_body")
_LIMITS: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens")
# Arguments of the object that is called, or of what made it, that may hold a limit.
_HOLDERS: Final = frozenset({"config", "generation_config", "model_kwargs", "default_parameters"})
# Names of code that has images made; to look at them is another matter.
_DRAWING: Final = re.compile(r"image_?gen|(?:generat|creat|draw|edit)\w*_?image", re.IGNORECASE)


def may_be_limited_elsewhere(checked: CheckedFile, site: CallSite) -> bool:
    """Tell whether something else than the arguments of a call may limit its output."""
    return (
        any(_body_may_limit(checked, body) for body in _bodies(site))
        or _is_made_with_settings(checked, site)
        or _makes_an_image(checked, site)
    )


def is_plain_request(site: CallSite) -> bool:
    """Tell whether a call is a request over HTTP without an SDK."""
    return any(keyword.arg in _HTTP_BODIES for keyword in site.node.keywords)


def goes_to_a_known_host(checked: CheckedFile, site: CallSite) -> bool:
    """Tell whether the address of a plain request is written out up to its host at least."""
    given = site.node.args[0] if site.node.args else argument_of(site.node, "url")
    first = next(iter(pieces_of(checked, given)), None) if given is not None else None
    return isinstance(first, str) and first.startswith("https://")


def _bodies(site: CallSite) -> Iterator[ast.expr]:
    for name in _BODIES:
        given = argument_of(site.node, name)
        if given is not None:
            yield given


def _body_may_limit(checked: CheckedFile, body: ast.expr) -> bool:
    """Tell whether a body is anything but a dict written out, without a limit and left alone."""
    written = definition_of(checked, body)
    if not isinstance(written, ast.Dict):
        return True
    keys = [key.value if isinstance(key, ast.Constant) else None for key in written.keys]
    if None in keys or any(limit in keys for limit in _LIMITS):
        return True
    return isinstance(body, ast.Name) and _is_changed(checked, body)


def _is_changed(checked: CheckedFile, name: ast.Name) -> bool:
    """Tell whether anything is done to a dict but to read it: `body["max_tokens"] = 9`."""
    scope = checked.file.function_of(name) or checked.file.tree
    for node in ast.walk(scope):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, (ast.Store, ast.Del)):
            target = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            target = node.func.value
        elif isinstance(node, ast.AugAssign):
            target = node.target
        else:
            continue
        if isinstance(target, ast.Name) and target.id == name.id:
            return True
    return False


def _is_made_with_settings(checked: CheckedFile, site: CallSite) -> bool:
    """Tell whether the chat or model that is called was itself given settings."""
    if site.provider != "google":
        return False
    for value in checked.names.values(site.node.func):
        for made in _makers(value):
            if made.call is None or not made.call.is_complete:
                return True
            if any(name in _HOLDERS for name, _ in made.call.keywords):
                return True
    return False


def _makers(value: Value) -> Iterator[Made]:
    place = value
    while isinstance(place, (Member, Made, Element)):
        if isinstance(place, Made):
            yield place
            place = place.callee
        else:
            place = place.owner


def _makes_an_image(checked: CheckedFile, site: CallSite) -> bool:
    """Tell whether a model of Google draws rather than writes; one method does both."""
    if site.provider != "google":
        return False
    config = argument_of(site.node, "config")
    settings = "" if config is None else ast.unparse(definition_of(checked, config))
    if "image" in f"{site.model} {settings}".lower():
        return True
    place = f"{checked.file.path} {checked.file.qualname_of(site.node)}"
    return site.model is None and _DRAWING.search(place) is not None
