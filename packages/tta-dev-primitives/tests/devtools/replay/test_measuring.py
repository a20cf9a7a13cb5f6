"""What `measure` says of whole traffic, and when it refuses to."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tta_dev_primitives.devtools.replay.errors import (
    ReplayError,
    RequestOrderError,
    UnpricedModelsError,
)
from tta_dev_primitives.devtools.replay.measurement import Measurement
from tta_dev_primitives.devtools.replay.measuring import measure
from tta_dev_primitives.devtools.replay.router import AlwaysRouter
from tta_dev_primitives.devtools.traffic.request import TokenUsage, TrafficRequest

from .traffic_here import (
    BOTH_RIGHT,
    STRONG,
    WEAK,
    PricesHere,
    a_request,
    drawn_traffic,
    repeated,
)


def _measured(traffic: list[TrafficRequest], **options: object) -> Measurement:
    given: dict[str, object] = {"source": "here", "resamples": 200, **options}
    return measure(traffic, PricesHere(), **given)  # type: ignore[arg-type]


def test_repeats_and_easy_requests_save_enough() -> None:
    """Traffic that a cache and a router serve well does not pass."""
    found = _measured(drawn_traffic(1_600, seed=1, repeats=0.3))
    assert found.verdict.status == "PASS", found.verdict.reasons
    assert [arm.name for arm in found.arms] == ["as is", "cache", "cache and router"]
    assert [row.name for row in found.comparisons] == ["random router", f"always {WEAK}"]
    assert (found.requests, found.fitted_on) == (800, 800)


def test_no_router_learns_from_requests_of_the_moment_it_is_judged_on() -> None:
    """A router knows the answers to what was asked at the same time."""
    traffic = [
        a_request(one, ts=float(one // 100), scores=BOTH_RIGHT, text="a word") for one in range(450)
    ]
    found = _measured(traffic)
    assert (found.fitted_on, found.requests) == (200, 250)


def test_traffic_of_one_moment_is_routed_by_nobody() -> None:
    """The first half of what was sent at once is taken for the past of the second."""
    found = _measured([a_request(one, ts=5.0, scores=BOTH_RIGHT) for one in range(400)])
    assert (found.fitted_on, found.requests) == (0, 400)
    missing = "router: not measured, no request was sent before those to judge"
    assert missing in found.verdict.reasons


def test_failed_requests_without_tokens_are_told() -> None:
    """What failed calls cost counts as $0, and nobody is told."""
    failed = replace(a_request(0, error="timeout"), usage=TokenUsage())
    found = _measured([failed, *(a_request(one) for one in range(1, 40))])
    assert any(note.startswith("1 of them have no token counts") for note in found.notes)


def test_levers_add_up_to_the_saving_of_the_last_arm() -> None:
    """The savings by lever are not those of the arms."""
    found = _measured(drawn_traffic(600, seed=2, repeats=0.3))
    last = found.arms[-1].saving
    assert last is not None
    assert [lever.lever for lever in found.levers] == ["exact cache", "router"]
    assert math.isclose(sum(lever.saving.value for lever in found.levers), last.value)


def test_the_random_router_spends_what_the_router_spends() -> None:
    """The row by lot is compared at another saving than the router's."""
    found = _measured(drawn_traffic(1_000, seed=3, repeats=0.2))
    lot, router = found.comparisons[0], found.arms[-1]
    assert math.isclose(lot.cost, router.cost, rel_tol=1e-9)
    assert lot.quality is not None
    assert router.quality is not None
    assert lot.quality.value < router.quality.value


def test_the_curve_goes_through_the_router_in_use() -> None:
    """The curve is that of another router, or of other traffic, than the arm's."""
    found = _measured(drawn_traffic(1_000, seed=3, repeats=0.2))
    last = found.arms[-1]
    assert last.saving is not None
    assert last.quality is not None
    saved = last.saving.value
    nearest = min(found.curve, key=lambda point: abs(point.saving - saved))
    assert nearest.saving == pytest.approx(saved)
    assert nearest.quality == pytest.approx(last.quality.value)
    end = found.curve[-1]
    assert end.quality == pytest.approx(end.random_quality, abs=0.02)
    assert [point.saving for point in found.curve] == sorted(p.saving for p in found.curve)


