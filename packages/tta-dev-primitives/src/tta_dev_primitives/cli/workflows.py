"""Finding the workflow that a command line names."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tta_dev_primitives.core.base import WorkflowPrimitive

from .main import UsageError

if TYPE_CHECKING:
    from types import ModuleType


def load_workflow(reference: str) -> WorkflowPrimitive[Any, Any]:  # Any: the user's own types
    """Return the primitive that `MODULE_OR_FILE:NAME` names.

    NAME may also be a function without required arguments that returns a primitive.

    Raises:
        UsageError: There is no such module, file or name, or it is no primitive.
    """
    module_name, separator, name = reference.rpartition(":")
    if not separator or not module_name or not name:
        msg = f"expected MODULE_OR_FILE:WORKFLOW, got {reference!r}"
        raise UsageError(msg)
    module = _load_module(module_name)
    if not hasattr(module, name):
        known = [key for key, value in vars(module).items() if _makes_workflow(value)]
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)[:5]
        hint = f"did you mean {' or '.join(near)}" if near else "it has no workflow at all"
        msg = f"{module_name} has no workflow {name!r}; {hint}"
        raise UsageError(msg)
    found = getattr(module, name)
    if not isinstance(found, WorkflowPrimitive) and _is_factory(found):
        found = found()
    if not isinstance(found, WorkflowPrimitive):
        msg = (
            f"{reference} is a {type(found).__name__}, not a primitive; wrap a function with "
            "LambdaPrimitive(fn)"
        )
        raise UsageError(msg)
    return cast("WorkflowPrimitive[Any, Any]", found)


def _load_module(name: str) -> ModuleType:
    if not (name.endswith(".py") or "/" in name or "\\" in name):
        sys.path.insert(0, str(Path.cwd()))
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                msg = f"{name} cannot be imported: {error}"
                raise UsageError(msg) from error
            msg = f"no module named {name!r}; give a dotted module name or a path to a .py file"
            raise UsageError(msg) from error
        finally:
            sys.path.remove(str(Path.cwd()))
    path = Path(name)
    if not path.is_file():
        msg = f"no file {name}; give a dotted module name or a path to a .py file"
        raise UsageError(msg)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        msg = f"{name} is no Python file"
        raise UsageError(msg)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.resolve().parent))  # as `python file.py` does
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        msg = f"{name} cannot be read: {error}"
        raise UsageError(msg) from error
    return module


def _makes_workflow(value: object) -> bool:
    return isinstance(value, WorkflowPrimitive)


def _is_factory(value: object) -> bool:
    """Tell whether *value* is a function that may be called without arguments."""
    if not inspect.isfunction(value) or inspect.iscoroutinefunction(value):
        return False
    return all(
        parameter.default is not parameter.empty
        or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        for parameter in inspect.signature(value).parameters.values()
    )
