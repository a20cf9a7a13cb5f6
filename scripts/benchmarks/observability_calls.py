"""What watching costs one call: on the path of the call, and in all threads together."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Final

from keploy_goals import Goal
from observability_findings import Finding
from observability_modes import MODES
from observability_workers import workers

if TYPE_CHECKING:
    from observability_amounts import Amounts

PATH: Final = "on the path"
PROCESSOR: Final = "all threads"
# The goals were set where one Python call takes so many nanoseconds.
REFERENCE_CALL_NS: Final = 21
OFF_NS, ON_NS, PROCESSOR_NS = 100, 2000, 6000

# Each beside what does the same by hand.
BESIDE: Final = {
    "nothing": "",
    "spans": "by hand",
    "on": "by hand, measured",
    "compatible": "by hand",
}
TITLES: Final = {
    "nothing": "an observer that does nothing",
    "spans": "on, without metrics",
    "on": "on",
    "compatible": "in a tracer provider of the SDK",
    "by hand": "spans of the SDK by hand",
    "by hand, measured": "spans and metrics of the SDK by hand",
}
UNHOOKED: Final = {"below": "a call within another", "alone": "a workflow of one call"}
KINDS: Final = {**UNHOOKED, "part": "one of a workflow of five, which reports"}
Least = dict[str, dict[str, list[float]]]


def findings(amounts: Amounts) -> list[Finding]:
    """Measure every way to watch, in turns."""
    taken: dict[str, list[dict[str, list[float]]]] = {name: [] for name in MODES}
    processor: dict[str, list[float]] = {name: [] for name in MODES}
    reporting: dict[str, list[float]] = {name: [] for name in MODES}
    with workers(MODES) as started:
        for _ in range(amounts.rounds):
            for name, worker in started.items():
                taken[name].append(worker.ask("calls", batches=amounts.batches))
            for name, worker in started.items():
                processor[name].append(worker.ask("processor", count=amounts.calls))
                reporting[name].append(worker.ask("reporting", count=amounts.calls))
    least = {name: _merged(each) for name, each in taken.items()}
    call = min(each["call"][0] for each in least.values())
    return [
        _yardstick(least, call),
        *_off(least, call),
        *(_added(least, mode, kind, call) for mode in BESIDE for kind in KINDS),
        *_all_threads(KINDS["below"], processor, call),
        *_all_threads(KINDS["part"], reporting, call),
    ]


def _merged(rounds: list[dict[str, list[float]]]) -> dict[str, list[float]]:
    """Return the least of the minima and the median of the medians."""
    return {
        name: [
            min(each[name][0] for each in rounds),
            statistics.median(each[name][1] for each in rounds),
        ]
        for name in rounds[0]
    }


def _goal(nanoseconds: float, call: float) -> Goal:
    """Return a goal in microseconds, as far away on this machine as where it was set."""
    return Goal(round(nanoseconds * call / REFERENCE_CALL_NS / 1000, 3), "at most", "us")


def _yardstick(least: Least, call: float) -> Finding:
    bare = min(each["bare"][0] for each in least.values())
    return Finding(
        PATH, "one bare await", bare / 1000, "us", beside="one Python call", theirs=call / 1000
    )


def _off(least: Least, call: float) -> list[Finding]:
    found: list[Finding] = []
    for kind, title in UNHOOKED.items():
        floor, median_floor = least["off"][f"{kind}, without the hook"]
        ours, median = least["off"][kind]
        found.append(
            Finding(
                PATH,
                f"off: {title}, over one without the hook",
                max(0.0, ours - floor) / 1000,
                "us",
                max(0.0, median - median_floor) / 1000,
                "the primitive without the hook",
                floor / 1000,
                _goal(OFF_NS, call),
            )
        )
    return found


def _added(least: Least, mode: str, kind: str, call: float) -> Finding:
    """Return what a way to watch adds to a call that nobody watches."""
    beside = BESIDE[mode]
    return Finding(
        PATH,
        f"{TITLES[mode]}: {KINDS[kind]}",
        (least[mode][kind][0] - least["off"][kind][0]) / 1000,
        "us",
        (least[mode][kind][1] - least["off"][kind][1]) / 1000,
        TITLES.get(beside, ""),
        _by_hand(least, beside, kind) if beside else None,
        _goal(ON_NS, call) if mode == "on" else None,
    )


def _by_hand(least: Least, mode: str, kind: str) -> float:
    """Return what spans by hand add: around a bare await, or around parts of a workflow."""
    floor = least["off"]["part"] if kind == "part" else least[mode]["bare"]
    return (least[mode][kind][0] - floor[0]) / 1000


def _all_threads(what: str, taken: dict[str, list[float]], call: float) -> list[Finding]:
    """Return what a way to watch adds in all threads, with the bytes of OTLP made."""
    floor, median_floor = min(taken["off"]), statistics.median(taken["off"])
    return [
        Finding(
            PROCESSOR,
            f"{TITLES[mode]}: {what}",
            (min(taken[mode]) - floor) / 1000,
            "us",
            (statistics.median(taken[mode]) - median_floor) / 1000,
            TITLES[beside],
            (min(taken[beside]) - floor) / 1000,
            _goal(PROCESSOR_NS, call) if mode == "on" else None,
        )
        for mode, beside in BESIDE.items()
        if beside
    ]
