"""Finding the workflow that a command line names."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.util
import inspect
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from tta_dev_primitives.core.base import WorkflowPrimitive
from tta_dev_primitives.errors import PrimitiveError

from .exits import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import ModuleType


def load_workflow(reference: str) -> WorkflowPrimitive[Any, Any]:  # Any: the user's own types
    """Return the primitive that `MODULE_OR_FILE:NAME` names.

    NAME may also be a function without required arguments that returns a primitive.

    Raises:
        UsageError: There is no such module, file or name, it cannot be loaded, or it is no
            primitive.
    """
    module_name, _, name = reference.rpartition(":")
    if not module_name or not name.isidentifier():
        msg = f"expected MODULE_OR_FILE:WORKFLOW, got {reference!r}"
        raise UsageError(msg)
    module = _load_module(module_name)
    if not hasattr(module, name):
        known = [key for key, value in vars(module).items() if _makes_workflow(value, module)]
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)[:5]
        hint = f"did you mean {' or '.join(near)}" if near else "it has no workflow at all"
        msg = f"{module_name} has no workflow {name!r}; {hint}"
        raise UsageError(msg)
    found = getattr(module, name)
    if isinstance(found, WorkflowPrimitive):
        return cast("WorkflowPrimitive[Any, Any]", found)
    if _is_factory(found):
        with _loading(reference):
            made = found()
        if isinstance(made, WorkflowPrimitive):
            return cast("WorkflowPrimitive[Any, Any]", made)
        msg = f"{reference} returned {_with_article(type(made).__name__)}, not a primitive"
    elif isinstance(found, type):
        msg = f"{reference} is a class, not a primitive; name an instance of it"
    else:
        kind = _with_article(type(found).__name__)
        msg = f"{reference} is {kind}, not a primitive; wrap a function with LambdaPrimitive(fn)"
    raise UsageError(msg)


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"


def _load_module(name: str) -> ModuleType:
    if name.endswith(".py") or "/" in name or "\\" in name:
        return _load_file(name)
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
    try:
        with _loading(name):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        msg = f"no module named {name!r}; give a dotted module name or a path to a .py file"
        raise UsageError(msg) from error


def _load_file(name: str) -> ModuleType:
    path = Path(name)
    if not path.is_file():
        msg = f"no file {name}; give a dotted module name or a path to a .py file"
        raise UsageError(msg)
    # A file may bear the name of a module that others import, such as json.py.
    taken = path.stem in sys.modules
    spec = importlib.util.spec_from_file_location(
        f"{path.stem}_workflow" if taken else path.stem, path
    )
    if spec is None or spec.loader is None:
        msg = f"{name} is no Python file"
        raise UsageError(msg)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.resolve().parent))  # as `python file.py` does
    with _loading(name):
        spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _loading(name: str) -> Generator[None]:
    """Turn what the user's own code raises into one line that says where."""
    try:
        yield
    except PrimitiveError:
        raise  # says what to do already
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise  # the very module that was asked for
        raise UsageError(_what_happened(name, error)) from error
    except (Exception, SystemExit) as error:
        raise UsageError(_what_happened(name, error)) from error


def _what_happened(name: str, error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        where = f"{error.filename} line {error.lineno}"
        return f"{name} cannot be loaded: {where}: {type(error).__name__}: {error.msg}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{last.filename} line {last.lineno}"
    return f"{name} cannot be loaded: {where}: {type(error).__name__}: {error}"


def _makes_workflow(value: object, module: ModuleType) -> bool:
    """Tell whether *value* is worth naming to somebody who looks for a workflow in *module*."""
    if isinstance(value, WorkflowPrimitive):
        return True
    return _is_factory(value) and getattr(value, "__module__", "") == module.__name__


def _is_factory(value: object) -> TypeGuard[Callable[[], object]]:
    """Tell whether *value* is a function that may be called without arguments."""
    if not inspect.isfunction(value) or inspect.iscoroutinefunction(value):
        return False
    return all(
        parameter.default is not parameter.empty
        or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        for parameter in inspect.signature(value).parameters.values()
    )
