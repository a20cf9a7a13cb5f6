from __future__ import annotations

import pytest

from .traffic_here import lever, request, told, unjudged

KEY = b"k" * 16


def test_waste_is_what_failed_calls_cost_and_not_their_repeats() -> None:
    """The retry that answered is called waste as well, though it would have been paid anyway."""
    traffic = [
        request(0, ts=0, key=KEY, error="boom"),
        request(1, ts=1, key=KEY, error="boom"),
        request(2, ts=2, key=KEY),
    ]
    found = lever(told(traffic), "wasted retries")
    assert found.dollars == pytest.approx(4.0)
    assert found.confidence == "upper bound"
    assert "2 calls asked the same within 60 s of a failure; 1 of them failed" in found.evidence[1]


@pytest.mark.parametrize(
    ("seconds", "repeats"), [(60.0, True), (60.1, False)], ids=["at-limit", "later"]
)
def test_repeat_long_after_a_failure_is_no_retry(seconds: float, repeats: bool) -> None:
    """Somebody asks the same on the next day, and it counts as a retry."""
    traffic = [request(0, key=KEY, error="boom"), request(1, ts=seconds, key=KEY)]
    evidence = lever(told(traffic), "wasted retries").evidence
    assert any("of a failure" in line for line in evidence) is repeats


def test_failures_without_tokens_are_told_apart() -> None:
    """Calls whose tokens nobody recorded look free."""
    traffic = [request(0, error="boom", tokens=(0, 0)), request(1, error="boom"), request(2)]
    found = lever(told(traffic), "wasted retries")
    assert found.dollars == pytest.approx(2.0)
    assert "1 failed call without tokens: what they cost is not known" in found.evidence


def test_only_failures_without_tokens_cannot_be_judged() -> None:
    """Timeouts whose tokens nobody knows are said to have cost nothing."""
    traffic = [request(0, error="timeout", tokens=(0, 0)), request(1)]
    assert "nobody can tell what they cost" in unjudged(told(traffic), "wasted retries").reason


def test_place_that_wastes_most_is_named() -> None:
    """Nobody can tell where the failures are."""
    traffic = [request(n, place="a" if n else "b", error="boom") for n in range(3)]
    assert [part.name for part in lever(told(traffic), "wasted retries").largest] == [
        "a, large",
        "b, large",
    ]


def test_no_failure_saves_nothing() -> None:
    """Traffic without a failure is told to mend its retries."""
    found = lever(told([request()]), "wasted retries")
    assert (found.dollars, found.evidence) == (0, ("0 of 1 (0.0%) calls failed",))
