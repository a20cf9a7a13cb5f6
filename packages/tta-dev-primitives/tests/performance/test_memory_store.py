from __future__ import annotations

import math
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives.performance.stores.memory import MemoryEntry, MemoryStore


class Sieve:
    """SIEVE as it is written in the paper: a list, newest first, and a hand that walks it."""

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self.order: list[str] = []
        self.visited: dict[str, bool] = {}
        self.hand: str | None = None

    def hit(self, key: str) -> None:
        self.visited[key] = True

    def add(self, key: str) -> None:
        if key in self.order:
            self.remove(key)
        elif len(self.order) == self.bound:
            self.evict()
        self.order.insert(0, key)
        self.visited[key] = False

    def remove(self, key: str) -> None:
        if self.hand == key:
            self.hand = self.before(key)
        self.order.remove(key)
        del self.visited[key]

    def before(self, key: str) -> str | None:
        place = self.order.index(key)
        return self.order[place - 1] if place else None

    def evict(self) -> None:
        here = self.hand if self.hand is not None else self.order[-1]
        while self.visited[here]:
            self.visited[here] = False
            before = self.before(here)
            here = before if before is not None else self.order[-1]
        self.hand = here
        self.remove(here)


def entry(key: str, expires_at: float = 1e9, *, size: int = 0) -> MemoryEntry:
    made = MemoryEntry(key, key, None, 0.0, expires_at, expires_at)
    made.size = size
    return made


def store_of(max_entries: int, max_bytes: float = math.inf) -> MemoryStore:
    return MemoryStore(max_entries, max_bytes)


operations = st.lists(
    st.tuples(st.sampled_from(["ask", "ask", "ask", "add", "remove"]), st.sampled_from("abcdefgh")),
    max_size=80,
)


@settings(max_examples=300, deadline=None)
@given(bound=st.integers(1, 5), operations=operations)
def test_eviction_follows_the_paper(bound: int, operations: list[tuple[str, str]]) -> None:
    store, model = store_of(bound), Sieve(bound)
    for operation, key in operations:
        known = store.entries.get(key)
        if operation == "remove":
            if known is not None:
                assert store.remove(known)
                model.remove(key)
        elif operation == "ask" and known is not None:
            known.uses += 1
            model.hit(key)
        else:
            store.add(entry(key))
            model.add(key)
        assert store.entries.keys() == set(model.order)
        assert len(store) <= bound


def test_entry_that_was_asked_for_outlives_one_that_was_not() -> None:
    store = store_of(2)
    store.add(entry("asked"))
    store.add(entry("not asked"))
    store.entries["asked"].uses += 1
    store.add(entry("new"))
    assert set(store.entries) == {"asked", "new"}
    assert store.evictions == 1


def test_replacing_evicts_nothing() -> None:
    store = store_of(2)
    for key in "abab":
        store.add(entry(key))
    assert set(store.entries) == {"a", "b"}
    assert store.evictions == 0


def test_hits_of_entries_that_are_gone_still_count() -> None:
    store = store_of(1)
    for key in "abc":
        store.add(entry(key))
        store.entries[key].uses += 2
    assert store.savings().hits == 6


def test_entry_is_removed_once() -> None:
    store = store_of(2)
    old, new = entry("a"), entry("a")
    store.add(old)
    store.add(new)
    assert not store.remove(old)
    assert store.remove(new)
    assert not store.remove(new)
    assert len(store) == 0


def test_only_what_expired_is_deleted() -> None:
    store = store_of(5)
    for key, expires_at in (("a", 1), ("b", 2), ("c", 3)):
        store.add(entry(key, expires_at))
    assert store.delete_expired(2) == 2
    assert set(store.entries) == {"c"}


def test_clear_forgets_everything() -> None:
    store = store_of(1)
    for key in "ab":
        store.add(entry(key))
        store.entries[key].uses += 1
    store.clear()
    assert (len(store), store.savings().hits, store.evictions) == (0, 0, 0)
    store.add(entry("c"))
    store.add(entry("d"))
    assert set(store.entries) == {"d"}


@pytest.fixture
def impatient_threads() -> Iterator[None]:
    """Lets threads take turns as often as possible."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def test_threads_do_not_break_the_order(impatient_threads: None) -> None:
    store = store_of(8)
    failures: list[BaseException] = []

    def work(offset: int) -> None:
        try:
            for turn in range(1500):
                key = str((turn * 7 + offset) % 24)
                known = store.entries.get(key)
                if known is None:
                    store.add(entry(key, float(turn)))
                elif turn % 5 == 0:
                    store.remove(known)
                else:
                    known.uses += 1
                if turn % 97 == 0:
                    store.delete_expired(turn - 20.0)
                    assert store.savings().hits >= 0
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    while len(store) < 8:
        store.add(entry(f"filler {len(store)}"))
    for key in range(100, 150):  # the order is whole: it can be walked, and taken apart
        store.add(entry(str(key)))
        assert len(store) == 8
    assert all(map(store.remove, list(store.entries.values())))
    store.add(entry("last"))
    assert set(store.entries) == {"last"}


def test_bytes_are_bounded_too() -> None:
    store = store_of(100, max_bytes=100)
    for key in "abc":
        store.add(entry(key, size=30))
    store.entries["a"].uses += 1
    assert store.add(entry("d", size=30))
    assert set(store.entries) == {"a", "c", "d"}
    assert store.bytes == 90


def test_room_is_made_for_a_large_entry() -> None:
    store = store_of(100, max_bytes=100)
    for key in "abc":
        store.add(entry(key, size=30))
    assert store.add(entry("large", size=95))
    assert set(store.entries) == {"large"}
    assert store.evictions == 3


def test_entry_beyond_the_bound_is_not_kept_and_leaves_nothing_old_under_its_key() -> None:
    store = store_of(100, max_bytes=100)
    store.add(entry("a", size=10))
    store.add(entry("b", size=10))
    assert not store.add(entry("a", size=101))
    assert set(store.entries) == {"b"}
    assert store.bytes == 10


def test_replacing_counts_the_new_size() -> None:
    store = store_of(100, max_bytes=100)
    store.add(entry("a", size=60))
    store.add(entry("a", size=70))
    assert (store.bytes, store.evictions) == (70, 0)


def test_tags_find_their_entries_until_they_are_gone() -> None:
    store = store_of(3)
    for key, tags in (("a", ("x",)), ("b", ("x", "y")), ("c", ("y",))):
        tagged = entry(key)
        tagged.tags = tags
        store.add(tagged)
    assert store.delete_tags(["x"]) == 2
    assert store.delete_tags(["x"]) == 0
    assert store.delete_tags(["nobody's", "y"]) == 1
    assert len(store) == 0


def test_savings_sum_up_what_each_hit_saved() -> None:
    store = store_of(1)
    known = entry("a")
    known.cost, known.input_tokens, known.output_tokens, known.duration = 0.25, 10, 4, 1.5
    known.uses = 2
    store.add(known)
    cheap = entry("b")
    cheap.uses = 3
    store.add(cheap)
    saved = store.savings()
    assert (saved.hits, saved.cost, saved.input_tokens) == (5, 0.5, 20)
    assert (saved.output_tokens, saved.seconds) == (8, 3.0)
