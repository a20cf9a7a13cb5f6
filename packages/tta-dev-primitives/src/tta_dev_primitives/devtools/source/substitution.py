"""Putting what a call gives in the place of a function's parameters."""

from __future__ import annotations

from dataclasses import replace

from .value_steps import member
from .values import CallRecord, Element, Group, Made, Member, Parameter, Symbol, Unknown, Value


def with_arguments(value: Value, function: Symbol, names: list[str], call: CallRecord) -> Value:
    """Put what a call gives in the place of a function's parameters."""
    match value:
        case Parameter(path=function.path, function=function.name):
            for keyword, given in call.keywords:
                if keyword == value.name:
                    return given
            if value.name in names and names.index(value.name) < len(call.positional):
                return call.positional[names.index(value.name)]
            return value if not call.is_complete else value.default or Unknown(value.name)
        case Member():
            return member(with_arguments(value.owner, function, names, call), value.name)
        case Element():
            return Element(with_arguments(value.owner, function, names, call), value.key)
        case Made():
            callee = with_arguments(value.callee, function, names, call)
            return Made(callee, value.call and _filled(value.call, function, names, call))
        case Group():
            items = tuple(with_arguments(item, function, names, call) for item in value.values)
            return Group(items, value.keys)
        case _:
            return value


def _filled(record: CallRecord, function: Symbol, names: list[str], call: CallRecord) -> CallRecord:
    return replace(
        record,
        positional=tuple(with_arguments(v, function, names, call) for v in record.positional),
        keywords=tuple((k, with_arguments(v, function, names, call)) for k, v in record.keywords),
    )
