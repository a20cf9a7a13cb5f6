"""Other linters for calls of models, each in an environment of its own, beside ours."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keploy_environments import Peers
from lint_resources import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from lint_resources import Spent

Place = tuple[str, int]
_FINDING: Final = re.compile(r" {4}\w+ (?P<rule>R\d+)\S*\s+line (?P<line>\d+)")
_FILE: Final = re.compile(r" {2}(?P<path>\S.*\.py)")


@dataclass(frozen=True, slots=True)
class Tool:
    """A linter and how it is asked.

    Attributes:
        name: As the tables call it.
        requirement: What is installed, "" for ours.
        words: What follows its program, before the folder.
        rule: Its rule for a limit on the output that is missing, or None without one.
        places: Reads where it tells that rule from what it prints about a folder.
    """

    name: str
    requirement: str
    words: tuple[str, ...]
    rule: str | None
    places: Callable[[str, Path], set[Place]]


class Environments(Peers):
    """Makes an environment for each tool when it is first asked for."""

    def command(self, tool: Tool) -> list[str | Path] | None:
        """Return the words that run a tool, or None where it cannot be installed."""
        if not tool.requirement:
            return [sys.executable, "-m", "tta_dev_primitives", *tool.words]
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        python = self._environment(f"{tool.name}-{version}", (tool.requirement,), version)
        return None if python is None else [python.with_name(tool.name), *tool.words]


def default_folder() -> Path:
    """Return where the environments are kept from run to run."""
    return Path.home() / ".cache" / "tta-lint-benchmarks"


def checked(command: list[str | Path], folder: Path) -> Spent:
    """Run a tool over a folder.

    Raises:
        RuntimeError: It failed.
    """
    spent = run([*command, folder], folder)
    if spent.code not in (0, 1):
        msg = f"{command[0]} ended with {spent.code}: {spent.output[-200:]}"
        raise RuntimeError(msg)
    return spent


def _ours(output: str, folder: Path) -> set[Place]:
    found = json.loads(output)["findings"]
    return {
        (_path(each["path"], folder), each["line"]) for each in found if each["code"] == "TTA107"
    }


def _llmdoctor(output: str, folder: Path) -> set[Place]:
    found = json.loads(output)
    return {
        (_path(each["file"], folder), each["line"]) for each in found if each["code"] == "TS010"
    }


def _tokenlint(output: str, folder: Path) -> set[Place]:
    """Read its text: a line with a path, and below it one for each finding."""
    del folder  # its paths are relative to it
    path, places = "", set[Place]()
    for line in output.splitlines():
        named, finding = _FILE.fullmatch(line), _FINDING.match(line)
        if named is not None:
            path = named["path"]
        elif finding is not None and finding["rule"] == "R002":
            places.add((path, int(finding["line"])))
    return places


def _none(output: str, folder: Path) -> set[Place]:
    del output, folder
    return set()


def _path(told: str, folder: Path) -> str:
    return (folder / told).relative_to(folder).as_posix()


OURS: Final = Tool("tta lint", "", ("lint", "--json", "--no-cache", "--jobs", "1"), "TTA107", _ours)
TOOLS: Final = (
    OURS,
    Tool("tokenlint", "tokenlint==0.1.1", ("--fail-on", "never"), "R002", _tokenlint),
    Tool("llmdoctor", "llmdoctor==0.2.5", ("doctor", "--json"), "TS010", _llmdoctor),
    # It has no rule for the limit, and stands here for its speed.
    Tool("overllm", "overllm==0.7.0", ("--exit-zero", "--format", "json"), None, _none),
)
