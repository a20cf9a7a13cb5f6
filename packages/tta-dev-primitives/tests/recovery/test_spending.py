from __future__ import annotations

import datetime
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.recovery.spending.ledger import Ledger, Shared, window


def moment(*parts: int) -> float:
    return datetime.datetime(*parts, tzinfo=datetime.UTC).timestamp()


@pytest.mark.parametrize(
    ("per", "now", "start", "end"),
    [
        ("hour", moment(2024, 2, 29, 23, 59), moment(2024, 2, 29, 23), moment(2024, 3, 1)),
        ("day", moment(2024, 2, 29), moment(2024, 2, 29), moment(2024, 3, 1)),
        ("month", moment(2024, 2, 29, 23), moment(2024, 2, 1), moment(2024, 3, 1)),
        ("month", moment(2023, 2, 1), moment(2023, 2, 1), moment(2023, 3, 1)),
        ("month", moment(2023, 12, 31, 23, 59), moment(2023, 12, 1), moment(2024, 1, 1)),
        (90, 1000, 990, 1080),
        (2.5, 5, 5, 7.5),
        (None, 0, -math.inf, math.inf),
    ],
    ids=["hour", "leap-day", "leap-month", "short-month", "december", "int", "float", "for-ever"],
)
def test_window_is_the_period_of_the_moment(per: Any, now: float, start: float, end: float) -> None:
    assert window(per, now) == (start, end)


@given(
    st.sampled_from(["hour", "day", "month"]) | st.floats(1, 1e8) | st.integers(1, 10**8),
    st.floats(0, 1e10),
)
def test_every_moment_lies_in_its_window_and_the_next_one_follows_at_once(
    per: Any, now: float
) -> None:
    start, end = window(per, now)
    assert start <= now < end
    assert window(per, end)[0] == end


def test_answers_that_wait_unseen_never_let_a_call_in_when_nothing_is_left() -> None:
    """However often the books are read in between, exactly ten calls of 10 fit into 100."""
    ledger = Ledger(100, None, 10, reserves=False)
    account = ledger.account("a", 0)
    let_in = 0
    for turn in range(50):
        if len(account.arrived) < account.room or ledger.reserve(account, 0, False):
            ledger.settle(account, 0, 10)
            let_in += 1
        if turn % 3 == 0:
            ledger.balance(account, 1)
    assert let_in == 10
    assert ledger.committed(account) == (100, 0)


def test_amounts_that_wait_are_added_up_before_they_are_many() -> None:
    ledger = Ledger(10**9, None, 10, reserves=False)
    account = ledger.account("a", 0)
    longest = 0
    for _ in range(5000):
        assert len(account.arrived) < account.room or ledger.reserve(account, 0, False)
        ledger.settle(account, 0, 1)
        longest = max(longest, len(account.arrived))
    assert longest <= 256
    assert ledger.balance(account, 1).calls == 5000


def test_second_thread_that_finds_the_period_over_does_not_begin_another() -> None:
    """Both have looked before either had the lock; the later one must not empty the books."""
    ledger = Ledger(100, 60, 10, reserves=True)
    account = ledger.account("a", 30)
    ledger._turn_over(30)
    assert ledger.account("a", 30) is account


def test_overflow_account_is_not_that_of_a_scope_of_the_same_name() -> None:
    ledger = Ledger(100, None, 2, reserves=True)
    own = ledger.account("other scopes", 0)
    ledger.account("a", 0)
    shared = ledger.account("b", 0)
    assert shared is not own
    assert set(ledger.accounts(0)) == {"other scopes", "a", Shared.OTHERS}


@pytest.mark.parametrize("reserves", [True, False], ids=["reserved", "settled-later"])
def test_threads_lose_nothing(reserves: bool) -> None:
    """Eight threads spend 1 at a time and all of it is in the books."""
    ledger = Ledger(10**9, None, 10, reserves=reserves)
    barrier = threading.Barrier(8)

    def spend() -> None:
        barrier.wait()
        for number in range(500):
            account = ledger.account(number % 2, 0)
            if reserves:
                assert ledger.reserve(account, 3, False)
                ledger.settle(account, 3, 1)
            else:
                assert len(account.arrived) < account.room or ledger.reserve(account, 0, False)
                ledger.settle(account, 0, 1)

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(spend) for _ in range(8)]:
            done.result()
    assert [ledger.committed(account) for account in ledger.accounts(0).values()] == [
        (2000, 0),
        (2000, 0),
    ]


def test_threads_cannot_reserve_more_than_the_limit() -> None:
    ledger = Ledger(1000, None, 10, reserves=True)
    barrier = threading.Barrier(8)

    def reserve() -> int:
        barrier.wait()
        account = ledger.account(None, 0)
        return sum(ledger.reserve(account, 7, False) for _ in range(200))

    with ThreadPoolExecutor(8) as threads:
        granted = [done.result() for done in [threads.submit(reserve) for _ in range(8)]]
    assert sum(granted) == 142
