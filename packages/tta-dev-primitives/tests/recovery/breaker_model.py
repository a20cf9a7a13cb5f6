"""What a circuit breaker must do, written down slowly: lists of results and no event loop."""

from __future__ import annotations

import itertools
from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """The arguments of a breaker."""

    failure_rate: float
    slow_call_seconds: float | None
    slow_call_rate: float
    window_calls: int | None
    window_seconds: float | None
    minimum_calls: int
    open_seconds: float
    half_open_permits: int


@dataclass(frozen=True)
class Result:
    at: float
    failed: bool
    slow: bool


@dataclass(frozen=True)
class Running:
    began: float
    epoch: int


class Model:
    """A breaker that keeps every result since the last change of state."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.now = 0.0
        self.running: dict[int, Running] = {}
        self.shown = (0, 0, 0)
        self.rejected = 0
        self.state, self.forced, self.since, self.epoch = "closed", False, 0.0, 0
        self.results: list[Result] = []

    def enter(self, state: str, *, forced: bool = False) -> None:
        if state == "open":
            self.shown = self.figures()
        self.state, self.forced, self.since = state, forced, self.now
        self.epoch += 1
        self.results = []

    def begin(self, call: int) -> bool:
        if self.due():
            self.enter("half_open")
        room = self.rules.half_open_permits - len(self.results) - self.probes()
        if self.state == "closed" or (self.state == "half_open" and room > 0):
            self.running[call] = Running(self.now, self.epoch)
            return True
        self.rejected += 1
        return False

    def end(self, call: int, how: str) -> None:
        begun = self.running.pop(call)
        limit = self.rules.slow_call_seconds
        slow = limit is not None and self.now - begun.began >= limit
        if how == "refused" or (how == "cancelled" and not slow) or begun.epoch != self.epoch:
            return
        self.results.append(Result(self.now, how == "failed", slow))
        if self.state == "closed":
            inside = self.window()
            if not self.forced and len(inside) >= self.rules.minimum_calls and self.bad(inside):
                self.enter("open")
        else:
            self.decide()

    def decide(self) -> None:
        """Change state when every way the missing probes can end leads to the same one."""
        missing = self.rules.half_open_permits - len(self.results)
        slowness = [False] if self.rules.slow_call_seconds is None else [False, True]
        possible = [Result(0, *kind) for kind in itertools.product([False, True], slowness)]
        verdicts = {
            self.bad([*self.results, *rest]) for rest in itertools.product(possible, repeat=missing)
        }
        if len(verdicts) == 1:
            self.enter("open" if verdicts.pop() else "closed")

    def bad(self, results: list[Result]) -> bool:
        failures = sum(result.failed for result in results) / len(results)
        slow = sum(result.slow for result in results) / len(results)
        return failures >= self.rules.failure_rate or slow >= self.rules.slow_call_rate

    def window(self) -> list[Result]:
        if self.rules.window_seconds is None:
            return self.results[-(self.rules.window_calls or 100) :]
        width = self.rules.window_seconds / 10
        oldest = self.now // width - 10
        return [result for result in self.results if result.at // width > oldest]

    def due(self) -> bool:
        waited = self.now - self.since >= self.rules.open_seconds
        return self.state == "open" and not self.forced and waited

    def probes(self) -> int:
        return sum(
            begun.epoch == self.epoch and self.now - begun.began < self.rules.open_seconds
            for begun in self.running.values()
        )

    def figures(self) -> tuple[int, int, int]:
        if self.state == "open":
            return (0, 0, 0) if self.due() else self.shown
        results = self.window() if self.state == "closed" else self.results
        failures = sum(result.failed for result in results)
        return len(results), failures, sum(result.slow for result in results)

    def retry_after(self) -> float | None:
        if self.state != "open" or self.forced or self.due():
            return None
        return self.since + self.rules.open_seconds - self.now
