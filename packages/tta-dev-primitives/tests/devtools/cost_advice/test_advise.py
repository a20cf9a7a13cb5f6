from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator

import pytest

from tta_dev_primitives.devtools.cost_advice.advice import NOT_ADDITIVE
from tta_dev_primitives.devtools.cost_advice.advising import NOTHING, advise
from tta_dev_primitives.devtools.cost_advice.wasted_calls import WastedCalls
from tta_dev_primitives.devtools.replay.errors import UnpricedModelsError
from tta_dev_primitives.devtools.traffic.request import TrafficRequest
from tta_dev_primitives.errors import ConfigurationError

from .traffic_here import BEGIN, ListedPrices, request, told


def test_empty_traffic_has_nothing_to_judge() -> None:
    """Without requests the report divides by zero, or says that nothing can be saved."""
    advice = told([])
    assert (advice.requests, advice.spend, advice.began, advice.levers) == (0, 0, None, ())
    assert {each.reason for each in advice.unjudged} == {NOTHING}
    assert len(advice.unjudged) == 6
    assert advice.notes == (NOTHING,)


def test_one_request_saves_nothing() -> None:
    """A single request is said to be saved by a cache."""
    advice = told([request(key=b"k", text="Where is it?")])
    assert advice.spend == pytest.approx(2.0)
    assert [each.dollars for each in advice.levers] == [0] * len(advice.levers)
    assert advice.began == advice.ended == BEGIN


def test_traffic_that_cost_nothing_has_shares_of_nothing() -> None:
    """Free models divide by zero."""
    advice = told([request(n, model="free", key=b"k") for n in range(3)])
    assert advice.spend == 0
    assert all(each.share == 0 for each in advice.levers)
    assert "cost nothing" in advice.notes[0]


def test_largest_lever_comes_first_and_nothing_is_added_up() -> None:
    """The reader starts with what saves least, or adds the levers up."""
    traffic = [request(n, ts=n, key=b"k") for n in range(3)] + [request(9, ts=9, error="boom")]
    advice = told(traffic)
    amounts = [each.dollars for each in advice.levers]
    assert amounts == sorted(amounts, reverse=True)
    assert amounts[:2] == pytest.approx([4.0, 2.0])
    assert NOT_ADDITIVE in advice.notes


def test_all_models_without_a_price_are_named_at_once() -> None:
    """Each run names one more model without a price."""
    traffic = [request(0, model="one"), request(1, model="two"), request(2, model="two")]
    with pytest.raises(UnpricedModelsError) as caught:
        told(traffic)
    assert caught.value.requests_by_model == {"two": 2, "one": 1}


def test_price_that_changed_meanwhile_is_told() -> None:
    """The price doubled on the way, and nobody says so."""
    traffic = [request(0), request(1, ts=10)]
    advice = advise(traffic, ListedPrices(dearer_from=BEGIN + 5))
    assert advice.spend == pytest.approx(6.0)
    assert advice.notes[-1].endswith("at its own time: large")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("quality", 0.0),
        ("quality", 1.1),
        ("ttl_seconds", 0.0),
        ("ttl_seconds", float("nan")),
        ("max_entries", 0),
        ("prompt_cache_seconds", -1.0),
        ("prompt_cache_minimum", float("inf")),
    ],
)
def test_settings_out_of_range_are_refused_with_their_value(setting: str, value: float) -> None:
    """A ttl of nothing is taken, and nothing repeats."""
    with pytest.raises(ConfigurationError, match=f"{setting} must be above 0.*got {value}"):
        told([], **{setting: value})


def test_traffic_that_can_be_read_once_is_refused() -> None:
    """A generator is empty the second time, and no answer is too long."""
    with pytest.raises(ConfigurationError, match="got a generator, which goes once"):
        advise((request(n) for n in range(3)), ListedPrices())


class Many:
    """Requests that all differ, made anew each time they are gone through."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __iter__(self) -> Iterator[TrafficRequest]:
        for n in range(self._number):
            yield request(
                n,
                ts=n / 10,
                key=n.to_bytes(8, "big"),
                text=f"question {n} of {n % 977} about {n % 13}",
                place=f"{n % 5_000}",
                tokens=(100, n % 700),
                error="boom" if n % 50 == 0 else None,
            )


@pytest.mark.skipif(os.environ.get("TTA_LONG") != "1", reason="takes minutes; set TTA_LONG=1")
def test_memory_does_not_grow_with_the_traffic() -> None:
    """A month of traffic fills the memory."""
    peaks: list[int] = []
    for number in (100_000, 300_000):
        tracemalloc.start()
        try:
            advise(Many(number), ListedPrices())
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < peaks[0] + 5_000_000
    assert peaks[1] < 250_000_000


def test_failures_that_are_remembered_are_bounded() -> None:
    """Every failure there ever was is kept, in case that it is repeated."""
    search = WastedCalls()
    for n in range(10_050):
        search.add(request(n, ts=n, key=n.to_bytes(4, "big"), error="boom"), 2.0)
    assert len(search._failures) == 10_000
