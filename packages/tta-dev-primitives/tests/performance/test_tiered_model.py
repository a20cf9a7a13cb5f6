from __future__ import annotations

import asyncio
import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tta_dev_primitives.performance.stores.base import (
    StoredEntry,
)
from tta_dev_primitives.performance.stores.tiered import TieredStore
from tta_dev_primitives.testing import FakeClock

from .tier_fakes import Far, Near

keys = st.sampled_from([b"a", b"b", b"ba", b"c"])


tags = st.lists(st.sampled_from(["x", "y"]), unique=True, max_size=2).map(tuple)


class TieredModel(RuleBasedStateMachine):
    """Two tiers, of which one may fail, against a dict."""

    @initialize(flaky=st.sampled_from(["near", "far"]), limit=st.sampled_from([None, 3.0]))
    def begin(self, flaky: str, limit: float | None) -> None:
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.near, self.far = Near(), self.runner.run(self.make_far())
        self.flaky, self.limit = flaky, limit
        self.store = TieredStore([self.near, self.far], local_seconds=limit, clock=self.clock)
        self.model: dict[bytes, StoredEntry] = {}
        self.count = 0

    async def make_far(self) -> Far:
        return Far()

    def live(self) -> dict[bytes, StoredEntry]:
        now = self.clock.time()
        return {key: kept for key, kept in self.model.items() if kept.expires_at > now}

    @rule(key=keys, tags=tags, seconds=st.sampled_from([1, 5, math.inf]))
    def write(self, key: bytes, tags: tuple[str, ...], seconds: float) -> None:
        self.count += 1
        now = self.clock.time()
        # What only a bounded copy holds would end with it.
        if self.far.away and self.limit is not None:
            seconds = min(seconds, self.limit)
        kept = StoredEntry(b"%d" % self.count, now, now + seconds, now + seconds, tags=tags)
        self.runner.run(self.store.write(key, kept))
        self.model[key] = kept

    @rule(key=keys)
    def read(self, key: bytes) -> None:
        found = self.runner.run(self.store.read(key))
        expected = self.live().get(key)
        if found is not None and found.expires_at <= self.clock.time():
            found = None
        if self.far.away and self.limit is not None and found is None:
            return  # the copy's time was over, and the entry cannot be reached
        assert (found and found.data) == (expected and expected.data)

    @rule(chosen=st.lists(keys, max_size=3))
    def delete(self, chosen: list[bytes]) -> None:
        self.runner.run(self.store.delete(chosen))
        for key in chosen:
            self.model.pop(key, None)

    @rule(prefix=st.sampled_from([b"", b"b", b"z"]))
    def delete_prefix(self, prefix: bytes) -> None:
        self.runner.run(self.store.delete_prefix(prefix))
        for key in list(self.model):
            if key.startswith(prefix):
                del self.model[key]

    @rule(tag=st.sampled_from(["x", "y"]))
    def delete_tag(self, tag: str) -> None:
        self.runner.run(self.store.delete_tags([tag]))
        for key, kept in list(self.model.items()):
            if tag in kept.tags:
                del self.model[key]

    @rule(seconds=st.sampled_from([0.5, 1, 4]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def delete_expired(self) -> None:
        self.runner.run(self.store.delete_expired(self.clock.time()))

    @rule(fails=st.booleans())
    def change_luck(self, fails: bool) -> None:
        if self.flaky == "near":
            self.near.broken = fails
        else:
            self.far.away = fails

    @rule()
    def lose_the_copies(self) -> None:
        if self.flaky == "near":
            self.near.clear()

    def teardown(self) -> None:
        self.runner.close()


TestTieredModel = TieredModel.TestCase


TestTieredModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
