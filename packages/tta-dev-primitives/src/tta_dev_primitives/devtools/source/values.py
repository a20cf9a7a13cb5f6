"""What an expression may stand for, told without running anything.

A value says how an object came to be: `openai.OpenAI()` is `Made` by calling the `Reference`
"openai.OpenAI", and its ``.chat`` is a `Member` of that. Values have no room in them for syntax
trees, so they go to JSON and back, and a file's values mean the same in every process.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, TypeAlias

ConstantValue: TypeAlias = str | int | float | bool | None


class _NotConstant(Enum):
    NOT_CONSTANT = "not constant"

    def __repr__(self) -> str:
        return "NOT_CONSTANT"


NOT_CONSTANT: Final = _NotConstant.NOT_CONSTANT
NotConstant: TypeAlias = Literal[_NotConstant.NOT_CONSTANT]


@dataclass(frozen=True, slots=True)
class Reference:
    """A dotted name as a file imported it.

    Args:
        name: Such as "openai.OpenAI", absolute where the file knows its package.
            Leading dots are left where the file does not know its package.
        path: The file that imports it, which tells siblings apart.
    """

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function, a class or a variable defined in a file of the workspace."""

    path: str
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """An attribute of something."""

    owner: Value
    name: str


@dataclass(frozen=True, slots=True)
class Made:
    """What a call gave.

    Args:
        callee: What was called.
        call: With what; ``None`` for an object whose class is known and whose making is not.
    """

    callee: Value
    call: CallRecord | None = None


@dataclass(frozen=True, slots=True)
class Element:
    """One of the items of a container; `key` where it is a constant."""

    owner: Value
    key: str | int | None = None


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, a string, a truth value or ``None``."""

    value: ConstantValue


@dataclass(frozen=True, slots=True)
class Group:
    """A list, a tuple, a set or a dict written out; `keys` has ``None`` for unknown ones."""

    values: tuple[Value, ...]
    keys: tuple[str | int | None, ...] | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is known but how the source calls it."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """Whatever a function of the workspace is given for a parameter.

    Args:
        path: The file of the function.
        function: Its qualified name.
        name: The parameter.
        default: What it is when it is not given, where that is one known thing.
    """

    path: str
    function: str
    name: str
    default: Value | None = None


@dataclass(frozen=True, slots=True)
class CallRecord:
    """The arguments of a call.

    Args:
        positional: In order, up to the first ``*args``.
        keywords: By name.
        is_complete: Whether no ``*args`` or ``**kwargs`` hides more.
        path: The file of the call.
        line: Its line, from 1.
    """

    positional: tuple[Value, ...]
    keywords: tuple[tuple[str, Value], ...]
    is_complete: bool
    path: str
    line: int


Value: TypeAlias = (
    Reference | Symbol | Member | Made | Element | Constant | Group | Parameter | Unknown
)
UNKNOWN: Final = Unknown()
