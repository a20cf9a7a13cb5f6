"""How a function given as a step wants to be called."""

from __future__ import annotations

import functools
import inspect
import types
from typing import TYPE_CHECKING, Any, cast

from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

# These know no contexts: `print` and `itemgetter(...)` take one value, whatever they could take.
_WRITTEN_IN_C = types.BuiltinFunctionType | types.MethodDescriptorType | types.MethodWrapperType


def takes_context(fn: Callable[..., Any]) -> bool:  # Any: any function
    """Tell whether *fn* wants the context as its second argument.

    Raises:
        ConfigurationError: *fn* cannot be called with one or two positional arguments.
    """
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):
        return False  # builtins such as `int` have no signature; they take one value
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    variable = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    required = [p for p in positional if p.default is p.empty]
    needs_keywords = any(p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in parameters)
    most = 1 if isinstance(_plain(inspect.unwrap(fn)), _WRITTEN_IN_C) else 2
    if needs_keywords or len(required) > most or not (positional or variable):
        msg = (
            f"{getattr(fn, '__name__', fn)!r} must take (x) or (x, context), but its signature is "
            f"{inspect.signature(fn)}"
        )
        raise ConfigurationError(msg)
    if len(required) == 2 or (variable and not positional):
        return most == 2
    return len(positional) > 1 and positional[1].name in {"context", "ctx"}


def is_async(fn: Callable[..., Any]) -> bool:  # Any: any function
    """Tell whether calling *fn* gives a coroutine for certain."""
    return inspect.iscoroutinefunction(_plain(fn))


def streams(fn: Callable[..., Any]) -> bool:  # Any: any function
    """Tell whether calling *fn* gives an async generator.

    A plain decorator hands on the generator of what it wraps; an async one has consumed it.
    """
    return not is_async(fn) and inspect.isasyncgenfunction(inspect.unwrap(_plain(fn)))


def _plain(fn: Any) -> Any:  # Any: any callable
    """Return the function under partials, methods and callable objects, decorated as it is."""
    while isinstance(fn, functools.partial):
        fn = cast("functools.partial[Any]", fn).func
    if not inspect.isroutine(fn) and not isinstance(fn, type):
        fn = getattr(fn, "__call__", fn)  # noqa: B004 - the method, not whether there is one
    return getattr(fn, "__func__", fn)
