"""Arms over requests: what each costs, and what no arm may know."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives.devtools.replay.measurement import Measurement
from tta_dev_primitives.devtools.replay.measuring import measure
from tta_dev_primitives.devtools.replay.price_book import PriceBook
from tta_dev_primitives.devtools.replay.router import Router
from tta_dev_primitives.devtools.replay.serving import Serving
from tta_dev_primitives.devtools.traffic.request import TrafficRequest

from .traffic_here import BOTH_RIGHT, STRONG, WEAK, PricesHere, a_request, repeated


class AsAsked:
    """A router that changes nothing."""

    def choose(self, request: TrafficRequest) -> str:
        return request.model


class ByLength:
    """Sends few tokens to the weak model."""

    def choose(self, request: TrafficRequest) -> str:
        return WEAK if request.usage.input < 200 else STRONG


@st.composite
def traffics(draw: st.DrawFn, most: int = 25) -> list[TrafficRequest]:
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 9),  # seconds
                st.sampled_from(["a", "b", "c", None]),
                st.sampled_from([STRONG, WEAK]),
                st.sampled_from(["", "tenant-2"]),
                st.integers(1, 1_000),
                st.sampled_from([None, None, None, "429"]),
                st.sampled_from([0.0, 0.5, 1.0]),
                st.sampled_from([None, "talk-1", "talk-2"]),
            ),
            max_size=most,
        )
    )
    return [
        a_request(
            number,
            ts=float(ts),
            key=key,
            model=model,
            tenant=tenant,
            tokens=tokens,
            error=error,
            scores={STRONG: 1.0, WEAK: score},
            conversation=talk,
        )
        for number, (ts, key, model, tenant, tokens, error, score, talk) in enumerate(rows)
    ]


def _measured(traffic: Sequence[TrafficRequest], router: Router | None = None) -> Measurement:
    return measure(
        list(traffic),
        PricesHere(),
        source="here",
        router=router,
        fit_share=0,
        ttl_seconds=4.0,
        resamples=100,
    )


def _running_costs(traffic: Sequence[TrafficRequest]) -> list[list[float]]:
    serving = Serving(
        PriceBook(PricesHere()),
        [("cache", None), ("cache and router", ByLength())],
        max_entries=2,
        ttl_seconds=4.0,
    )
    costs: list[list[float]] = []
    for request in sorted(traffic, key=lambda one: (one.ts, one.id)):
        serving.serve(request)
        costs.append([serving.as_is.cost, *(lane.cost for lane, _ in serving.lanes)])
    return costs


@given(traffics(), traffics(), traffics())
def test_later_requests_change_nothing(
    first: list[TrafficRequest], then: list[TrafficRequest], else_: list[TrafficRequest]
) -> None:
    """An arm looked ahead: what came later changed what was paid before."""
    later = [[_moved(one, number) for number, one in enumerate(rest)] for rest in (then, else_)]
    one, other = (_running_costs([*first, *rest])[: len(first)] for rest in later)
    assert one == other


def _moved(request: TrafficRequest, number: int) -> TrafficRequest:
    return a_request(
        1_000 + number,
        ts=request.ts + 100,
        model=request.model,
        tokens=request.usage.input,
        key=None if request.key is None else request.key.decode(),
    )


@given(traffics(), st.randoms(use_true_random=False))
def test_the_order_of_equal_timestamps_does_not_matter(
    traffic: list[TrafficRequest], lot: object
) -> None:
    """Two files with the same requests give two verdicts."""
    shuffled = list(traffic)
    lot.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _measured(shuffled, ByLength()) == _measured(traffic, ByLength())


@given(traffics())
def test_an_arm_that_does_nothing_saves_exactly_nothing(traffic: list[TrafficRequest]) -> None:
    """Rounding shows up as a saving."""
    unrepeated = [
        a_request(number, tokens=one.usage.input, model=one.model)
        for number, one in enumerate(traffic)
    ]
    found = _measured(unrepeated, AsAsked())
    for arm in found.arms[1:]:
        if arm.saving is not None:
            assert (arm.saving.low, arm.saving.value, arm.saving.high) == (0, 0, 0)
            assert arm.quality is not None
            assert (arm.quality.low, arm.quality.high) == (1, 1)


@given(traffics(), st.integers(1, 4))
def test_costs_add_up_over_any_partition(traffic: list[TrafficRequest], parts: int) -> None:
    """The cost of the whole is not that of its parts."""
    keyless = [
        a_request(number, tokens=one.usage.input, model=one.model, error=one.error)
        for number, one in enumerate(traffic)
    ]
    whole = [arm.cost for arm in _measured(keyless, ByLength()).arms]
    pieces = [_measured(keyless[part::parts], ByLength()).arms for part in range(parts)]
    for index, cost in enumerate(whole):
        assert math.isclose(math.fsum(piece[index].cost for piece in pieces), cost, rel_tol=1e-12)


def _slow_costs(traffic: Sequence[TrafficRequest], ttl: float) -> list[Fraction]:
    """Reckon the three arms anew, request by request, with all that came before in view."""
    ordered = sorted(traffic, key=lambda one: (one.ts, one.id))
    asked: list[int] = []
    for place, request in enumerate(ordered):
        before = [
            ordered[other]
            for other in asked
            if request.key is not None
            and ordered[other].key == request.key
            and ordered[other].tenant == request.tenant
            and ordered[other].model == request.model
            and ordered[other].error is None
            and request.ts - ordered[other].ts < ttl
        ]
        if not before:
            asked.append(place)
    rates = {STRONG: Fraction(10), WEAK: Fraction(7, 10)}

    def price(request: TrafficRequest, model: str) -> Fraction:
        return (request.usage.input + 2 * request.usage.output) * rates[model] / 1_000_000

    missed = [ordered[place] for place in asked]
    return [
        sum((price(one, one.model) for one in ordered), Fraction(0)),
        sum((price(one, one.model) for one in missed), Fraction(0)),
        sum((price(one, ByLength().choose(one)) for one in missed), Fraction(0)),
    ]


@settings(max_examples=200)
@given(traffics())
def test_arms_cost_what_a_slow_reckoning_says(traffic: list[TrafficRequest]) -> None:
    """An arm's cost is not what is paid for the requests that it sends."""
    found = [arm.cost for arm in _measured(traffic, ByLength()).arms]
    for arm, slow in zip(found, _slow_costs(traffic, 4.0), strict=True):
        assert math.isclose(arm, slow, rel_tol=1e-12, abs_tol=1e-15)


