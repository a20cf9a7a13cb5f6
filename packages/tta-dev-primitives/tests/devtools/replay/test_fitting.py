"""Routers that are fitted to earlier requests."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tta_dev_primitives.devtools.replay.calibration import Setting, best_model, choose_setting
from tta_dev_primitives.devtools.replay.fit_sample import RouterNotFittedError, gather_sample
from tta_dev_primitives.devtools.replay.fitting import FittedRouter, fit_router
from tta_dev_primitives.devtools.replay.price_book import PriceBook
from tta_dev_primitives.devtools.traffic.request import TrafficRequest

from .traffic_here import BOTH_RIGHT, STRONG, WEAK, PricesHere, a_request, drawn_traffic


def _share_of_weak(router: FittedRouter, traffic: list[TrafficRequest], word: str) -> float:
    asked = [router.choose(one) == WEAK for one in traffic if word in one.text]
    return sum(asked) / len(asked)


@pytest.mark.parametrize("name_places", [True, False], ids=["by-place", "by-words"])
def test_it_learns_who_can_do_what(name_places: bool) -> None:
    """A router sends proofs to the model that fails at them."""
    traffic = drawn_traffic(800, seed=1, name_places=name_places)
    router = fit_router(traffic[:400], PricesHere())
    later = traffic[400:]
    assert _share_of_weak(router, later, "summarise") > 0.9
    assert _share_of_weak(router, later, "prove") < 0.3
    assert router.models == (WEAK, STRONG)


def test_digests_alone_are_routed_by_their_place() -> None:
    """A log without texts gets one model for all although its places differ."""
    traffic = [replace(one, text="") for one in drawn_traffic(800, seed=1)]
    router = fit_router(traffic[:400], PricesHere())
    assert router.kind == "table by place"
    assert {(one.place, router.choose(one)) for one in traffic[400:]} == {
        ("summarise", WEAK),
        ("prove", STRONG),
    }
    assert router.choose(replace(traffic[0], place="never seen")) in router.models


def test_the_same_requests_give_the_same_router() -> None:
    """A replay cannot be repeated."""
    traffic = drawn_traffic(500, seed=2, name_places=False)
    one, other = (fit_router(traffic, PricesHere(), seed=3) for _ in range(2))
    assert [one.choose_at_all(request) for request in traffic] == [
        other.choose_at_all(request) for request in traffic
    ]


def test_it_does_not_read_what_it_cannot_know() -> None:
    """A router peeks at the answer's score, or at tokens that are counted after the call."""
    traffic = drawn_traffic(600, seed=4)
    router = fit_router(traffic[:300], PricesHere())
    for request in traffic[300:]:
        blind = TrafficRequest(
            id="x",
            ts=request.ts,
            model=request.model,
            usage=a_request(0).usage,
            text=request.text,
            place=request.place,
        )
        assert router.choose(blind) == router.choose(request)


def test_it_is_calibrated_on_rows_it_did_not_learn_from() -> None:
    """Where words say nothing, a router that was scored on its own rows promises a gain."""
    lot = random.Random(6)
    traffic = [
        a_request(
            one,
            text=" ".join(f"word{lot.randrange(300)}" for _ in range(10)),
            scores={STRONG: 1.0, WEAK: float(lot.random() < 0.7)},
        )
        for one in range(800)
    ]
    router = fit_router(traffic, PricesHere(), quality=0.95, margin=0.0)
    # By lot, 5 of the 30 points that the weak model loses are 1/6 of its saving of 93%.
    assert router.expected.saving == pytest.approx(0.93 / 6, abs=0.08)


def test_words_are_told_apart_by_their_place_too() -> None:
    """A place called like a word is taken for the word."""
    from tta_dev_primitives.devtools.replay.word_model import HashedWords

    words = HashedWords()
    named = words.slots_of(a_request(0, place="proof"), 0)
    spoken = words.slots_of(a_request(0, text="proof"), 0)
    assert named != spoken


