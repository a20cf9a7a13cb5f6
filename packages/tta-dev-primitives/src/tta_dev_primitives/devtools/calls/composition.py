"""What is built of primitives: which policy goes around which step, as far as the source tells.

`steps` holds `Step` records, a label with each target. A target is another composition where the
step is one, the function, lambda or class that runs where it is known, else the expression.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from .arguments import by_parameter, is_complete, operands
from .definitions import Definitions
from .primitive_shapes import POLICIES, SHAPES, is_base, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tta_dev_primitives.devtools.source.names import Names
    from tta_dev_primitives.devtools.source.source_file import SourceFile

Target: TypeAlias = (
    "Composition | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef | ast.expr"
)
_MENTIONS: Final = ("tta_dev_primitives", "observability_integration")
_MOST_STEPS: Final = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """A step in its place.

    Args:
        label: "" for what a policy goes around; else the argument, the route or the number.
        target: What runs.
        given: What was handed over, behind the names of it: two calls of one factory differ in
            this and not in their target.
    """

    label: str
    target: Target
    given: ast.AST


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """A primitive with its steps; a policy that goes around nothing yet has none.

    Args:
        node: The expression that puts it together; of a decorated function the decorator.
        kind: Such as `CachePrimitive`; `resilient(...)` is a `ResilientPrimitive`.
        arguments: Those of the constructor by parameter; of an operator there are none.
        values: What the arguments stand for: through names of this file, the expression or the
            definition they were given, or the composition that a policy is.
        steps: What runs inside, in order.
        is_complete: Whether no `*args` or `**kwargs` hides more arguments.
        made_at: The call of the constructor, where it is in this file; else `node`.
    """

    node: ast.expr
    kind: str
    arguments: Mapping[str, ast.expr]
    values: Mapping[str, Target]
    steps: tuple[Step, ...]
    is_complete: bool
    made_at: ast.expr


def find_compositions(file: SourceFile, names: Names) -> list[Composition]:
    """Find what is built of primitives in one file, in the order of the source.

    A composition inside another one is listed as well. A file that names neither package has
    none unless it decorates or wraps with a policy of another module.
    """
    return Compositions(file, names).found()


def primitive_classes(file: SourceFile, names: Names) -> list[ast.ClassDef]:
    """Find the classes of a file that are primitives of the author's own."""
    compositions = Compositions(file, names)
    return [
        scope
        for scope in file.index.scopes
        if isinstance(scope, ast.ClassDef) and scope.bases and compositions.is_primitive(scope)
    ]


