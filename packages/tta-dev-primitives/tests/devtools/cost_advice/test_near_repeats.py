from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.cost_advice.advice import Lever
from tta_dev_primitives.devtools.cost_advice.lever_search import Spending
from tta_dev_primitives.devtools.cost_advice.near_repeats import NearRepeats
from tta_dev_primitives.devtools.cost_advice.shingles import lot_of, shingles_of, words_of
from tta_dev_primitives.devtools.traffic.request import TrafficRequest

from .traffic_here import lever, request, told, unjudged

TOPICS = (
    "the refund of a voucher bought abroad",
    "changing an address after the parcel left",
    "which sizes of winter boots are in stock",
    "why does my invoice name another company",
    "how to return glasses that broke on the way",
    "open hours of shops around christmas eve",
    "login fails since yesterday on every phone",
    "gift wrapping for orders with many parcels",
    "do batteries come together with the torch",
    "is there any warranty on used bicycles",
)


def asking(*texts: str, before: str = "", **others) -> list[TrafficRequest]:
    """The topics, so that there is something to tell a template from, then *texts*."""
    return [
        request(n, ts=n, text=before + text, **others) for n, text in enumerate((*TOPICS, *texts))
    ]


def found_in(traffic: list[TrafficRequest], **settings: float) -> float:
    return lever(told(traffic, **settings), "near repeats").dollars


def test_nearly_the_same_words_are_a_candidate() -> None:
    """A question with one word more is not seen as a repeat."""
    traffic = asking("Is there any warranty on used bicycles, please?")
    found = lever(told(traffic), "near repeats")
    assert found.dollars == pytest.approx(2.0)
    assert found.confidence == "upper bound"
    assert found.evidence[0].startswith("1 of 11 (9.1%) texts share 70.0% of their words")
    assert found.largest[0].name == TOPICS[-1]
    assert "nobody verified" in found.assumption


@pytest.mark.parametrize(
    "text",
    [
        "is there any warranty on used bicycles from 2024",
        "is there no stock of used boots",
        "open the gift of a shop",
        TOPICS[-1],
    ],
    ids=["number", "other-meaning", "few-words-shared", "wholly-the-same"],
)
def test_what_asks_for_something_else_is_none(text: str) -> None:
    """Other numbers, other questions and exact repeats are taken for near repeats."""
    assert found_in(asking(text)) == 0


def test_symbols_tell_texts_apart() -> None:
    """C++ and C# are the same word."""
    long_text = "which compiler of {} is the best one for small programs on old machines"
    assert found_in(asking(long_text.format("C++"), long_text.format("C#"))) == 0
    assert found_in(asking(long_text.format("C++"), long_text.format("C++") + " now")) > 0


def test_long_instructions_do_not_make_questions_alike() -> None:
    """Different questions under the same long instructions are said to repeat."""
    instructions = " ".join(f"rule{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(60)) + " "
    assert found_in(asking(before=instructions)) == 0
    assert found_in(asking(TOPICS[0] + " please", before=instructions)) == pytest.approx(2.0)


@pytest.mark.parametrize(
    "changed",
    [{"tenant": "b"}, {"model": "small"}, {"ts": 3_610.0}, {"error": "boom"}],
    ids=["tenant", "model", "too-late", "failed"],
)
def test_candidates_are_of_one_tenant_and_model_within_the_ttl(changed: dict[str, Any]) -> None:
    """An answer that a cache could not give is counted."""
    again: dict[str, Any] = {"ts": 20.0, "text": TOPICS[-1] + " please"}
    assert found_in([*asking(), request(99, **again)]) > 0
    assert found_in([*asking(), request(99, **{**again, **changed})]) == 0


def test_few_texts_cannot_be_judged() -> None:
    """Two texts with the same template are said to repeat."""
    traffic = asking()[:7]
    assert "only 7 different texts, fewer than 8" in unjudged(told(traffic), "near repeats").reason


def test_no_text_cannot_be_judged() -> None:
    """Texts that nobody recorded are said to differ."""
    assert "no request has its text" in unjudged(told([request()]), "near repeats").reason


def test_every_text_failed_cannot_be_judged() -> None:
    """Failed calls are said to be alike, or all different."""
    traffic = [request(text="Where is it?", error="boom")]
    assert unjudged(told(traffic), "near repeats").reason == "every request with a text failed"


def test_large_traffic_is_drawn_and_the_figure_stays_near() -> None:
    """After the first texts hardly anything is looked at, and the saving shrinks with it."""
    drawing = random.Random(7)
    words = [f"word{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(600)]
    traffic: list[TrafficRequest] = []
    for n in range(0, 4_000, 2):
        text = " ".join(drawing.sample(words, 12))
        traffic += [request(n, text=text), request(n + 1, text=text + " please")]
    results: list[Lever] = []
    for looked_at in (1_000_000, 300):
        search = NearRepeats(3_600.0, looked_at=looked_at)
        for each in traffic:
            search.add(each, 2.0)
        result = search.result(Spending(4_000, 8_000.0))
        assert isinstance(result, Lever)
        results.append(result)
    whole, drawn = results
    assert whole.dollars == pytest.approx(4_000, rel=0.02)
    assert drawn.dollars == pytest.approx(whole.dollars, rel=0.25)
    assert "texts were drawn and looked at" in drawn.evidence[2]


def test_memory_is_bounded_however_many_texts_differ() -> None:
    """Every text that was ever asked is kept."""
    search = NearRepeats(1e9)
    for n in range(6_000):
        search.add(request(n, ts=n, text=f"about order {n} and nothing else, kindly told"), 2.0)
    search.result(Spending(6_000, 12_000.0))
    assert len(search._entries) == 5_000
    assert len(search._slots) <= 4 * 5_000


@given(st.text(), st.text())
def test_likeness_is_symmetric_and_between_0_and_1(first: str, second: str) -> None:
    """Which of two texts came first decides whether they are alike."""
    one, other = (shingles_of(words_of(text), ()) for text in (first, second))
    assert one.likeness(other) == other.likeness(one)
    assert 0 <= one.likeness(other) <= 1
    assert one.likeness(one) == (1 if one.numbers else 0)


def test_texts_are_drawn_by_their_words_alone() -> None:
    """Two texts with the same words are not drawn together."""
    assert lot_of(words_of("Where is it?")) == lot_of(words_of("it is where"))
    assert lot_of([]) == lot_of(())


def test_half_a_surrogate_pair_is_a_word_as_well() -> None:
    """A text that cannot be encoded stops the report."""
    assert words_of("a \ud800 b") == ["a", "b"]
