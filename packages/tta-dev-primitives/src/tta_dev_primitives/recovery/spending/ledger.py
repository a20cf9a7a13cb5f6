"""The books of a budget: what each scope has spent and reserved in the current period."""

from __future__ import annotations

import datetime
import enum
import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Hashable

Per: TypeAlias = "Literal['hour', 'day', 'month'] | float | None"
"""How long an allowance lasts: a calendar unit in UTC, a number of seconds, or for ever."""

_SECONDS: Final = {"hour": 3600.0, "day": 86400.0}
_LONGEST_BATCH: Final = 256


class Shared(enum.Enum):
    """Accounts that belong to no scope of the user's."""

    OTHERS = "other scopes"
    """All scopes beyond the number that is kept apart."""


@dataclass(frozen=True, slots=True)
class Balance:
    """The state of one scope in the current period, in the budget's own unit.

    `reserved + spent + remaining` is the limit.

    Attributes:
        limit: What may be spent.
        spent: What answers have cost.
        reserved: What calls under way are estimated to cost.
        remaining: What is left; negative where calls cost more than they were let in for.
        calls: Answers that were counted, streams that were cut short included.
        exceeded: Calls that the budget had nothing left for, refused or not.
        unpriced: Answers whose cost is not known.
    """

    limit: float
    spent: float
    reserved: float
    remaining: float
    calls: int
    exceeded: int
    unpriced: int


class Account:
    """One scope in one period; changed by its `Ledger` alone."""

    __slots__ = (
        "arrived",
        "calls",
        "closed",
        "exceeded",
        "label",
        "largest",
        "reserved",
        "room",
        "spent",
        "unpriced",
        "until",
        "warned",
    )

    def __init__(self, scope: Hashable, until: float) -> None:
        # Made before anything is reserved: the text of somebody's class may fail.
        self.label = "" if scope is None else _text(scope)
        self.until = until
        self.spent = self.reserved = 0
        self.calls = self.exceeded = self.unpriced = 0
        self.closed = self.warned = False
        # Taking the lock costs as much as all the rest of a call, so where nothing is reserved the
        # costs of answers wait here and are added up many at a time. While fewer than `room` of
        # them wait, none above `largest`, something is left.
        self.arrived: list[int] = []
        self.room = self.largest = 0


