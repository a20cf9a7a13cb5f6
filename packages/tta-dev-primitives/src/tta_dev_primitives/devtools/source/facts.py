"""What other files may want to know about a file: small, and ready for JSON."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final

from .encoding import Encoded, decoded, encoded
from .evaluation import Evaluation, decorator_names
from .scopes import Binding, FileIndex, Scope, function_parameters
from .value_steps import tells_something
from .values import Constant, Group, Made, Member, Parameter, Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .source_file import SourceFile

FACTS_VERSION: Final = 1

_TRAITS: Final = {
    "asynccontextmanager": "manager",
    "cached_property": "property",
    "contextmanager": "manager",
    "fixture": "fixture",
    "property": "property",
}
_STEPS: Final = 100_000


class FileFacts:
    """The facts of one file; values are decoded when asked for.

    Args:
        data: As `facts_of` made it, or as JSON gave it back.
    """

    # Any: facts come from a cache, each accessor tests what it reads.
    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.path = str(data.get("path", ""))
        module = data.get("module")
        self.module: str | None = module if isinstance(module, str) else None
        self.is_package = bool(data.get("package"))
        self._names: dict[str, list[Encoded]] = data.get("names", {})
        self._functions: dict[str, dict[str, Any]] = data.get("functions", {})
        self._classes: dict[str, dict[str, Any]] = data.get("classes", {})
        self.stars: list[str] = data.get("stars", [])

    def named(self, name: str) -> tuple[Value, ...]:
        """Give what a name of the module may be; empty when it binds none."""
        return self._decoded(self._names.get(name, ()))

    def has_class(self, name: str) -> bool:
        """Whether a class of this qualified name is defined here."""
        return name in self._classes

    def has_function(self, name: str) -> bool:
        """Whether a function of this qualified name is defined here."""
        return name in self._functions

    def results(self, function: str) -> tuple[Value, ...]:
        """Give what a function returns, or yields where it is made a manager or a fixture."""
        return self._decoded(self._functions.get(function, {}).get("results", ()))

    def parameters(self, function: str) -> list[str]:
        """List the names of a function's parameters."""
        return list(self._functions.get(function, {}).get("parameters", ()))

    def has_trait(self, function: str, trait: str) -> bool:
        """Whether a function is a "property", a "manager" or a "fixture"."""
        return trait in self._functions.get(function, {}).get("traits", ())

    def bases(self, class_name: str) -> tuple[Value, ...]:
        """Give the bases of a class."""
        return self._decoded(self._classes.get(class_name, {}).get("bases", ()))

    def attribute(self, class_name: str, name: str) -> tuple[Value, ...]:
        """Give what an attribute of a class or of its objects may be."""
        attributes = self._classes.get(class_name, {}).get("attributes", {})
        return self._decoded(attributes.get(name, ()))

    def _decoded(self, values: Iterable[Encoded]) -> tuple[Value, ...]:
        return tuple(decoded(value, self.path) for value in values)


def facts_of(file: SourceFile, index: FileIndex) -> FileFacts:
    """Gather the facts of a file; the time is bounded by its length."""
    evaluation = Evaluation(file.path, index, steps=_STEPS)
    names: dict[str, list[Encoded]] = {}
    for name, bindings in index.module.bindings.items():
        values = [
            value
            for value in evaluation.values_bound(_of_values(bindings))
            if _is_worth_it(value) or isinstance(value, Constant)
        ]
        if values:
            names[name] = [encoded(value) for value in values]
    functions: dict[str, dict[str, Any]] = {}
    classes: dict[str, dict[str, Any]] = {}
    for scope in index.scopes.values():
        if isinstance(scope.node, ast.ClassDef):
            classes[scope.qualname] = _class_facts(scope, scope.node, evaluation)
        elif isinstance(scope.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            functions[scope.qualname] = _function_facts(scope, evaluation)
    data: dict[str, Any] = {
        "version": FACTS_VERSION,
        "path": file.path,
        "module": file.module_name,
        "package": file.is_package,
        "names": names,
        "functions": functions,
        "classes": classes,
        "stars": index.module.stars,
    }
    return FileFacts({key: value for key, value in data.items() if value})


def _function_facts(scope: Scope, evaluation: Evaluation) -> dict[str, Any]:
    node = scope.node
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    facts: dict[str, Any] = {}
    results: list[Value] = []
    for result in scope.results[-6:]:
        results.extend(evaluation.values(result))
    kept = [value for value in results if _is_worth_it(value)]
    returns = getattr(node, "returns", None)
    if not any(tells_something(value) for value in kept) and returns is not None:
        kept += evaluation.instances_of(returns, scope.parent or evaluation.index.module)
    if kept:
        facts["results"] = [encoded(value) for value in dict.fromkeys(kept)]
    if parameters := [parameter.arg for parameter in function_parameters(node.args)]:
        facts["parameters"] = parameters
    traits = {_TRAITS[name] for name in decorator_names(node) & _TRAITS.keys()}
    if traits:
        facts["traits"] = sorted(traits)
    return facts


def _class_facts(scope: Scope, node: ast.ClassDef, evaluation: Evaluation) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    bases = [encoded(value) for base in node.bases[:6] for value in evaluation.values(base)]
    if bases:
        facts["bases"] = bases
    attributes: dict[str, list[Encoded]] = {}
    for source in (scope.attributes, scope.bindings):
        for name, bindings in source.items():
            values = [
                encoded(value)
                for value in evaluation.values_bound(_of_values(bindings))
                if _is_worth_it(value) or isinstance(value, Constant)
            ]
            if values:
                attributes[name] = attributes.get(name, []) + values
    if attributes:
        facts["attributes"] = attributes
    return facts


def _of_values(bindings: list[Binding]) -> list[Binding]:
    # Functions and classes are known by their own facts.
    return [binding for binding in bindings[-6:] if binding.kind != "definition"]


def _is_worth_it(value: Value) -> bool:
    if isinstance(value, Parameter):
        return True
    if isinstance(value, Group):
        return any(_is_worth_it(item) for item in value.values)
    root = value
    while isinstance(root, (Member, Made)):
        root = root.owner if isinstance(root, Member) else root.callee
    return not isinstance(root, Constant) and tells_something(root)
