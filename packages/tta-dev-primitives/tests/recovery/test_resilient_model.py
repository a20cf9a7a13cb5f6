"""Fused policies against the same policies nested by hand: nobody can tell them apart.

`TTA_LONG=1` tries 20,000 cases.
"""

from __future__ import annotations

import asyncio
import os

from hypothesis import event, given, settings
from hypothesis import strategies as st

from tta_dev_primitives.core import observe

from .conftest import Watcher
from .resilient_runs import Attempt, Caller, Policies, Settings, Story, tell

CASES = 20_000 if os.environ.get("TTA_LONG") == "1" else 800
quarters = st.integers(0, 16).map(lambda n: n / 4)


def moments(digit: int, most: int = 8) -> st.SearchStrategy[float | None]:
    """Seconds that end in a binary digit of their own, so that no two things happen at once."""
    return st.none() | st.integers(0, most).map(lambda n: n + 2.0**-digit)


attempts = st.builds(
    Attempt,
    duration=quarters,
    brings=st.sampled_from(
        ["ok", "ok", "poor", "broken", "broken", "wrong", "busy", "refused", "none left"]
    ),
    cleanup=st.sampled_from([0, 0, 0.5, 3]),
    stubborn=st.booleans(),
)
callers = st.builds(
    Caller,
    begins=st.integers(0, 12).map(lambda n: n / 4),
    deadline=moments(9),
    enforced=st.booleans(),
    cancelled_after=st.none() | st.none() | moments(10),
    brings_context=st.booleans(),
)
choices = st.builds(
    Settings,
    total=moments(5),
    attempt=moments(6, 4),
    retries=st.none() | st.integers(0, 3),
    delay=st.sampled_from([0.0, 0.25, 1.0]),
    within=st.none() | st.integers(1, 4).map(float),
    refuses=st.booleans(),
    budget=st.booleans(),
    limit=st.none() | st.tuples(st.integers(1, 3), st.just(1 + 2.0**-7)),
    patience=moments(11),
    places=st.none() | st.tuples(st.integers(1, 2), st.integers(0, 2)),
    breaker=st.none() | st.tuples(st.integers(1, 3), st.integers(1, 4).map(lambda n: n + 2**-8)),
    slow=st.none() | st.just(1.0),
    takes_context=st.booleans(),
)


def run(case: tuple[Settings, list[Attempt], list[Caller]], *, fused: bool) -> Story:
    return asyncio.run(tell(*case, Policies.fused if fused else Policies.nested))


@settings(max_examples=CASES)
@given(
    st.tuples(choices, st.lists(attempts, max_size=8), st.lists(callers, min_size=1, max_size=4))
)
def test_fused_policies_do_what_nested_ones_do(
    case: tuple[Settings, list[Attempt], list[Caller]],
) -> None:
    """Results, errors, times, what the step saw, and all that the policies know are the same."""
    story = run(case, fused=True)
    assert story == run(case, fused=False)
    for _, end, *_ in story.ends:
        event(str(end[0]))


@settings(max_examples=CASES // 4)
@given(
    st.tuples(choices, st.lists(attempts, max_size=6), st.lists(callers, min_size=1, max_size=3))
)
def test_observers_are_told_the_same(
    case: tuple[Settings, list[Attempt], list[Caller]],
) -> None:
    """Each policy is seen at its own path, with its own records and outcome."""
    seen: list[tuple[object, ...]] = []
    for fused in (True, False):
        watcher = Watcher()
        with observe.observe(watcher):
            story = run(case, fused=fused)
        shown = policies_alone if fused else str
        outcomes = {shown(path): outcome for path, outcome in watcher.outcomes.items()}
        outcomes.pop("", None)
        seen.append((story, outcomes, [(shown(path), record) for path, record in watcher.records]))
    assert seen[0] == seen[1]


def policies_alone(path: str) -> str:
    """Take the node that `resilient` returns, which is no policy, out of *path*."""
    first, *rest = path.split("/")
    if first == "0.caller":
        return "/".join([first, *rest[1:]]) if rest != ["0"] else ""
    return "/".join(rest)
