"""How many instructions each case may take, by the build of Python, and what is over it."""

from __future__ import annotations

import os
import platform
import sysconfig
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

# The same code and build count the same; code elsewhere moves memory, and counts by less than this.
TOLERANCE: Final = 0.02
# CPython 3.11.2 and 3.11.7, built by two people, differed by 3 to 8 per cent in these cases.
OTHER_BUILD_TOLERANCE: Final = 0.15
HEAD: Final = """\
# Instructions of one call of each case in instructions_cases.py, by the build of Python.
# Written by: uv run python scripts/benchmarks/instructions.py update
# A tolerance may be edited; an update keeps it.
"""


class BudgetError(Exception):
    """The file of budgets cannot be used."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What one call of a case may take.

    Attributes:
        instructions: As many as were counted when the budget was written.
        tolerance: How many more are not a regression, as a part of these.
    """

    instructions: float
    tolerance: float = TOLERANCE


Budget = dict[str, Allowed]


class Finding(StrEnum):
    """What is wrong with a case."""

    MORE = "more-instructions"
    NO_BUDGET = "case-without-budget"
    NO_CASE = "budget-without-case"


@dataclass(frozen=True, slots=True)
class Compared:
    """One case beside its budget; a side that is missing is None."""

    case: str
    counted: float | None
    allowed: Allowed | None

    @property
    def change(self) -> float | None:
        """How much more than the budget it took, as a part of the budget."""
        if self.counted is None or self.allowed is None:
            return None
        return self.counted / self.allowed.instructions - 1

    @property
    def finding(self) -> Finding | None:
        """What is wrong, or None: taking less is never wrong."""
        if self.allowed is None:
            return Finding.NO_BUDGET
        if self.counted is None:
            return Finding.NO_CASE
        most = self.allowed.instructions * (1 + self.allowed.tolerance)
        return Finding.MORE if self.counted > most else None

    @property
    def is_far_below(self) -> bool:
        """Whether the budget is so large that it would hide a regression."""
        if self.counted is None or self.allowed is None:
            return False
        return self.counted < self.allowed.instructions * (1 - self.allowed.tolerance)


def this_build() -> str:
    """Return what decides how many instructions the same Python code takes."""
    arguments = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    options = "".join(
        f", {name}"
        for name, option in (("optimised", "--enable-optimizations"), ("lto", "--with-lto"))
        if option in arguments
    )
    return (
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"{platform.python_compiler()}{options}, {platform.system()} {platform.machine()}"
    )


def _minor(build: str) -> str:
    return ".".join(build.split(",")[0].split()[-1].split(".")[:2])


def budget_for(build: str, budgets: Mapping[str, Budget]) -> tuple[str, Budget] | None:
    """Return the budget of *build*, else of another build of the same minor version of Python.

    That of another build comes with a tolerance of at least `OTHER_BUILD_TOLERANCE`.
    """
    if build in budgets:
        return build, budgets[build]
    others = [name for name in budgets if _minor(name) == _minor(build)]
    if not others:
        return None
    other = max(others)
    return other, {
        case: Allowed(each.instructions, max(each.tolerance, OTHER_BUILD_TOLERANCE))
        for case, each in budgets[other].items()
    }


def compare(counts: Mapping[str, float], budget: Budget, *, whole: bool) -> list[Compared]:
    """Return every case beside its budget, in the order of *counts*.

    Args:
        counts: Instructions of one call, by case.
        budget: What they may be.
        whole: Whether *counts* has every case there is, so that a budget without one is wrong.
    """
    compared = [Compared(case, found, budget.get(case)) for case, found in counts.items()]
    if whole:
        compared += [
            Compared(case, None, each) for case, each in budget.items() if case not in counts
        ]
    return compared


def updated(counts: Mapping[str, float], before: Budget | None, *, whole: bool) -> Budget:
    """Return the budget that *counts* makes; tolerances stay, and so do cases not counted.

    Args:
        counts: Instructions of one call, by case.
        before: The budget that is replaced.
        whole: Whether *counts* has every case there is, so that others are dropped.
    """
    before = before or {}
    kept: Budget = {} if whole else dict(before)
    for case, found in counts.items():
        tolerance = before[case].tolerance if case in before else TOLERANCE
        kept[case] = Allowed(round(found, 1), tolerance)
    return kept


def read_budgets(path: Path) -> dict[str, Budget]:
    """Return the budgets in *path* by build; none where there is no such file.

    Raises:
        BudgetError: The file is not TOML, or a budget in it is no positive number.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BudgetError(f"{path} is not TOML: {error}") from error
    return {
        build: {case: _allowed(path, case, entry) for case, entry in _table(path, cases).items()}
        for build, cases in found.items()
    }


def _table(path: Path, value: object) -> dict[str, Any]:  # Any: TOML values
    if not isinstance(value, dict):
        raise BudgetError(f"{path} has {value!r} where a table of cases belongs; run update")
    return cast("dict[str, Any]", value)


def _allowed(path: Path, case: str, entry: object) -> Allowed:
    match entry:
        case {"instructions": float() | int() as count, "tolerance": float() | int() as part} if (
            count > 0 and part >= 0
        ):
            return Allowed(float(count), float(part))
        case _:
            raise BudgetError(
                f"{path} gives {case} {entry!r}; it needs instructions above 0 and a tolerance"
            )


def write_budgets(path: Path, budgets: Mapping[str, Budget]) -> None:
    """Write *budgets* to *path*, so that nobody sees half of it."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text("\n".join(_lines(budgets)) + "\n", encoding="utf-8")
    part.replace(path)


def _lines(budgets: Mapping[str, Budget]) -> Iterable[str]:
    yield HEAD.rstrip()
    for build in sorted(budgets):
        yield ""
        yield f'["{build}"]'
        for case, each in budgets[build].items():
            values = f"instructions = {each.instructions:.1f}, tolerance = {each.tolerance:g}"
            yield f"{case} = {{ {values} }}"