def test_a_cheap_model_that_gets_worse_fails_on_quality() -> None:
    """Half of the cheap model's answers are wrong and the verdict is still PASS."""
    traffic = drawn_traffic(1_600, seed=4, repeats=0.3, weak_errors=0.5, from_request=800)
    found = _measured(traffic)
    assert found.verdict.status == "FAIL"
    assert any(line.startswith("quality") and "not met" in line for line in found.verdict.reasons)


@pytest.mark.parametrize("scores", [{STRONG: 1.0}, None], ids=["scored", "unscored"])
def test_no_repeats_and_one_model_fail_on_saving(scores: dict[str, float] | None) -> None:
    """Traffic with nothing to save passes, or is called not measured."""
    found = _measured([a_request(one, key=f"q{one}", scores=scores) for one in range(200)])
    assert found.verdict.status == "FAIL"
    assert "saving 0.0%, target 40%: not met" in found.verdict.reasons


@pytest.mark.parametrize("count", [0, 12], ids=["none", "twelve"])
def test_little_traffic_is_not_measured(count: int) -> None:
    """A handful of requests is enough for a verdict."""
    found = _measured(repeated(count, 3, scores=BOTH_RIGHT))
    assert found.verdict.status == "NOT MEASURED"
    assert len(found.arms) == 2


def test_repeats_without_scores_are_not_measured() -> None:
    """What nobody scored is claimed to be as good."""
    found = _measured(repeated(300, 60))
    cache = found.arms[1]
    assert cache.saving is not None
    assert cache.saving.low > 0.4
    assert (cache.quality, cache.wrong_hits) == (None, None)
    assert found.verdict.status == "NOT MEASURED"
    assert any("for want of scores" in note for note in found.notes)


def test_unscored_traffic_of_two_models_says_why_no_router_was_measured() -> None:
    """The router arm is missing and nobody is told."""
    traffic = [a_request(one, model=(STRONG, WEAK)[one % 2]) for one in range(200)]
    found = _measured(traffic)
    assert found.verdict.status == "NOT MEASURED"
    line = "router: not measured, scores of at least two models are needed and none has any"
    assert line in found.verdict.reasons


def test_a_clean_record_of_few_rerouted_requests_is_no_certainty() -> None:
    """Thirty-five right answers of the cheap model are taken for a quality of exactly 100%."""
    traffic = [a_request(one, scores=BOTH_RIGHT) for one in range(35)]
    found = _measured(traffic, router=AlwaysRouter(WEAK))
    quality = found.arms[-1].quality
    assert quality is not None
    assert quality.value == 1.0
    assert quality.low < 0.95
    assert found.verdict.status == "NOT MEASURED"


def test_a_given_router_is_judged_on_all_requests() -> None:
    """Requests are left out although nothing was fitted on them."""
    found = _measured([a_request(one, scores=BOTH_RIGHT) for one in range(100)],
                      router=AlwaysRouter(WEAK))  # fmt: skip
    assert (found.requests, found.fitted_on, found.curve) == (100, 0, ())


def test_all_models_without_a_price_are_listed_with_their_requests() -> None:
    """The first unknown model ends the run, or costs $0."""
    traffic = [
        a_request(one, model=("unknown-1", "unknown-2", STRONG)[one % 3]) for one in range(30)
    ]
    with pytest.raises(
        UnpricedModelsError, match="'unknown-1' \\(10 requests\\), 'unknown-2'"
    ) as caught:
        _measured(traffic)
    assert caught.value.requests_by_model == {"unknown-1": 10, "unknown-2": 10}


def test_a_scored_model_without_a_price_is_counted_over_all_requests() -> None:
    """A model that a router may choose has no price, and only a sample is counted."""
    scores = {STRONG: 1.0, "unknown-1": 1.0}
    with pytest.raises(UnpricedModelsError) as caught:
        _measured([a_request(one, scores=scores) for one in range(400)])
    assert caught.value.requests_by_model == {"unknown-1": 400}


def test_a_router_that_names_a_model_without_price_is_refused() -> None:
    """A router's invented model is free."""
    with pytest.raises(UnpricedModelsError, match="'dream' \\(50 requests\\)"):
        _measured(repeated(50, 50), router=AlwaysRouter("dream"))


