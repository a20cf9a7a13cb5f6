"""Who is to blame for wasted money: what the metrics of retries are made of."""

from __future__ import annotations

import pytest

from observability_integration.cost.account import Account
from observability_integration.cost.book import CostBook, Source


@pytest.fixture
def book() -> CostBook:
    return CostBook()


def paid(book: CostBook, dollars: float) -> Account:
    """The account of a call of a model, still open."""
    account = Account(book)
    account.paid(book.source("m", "0.m"), dollars)
    return account


def test_a_retry_is_to_blame_for_the_attempt_it_gave_up(book: CostBook) -> None:
    """The wasted cost of a retry is none, because the failed call below it was counted first."""
    retry = Account(book)
    paid(book, 2.0).end(retry, failed=True)
    assert retry.drop() == 2.0
    assert retry.drop() == 0.0
    assert book.report().wasted == 2.0


def test_a_retry_is_to_blame_for_an_answer_it_did_not_want(book: CostBook) -> None:
    """An attempt that answered, but not what was wanted, costs nobody anything."""
    retry = Account(book)
    paid(book, 2.0).end(retry, failed=False)
    assert book.report().wasted == 0.0
    assert retry.drop() == 2.0
    assert retry.drop() == 0.0
    assert book.report().wasted == 2.0


def test_the_inner_of_two_retries_is_to_blame(book: CostBook) -> None:
    """Both retries tell the same dollar, and their sum is more than was spent."""
    outer, inner = Account(book), Account(book)
    paid(book, 2.0).end(inner, failed=True)
    assert inner.drop() == 2.0
    paid(book, 3.0).end(inner, failed=True)
    assert inner.drop_lost() == 3.0  # it gives up
    inner.end(outer, failed=True)
    assert outer.drop() == 0.0
    assert book.report().wasted == 5.0


def test_a_retry_that_gives_up_keeps_the_last_answer(book: CostBook) -> None:
    """The answer that is returned for want of a better one is told as wasted."""
    retry = Account(book)
    paid(book, 2.0).end(retry, failed=False)
    assert retry.drop_lost() == 0.0
    retry.end(None, failed=False)
    assert book.report().wasted == 0.0


def test_the_retry_around_a_failed_fallback_is_to_blame_for_the_rest(book: CostBook) -> None:
    """What the last alternative cost is blamed on nobody, or what the first did, on two."""
    retry, fallback = Account(book), Account(book)
    paid(book, 2.0).end(fallback, failed=True)
    assert fallback.drop() == 2.0
    paid(book, 3.0).end(fallback, failed=True)
    fallback.end(retry, failed=True)
    assert retry.drop() == 3.0


def test_a_hedge_is_to_blame_for_those_that_lost(book: CostBook) -> None:
    """A loser that ends after the race is not counted, or the winner is."""
    hedge = Account(book)
    hedge.race()
    first, second, third = (paid(book, dollars) for dollars in (1.0, 2.0, 4.0))
    assert hedge.branches is not None
    hedge.branches += [first, second, third]
    first.end(hedge, failed=True)
    second.end(hedge, failed=False)
    assert hedge.decided(1) == 5.0
    third.paid(book.source("m", "0.m"), 8.0)
    third.end(hedge, failed=False)
    hedge.end(None, failed=False)
    assert book.report().wasted == 13.0
    assert hedge.open == {Source("m", "0.m"): 2.0}


def test_a_winner_that_goes_on_is_counted_once(book: CostBook) -> None:
    """What a stream had spent when it won is handed up twice: then, and when it ends."""
    hedge = Account(book)
    hedge.race()
    winner = paid(book, 1.0)
    assert hedge.branches is not None
    hedge.branches.append(winner)
    assert hedge.decided(0) == 0.0
    winner.paid(book.source("m", "0.m"), 2.0)
    winner.end(hedge, failed=False)
    assert hedge.drop() == 3.0


def test_a_race_that_nobody_won_is_blamed_on_whoever_goes_on(book: CostBook) -> None:
    """A hedge whose calls all failed takes the blame from the retry around it."""
    retry, hedge = Account(book), Account(book)
    hedge.race()
    first, second = paid(book, 1.0), paid(book, 2.0)
    assert hedge.branches is not None
    hedge.branches += [first, second]
    first.end(hedge, failed=True)
    second.end(hedge, failed=True)
    assert hedge.decided(None) == 0.0
    hedge.end(retry, failed=True)
    assert retry.drop() == 3.0
    assert book.report().wasted == 3.0


def test_a_race_that_was_not_needed_is_a_call_like_others(book: CostBook) -> None:
    """What the only call of a hedge spent is lost on its way up."""
    above, hedge = Account(book), Account(book)
    hedge.race()
    only = paid(book, 1.0)
    assert hedge.branches is not None
    hedge.branches.append(only)
    only.end(hedge, failed=False)
    hedge.end(above, failed=False)
    above.end(None, failed=True)
    assert book.report().wasted == 1.0


def test_what_comes_after_the_end_of_a_call_is_spent_and_not_wasted(book: CostBook) -> None:
    """The answer to a call that goes on for others is wasted with the caller who left."""
    above, leader = Account(book), Account(book)
    leader.end(above, failed=True)
    paid(book, 1.0).end(leader, failed=False)
    above.end(None, failed=True)
    told = book.report()
    assert (told.spent, told.wasted) == (1.0, 0.0)
