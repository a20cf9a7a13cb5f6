from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.traffic.request import TrafficRequest

from .traffic_here import lever, request, told, unjudged

KEY, OTHER = b"k" * 16, b"o" * 16


def test_first_answer_is_paid_and_the_others_are_saved() -> None:
    """Three times the same question, and the cache is said to save all three."""
    advice = told([request(n, ts=n, key=KEY) for n in range(3)] + [request(9, ts=9, key=OTHER)])
    found = lever(advice, "exact repeats")
    assert found.dollars == pytest.approx(4.0)
    assert found.share == pytest.approx(0.5)
    assert found.confidence == "measured"
    assert found.evidence[0].startswith("2 of 4 (50.0%) with a key ask again")


@pytest.mark.parametrize(
    ("second", "saved"),
    [
        (request(1, ts=59.9, key=KEY), 2.0),
        (request(1, ts=60, key=KEY), 0.0),
        (request(1, ts=1, key=KEY, tenant="b"), 0.0),
        (request(1, ts=1, key=KEY, model="small"), 0.0),
        (request(1, ts=1, key=OTHER), 0.0),
        (request(1, ts=1, key=KEY, place="1.other"), 2.0),
        (request(1, ts=1), 0.0),
    ],
    ids=["just-alive", "at-ttl", "tenant", "model", "key", "place", "no-key"],
)
def test_repeat_is_the_same_question_of_one_tenant_to_one_model(
    second: TrafficRequest, saved: float
) -> None:
    """An answer of another tenant, model or hour counts as one that could be given again."""
    advice = told([request(0, key=KEY), second], ttl_seconds=60)
    assert lever(advice, "exact repeats").dollars == pytest.approx(saved)


def test_failed_answer_is_not_kept() -> None:
    """A call that failed is counted as an answer for the next one."""
    advice = told([request(0, key=KEY, error="boom"), request(1, ts=1, key=KEY)])
    assert lever(advice, "exact repeats").dollars == 0


def test_cache_has_no_more_entries_than_it_may() -> None:
    """Repeats far apart are counted though the cache is long full of other answers."""
    traffic = [request(n, ts=n, key=bytes([n % 5])) for n in range(20)]
    assert lever(told(traffic, max_entries=5), "exact repeats").dollars == pytest.approx(30.0)
    assert lever(told(traffic, max_entries=4), "exact repeats").dollars < 30.0


def test_largest_repeats_are_named_by_what_was_asked() -> None:
    """Nobody can tell which question is asked all the time."""
    traffic = [request(n, ts=n, key=KEY, text="Be kind.\nWhere is it?") for n in range(4)]
    traffic += [request(n, ts=n, key=OTHER) for n in range(10, 12)]
    first, second = lever(told(traffic), "exact repeats").largest
    assert (first.name, first.count, first.dollars) == ("Be kind. Where is it?", 3, 6.0)
    assert second.name == f"key {OTHER.hex()[:12]}"


def test_requests_without_keys_cannot_be_judged() -> None:
    """No keys were recorded, and the report says that nothing repeats."""
    assert "no request has a key" in unjudged(told([request()]), "exact repeats").reason


def test_share_without_keys_is_told() -> None:
    """Half of the requests have no key, and nobody is told that their repeats are missing."""
    advice = told([request(0, key=KEY), request(1)])
    assert "1 of 2 (50.0%) have no key" in lever(advice, "exact repeats").evidence[1]


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=40))
def test_saving_never_exceeds_what_all_but_the_first_cost(asked: list[tuple[int, bool]]) -> None:
    """The cache saves more than was spent on questions that were asked before."""
    traffic = [
        request(n, ts=n, key=bytes([key]), error="boom" if fails else None)
        for n, (key, fails) in enumerate(asked)
    ]
    if not traffic:
        return
    seen: set[int] = set()
    expected = 0.0
    for key, fails in asked:
        expected += 2.0 * (key in seen)
        seen |= set() if fails else {key}
    assert lever(told(traffic), "exact repeats").dollars == pytest.approx(expected)
