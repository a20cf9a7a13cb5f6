"""Any composition, called by many who leave at any moment: nothing stays, nobody is harmed.

2,000 cancellations from fixed seeds; `TTA_LONG=1` makes it 100,000. A failure shows its case,
which then belongs into `kept_cases.py`, and its seed: `TTA_SEED=17` runs the cases of one seed.
"""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Generator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from .cases import Case, cases
from .kept_cases import KEPT
from .machine import happen

LONG = os.environ.get("TTA_LONG") == "1"
CANCELLATIONS = 100_000 if LONG else 2_000
CASES_OF_A_SEED = 100


def cancellations_of(number: int) -> int:
    """Have the cases of one seed happen, and return how many cancellations there were."""
    total = 0

    @seed(number)
    @settings(
        max_examples=CASES_OF_A_SEED,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
        ],
    )
    @given(cases())
    def run(case: Case) -> None:
        nonlocal total
        total += happen(case)

    try:
        run()
    except Exception as error:
        error.add_note(f"seed {number}")
        raise
    return total


@contextmanager
def cheap_collections() -> Generator[None]:
    """Leave out of collections what is there already: cases collect what they abandon."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@pytest.mark.slow
def test_cancellations_at_random_leave_nothing_behind(capsys: pytest.CaptureFixture[str]) -> None:
    """No task, timer, permit or wedged breaker, and everybody got what is theirs."""
    given_seed = os.environ.get("TTA_SEED")
    total = 0
    with cheap_collections():
        for number in itertools.count() if given_seed is None else [int(given_seed)]:
            total += cancellations_of(number)
            if LONG:
                with capsys.disabled():
                    print(f"seed {number}: {total} cancellations")
            if total >= CANCELLATIONS:
                break
    assert total >= CANCELLATIONS or given_seed is not None


@pytest.mark.parametrize("case", KEPT.values(), ids=KEPT)
def test_case_that_once_failed_leaves_nothing_behind(case: Case) -> None:
    """Whatever was found at random stays found."""
    happen(case)
