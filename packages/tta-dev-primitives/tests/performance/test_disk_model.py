"""A disk store against a dict: whatever is done to both, they hold the same."""

from __future__ import annotations

import math
import shutil
import tempfile
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tta_dev_primitives.performance.stores.base import StoreBusyError, StoredEntry
from tta_dev_primitives.performance.stores.disk import DiskStore

keys = st.one_of(
    st.sampled_from([b"", b"a", b"a\x00", b"ab", b"b", b"\xff", b"\xff\xff", b"a\xff", b"a\xffb"]),
    st.binary(max_size=3),
)
tags = st.lists(st.sampled_from(["", "user:1", "user:2", 'a"b', "\x00", "\ud800"]), max_size=3)
times = st.sampled_from([-1.0, 0.0, 1.0, 2.0, 3.0, math.inf])
entries = st.builds(
    StoredEntry,
    data=st.one_of(st.binary(max_size=20), st.sampled_from([0, 20_000]).map(bytes)),
    stored_at=st.sampled_from([0.0, 1.5]),
    fresh_until=times,
    expires_at=times,
    cost=st.sampled_from([None, 0.0, 0.25]),
    input_tokens=st.sampled_from([None, 0, 7]),
    output_tokens=st.sampled_from([None, 8]),
    duration=st.sampled_from([None, 0.5]),
    tags=tags.map(tuple),
)


class StoreBesideDict(RuleBasedStateMachine):
    durability: Any = "process"

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.mkdtemp()
        # Nothing is flushed by the passing of time: only by what the rules do.
        self.store = DiskStore(self.folder, durability=self.durability, flush_seconds=3600.0)
        self.model: dict[bytes, StoredEntry] = {}

    @rule(key=keys, entry=entries)
    def write(self, key: bytes, entry: StoredEntry) -> None:
        try:
            self.store.write(key, entry)
        except StoreBusyError:
            self.store.write(key, entry, wait=True)
        self.model[key] = entry

    @rule(key=keys)
    def read(self, key: bytes) -> None:
        assert self.store.read(key) == self.model.get(key)

    @rule(chosen=st.lists(keys, max_size=4))
    def delete(self, chosen: list[bytes]) -> None:
        self.drop(self.store.delete(chosen), lambda key, _: key in chosen)

    @rule(prefix=keys)
    def delete_prefix(self, prefix: bytes) -> None:
        self.drop(self.store.delete_prefix(prefix), lambda key, _: key.startswith(prefix))

    @rule(chosen=tags)
    def delete_tags(self, chosen: list[str]) -> None:
        self.drop(
            self.store.delete_tags(chosen), lambda _, entry: not set(chosen).isdisjoint(entry.tags)
        )

    @rule(now=times)
    def delete_expired(self, now: float) -> None:
        self.drop(self.store.delete_expired(now), lambda _, entry: entry.expires_at <= now)

    @rule(now=times)
    def prune(self, now: float) -> None:
        self.drop(self.store.prune(now), lambda _, entry: entry.expires_at <= now)

    @rule()
    def clear(self) -> None:
        self.store.clear()
        self.model.clear()

    @rule(prefix=keys)
    def scan(self, prefix: bytes) -> None:
        expected = [(key, self.model[key]) for key in sorted(self.model) if key.startswith(prefix)]
        assert list(self.store.scan(prefix)) == expected

    @rule()
    def flush(self) -> None:
        self.store.flush()

    @rule()
    def reopen(self) -> None:
        self.store.close()
        if self.durability == "behind":
            self.store = DiskStore(self.folder, durability="behind", flush_seconds=3600.0)

    @invariant()
    def sizes_agree(self) -> None:
        # Of `behind` it would flush, and nothing would ever wait.
        if self.durability != "behind":
            assert len(self.store) == len(self.model)

    def drop(self, count: int, gone: Any) -> None:
        dropped = [key for key, entry in self.model.items() if gone(key, entry)]
        assert count == len(dropped)
        for key in dropped:
            del self.model[key]

    def teardown(self) -> None:
        assert len(self.store) == len(self.model)
        found = self.store._file.use(rows_of_tags, wait=True)
        assert found == {
            (tag.encode("utf-8", "surrogatepass"), key)
            for key, entry in self.model.items()
            for tag in entry.tags
        }
        self.store.close()
        shutil.rmtree(self.folder)


def rows_of_tags(connection: Any) -> set[tuple[bytes, bytes]]:
    return set(connection.execute("SELECT tag, key FROM tag"))


@pytest.mark.parametrize("mode", ["process", "behind", "power"])
def test_store_does_what_a_dict_does(mode: str) -> None:
    """Whatever happens, and in whatever order, both hold the same, and no tag is left over."""
    machine = type("Machine", (StoreBesideDict,), {"durability": mode})
    machine.TestCase.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
    machine.TestCase("runTest").runTest()
