from __future__ import annotations

import pytest

from tta_dev_primitives.devtools.cost_advice.advising import advise
from tta_dev_primitives.devtools.cost_advice.paired_scores import PairedScores

from .traffic_here import ListedPrices, lever, request, told, unjudged


def scored(good: int, all_of_them: int, place: str = "0.ask", other: str = "small"):
    """Requests that `large` answers well, and another model on the first *good* ones."""
    return [
        request(n, ts=n, place=place, scores={"large": 1.0, other: float(n < good)})
        for n in range(all_of_them)
    ]


def test_cheaper_model_that_is_as_good_saves_the_difference() -> None:
    """A model at a tenth of the price answers all, and nobody is told."""
    found = lever(told(scored(200, 200)), "cheaper model")
    assert found.dollars == pytest.approx(200 * 1.8)
    assert found.largest[0].name == "0.ask, small for large"
    assert found.largest[0].count == 200
    assert found.code.endswith('OpenAIPrimitive("small")')
    # Wilson: the lower bound of 200 of 200 is 1 / (1 + 1.96**2 / 200).
    assert "200 of 200 (100.0%), at least 98.1% at 95% confidence" in found.evidence[1]


def test_only_places_where_it_is_as_good_are_switched() -> None:
    """The cheap model is advised everywhere because it is good somewhere."""
    found = lever(told(scored(200, 200, "a") + scored(100, 200, "b")), "cheaper model")
    assert found.dollars == pytest.approx(200 * 1.8)
    assert [part.name for part in found.largest] == ["a, small for large"]
    assert found.evidence[2].startswith("1 of 2 comparisons with 30 requests or more")


@pytest.mark.parametrize(
    ("good", "all_of_them", "advised"),
    [(29, 29, False), (40, 40, False), (100, 100, True), (190, 200, False), (980, 1_000, True)],
    ids=["too-few", "no-failure-seen-yet", "enough", "at-target", "above-target"],
)
def test_lower_bound_decides(good: int, all_of_them: int, advised: bool) -> None:
    """Luck on a few requests is taken for quality."""
    found = lever(told(scored(good, all_of_them)), "cheaper model")
    assert (found.dollars > 0) is advised


def test_dearer_model_is_never_advised() -> None:
    """The advice is to take a model that costs more."""
    traffic = [
        request(n, ts=n, model="small", scores={"large": 1.0, "small": 1.0}) for n in range(100)
    ]
    found = lever(told(traffic), "cheaper model")
    assert (found.dollars, found.evidence[1]) == (0, "no other model with scores is cheaper")


def test_cheapest_of_several_good_models_is_taken_once() -> None:
    """Two good models at one place save the same dollars twice."""
    traffic = [
        request(n, ts=n, scores={"large": 1.0, "small": 1.0, "free": 1.0}) for n in range(100)
    ]
    found = lever(told(traffic), "cheaper model")
    assert found.dollars == pytest.approx(200.0)
    assert found.largest[0].name == "0.ask, free for large"


def test_unscored_requests_are_neither_judged_nor_counted() -> None:
    """Scores of a tenth of the traffic are taken for all of it."""
    found = lever(told(scored(100, 100) + [request(n) for n in range(900)]), "cheaper model")
    assert found.dollars == pytest.approx(180.0)
    assert found.share == pytest.approx(180 / 2_000)
    assert "100 of 1,000 (10.0%) have scores" in found.evidence[0]


def test_tokens_taken_from_the_other_model_make_it_an_estimate() -> None:
    """The cheap model's tokens are not known, and the saving is called measured."""
    assert lever(told(scored(100, 100)), "cheaper model").confidence == "estimate"


def test_model_without_a_price_is_named_and_left_out() -> None:
    """A model that nobody can price is taken for free."""
    reason = unjudged(told(scored(100, 100, other="unheard-of")), "cheaper model").reason
    assert reason == "1 model without a price left out: unheard-of"


def test_no_scores_cannot_be_judged() -> None:
    """Nobody scored anything, and the advice is to switch."""
    assert "no answered request has scores" in unjudged(told([request()]), "cheaper model").reason


def test_other_provider_may_serve_the_cheaper_model() -> None:
    """A model is unpriced because another provider's name came with the request."""

    class ByProvider(ListedPrices):
        def cost(self, model, provider, usage, at):
            known = provider == "theirs" if model == "large" else provider is None
            return super().cost(model, provider, usage, at) if known else None

    traffic = [
        request(n, ts=n, provider="theirs", scores={"large": 1.0, "small": 1.0}) for n in range(100)
    ]
    found = lever(advise(traffic, ByProvider()), "cheaper model")
    assert found.dollars == pytest.approx(180.0)


def test_scores_of_nothing_right_prove_nothing() -> None:
    """Where both models are always wrong the cheap one keeps all the quality."""
    pair = PairedScores()
    for _ in range(1_000):
        pair.add(0.0, 0.0, 0.95)
    assert not pair.keeps(0.95)
