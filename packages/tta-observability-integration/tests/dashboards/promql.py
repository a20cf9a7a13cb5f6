"""Read which series and labels a query of Prometheus names.

This is no parser: whether a query is well formed is for promtool to say. It knows enough of the
language to tell a metric from a function and a label from both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# What a dashboard leaves for Grafana to fill in, and what stands for it here.
PLACEHOLDERS: Final = {
    "$__rate_interval": "5m",
    "$__range": "1h",
    "$service": ".*",
    "$name": ".*",
    "$model": ".*",
}
_WORDS: Final = frozenset({"and", "or", "unless", "bool", "offset", "inf", "nan", "start", "end"})
_GROUPING: Final = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
      | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
      | (?P<range>\[[^\]]*\])
      | (?P<name>[a-zA-Z_:][\w:]*)
      | (?P<number>0x[0-9a-fA-F]+|\d+(?:ms|[smhdwy])(?:\d+(?:ms|[smhdwy]))*
                  |(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<mark>=~|!~|!=|==|>=|<=|[-+*/%^=<>(){},@])
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric, and the labels that its matchers name."""

    metric: str
    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Grouping:
    """Labels that an aggregation keeps, and the metrics that it aggregates."""

    labels: frozenset[str]
    metrics: frozenset[str]


@dataclass(frozen=True, slots=True)
class Names:
    """What a query names; `matching` are the labels of `on` and `ignoring`."""

    selectors: tuple[Selector, ...]
    groupings: tuple[Grouping, ...]
    matching: frozenset[str]


def filled_in(query: str) -> str:
    """Put values in the place of a dashboard's variables."""
    # The longest first: one may begin as another does.
    for placeholder in sorted(PLACEHOLDERS, key=len, reverse=True):
        query = query.replace(placeholder, PLACEHOLDERS[placeholder])
    return query


def tokens(query: str) -> list[tuple[str, str]]:
    """Return the kind and the text of each token.

    Raises:
        ValueError: A character that no query has outside of a string, a variable for instance.
    """
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(query):
        match = _TOKEN.match(query, at)
        if match is None:
            msg = f"no token of PromQL begins at {query[at : at + 20]!r} in {query!r}"
            raise ValueError(msg)
        at = match.end()
        kind = match.lastgroup or ""
        if kind != "space":
            found.append((kind, match.group()))
    return found


def names_in(query: str) -> Names:
    """Tell the series and labels of *query*, whose variables are filled in.

    Raises:
        ValueError: `by` or `without` stands behind its expression, where what it aggregates is
            found too late; write `sum by (label) (expression)`.
    """
    read = tokens(query)
    selectors: list[Selector] = []
    places: list[int] = []
    groupings: list[Grouping] = []
    spans: list[tuple[frozenset[str], int, int]] = []
    matching: set[str] = set()
    at = 0
    while at < len(read):
        kind, text = read[at]
        follows = read[at + 1][1] if at + 1 < len(read) else ""
        if text == "{":
            msg = f"a selector without a metric's name in {query!r}"
            raise ValueError(msg)
        if kind != "name" or text.lower() in _WORDS:
            at += 1
        elif text in _GROUPING:
            end = _closing(read, at + 1) if follows == "(" else at
            labels = frozenset(word for kind, word in read[at + 1 : end] if kind == "name")
            if text in ("by", "without"):
                if end + 1 >= len(read) or read[end + 1][1] != "(":
                    msg = f"{text} stands behind its expression in {query!r}"
                    raise ValueError(msg)
                spans.append((labels, end + 1, _closing(read, end + 1)))
            else:
                matching |= labels
            at = end + 1
        elif follows in ("(", "by", "without"):
            at += 1  # a function
        else:
            end = _closing(read, at + 1) if follows == "{" else at
            inside = read[at + 1 : end]
            labels = frozenset(word for kind, word in inside if kind == "name")
            selectors.append(Selector(text, labels))
            places.append(at)
            at = end + 1
    for labels, begin, end in spans:
        within = (
            selector.metric
            for selector, place in zip(selectors, places, strict=True)
            if begin < place < end
        )
        groupings.append(Grouping(labels, frozenset(within)))
    return Names(tuple(selectors), tuple(groupings), frozenset(matching))


def _closing(read: list[tuple[str, str]], opening: int) -> int:
    """Return where the bracket at *opening* closes."""
    depth = 0
    for at in range(opening, len(read)):
        text = read[at][1] if read[at][0] == "mark" else ""
        depth += (text in ("(", "{")) - (text in (")", "}"))
        if depth == 0:
            return at
    msg = "a bracket is not closed"
    raise ValueError(msg)
