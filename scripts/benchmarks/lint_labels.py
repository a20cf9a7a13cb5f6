"""Labelled calls of models, and how well a tool tells which of them have no limit on their output.

The labels say of each call whether a limit is among its arguments: yes, no, or unknown where
`**kwargs` may hold it. Not every call without one is a mistake, so the calls are parted by what the
source at their place says, not by what any tool finds.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Kind: TypeAlias = Literal["writes no text", "limit in an input or body", "settings object", "plain"]
KINDS: Final[tuple[Kind, ...]] = (
    "plain",
    "settings object",
    "limit in an input or body",
    "writes no text",
)
# In the dotted name of what is called.
_NO_TEXT: Final = re.compile(r"embed|image|rerank|speech|transcri|moderation", re.IGNORECASE)
_SETTINGS: Final = frozenset({"config", "generation_config", "inferenceConfig"})


@dataclass(frozen=True, slots=True)
class Labelled:
    """A call at its place.

    Attributes:
        path: Of its file, as the trees are laid out.
        lines: The first and the last.
        what: `sdk` for a request to a provider, `wrapper` for a framework's, or `negative`.
        via: The adapter it goes through, "" for none.
        limit: yes, no, or unknown.
        kind: Where a limit would stand.
    """

    path: str
    lines: tuple[int, int]
    what: str
    via: str
    limit: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Score:
    """How many of some labelled calls a tool tells of, and how many of what it tells is right.

    Attributes:
        right: What it tells that has no limit.
        wanted: How many of those there are.
        wrong: What it tells that has a limit, asks no provider or writes no text.
        hidden: What it tells where `**kwargs` may hold the limit.
        all_hidden: How many of those there are.
    """

    right: int
    wanted: int
    wrong: int
    hidden: int
    all_hidden: int

    @property
    def precision(self) -> float | None:
        """The share of what it tells that is right; what nobody can know is left out."""
        told = self.right + self.wrong
        return self.right / told if told else None

    @property
    def recall(self) -> float | None:
        """The share of what is wanted that it tells."""
        return self.right / self.wanted if self.wanted else None

    def record(self) -> dict[str, float | None]:
        """Return the score as `--json` writes it."""
        return {
            "right": self.right,
            "wanted": self.wanted,
            "wrong": self.wrong,
            "precision": self.precision,
            "recall": self.recall,
            "hidden": self.hidden,
            "all_hidden": self.all_hidden,
        }


def read_labels(file: Path, trees: Path) -> list[Labelled]:
    """Read the labels of calls in Python files, notebooks left out."""
    found: list[Labelled] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        label = json.loads(line)
        if label["path"].endswith(".py"):
            path = f"{label['repo'].replace('/', '+')}/{label['path']}"
            found.append(
                Labelled(
                    path,
                    (label["line"], label["end_line"]),
                    label["label"],
                    label["via"] or "",
                    label["max_tokens"],
                    _kind(label, trees / path),
                )
            )
    return found


def amounts(labels: Iterable[Labelled]) -> dict[Kind, int]:
    """Count the calls without a limit by where it would stand."""
    counted = Counter(each.kind for each in labels if each.what == "sdk" and each.limit == "no")
    return {kind: counted[kind] for kind in KINDS}


def scores(labels: Iterable[Labelled], told: Iterable[tuple[str, int]]) -> dict[str, Score]:
    """Compare what a tool tells with the labels, for several ideas of what it should tell.

    What it tells of a place without a label, or of a framework, is not judged. Neither is, but for
    the widest idea, what it tells of a call whose limit would stand in an object or a body.

    Args:
        labels: All labels.
        told: Where it says that a limit is missing, as paths and lines.
    """
    places = {*told}
    judged = [each for each in labels if each.what != "wrapper"]
    seen = {each for each in judged if _is_told(each, places)}
    plain = {each for each in judged if _lacks_a_limit(each) and each.kind == "plain"}
    silent = {each for each in judged if _lacks_a_limit(each) and each.kind == "writes no text"}
    hidden = {each for each in judged if each.what == "sdk" and each.limit == "unknown"}
    without = {each for each in judged if _lacks_a_limit(each)}
    known = {each for each in judged if each not in hidden and each not in without}

    def score(wanted: set[Labelled], wrong: set[Labelled]) -> Score:
        return Score(
            right=len(seen & wanted),
            wanted=len(wanted),
            wrong=len(seen & wrong),
            hidden=len(seen & hidden),
            all_hidden=len(hidden),
        )

    direct = {each for each in plain if not each.via}
    return {
        "an argument of a call that writes text": score(plain, known | silent),
        "the same, without adapters": score(direct, {e for e in known | silent if not e.via}),
        "any call": score(without, known),
    }


def _lacks_a_limit(label: Labelled) -> bool:
    return label.what == "sdk" and label.limit == "no"


def _is_told(label: Labelled, places: set[tuple[str, int]]) -> bool:
    first, last = label.lines
    return any((label.path, line) in places for line in range(first, last + 1))


def _kind(label: dict[str, Any], file: Path) -> Kind:  # Any: JSON values
    if label["label"] != "sdk":
        return "plain"
    if _NO_TEXT.search(_called(file, label["line"], label["col"])):
        return "writes no text"
    if label["provider"] == "replicate" or label["method"].startswith("invoke_model"):
        return "limit in an input or body"
    return "settings object" if _SETTINGS.intersection(label["kwargs"]) else "plain"


def _called(file: Path, line: int, column: int) -> str:
    """Return the dotted name of what is called at a place."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Call) and (node.lineno, node.col_offset) == (line, column):
            return ast.unparse(node.func)
    msg = f"no call at {file.name}:{line}:{column}; lay the trees out at the commits of the labels"
    raise ValueError(msg)