@pytest.mark.parametrize(
    ("traffic", "named"),
    [
        ([], "none has any"),
        ([a_request(one) for one in range(200)], "none has any"),
        ([a_request(one, scores={STRONG: 1.0}) for one in range(200)], "only 'strong-1'"),
        ([a_request(one, scores=BOTH_RIGHT) for one in range(99)], "99 earlier requests"),
        (
            [a_request(one, scores=BOTH_RIGHT, conversation="one") for one in range(200)],
            "one conversation",
        ),
        (
            [a_request(one, scores=BOTH_RIGHT, error="500") for one in range(200)],
            "none has any",
        ),
        ([a_request(one, scores={STRONG: 0.0, WEAK: 0.0}) for one in range(200)], "score nothing"),
    ],
    ids=["none", "unscored", "one-model", "few", "one-conversation", "all-failed", "all-wrong"],
)
def test_what_cannot_be_learned_from_is_named(traffic: list[TrafficRequest], named: str) -> None:
    """A router is fitted to nothing."""
    with pytest.raises(RouterNotFittedError, match=named):
        fit_router(traffic, PricesHere())


def test_without_text_and_places_one_model_is_chosen_for_all() -> None:
    """Traffic of digests alone ends in a traceback."""
    traffic = [a_request(one, scores=BOTH_RIGHT) for one in range(200)]
    router = fit_router(traffic, PricesHere())
    assert (router.kind, router.choose(traffic[0])) == ("one model for all", WEAK)


def test_the_sample_is_bounded_and_from_all_of_the_traffic() -> None:
    """Memory grows with the traffic, or only its first minute is learned from."""
    traffic = (a_request(one, scores=BOTH_RIGHT, text="word " * 10_000) for one in range(2_000))
    sample = gather_sample(traffic, PriceBook(PricesHere()), most_rows=200)
    places = [row.request.ts for row in sample.rows]
    assert len(places) == 200
    assert places == sorted(places)
    assert 800 < sum(places) / 200 < 1_200
    assert max(len(row.request.text) for row in sample.rows) == 4_000
    assert sample.rows[0].length == 50_000


def test_a_rare_model_is_no_candidate() -> None:
    """One answer of a third model leaves a single row to learn from."""
    traffic = [a_request(one, scores=BOTH_RIGHT) for one in range(200)]
    traffic.append(a_request(200, scores={**BOTH_RIGHT, "rare": 1.0}))
    assert gather_sample(traffic, PriceBook(PricesHere()), most_rows=500).models == (WEAK, STRONG)


@pytest.mark.parametrize(
    ("exchange", "model"), [(0.0, 1), (0.9, 1), (1.1, 0)], ids=["quality", "worth-it", "too-dear"]
)
def test_the_dearer_model_has_to_be_worth_its_price(exchange: float, model: int) -> None:
    """Gain per dollar is turned around."""
    assert best_model(([0.5, 0.7], [0.1, 0.3]), exchange) == model


def test_the_setting_that_saves_most_at_the_aim_is_chosen() -> None:
    """Quality is given away for nothing, or saving for more quality than was asked."""
    settings = [Setting(0, 1.0, 0.0), Setting(1, 0.97, 0.4), Setting(2, 0.9, 0.8)]
    assert choose_setting(settings, 0.97).exchange == 1
    assert choose_setting(settings, 1.1).exchange == 0


@pytest.mark.parametrize(
    ("quality", "aim"),
    [(0.9, 0.92), (0.95, 0.97), (0.98, 0.99), (1.0, 1.0), (1.2, 1.2)],
    ids=["lower", "as-usual", "near-all", "all", "better"],
)
def test_the_aim_is_one_that_can_be_reached(quality: float, aim: float) -> None:
    """Whoever wants to keep 99% gets a router aimed at 101%, which asks the dear model for all."""
    traffic = drawn_traffic(400, seed=1)
    assert fit_router(traffic, PricesHere(), quality=quality).aim == pytest.approx(aim)
