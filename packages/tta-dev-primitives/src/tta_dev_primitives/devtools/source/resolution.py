"""What a value comes to when the other files of the workspace are asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from .substitution import with_arguments
from .value_steps import MOST_ALTERNATIVES, member
from .values import (
    UNKNOWN,
    CallRecord,
    Constant,
    Element,
    Group,
    Made,
    Member,
    Parameter,
    Reference,
    Symbol,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .facts import FileFacts
    from .workspace import Workspace

_DEEPEST: Final = 30
_STEPS_OF_ONE_QUESTION: Final = 400
_MOST_BASES: Final = 12

# Functions that give back one of their arguments, or what it stands for.
_PASSED_ON: Final = {
    "asyncio.shield": 0,
    "asyncio.wait_for": 0,
    "contextlib.aclosing": 0,
    "contextlib.closing": 0,
    "copy.copy": 0,
    "copy.deepcopy": 0,
    "typing.cast": 1,
    "typing_extensions.cast": 1,
}
_CALLED: Final = frozenset({"fastapi.Depends", "fastapi.params.Depends", "fastapi.Security"})
_ENTERED: Final = frozenset({"__enter__", "__aenter__"})
_ENTERING: Final = frozenset({"enter_context", "enter_async_context"})
_ITEM_METHODS: Final = frozenset({"get", "pop", "popleft", "setdefault"})


class Resolution:
    """Follows names, attributes and calls across the files of a workspace.

    Every answer is bounded in time: what would take longer stays as it was.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._left = 0
        self._references: dict[tuple[str, str], tuple[Value, ...]] = {}

    def resolved(self, values: Iterable[Value]) -> tuple[Value, ...]:
        """List what any of these values may be."""
        self._left = _STEPS_OF_ONE_QUESTION
        return self._all(values, 0)

    def _all(self, values: Iterable[Value], depth: int) -> tuple[Value, ...]:
        found: list[Value] = []
        for value in values:
            for result in self._one(value, depth):
                if result not in found:
                    found.append(result)
        return tuple(found[:MOST_ALTERNATIVES])

    def _one(self, value: Value, depth: int) -> tuple[Value, ...]:
        self._left -= 1
        if depth > _DEEPEST or self._left <= 0:
            return (value,)
        depth += 1
        match value:
            case Reference():
                return self._reference(value, depth)
            case Member():
                owners = self._one(value.owner, depth)
                return self._flat(self._member(owner, value.name, depth) for owner in owners)
            case Made():
                callees = self._one(value.callee, depth)
                return self._flat(self._called(callee, value.call, depth) for callee in callees)
            case Element():
                owners = self._one(value.owner, depth)
                return self._flat(self._element(owner, value.key, depth) for owner in owners)
            case Parameter():
                return self._fixture(value, depth)
            case _:
                return (value,)

    def _flat(self, parts: Iterable[tuple[Value, ...]]) -> tuple[Value, ...]:
        found: list[Value] = []
        for part in parts:
            for value in part:
                if value not in found:
                    found.append(value)
        return tuple(found[:MOST_ALTERNATIVES])

    def _reference(self, value: Reference, depth: int) -> tuple[Value, ...]:
        key = (value.name, value.path)
        known = self._references.get(key)
        if known is None:
            # A name that leads back to itself is itself.
            self._references[key] = (value,)
            known = self._references[key] = self._looked_up(value, depth)
        return known

    def _looked_up(self, value: Reference, depth: int) -> tuple[Value, ...]:
        bare = value.name.lstrip(".")
        dots = value.name[: len(value.name) - len(bare)]
        parts = bare.split(".")
        if not dots and parts[0] in self._workspace.public:
            return (value,)
        for length in range(min(len(parts), 12), 0, -1):
            file = self._workspace.module(dots + ".".join(parts[:length]), value.path)
            if file is None:
                continue
            rest = parts[length:]
            if not rest:
                return (value,)
            found = self._in_module(file, rest[0], depth)
            for name in rest[1:]:
                found = self._flat(self._member(owner, name, depth) for owner in found)
            return found or (value,)
        return (value,)

    def _in_module(self, file: FileFacts, name: str, depth: int) -> tuple[Value, ...]:
        found = list(self._all(file.named(name), depth))
        if file.has_class(name) or file.has_function(name):
            found.append(Symbol(file.path, name))
        if not found and depth < _DEEPEST:
            for star in file.stars[:MOST_ALTERNATIVES]:
                joint = "" if star.endswith(".") else "."
                target = Reference(f"{star}{joint}{name}", file.path)
                results = self._reference(target, depth + 1)
                found.extend(result for result in results if result != target)
        return tuple(found[:MOST_ALTERNATIVES])

    def _member(self, owner: Value, name: str, depth: int) -> tuple[Value, ...]:
        self._left -= 1
        if depth > _DEEPEST or self._left <= 0:
            return (member(owner, name),)
        match owner:
            case Reference():
                return self._reference(Reference(f"{owner.name}.{name}", owner.path), depth + 1)
            case Symbol():
                return self._of_class(owner, name, None, depth) or (Member(owner, name),)
            case Constant(value=None):
                return ()
            case Made(callee=Symbol() as made_of):
                return self._of_class(made_of, name, owner, depth) or (Member(owner, name),)
            case _:
                return (Member(owner, name),)

    def _of_class(
        self, symbol: Symbol, name: str, made: Made | None, depth: int
    ) -> tuple[Value, ...]:
        """Look an attribute up in a class and its bases, on an object of it when `made`."""
        for base in self.lineage(symbol, depth):
            if not isinstance(base, Symbol):
                # Defined elsewhere, so its members are known by name alone.
                return self._member(Made(base) if made is not None else base, name, depth + 1)
            file = self._workspace.facts_at(base.path)
            if file is None:
                continue
            method = f"{base.name}.{name}"
            if file.has_function(method):
                if made is None:
                    return (Symbol(base.path, method),)
                if file.has_trait(method, "property"):
                    return self._all(file.results(method), depth + 1)
                return (Member(made, name),)
            if file.has_class(method):
                return (Symbol(base.path, method),)
            values = file.attribute(base.name, name)
            if values:
                given = self._given(file, f"{base.name}.__init__", made, name)
                return self._all(given or self._substituted(values, base, made), depth + 1)
        return ()

    def _given(
        self, file: FileFacts, constructor: str, made: Made | None, name: str
    ) -> list[Value]:
        # A class without a constructor of its own takes its fields by keyword.
        if made is None or made.call is None or file.has_function(constructor):
            return []
        return [value for keyword, value in made.call.keywords if keyword == name]

    def lineage(self, symbol: Symbol, depth: int = 0) -> list[Value]:
        """List a class and its bases: depth first, those of other packages last."""
        order: list[Value] = []
        foreign: list[Value] = []
        waiting: list[Symbol] = [symbol]
        while waiting and len(order) < _MOST_BASES:
            current = waiting.pop()
            if current in order:
                continue
            order.append(current)
            file = self._workspace.facts_at(current.path)
            if file is None:
                continue
            for base in reversed(self._all(file.bases(current.name), depth + 1)):
                while isinstance(base, Element):
                    base = base.owner
                if isinstance(base, Symbol):
                    waiting.append(base)
                elif isinstance(base, (Reference, Member, Made)):
                    foreign.append(base)
        return [*order, *reversed(foreign)]

    def _substituted(
        self, values: Iterable[Value], symbol: Symbol, made: Made | None
    ) -> list[Value]:
        call = made.call if made is not None else None
        if call is None:
            return list(values)
        file = self._workspace.facts_at(symbol.path)
        constructor = Symbol(symbol.path, f"{symbol.name}.__init__")
        names = file.parameters(constructor.name)[1:] if file is not None else []
        return [with_arguments(value, constructor, names, call) for value in values]

    def _called(self, callee: Value, call: CallRecord | None, depth: int) -> tuple[Value, ...]:
        self._left -= 1
        if depth > _DEEPEST or self._left <= 0:
            return (Made(callee, call),)
        depth += 1
        match callee:
            case Symbol():
                return self._results(callee, call, depth, skip=0) or (Made(callee, call),)
            case Member(name=name, owner=owner) if name in _ENTERED:
                return self._method(owner, name, call, depth) or (owner,)
            case Member(owner=Made(callee=Symbol()) as owner, name=name):
                return self._method(owner, name, call, depth) or (Made(callee, call),)
            case Member(owner=Group() as owner, name=name) if name in _ITEM_METHODS:
                return self._item_of(owner, call, depth)
            case Member(name=name) if name in _ENTERING and call is not None and call.positional:
                return self._called(Member(call.positional[0], "__enter__"), None, depth)
            case Member(owner=Reference() as owner) if call is not None and call.positional:
                return (Made(callee, call),)
            case Element(owner=(Reference() | Symbol()) as owner):
                return self._called(owner, call, depth)
            case Made(callee=Reference(name="functools.partial"), call=CallRecord() as first):
                return self._partial(first, call, depth) or (Made(callee, call),)
            case Reference(name=name) if call is not None:
                return self._passed_on(name, call, depth) or (Made(callee, call),)
            case _:
                return (Made(callee, call),)

    def _passed_on(self, name: str, call: CallRecord, depth: int) -> tuple[Value, ...]:
        given = call.positional
        number = _PASSED_ON.get(name)
        if number is not None and len(given) > number:
            return self._one(given[number], depth)
        if name in _CALLED and given:
            return self._one(Made(given[0]), depth)
        if name == "builtins.getattr" and len(given) > 1:
            attribute = given[1]
            if isinstance(attribute, Constant) and isinstance(attribute.value, str):
                return self._one(Member(given[0], attribute.value), depth)
        if name in {"builtins.next", "builtins.anext"} and given:
            return self._one(Element(given[0]), depth)
        if name in {"builtins.list", "builtins.tuple", "builtins.iter", "builtins.dict"} and given:
            return self._one(given[0], depth)
        return ()

    def _partial(self, first: CallRecord, call: CallRecord | None, depth: int) -> tuple[Value, ...]:
        if not first.positional:
            return ()
        more = call or replace(first, positional=(), keywords=(), is_complete=False)
        merged = replace(
            more,
            positional=(*first.positional[1:], *more.positional),
            keywords=(*first.keywords, *more.keywords),
            is_complete=first.is_complete and more.is_complete,
        )
        return self._flat(
            self._called(target, merged, depth) for target in self._one(first.positional[0], depth)
        )

    def _item_of(self, group: Group, call: CallRecord | None, depth: int) -> tuple[Value, ...]:
        given = call.positional if call is not None else ()
        key = given[0].value if given and isinstance(given[0], Constant) else None
        known = key if isinstance(key, (str, int)) else None
        return self._flat([self._element(group, known, depth), self._all(given[1:2], depth)]) or (
            UNKNOWN,
        )

    def _method(
        self, owner: Value, name: str, call: CallRecord | None, depth: int
    ) -> tuple[Value, ...]:
        if not (isinstance(owner, Made) and isinstance(owner.callee, Symbol)):
            return ()
        for base in self.lineage(owner.callee, depth):
            if not isinstance(base, Symbol):
                return ()
            file = self._workspace.facts_at(base.path)
            if file is not None and file.has_function(f"{base.name}.{name}"):
                return self._results(Symbol(base.path, f"{base.name}.{name}"), call, depth, skip=1)
        return ()

    def _results(
        self, symbol: Symbol, call: CallRecord | None, depth: int, *, skip: int
    ) -> tuple[Value, ...]:
        file = self._workspace.facts_at(symbol.path)
        if file is None or not file.has_function(symbol.name):
            return ()
        values = file.results(symbol.name)
        if call is not None:
            names = file.parameters(symbol.name)[skip:]
            values = tuple(with_arguments(value, symbol, names, call) for value in values)
        return self._all(values, depth)

    def _element(self, owner: Value, key: str | int | None, depth: int) -> tuple[Value, ...]:
        if not isinstance(owner, Group):
            return (Element(owner, key),)
        if key is not None and owner.keys is not None and key in owner.keys:
            return self._one(owner.values[owner.keys.index(key)], depth)
        return self._all(owner.values[:MOST_ALTERNATIVES], depth) or (UNKNOWN,)

    def _fixture(self, value: Parameter, depth: int) -> tuple[Value, ...]:
        """Give what a test's parameter is when a fixture of its name is known."""
        own = self._workspace.facts_at(value.path)
        files = [own] if own is not None else []
        for file in [*files, *self._workspace.test_support(value.path)]:
            if file.has_trait(value.name, "fixture"):
                return self._all(file.results(value.name), depth) or (value,)
        return (value,)
