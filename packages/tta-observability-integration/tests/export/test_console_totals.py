"""The sums of a trace: what was spent, and what of it was for nothing."""

from __future__ import annotations

import pytest

from observability_integration.terminal.text import Style
from observability_integration.terminal.totals import totals_lines, totals_of
from observability_integration.terminal.tree_span import TreeSpan

from .tree_spans import CHAT, llm, paid, placed, span

SPENT_FOR_NOTHING = (
    "1.00 ms · 1 model call · 10 in, 5 out · $0.500000 spent · $0.500000 of it wasted"
)


@pytest.mark.parametrize(
    ("spans", "spent", "wasted", "calls", "unpriced"),
    [
        ([span(1), llm(2, 1, 0.5)], 0.5, 0, 1, 0),
        ([span(1), llm(2, 1, 0.5, **{"tta.outcome": "error"}), llm(3, 1, 0.25)], 0.75, 0.5, 2, 0),
        ([span(1), span(2, 1, failed=True), llm(3, 2, 0.5), llm(4, 1, 0.25)], 0.75, 0.5, 2, 0),
        ([span(1, failed=True), span(2, 1, failed=True), llm(3, 2, 0.5)], 0.5, 0.5, 1, 0),
        ([llm(1, 0, 0.5), llm(2, 1, 0.5)], 0.5, 0, 1, 0),
        ([llm(1, 0, None)], 0, 0, 1, 1),
        ([span(1, attributes=CHAT, failed=True)], 0, 0, 1, 0),
        ([span(1, attributes={"tta.hedge.wasted_cost": 0.5}), llm(2, 1, 0.5), llm(3, 1, 0.5)],
         1.0, 0.5, 2, 0),
        ([span(9, failed=True), span(1, 9, attributes={"tta.hedge.wasted_cost": 0.5}),
          llm(2, 1, 0.5), llm(3, 1, 0.5), llm(4, 0, 2.0)], 3.0, 1.0, 3, 0),
        ([llm(1, 0, 0.5, **{"gen_ai.usage.cost.currency": "EUR"})], 0, 0, 1, 1),
        ([span(1, attributes={"gen_ai.usage.cost.amount": 7.0})], 0, 0, 0, 0),
    ],
    ids=["fine", "failed-attempt", "below-a-failure", "wasted-once", "told-twice", "unpriced",
         "failed-call", "hedge", "hedge-in-failure", "euros", "no-call"],
)  # fmt: skip
def test_money_is_counted_once(
    spans: list[TreeSpan], spent: float, wasted: float, calls: int, unpriced: int
) -> None:
    found = totals_of(spans)
    assert (found.spent, found.wasted) == (spent, wasted)
    assert (found.model_calls, found.unpriced_calls) == (calls, unpriced)


ATTEMPT, USED, WINNER = "tta.retry.attempt", "tta.fallback.used", "tta.hedge.winner"


@pytest.mark.parametrize(
    ("spans", "wasted"),
    [
        ([placed(1, "0", told={"tta.retry.attempts": 3}), paid(2, "0/0", told={ATTEMPT: 1}),
          paid(3, "0/0", told={ATTEMPT: 2}), paid(4, "0/0", told={ATTEMPT: 3})], [2, 3]),
        ([placed(1, "0", told={"tta.retry.attempts": 2}), paid(2, "0/0/0", told={ATTEMPT: 1}),
          paid(3, "0/0/0", told={ATTEMPT: 2})], []),
        ([placed(1, "0", told={USED: "b"}), paid(2, "0/0"), paid(3, "0/1.b", "b")], [2]),
        ([placed(1, "0", told={USED: "c"}), paid(2, "0/0"), paid(3, "0/1.b", "b"),
          paid(4, "0/2.c", "c")], [2, 3]),
        ([placed(1, "0", told={USED: "a"}), paid(2, "0/0"), paid(3, "0/0")], [2]),
        ([placed(1, "0", told={USED: "b"}), paid(2, "0/0"), llm(3, 1, 0.125),
          paid(4, "0/1.b", "b"), llm(5, 1, 0.0625)], [2, 3]),
        ([placed(1, "0", told={USED: "b"}), paid(2, "0/0"), paid(3, "0/1.x/0.b", "b")], []),
        ([placed(1, "0", told={WINNER: 1}), paid(2, "0/0"), paid(3, "0/0"),
          paid(4, "0/0")], [2, 4]),
        ([placed(1, "0", told={WINNER: 0, "tta.hedge.wasted_cost": 0.125}), paid(2, "0/0"),
          paid(3, "0/0")], [3]),
        ([placed(1, "0", told={WINNER: 0, "tta.hedge.wasted_cost": 0.0625}), paid(2, "0/0/0"),
          paid(3, "0/0/1")], [4]),
        ([placed(1, "0", told={WINNER: 1}), paid(2, "0/0")], []),
    ],
    ids=["retry", "attempts-of-a-hidden-retry", "fallback", "second-alternative", "same-again",
         "judged-by-a-model", "hidden-alternative", "hedge", "hedge-told-twice", "hidden-calls",
         "winner-is-missing"],
)  # fmt: skip
def test_what_a_call_went_on_without_is_wasted(spans: list[TreeSpan], wasted: list[int]) -> None:
    """An answer that was not wanted was paid for, and the line below the tree is silent."""
    told = totals_of(list(reversed(spans)))  # as they end
    assert told.wasted == sum(2.0**-number for number in wasted)


def test_what_others_share_is_not_lost_with_one_of_them() -> None:
    """The caller who asked first left, the others got the answer, and it is told as wasted."""
    left = placed(1, "0", told={"tta.outcome": "cancelled"})
    told = {"tta.primitive.path": "0/0", "gen_ai.usage.cost.amount": 0.5} | CHAT
    shared = TreeSpan("a", 2, 1, 2, left.end_ns + 1, failed=False, attributes=told)
    assert totals_of([left, shared]).wasted == 0
    in_time = TreeSpan("a", 2, 1, 2, left.end_ns, failed=False, attributes=told)
    assert totals_of([left, in_time]).wasted == 0.5


@pytest.mark.parametrize(
    ("spans", "told"),
    [
        ([span(1)], "1.00 ms"),
        ([llm(1, 0, 0.5)], "1.00 ms · 1 model call · 10 in, 5 out · $0.500000 spent"),
        ([llm(1, 0, None)], "1.00 ms · 1 model call · 10 in, 5 out · 1 call unpriced"),
        ([span(1, attributes=CHAT)], "1.00 ms · 1 model call"),
        ([llm(1, 0, 0.5, **{"tta.outcome": "error", "tta.cache.saved.cost": 2.0})],
         SPENT_FOR_NOTHING + " · $2.000000 saved"),
    ],
    ids=["nothing", "paid", "unpriced", "not-answered", "wasted-and-saved"],
)  # fmt: skip
def test_the_sums_are_one_line(spans: list[TreeSpan], told: str) -> None:
    """An unknown price is never shown as nothing."""
    assert totals_lines(totals_of(spans), Style()) == [told]


def test_sums_that_do_not_fit_go_on_below() -> None:
    """The call that nobody can price stood in the part that was cut off."""
    totals = totals_of([llm(1, 0, 0.5), llm(2, 0, None)])
    assert totals_lines(totals, Style(width=50), "before  ") == [
        "before  1.00 ms · 2 model calls · 20 in, 10 out",
        "        $0.500000 spent · 1 call unpriced",
    ]
