from __future__ import annotations

import pytest

from .traffic_here import lever, request, told, unjudged


def test_only_what_is_above_the_95th_percentile_is_saved() -> None:
    """The limit that is advised is not the one whose saving is told."""
    # 95 answers of 50 tokens and 5 of 250: 200 tokens of each of the five are above.
    traffic = [request(n, ts=n, tokens=(100, 50 if n >= 5 else 250)) for n in range(100)]
    found = lever(told(traffic), "shorter outputs")
    assert found.dollars == pytest.approx(5 * 200 * 0.02)
    assert found.largest[0].name == "0.ask, large: max_tokens=50"
    assert found.code.endswith('OpenAIPrimitive("large", max_tokens=50)')
    assert "5 of 100 (5.0%) answers" in found.evidence[0]
    assert "cut off" in found.assumption


def test_places_have_limits_of_their_own() -> None:
    """A place with long answers is cut at the length of another with short ones."""
    traffic = [request(n, ts=n, tokens=(10, 50), place="short") for n in range(100)]
    traffic += [request(n, ts=n, tokens=(10, 900), place="long") for n in range(100)]
    assert lever(told(traffic), "shorter outputs").dollars == 0


def test_limit_is_rounded_up_so_that_nothing_below_it_is_cut() -> None:
    """Rounding cuts answers that are no longer than the percentile."""
    traffic = [request(n, ts=n, tokens=(10, 1_234)) for n in range(96)]
    traffic += [request(n, ts=n, tokens=(10, 5_000)) for n in range(4)]
    found = lever(told(traffic), "shorter outputs")
    assert found.largest[0].name.endswith("max_tokens=1300")
    assert found.dollars == pytest.approx(4 * 3_700 * 0.02)


def test_few_answers_have_no_percentile() -> None:
    """Ninety-nine answers are taken for a distribution."""
    traffic = [request(n, ts=n) for n in range(99)]
    assert "no place and model has 100 answers" in unjudged(told(traffic), "shorter outputs").reason


def test_failed_calls_are_no_answers() -> None:
    """What failed is counted among the answers, and lowers the percentile."""
    traffic = [request(n, ts=n, error="boom") for n in range(100)]
    assert unjudged(told(traffic), "shorter outputs")


def test_answers_at_small_places_are_told() -> None:
    """A third of the answers was not looked at, and nobody says so."""
    traffic = [request(n, ts=n) for n in range(100)] + [request(n, place="b") for n in range(50)]
    assert (
        "50 answers at places with fewer than 100 not judged"
        in (lever(told(traffic), "shorter outputs").evidence[2])
    )