class Ledger:
    """Keep the accounts of all scopes for the current period.

    Amounts are whole numbers of whatever small unit the caller counts in, so that sums never
    drift. What a call costs stays on the account it began on, also when a new period has begun
    meanwhile. All periods end together, and so the accounts of a period are forgotten at once.
    May be used from several threads.

    Args:
        limit: What each scope may spend in a period.
        per: How long a period is.
        max_scopes: How many scopes have accounts of their own; those beyond share one.
        reserves: Every call asks `reserve`; otherwise as many go unseen as `Account.room` says.
    """

    def __init__(self, limit: int, per: Per, max_scopes: int, *, reserves: bool) -> None:
        self.limit = limit
        self._per: Per = per
        self._max_scopes, self._reserves = max_scopes, reserves
        self._lock = threading.Lock()
        self._accounts: dict[Hashable, Account] = {}
        self._earliest, self._until = math.inf, -math.inf  # no moment is in there yet

    def account(self, scope: Hashable, now: float) -> Account:
        """Return the account of *scope* at *now*, in seconds since the epoch; opened if new."""
        if not self._earliest <= now < self._until:
            self._turn_over(now)
        return self._accounts.get(scope) or self._open(scope)

    def look_up(self, scope: Hashable, now: float) -> Account:
        """Return the account that a call of *scope* would go on, without opening one."""
        if not self._earliest <= now < self._until:
            self._turn_over(now)
        with self._lock:
            known = self._accounts.get(scope)
            if known is None and len(self._accounts) >= self._max_scopes:
                known = self._accounts.get(Shared.OTHERS)
        return known or Account(scope, self._until)

    def accounts(self, now: float) -> dict[Hashable, Account]:
        """Return the accounts of the current period."""
        if not self._earliest <= now < self._until:
            self._turn_over(now)
        with self._lock:
            return dict(self._accounts)

    def forget(self, scope: Hashable) -> None:
        """Drop the account of *scope*; calls under way settle on it and are forgotten with it."""
        with self._lock:
            self._accounts.pop(scope, None)

    def reserve(self, account: Account, amount: int, always: bool) -> bool:  # noqa: FBT001 - hot
        """Set *amount* aside if it is left, or anyway; return whether it was left.

        Args:
            account: Where.
            amount: How much; 0 asks that anything is left at all.
            always: Set it aside in any case.
        """
        with self._lock:
            if account.arrived:
                self._add_up(account)
            free = self.limit - account.spent - account.reserved
            if free > 0 and free >= amount and not account.closed:
                account.reserved += amount
                if not self._reserves:
                    batch = (free - 1) // (account.largest or 1) + 1
                    account.room = min(_LONGEST_BATCH, batch)
                return True
            account.exceeded += 1
            if always:
                account.reserved += amount
            return False

    def count_exceeded(self, account: Account) -> None:
        """Count a call that does not even ask."""
        with self._lock:
            account.exceeded += 1

    def settle(self, account: Account, reserved: int, spent: int) -> None:
        """Put what an answer cost in place of what was reserved for it."""
        if not reserved and spent <= account.largest:
            account.arrived.append(spent)
            return
        with self._lock:
            account.calls += 1
            account.spent += spent
            if reserved:
                account.reserved -= reserved
            else:
                account.largest, account.room = max(account.largest, spent), 0

    def settle_unpriced(self, account: Account, reserved: int, *, close: bool) -> None:
        """Take the reservation for the cost of an answer that does not say what it cost.

        Args:
            account: Where.
            reserved: What was set aside for the call.
            close: Let nothing more on the account in this period.
        """
        with self._lock:
            account.calls += 1
            account.unpriced += 1
            account.reserved -= reserved
            account.spent += reserved
            if close:
                account.closed, account.room = True, 0

    def release(self, account: Account, reserved: int) -> None:
        """Give back what was reserved for a call that came to nothing."""
        if reserved:
            with self._lock:
                account.reserved -= reserved

    def balance(self, account: Account, scale: float) -> Balance:
        """Return the state of *account*, its amounts divided by *scale*."""
        with self._lock:
            self._add_up(account)
            left = self.limit - account.spent - account.reserved
            return Balance(
                limit=self.limit / scale,
                spent=account.spent / scale,
                reserved=account.reserved / scale,
                remaining=left / scale,
                calls=account.calls,
                exceeded=account.exceeded,
                unpriced=account.unpriced,
            )

    def committed(self, account: Account) -> tuple[int, int]:
        """Return what is spent and what is reserved on *account*."""
        with self._lock:
            self._add_up(account)
            return account.spent, account.reserved

    def _add_up(self, account: Account) -> None:
        """Count the answers that have arrived; the lock is held."""
        seen = account.arrived[:]
        account.calls += len(seen)
        account.spent += sum(seen)
        # Another thread may put more there or look meanwhile, and must never see too much room.
        account.room -= len(seen)
        del account.arrived[: len(seen)]

    def _open(self, scope: Hashable) -> Account:
        with self._lock:
            full = len(self._accounts) >= self._max_scopes
            key = Shared.OTHERS if full and scope not in self._accounts else scope
            return self._accounts.setdefault(key, Account(key, self._until))

    def _turn_over(self, now: float) -> None:
        """Begin the period that *now* is in."""
        with self._lock:
            if self._earliest <= now < self._until:
                return  # another thread was quicker
            start, until = window(self._per, now)
            self._accounts = {}
            # A clock that is put back a little would hand out the same allowance twice, so a
            # period also holds one period before its start. Back by more, the clock was wrong.
            self._earliest, self._until = start - (until - start), until


def window(per: Per, now: float) -> tuple[float, float]:
    """Return the start and the end of the period that *now* is in, in seconds since the epoch.

    Calendar units are those of UTC. Periods of a number of seconds are counted from the epoch, so
    that all processes agree on them.
    """
    if per is None:
        return -math.inf, math.inf
    if per == "month":
        today = datetime.datetime.fromtimestamp(now, datetime.UTC)
        first = datetime.datetime(today.year, today.month, 1, tzinfo=datetime.UTC)
        # No month has more than 31 days, and the 4th of the next one is still in it.
        then = first + datetime.timedelta(days=34)
        return first.timestamp(), then.replace(day=1).timestamp()
    seconds = per if isinstance(per, int | float) else _SECONDS[per]
    number = now // seconds
    if (number + 1) * seconds <= now:  # the product was rounded down, to the moment itself
        number += 1
    return number * seconds, (number + 1) * seconds


def _text(scope: Hashable) -> str:
    return str(scope.value if isinstance(scope, Shared) else scope)[:80]