class Stream:
    """Traffic that is read from somewhere."""

    def __init__(self, requests: list[TrafficRequest]) -> None:
        self._requests = requests

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[TrafficRequest]:
        return iter(self._requests)


@pytest.mark.parametrize("numbers", [(0, 2, 1), (0, 1, 1)], ids=["backwards", "the-same-twice"])
def test_a_stream_out_of_order_is_refused(numbers: tuple[int, ...]) -> None:
    """An arm looks ahead because the stream went back in time."""
    with pytest.raises(RequestOrderError, match="open_traffic"):
        measure(Stream([a_request(one) for one in numbers]), PricesHere(), source="here")


def test_a_stream_gives_what_a_list_gives() -> None:
    """Traffic from disk is measured otherwise than the same traffic in memory."""
    traffic = drawn_traffic(600, seed=5, repeats=0.2)
    streamed = measure(Stream(traffic), PricesHere(), source="here", resamples=200)
    assert streamed == _measured(traffic)


def test_what_can_be_gone_through_once_is_refused() -> None:
    """A generator is empty at the second pass and the traffic is said to be nothing."""
    with pytest.raises(ReplayError, match="got generator"):
        measure((a_request(one) for one in range(3)), PricesHere(), source="here")  # type: ignore[arg-type]


def test_prices_that_changed_within_the_traffic_are_told() -> None:
    """A saving is a price cut and nobody is told."""
    traffic = [a_request(one) for one in range(100)]
    changed = measure(traffic, PricesHere(changes_at=50.0), source="here", resamples=100)
    assert any(f"prices changed within the traffic: {STRONG};" in note for note in changed.notes)
    assert changed.arms[0].cost == pytest.approx(100 * 1.5 * 120 * 10 / 1e6)


@pytest.mark.parametrize("cost", [-1.0, float("nan"), float("inf")], ids=["negative", "nan", "inf"])
def test_a_price_that_is_none_is_refused(cost: float) -> None:
    """A negative price makes a saving."""
    prices = PricesHere({STRONG: cost})
    with pytest.raises(ReplayError, match="r000000"):
        measure([a_request(0)], prices, source="here")


def test_free_traffic_is_not_measured() -> None:
    """A division by the cost of a model that costs nothing."""
    prices = PricesHere({STRONG: 0.0, WEAK: 0.0})
    traffic = [a_request(one, scores=BOTH_RIGHT) for one in range(400)]
    found = measure(traffic, prices, source="here", resamples=100)
    assert found.verdict.status == "NOT MEASURED"
    assert found.arms[-1].saving is None


def test_more_conversations_than_parts_are_drawn_in_parts() -> None:
    """Memory grows with the number of conversations, or some are left out."""
    traffic = [a_request(one, key=f"q{one // 2}", scores=BOTH_RIGHT) for one in range(3_000)]
    found = _measured(traffic, fit_share=0)
    assert found.conversations == 1_000
    saving = found.arms[1].saving
    assert saving is not None
    assert saving.value == pytest.approx(0.5)
    assert saving.high - saving.low == pytest.approx(2 * 1.96 * 0.5 / math.sqrt(3_000), rel=0.2)


def test_requests_without_token_counts_of_the_other_model_are_told() -> None:
    """The saving rests on another model's tokens and nobody is told."""
    found = _measured([a_request(one, scores=BOTH_RIGHT) for one in range(60)],
                      router=AlwaysRouter(WEAK))  # fmt: skip
    assert any("in 60 of the requests" in note for note in found.notes)


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")], ids=["negative", "all", "nan"])
def test_a_share_to_fit_on_that_cannot_be_is_refused(share: float) -> None:
    """Nothing is left to judge."""
    with pytest.raises(ReplayError, match="fit_share"):
        _measured([], fit_share=share)


class Unending:
    """Requests that are made as they are asked for, none like another."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[TrafficRequest]:
        for one in range(self._count):
            yield a_request(one, key=f"q{one}", scores=BOTH_RIGHT, text=f"word{one} " * 20)


def test_memory_does_not_grow_with_the_traffic() -> None:
    """Ten million requests end a machine."""
    peaks: list[int] = []
    for count in (2_000, 12_000):
        tracemalloc.start()
        try:
            measure(
                Unending(count),
                PricesHere(),
                source="here",
                fit_share=0,
                max_entries=100,
                resamples=100,
            )
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
