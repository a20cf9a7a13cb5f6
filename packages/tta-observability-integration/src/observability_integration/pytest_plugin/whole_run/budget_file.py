"""Read the budget of a run of tests from a TOML file."""

from __future__ import annotations

import math
import re
import tomllib
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from observability_integration.cost.budget import CostBudget

from .budget import TOLERANCE, AcceptedCost, AcceptedCosts, PatternLimits, RunBudget

if TYPE_CHECKING:
    from pathlib import Path

_LIMITS: Final = ("max_usd", "max_calls")
_HEADER: Final = re.compile(r"\s*\[\[?\s*([\w.-]+)\s*\]")


class BudgetFileError(ValueError):
    """Raised when a budget file cannot be used.

    Attributes:
        path: The file.
        line: Where in it, counted from 1; None where it is about the whole file.
        reason: What is wrong there, and what to do.
    """

    def __init__(self, path: Path, line: int | None, reason: str) -> None:
        super().__init__(f"{path}{'' if line is None else f', line {line}'}: {reason}")
        self.path, self.line, self.reason = path, line, reason


def read_text(path: Path) -> str:
    """Return the text of a budget file, with the ends of lines that it has.

    Raises:
        BudgetFileError: There is no such file, or it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        reason = "there is no such budget file; write it, or let --cost-budget-update do so"
        raise BudgetFileError(path, None, reason) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = f"the budget cannot be read ({type(error).__name__}); give a file of TOML in UTF-8"
        raise BudgetFileError(path, None, reason) from error


def parse_budget(path: Path, text: str) -> RunBudget:
    """Return the budget that *text*, which is that of *path*, holds.

    Raises:
        BudgetFileError: It is not TOML, or something in it cannot be used.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = int(found[1]) if found else None
        raise BudgetFileError(path, line, f"this is not TOML: {error}") from error
    top = _Table(path, text, content)
    top.check_keys(*_LIMITS, "tolerance", "test", "accepted")
    tests = content.get("test", [])
    if not isinstance(tests, list):
        top.fail("test must be tables [[test]] with pattern and max_usd or max_calls", "test")
    return RunBudget(
        _limits(top) if any(key in content for key in _LIMITS) else None,
        tuple(
            _pattern_limits(top.inner("test", table, number))
            for number, table in enumerate(cast("list[object]", tests), start=1)
        ),
        top.amount("tolerance") if "tolerance" in content else TOLERANCE,
        _accepted(top.inner("accepted", content["accepted"])) if "accepted" in content else None,
    )


class _Table:
    """A table of the file that knows where in its text it stands.

    Args:
        path: The file.
        text: All of its text.
        content: The table.
        header: The name of the table; empty for what is above all tables.
        number: Which of those of that name, counted from 1.
    """

    def __init__(
        self, path: Path, text: str, content: object, header: str = "", number: int = 1
    ) -> None:
        self._path, self._text, self._header, self._number = path, text, header, number
        if not isinstance(content, dict):
            self.fail(f"{header} must be a table, got {content!r}")
        self.content = cast("dict[str, Any]", content)  # Any: TOML

    def inner(self, header: str, content: object, number: int = 1) -> _Table:
        """Return a table of the same file."""
        return _Table(self._path, self._text, content, header, number)

    def check_keys(self, *known: str) -> None:
        """Refuse keys that nobody reads, as mistyped ones are."""
        for key in self.content:
            if key not in known:
                self.fail(f"{key!r} is not known, use {', '.join(known)}", key)

    def amount(self, key: str) -> float:
        """Return a number of 0 or more."""
        value = self.content[key]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value < math.inf:
            self.fail(f"{key} must be a number of 0 or more, got {value!r}", key)
        return float(value)

    def count(self, key: str) -> int:
        """Return a whole number of 0 or more."""
        value = self.content.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            self.fail(f"{key} must be a whole number of 0 or more, got {value!r}", key)
        return value

    def fail(self, reason: str, key: str = "") -> NoReturn:
        """Refuse the file, for *key* of this table or for all of it."""
        raise BudgetFileError(self._path, self._line(key), reason)

    def _line(self, key: str) -> int | None:
        """Return where *key* is set; else where the table begins."""
        setting = re.compile(rf"[\s\[]*[\"']?{re.escape(key)}[\"']?\s*[=.\]]")
        header, count, begun = "", int(not self._header), None
        for at, line in enumerate(self._text.splitlines(), start=1):
            found = _HEADER.match(line)
            if found is not None:
                header = found[1]
                count += header == self._header
                if header == self._header and count == self._number:
                    begun = at
            is_here = header == self._header and count == self._number
            if key and (is_here or not self._header) and setting.match(line):
                return at
        return begun


def _limits(table: _Table) -> CostBudget:
    if not any(key in table.content for key in _LIMITS):
        table.fail("give max_usd, max_calls or both")
    return CostBudget(
        table.amount("max_usd") if "max_usd" in table.content else None,
        table.count("max_calls") if "max_calls" in table.content else None,
    )


def _pattern_limits(table: _Table) -> PatternLimits:
    table.check_keys("pattern", *_LIMITS)
    pattern = table.content.get("pattern")
    if not isinstance(pattern, str) or not pattern:
        table.fail("pattern must name the tests, such as 'tests/chat/*'", "pattern")
    return PatternLimits(pattern, _limits(table))


def _accepted(table: _Table) -> AcceptedCosts:
    table.check_keys("usd", "calls", "tests")
    tests = table.inner("accepted.tests", table.content.get("tests", {}))
    costs: dict[str, AcceptedCost] = {}
    for node_id, figures in tests.content.items():
        if not isinstance(figures, dict):
            tests.fail(f"{node_id!r} must be a table with usd and calls, got {figures!r}", node_id)
        test = tests.inner("accepted.tests", cast("object", figures))
        test.check_keys("usd", "calls")
        costs[node_id] = _accepted_cost(test)
    return AcceptedCosts(_accepted_cost(table), costs)


def _accepted_cost(table: _Table) -> AcceptedCost:
    usd = table.amount("usd") if "usd" in table.content else None
    return AcceptedCost(usd, table.count("calls"))
