"""What a saga that failed had done, what it undid, and what it could not undo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

UndoResult: TypeAlias = Literal["ok", "error", "timeout"]
Raised = TypeVar("Raised", bound=BaseException)
_REPORTS: Final = "__undo_reports__"


@dataclass(frozen=True, slots=True)
class StepReport:
    """What became of one step.

    Attributes:
        step: Its name.
        key: Its idempotency key.
        finished: Whether it returned; otherwise it may have done all, some or nothing.
        undo: How undoing it went; None where there was nothing to undo.
        undo_error: Why it could not be undone.
    """

    step: str
    key: str
    finished: bool
    undo: UndoResult | None = None
    undo_error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class SagaReport:
    """What became of the steps of one run. It holds no inputs and no results.

    Attributes:
        saga: Name of the saga.
        run: Id of the run, with which the keys of its steps begin.
        within: Key of the step of another saga that this one ran in; None where there is none.
        steps: The steps that began, in that order.
    """

    saga: str
    run: str
    within: str | None
    steps: tuple[StepReport, ...]

    @property
    def undone(self) -> tuple[str, ...]:
        """Names of the steps that were undone, in the order of undoing."""
        return tuple(step.step for step in reversed(self.steps) if step.undo == "ok")

    @property
    def not_undone(self) -> tuple[str, ...]:
        """Names of the steps whose undo failed, in the order of undoing."""
        return tuple(step.step for step in self.failures())

    def failures(self) -> Iterator[StepReport]:
        """Yield the steps whose undo failed, in the order of undoing."""
        return (step for step in reversed(self.steps) if step.undo not in (None, "ok"))

    @property
    def result(self) -> UndoResult:
        """How undoing went as a whole: as badly as for the first step that was not undone."""
        for step in self.failures():
            return "timeout" if step.undo == "timeout" else "error"
        return "ok"

    def __str__(self) -> str:
        parts = [("undone", self.undone), ("not undone", self.not_undone)]
        told = "; ".join(f"{what}: {', '.join(names)}" for what, names in parts if names)
        return f"{self.saga}: {told or 'nothing to undo'}"


def undo_reports(error: BaseException) -> tuple[SagaReport, ...]:
    """Return what the sagas that *error* came through undid, the innermost first.

    Works for every error and cancellation that a saga raises, whether or not all was undone.
    """
    return cast("tuple[SagaReport, ...]", vars(error).get(_REPORTS, ()))


def with_report(error: Raised, report: SagaReport) -> Raised:
    """Attach *report* to *error*, as data and as a note, and return *error*."""
    attributes = vars(error)  # not by setattr(): a frozen dataclass refuses it
    known = undo_reports(error)
    if known and not (known[-1].within or "").startswith(report.run):
        known = ()  # one error may end many runs; what earlier ones attached would pile up
    attributes[_REPORTS] = (*known, report)
    notes: list[str] = attributes.setdefault("__notes__", [])
    if (note := str(report)) not in notes:
        notes.append(note)
    return error
