"""One circuit of a breaker: its state, who may call, and what became of those who did."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeAlias

from tta_dev_primitives.errors import CircuitOpenError

from .half_open import Probe, Trial
from .outcome_window import CallWindow, OutcomeWindow, TimeWindow
from .rules import BreakerStats, CircuitRules

if TYPE_CHECKING:
    from collections.abc import Callable

    from tta_dev_primitives.core.observe import BreakerState

    Announce: TypeAlias = Callable[[BreakerState, BreakerState, str], object]
    Change: TypeAlias = tuple[BreakerState, BreakerState, str]


Admission: TypeAlias = OutcomeWindow | Probe
"""What a call was let in under. Its result counts only while that is what the circuit uses."""


class Circuit:
    """The state of one breaker, for any number of event loops and threads.

    Args:
        rules: When to open and to close.
        now: Returns monotonic seconds.
        announce: Called after each change of state, without the lock: from, to, reason.
    """

    __slots__ = (
        "_announce",
        "_figures",
        "_forced",
        "_lock",
        "_now",
        "_reason",
        "_rejected",
        "_rules",
        "_state",
        "_trial",
        "_until",
        "_window",
        "quick",
    )

    def __init__(self, rules: CircuitRules, now: Callable[[], float], announce: Announce) -> None:
        self._rules, self._now, self._announce = rules, now, announce
        # Reentrant, for signal handlers and finalizers that run in the middle of it.
        self._lock = threading.RLock()
        self._state: BreakerState = "closed"
        self._rejected, self._until, self._figures = 0, 0.0, (0, 0, 0)
        self._window = rules.new_window()
        self.quick: CallWindow | None = None
        """The window while calls pass and one that went well is worth `number += 1` alone."""
        self._enter("closed", "")

    def admit(self) -> Admission | None:
        """Return what a call may begin under, or None where it may not.

        Each admission is handed back once, to `settle` or `give_back`.
        """
        if self._state == "closed":
            return self._window
        self._wake()
        with self._lock:
            return self._admit()

    def settle(self, admission: Admission, *, failed: bool, slow: bool) -> None:
        """Take the result of a call that was let in."""
        well = not (failed or slow)
        if well and isinstance(admission, TimeWindow) and admission.add_success(self._now()):
            return
        change = None
        with self._lock:
            now = self._now()  # again: the lock may have taken long, and buckets go by time
            if isinstance(admission, Probe):
                admission.over = True
                if admission.trial is self._trial and self._state == "half_open":
                    change = self._take(self._trial, failed=failed, slow=slow)
            elif admission is self._window and self._state == "closed":
                self._window.record(now, failed=failed, slow=slow)
                change = self._judge(now)
        self._tell(change)

    def give_back(self, admission: Admission) -> None:
        """Take back the admission of a call whose result says nothing about the service."""
        if isinstance(admission, Probe):
            admission.over = True

    def review(self, window: CallWindow) -> None:
        """Judge *window* after its caller counted a success by itself."""
        change = None
        with self._lock:
            if window is self._window and self._state == "closed":
                change = self._judge(self._now())
        self._tell(change)

    def force(self, state: BreakerState, reason: str, *, lasting: bool) -> None:
        """Go to *state* with empty books; *lasting* keeps it there until the next `force`."""
        with self._lock:
            change = self._enter(state, reason, forced=lasting)
        self._tell(change)

    @property
    def quiet(self) -> bool:
        """Whether it does what a new circuit would do."""
        return self._state == "closed" and not self._forced

    def stats(self) -> BreakerStats:
        """Return what is known now."""
        with self._lock:
            now, state = self._now(), self._state
            due = self._due(now)
            return BreakerStats(
                "half_open" if due else state,
                self._forced,
                *self._counts(now),
                self._rejected,
                self._trial.under_way(now) if state == "half_open" else 0,
                self._until - now if state == "open" and not (due or self._forced) else None,
            )

    def refusal(self, name: str) -> CircuitOpenError:
        """Return the error for a call that was not let in."""
        stats, reason = self.stats(), self._reason
        if stats.forced:
            text = f"the circuit of {name} is forced open; let calls through again with reset()"
        elif stats.retry_after is None:
            text = f"the circuit of {name} is half open and its probes are not back; try later"
        else:
            wait = f"{stats.retry_after:.3g}s"
            text = f"the circuit of {name} is open, as {reason}; try again in {wait}"
        return CircuitOpenError(text, retry_after=stats.retry_after)

    def _admit(self) -> Admission | None:
        if self._state == "closed":
            return self._window
        probe = self._trial.admit(self._now()) if self._state == "half_open" else None
        if probe is None:
            self._rejected += 1
        return probe

    def _due(self, now: float) -> bool:
        """Tell whether it has been open for long enough."""
        return self._state == "open" and not self._forced and now >= self._until

    def _wake(self) -> None:
        """Go from open to half open when it is time.

        Announced before any probe is taken, so that a listener that raises costs none.
        """
        change = None
        with self._lock:
            if self._due(self._now()):
                change = self._enter("half_open", f"open for {self._rules.open_seconds:g}s")
        self._tell(change)

    def _take(self, trial: Trial, *, failed: bool, slow: bool) -> Change | None:
        """Count a probe's result, and decide as soon as those missing cannot change it."""
        trial.results += 1
        trial.failures += failed
        trial.slow += slow
        permits, missing = trial.permits, trial.permits - trial.results
        bad = self._rules.reached(permits, trial.failures, trial.slow, "probes")
        if bad:
            return self._enter("open", bad)
        if not self._rules.reached(permits, trial.failures + missing, trial.slow + missing):
            return self._enter("closed", "enough probes succeeded")
        return None

    def _judge(self, now: float) -> Change | None:
        """Open when the window says so."""
        calls, failures, slow = self._window.counts(now)
        if self._forced or calls < self._rules.minimum_calls:
            return None
        bad = self._rules.reached(calls, failures, slow)
        return self._enter("open", bad) if bad else None

    def _counts(self, now: float) -> tuple[int, int, int]:
        if self._state == "closed":
            return self._window.counts(now)
        if self._state == "half_open" or self._due(now):
            return self._trial.results, self._trial.failures, self._trial.slow
        return self._figures

    def _enter(self, state: BreakerState, reason: str, *, forced: bool = False) -> Change | None:
        """Begin *state* anew, the lock held, so that calls begun before count no more."""
        before, now = self._state, self._now()
        self.quick = None
        if state == "open":
            self._figures = self._counts(now)
            self._until = now + self._rules.open_seconds
        self._state, self._reason, self._forced = state, reason, forced
        self._trial = Trial(self._rules.half_open_permits, self._rules.open_seconds)
        if state == "closed":
            window = self._window = self._rules.new_window()
            self.quick = window if isinstance(window, CallWindow) else None
        return None if before == state else (before, state, reason)

    def _tell(self, change: Change | None) -> None:
        if change is not None:
            self._announce(*change)
