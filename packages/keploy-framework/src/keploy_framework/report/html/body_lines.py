"""Bodies as lines, side by side: which lines differ, and which differ but were ignored."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Any: JSON of any shape.
Json: TypeAlias = Any

_MOST_LINES: Final = 400
_NEAR: Final = 3
_MOST_LEVELS: Final = 100
_LONGEST_LINE: Final = 2000
_LONGEST_JSON: Final = 1024 * 1024


class Mark(StrEnum):
    """What is to be seen of a line."""

    SAME = ""
    DIFFERENT = "different"
    IGNORED = "ignored"
    LEFT_OUT = "gap"


class MarkedLine(NamedTuple):
    """A line to show.

    Args:
        text: Its text.
        mark: What is to be seen of it.
    """

    text: str
    mark: Mark


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Line:
    path: str
    text: str

    @property
    def key(self) -> tuple[str, str]:
        """What equal lines share; a comma after the last but one member is no difference."""
        return self.path, self.text.strip().rstrip(",")


def marked_bodies(
    expected: str, actual: str, paths: Iterable[str]
) -> tuple[list[MarkedLine], list[MarkedLine]]:
    """Give the lines of two bodies; JSON is laid out one member a line.

    A line that the other side has not is different, if a difference names it; otherwise it was
    ignored. The order of array items does not matter. Of long bodies the lines around the
    differences are shown.

    Args:
        expected: The recorded body.
        actual: The body that came.
        paths: Where the bodies differ, such as ``body.items.stock``.
    """
    named = frozenset(path.lower() for path in paths)
    left, right = _lines(expected), _lines(actual)
    is_text = any(line.path == "" for line in (*left, *right))
    marked = [
        _marked(own, Counter(line.key for line in other), named, is_text=is_text)
        for own, other in ((left, right), (right, left))
    ]
    return _folded(marked[0]), _folded(marked[1])


def plain_lines(body: str) -> list[MarkedLine]:
    """Give the lines of one body, which is compared with nothing."""
    return _folded([MarkedLine(_cut(line.text), Mark.SAME) for line in _lines(body)])


def _marked(
    lines: list[_Line], others: Counter[tuple[str, str]], named: frozenset[str], *, is_text: bool
) -> list[MarkedLine]:
    marked: list[MarkedLine] = []
    for line in lines:
        if others[line.key] > 0:
            others[line.key] -= 1
            mark = Mark.SAME
        elif (is_text and named) or _is_named(line.path, named):
            mark = Mark.DIFFERENT
        else:
            mark = Mark.IGNORED
        marked.append(MarkedLine(_cut(line.text), mark))
    return marked


def _is_named(path: str, named: frozenset[str]) -> bool:
    """Tell whether a difference names a line, or something that it stands within."""
    steps = path.lower().split(".")
    return any(".".join(steps[:count]) in named for count in range(1, len(steps) + 1))


def _lines(body: str) -> list[_Line]:
    if not body:
        return []
    if len(body) <= _LONGEST_JSON and body.lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(body, parse_int=_Number, parse_float=_Number)
            return list(_laid_out(value, "body", "", "", 0))
        except (ValueError, RecursionError):
            pass  # no JSON after all: shown as the text it is
    return [_Line("", line) for line in body.splitlines()]


def _laid_out(value: Json, path: str, before: str, indent: str, level: int) -> Iterator[_Line]:
    if level > _MOST_LEVELS:
        raise RecursionError
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        members = cast("dict[str, Json]", value)
        yield _Line(path, f"{indent}{before}{{")
        for at, (name, inner) in enumerate(members.items()):
            below = list(_laid_out(inner, f"{path}.{name}", f"{_text(name)}: ", deeper, level + 1))
            yield from _with_comma(below, last=at == len(members) - 1)
        yield _Line(path, f"{indent}}}")
    elif isinstance(value, list) and value:
        items = cast("list[Json]", value)
        yield _Line(path, f"{indent}{before}[")
        for at, inner in enumerate(items):
            below = list(_laid_out(inner, path, "", deeper, level + 1))
            yield from _with_comma(below, last=at == len(items) - 1)
        yield _Line(path, f"{indent}]")
    else:
        yield _Line(path, f"{indent}{before}{_text(value)}")


def _with_comma(lines: list[_Line], *, last: bool) -> list[_Line]:
    if not last:
        lines[-1] = _Line(lines[-1].path, f"{lines[-1].text},")
    return lines


def _text(value: Json) -> str:
    return str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    left = len(text) - _LONGEST_LINE
    return f"{text[:_LONGEST_LINE]}\u2026 ({left} more characters)" if left > 0 else text


def _folded(lines: list[MarkedLine]) -> list[MarkedLine]:
    """Leave out lines of a long body that are far from what differs."""
    if len(lines) <= _MOST_LINES:
        return lines
    wanted = [at for at, line in enumerate(lines) if line.mark is Mark.DIFFERENT]
    if not wanted:
        return [*lines[:_MOST_LINES], _gap(len(lines) - _MOST_LINES)]
    near = {
        at
        for place in wanted[:_MOST_LINES]
        for at in range(max(0, place - _NEAR), min(len(lines), place + _NEAR + 1))
    }
    folded: list[MarkedLine] = []
    last = -1
    for at in sorted(near)[:_MOST_LINES]:
        if at > last + 1:
            folded.append(_gap(at - last - 1))
        folded.append(lines[at])
        last = at
    left = len(lines) - last - 1
    return [*folded, _gap(left)] if left else folded


def _gap(count: int) -> MarkedLine:
    return MarkedLine(f"\u2026 {count} more line{'s' * (count != 1)} \u2026", Mark.LEFT_OUT)
