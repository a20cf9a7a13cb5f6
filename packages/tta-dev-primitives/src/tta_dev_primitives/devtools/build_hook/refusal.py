"""Why a package is not built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a package.

    Attributes:
        rule: What it offends, in words.
        place: The file.
        wrong: What is wrong there, with the value.
        fix: The next move.
    """

    rule: str
    place: str
    wrong: str
    fix: str

    def __str__(self) -> str:
        return f"{self.place}: [{self.rule}] {self.wrong}; {self.fix}"


class BuildRefusedError(ConfigurationError):
    """Raised when a package must not be built as it is.

    Attributes:
        package: The distribution.
        faults: All that is wrong with it.
    """

    def __init__(self, package: str, faults: Sequence[Fault]) -> None:
        told = "\n".join(f"  {fault}" for fault in faults)
        super().__init__(f"{package} is not built:\n{told}")
        self.package, self.faults = package, tuple(faults)