class Compositions:
    """The compositions of one file, each made once."""

    def __init__(self, file: SourceFile, names: Names) -> None:
        self.file, self.names = file, names
        self.definitions = Definitions(file, names)
        self._mentioned = any(name in file.text for name in _MENTIONS)
        self._made: dict[ast.AST, Composition | None] = {}
        self._of_functions: dict[ast.AST, Composition] = {}

    def found(self) -> list[Composition]:
        """Return all of them in the order of the source."""
        later: list[ast.expr] = []
        for scope in self.file.index.scopes:
            if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)) and scope.decorator_list:
                self._decorate(scope)
        if self._mentioned:
            later += self.file.index.calls
            later += self._operators()
        elif ".wrap(" in self.file.text:
            later += [call for call in self.file.index.calls if _is_wrap(call)]
        compositions = [made for node in later if (made := self.of(node)) is not None]
        compositions += self._of_functions.values()
        compositions += [inner for outer in self._of_functions.values() for inner in _inner(outer)]
        unique = {id(made): made for made in compositions}
        return sorted(unique.values(), key=_place)

    def _operators(self) -> Iterator[ast.BinOp]:
        """Yield each chain of one operator, as a whole."""
        inner: set[ast.AST] = set()
        for node in ast.walk(self.file.tree):  # what is outside comes first
            if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.RShift, ast.BitOr)):
                left = node.left
                if isinstance(left, ast.BinOp) and type(left.op) is type(node.op):
                    inner.add(left)
                if node not in inner:
                    yield node

    def of(self, expression: ast.AST) -> Composition | None:
        """Return what *expression* puts together, None where it is nothing of ours."""
        if expression not in self._made:
            self._made[expression] = None  # what refers to itself is nothing known
            if isinstance(expression, ast.Call):
                self._made[expression] = self._of_call(expression)
            elif isinstance(expression, ast.BinOp):
                self._made[expression] = self._of_operator(expression)
        return self._made[expression]

    def target(self, expression: ast.expr) -> Target:
        """Return what runs where *expression* is a step."""
        defined = self.definitions.definition(expression)
        if isinstance(defined, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return self._of_functions.get(defined, defined)
        if isinstance(defined, ast.Lambda):
            return defined
        if not isinstance(defined, ast.expr):
            return expression
        made = self.of(defined)
        if made is not None:
            return made
        own = self.definitions.class_of(defined)
        return own if own is not None and self.is_primitive(own) else defined

    def step(self, label: str, expression: ast.expr) -> Step:
        """Return *expression* as a step."""
        given = self.definitions.definition(expression, through_calls=False)
        return Step(label, self.target(expression), given)

    def is_primitive(self, node: ast.ClassDef) -> bool:
        """Tell whether a class of this file is a primitive of the author's own."""
        for base in node.bases:
            plain = base.value if isinstance(base, ast.Subscript) else base
            asked = self._mentioned or self._is_of_workspace(plain)
            if asked and is_base(self.names.qualified(plain)):
                return True
            own = self.definitions.definition(plain)
            if isinstance(own, ast.ClassDef) and own is not node and self.is_primitive(own):
                return True
        return False

    def _of_call(self, call: ast.Call) -> Composition | None:
        function = call.func.value if isinstance(call.func, ast.Subscript) else call.func
        kind = kind_of(self.names.qualified(function))
        if kind is not None:
            arguments = by_parameter(call, SHAPES[kind].positional)
            values = {name: self.target(value) for name, value in arguments.items()}
            steps = tuple(self._steps(kind, arguments))
            return Composition(call, kind, arguments, values, steps, is_complete(call), call)
        if not call.args or isinstance(call.args[0], ast.Starred):
            return None
        policy = self._policy(_unwrapped(function), across=_is_wrap(call))
        return None if policy is None else self._around(policy, call, self.step("", call.args[0]))

    def _around(self, policy: Composition, node: ast.expr, wrapped: Step) -> Composition:
        label = SHAPES[policy.kind].label
        others = tuple(step for step in policy.steps if step.label != label)
        steps = (replace(wrapped, label=label), *others)
        return replace(policy, node=node, steps=steps)

    def _policy(self, expression: ast.expr, *, across: bool) -> Composition | None:
        """Return the policy that *expression* stands for, found in other modules where *across*."""
        defined = self.definitions.definition(expression)
        made = self.of(defined)
        if made is None and across and isinstance(defined, ast.expr):
            made = self._made_elsewhere(expression)
        return made if made is not None and made.kind in POLICIES else None

    def _made_elsewhere(self, expression: ast.expr) -> Composition | None:
        origin = self.names.origin(expression)
        kind = None if origin is None else kind_of(origin.qualified)
        if origin is None or kind is None:
            return None
        positional = SHAPES[kind].positional
        arguments: dict[str, ast.expr] = {}
        for key, value in origin.arguments.items():
            name = positional[key] if isinstance(key, int) and key < len(positional) else str(key)
            # What is no constant is known to be given, and no more: an empty name stands for it.
            constant = isinstance(value, (str, int, float, bool, type(None)))
            arguments[name] = ast.Constant(value) if constant else ast.Name(id="", ctx=ast.Load())
        return _policy_at(expression, kind, arguments, is_complete=origin.is_complete)

    def _decorate(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        made: Composition | None = None
        for decorator in reversed(function.decorator_list):
            policy = self._decorator(decorator)
            if policy is not None:
                made = self._around(policy, decorator, Step("", made or function, function))
        if made is not None:
            self._of_functions[function] = made

    def _decorator(self, decorator: ast.expr) -> Composition | None:
        if not self._mentioned and not self._is_of_workspace(decorator):
            return None
        kind = kind_of(self.names.qualified(decorator))
        if kind in POLICIES:  # without a call: the function is its first argument
            return _policy_at(decorator, kind, {}, is_complete=True)
        return self._policy(_unwrapped(decorator), across=True)

    def _is_of_workspace(self, expression: ast.expr) -> bool:
        """Whether a dotted name begins with something imported from a file beside this one."""
        while isinstance(expression, (ast.Attribute, ast.Call)):
            inner = expression.func if isinstance(expression, ast.Call) else expression.value
            expression = inner
        if not isinstance(expression, ast.Name):
            return False
        home = self.file.index.scope_of(expression).visible(expression.id)
        bindings = [] if home is None else home.bindings[expression.id]
        targets = [binding.target for binding in bindings if binding.kind == "import"]
        return any(map(self._is_here, targets))

    def _is_here(self, target: str) -> bool:
        module = self.names.workspace.module
        names = (target, target.rpartition(".")[0])
        return any(name and module(name, self.file.path) is not None for name in names)

    def _of_operator(self, node: ast.BinOp) -> Composition | None:
        if not isinstance(node.op, (ast.RShift, ast.BitOr)):
            return None
        kind = "SequentialPrimitive" if isinstance(node.op, ast.RShift) else "ParallelPrimitive"
        joined = list(operands(node))
        if len(joined) > _MOST_STEPS or not any(map(self._is_step, joined)):
            return None
        steps = tuple(self.step(str(number), operand) for number, operand in enumerate(joined))
        return replace(_policy_at(node, kind, {}, is_complete=True), steps=steps)

    def _is_step(self, operand: ast.expr) -> bool:
        target = self.target(operand)
        if isinstance(target, (Composition, ast.ClassDef)):
            return isinstance(target, Composition) or not isinstance(operand, ast.Name)
        return isinstance(target, ast.Call) and is_base(self.names.qualified(target.func))

    def _steps(self, kind: str, arguments: Mapping[str, ast.expr]) -> Iterator[Step]:
        shape = SHAPES[kind]
        if shape.wraps in arguments:
            yield self.step(shape.label, arguments[shape.wraps])
        for name in shape.steps:
            if name in arguments and not _is_none(arguments[name]):
                yield self.step(name, arguments[name])
        for name in shape.several:
            if name in arguments and not _is_none(arguments[name]):
                for label, item in self.items(name, arguments[name]):
                    yield self.step(label, item)

    def items(self, name: str, expression: ast.expr) -> Iterator[tuple[str, ast.expr]]:
        """Yield the steps written out in a list or a dict, each with its label.

        What cannot be seen into is one step of the argument's name.
        """
        defined = self.definitions.definition(expression)
        if isinstance(defined, ast.Dict) and None not in defined.keys:
            for key, value in zip(defined.keys, defined.values, strict=True):
                label = str(key.value) if isinstance(key, ast.Constant) else ""
                yield label or name, value
        elif isinstance(defined, (ast.List, ast.Tuple, ast.Set)):
            for number, item in enumerate(defined.elts):
                is_case = name == "cases" and isinstance(item, ast.Tuple) and bool(item.elts)
                step = item.elts[-1] if is_case and isinstance(item, ast.Tuple) else item
                yield f"{name} {number}", step
        else:
            yield name, expression


def _policy_at(
    node: ast.expr, kind: str, arguments: Mapping[str, ast.expr], *, is_complete: bool
) -> Composition:
    return Composition(node, kind, arguments, arguments, (), is_complete, node)


def _is_wrap(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "wrap"


def _unwrapped(function: ast.expr) -> ast.expr:
    """Return the policy of `policy.wrap`; what is called as it is for anything else."""
    is_wrap = isinstance(function, ast.Attribute) and function.attr == "wrap"
    return function.value if is_wrap and isinstance(function, ast.Attribute) else function


def _is_none(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Constant) and expression.value is None


def _inner(made: Composition) -> Iterator[Composition]:
    """Yield the policies of a decorated function that stand inside its outermost one."""
    for step in made.steps:
        if isinstance(step.target, Composition) and step.label == SHAPES[made.kind].label:
            yield step.target
            yield from _inner(step.target)


def _place(made: Composition) -> tuple[int, int, int]:
    return made.node.lineno, made.node.col_offset, -(made.node.end_col_offset or 0)