def test_a_failed_answer_is_paid_for_and_not_kept() -> None:
    """A retry of a failed call is counted as a hit, and its waste disappears."""
    traffic = [a_request(0, key="q", error="429"), a_request(1, key="q"), a_request(2, key="q")]
    found = _measured(traffic)
    assert (found.arms[0].calls, found.arms[1].calls, found.arms[1].hits) == (3, 2, 1)


def test_answers_are_not_shared_between_tenants_models_or_unknown_keys() -> None:
    """One tenant is given what another one asked for."""
    traffic = [
        a_request(0, key="q"),
        a_request(1, key="q", tenant="other"),
        a_request(2, key="q", model=WEAK),
        a_request(3),
        a_request(4),
    ]
    assert _measured(traffic).arms[1].hits == 0


def test_a_hit_scores_as_the_answer_that_was_kept() -> None:
    """A repeat that the cache answers badly is scored as if it had been answered afresh."""
    traffic = [
        a_request(0, key="q", scores={STRONG: 0.0}),
        a_request(1, key="q", scores={STRONG: 1.0}),
        *(a_request(number, scores={STRONG: 1.0}) for number in range(2, 10)),
    ]
    cache = _measured(traffic).arms[1]
    assert cache.quality is not None
    assert cache.wrong_hits is not None
    assert (cache.quality.value, cache.wrong_hits.value) == (8 / 9, 1.0)


def test_the_key_is_of_the_request_as_it_was_asked() -> None:
    """A router that changes its mind makes a repeat a miss."""

    class InTurn:
        def __init__(self) -> None:
            self.asked = 0

        def choose(self, request: TrafficRequest) -> str:
            self.asked += 1
            return (STRONG, WEAK)[self.asked % 2]

    router = InTurn()
    found = _measured(repeated(3, 1, scores=BOTH_RIGHT), router)
    assert (router.asked, found.arms[2].hits) == (1, 2)
