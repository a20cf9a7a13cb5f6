from __future__ import annotations

import importlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.performance.uv_cache import UVCachePrimitive
from tta_dev_primitives.testing.clock import FakeClock
from tta_dev_primitives.testing.mocks import MockPrimitive

from .fake_site import DAY, MakeCache, Site, caches, install_sdk


@pytest.fixture
def site(site: Site) -> Site:
    install_sdk(site)
    return site


@pytest.fixture
def make_cache(site: Site, tmp_path: Path, clock: FakeClock) -> Iterator[MakeCache]:
    with caches(tmp_path / "cache", clock) as make:
        yield make


def use_environment(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.setattr(sys, "prefix", folder)


async def test_prune_drops_what_an_upgrade_left_behind(make_cache: MakeCache, site: Site) -> None:
    step = MockPrimitive()
    old = make_cache(step)
    for question in "abc":
        await old.execute(question)
    assert old.prune() == 0
    site.install("fake-core", "2.0")
    new = make_cache(step)
    await new.execute("a")
    assert new.prune() == 3
    assert (new.get_stats()["size"], new.prune()) == (1, 0)
    await new.execute("a")
    assert step.call_count == 4


async def test_prune_may_be_the_first_thing_after_an_upgrade(
    make_cache: MakeCache, site: Site
) -> None:
    await make_cache(MockPrimitive()).execute("q")
    site.install("fake-core", "2.0")
    assert make_cache().prune() == 1


def test_prune_of_nothing_drops_nothing(make_cache: MakeCache) -> None:
    assert make_cache().prune() == 0


async def test_prune_leaves_other_caches_of_the_folder_alone(
    make_cache: MakeCache, site: Site, tmp_path: Path
) -> None:
    plain = CachePrimitive(MockPrimitive(), cache_dir=tmp_path / "cache")
    await plain.execute("q")
    other = make_cache(MockPrimitive(), depends_on=["fake-unrelated"])
    await other.execute("q")
    await make_cache(MockPrimitive()).execute("q")
    site.install("fake-core", "2.0")
    assert make_cache().prune() == 1
    assert plain.get_stats()["size"] == 2
    plain.close()


async def test_projects_that_share_a_folder_share_answers_and_keep_them(
    make_cache: MakeCache, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One project's upgrade is no reason to ask again in the other."""
    step = MockPrimitive()
    for project in ("/one/.venv", "/two/.venv"):
        use_environment(monkeypatch, project)
        await make_cache(step).execute("q")
    assert step.call_count == 1
    site.install("fake-core", "2.0")
    assert make_cache().prune() == 0  # the second project has it now, the first may still use 1.0
    use_environment(monkeypatch, "/one/.venv")
    assert make_cache().prune() == 1


async def test_answers_of_a_project_that_is_gone_go_with_age(
    make_cache: MakeCache, site: Site, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_environment(monkeypatch, "/gone/.venv")
    await make_cache(MockPrimitive()).execute("q")
    use_environment(monkeypatch, "/here/.venv")
    site.install("fake-core", "2.0")
    cache = make_cache(MockPrimitive())
    clock.advance(30 * DAY)
    assert cache.prune() == 0
    clock.advance(1)
    assert cache.prune() == 1


async def test_age_can_be_chosen(make_cache: MakeCache, clock: FakeClock, site: Site) -> None:
    await make_cache(MockPrimitive()).execute("q")
    cache = make_cache(MockPrimitive(), depends_on=["fake-unrelated"])
    clock.advance(2 * DAY)
    assert cache.prune(max_age_days=2) == 0
    assert cache.prune(max_age_days=1.9) == 1


@pytest.mark.parametrize("age", [-1, float("nan")])
def test_age_that_cannot_be_is_refused(make_cache: MakeCache, age: float) -> None:
    with pytest.raises(ConfigurationError, match="max_age_days must be 0 or more"):
        make_cache().prune(max_age_days=age)


async def test_process_that_runs_for_long_stays_in_use(
    make_cache: MakeCache, clock: FakeClock
) -> None:
    """As long as it writes; nobody builds its cache again."""
    cache = make_cache(MockPrimitive())
    for day in range(40):
        await cache.execute(day)
        clock.advance(DAY)
    assert make_cache(MockPrimitive(), depends_on=["fake-unrelated"]).prune(max_age_days=2) == 0


async def test_reading_is_use_as_well(make_cache: MakeCache, clock: FakeClock) -> None:
    step = MockPrimitive()
    for _ in range(4):
        await make_cache(step).execute("q")
        clock.advance(20 * DAY)
    assert step.call_count == 1
    assert make_cache(MockPrimitive(), depends_on=["fake-unrelated"]).prune() == 0


async def test_fingerprint_that_is_dead_and_old_is_forgotten(
    make_cache: MakeCache, site: Site, clock: FakeClock
) -> None:
    """Else the records would grow for as long as somebody edits the code."""
    for version in ("1.0", "2.0"):
        site.install("fake-core", version)
        cache = make_cache(MockPrimitive())
        await cache.execute("q")
        clock.advance(1)
    cache.prune(max_age_days=0)
    records = json.loads((cache.cache_dir / "fingerprints.json").read_text())
    assert list(records["fingerprints"]) == [cache.fingerprint.digest]


async def test_process_from_before_the_upgrade_cannot_drop_new_answers(
    make_cache: MakeCache, site: Site, clock: FakeClock
) -> None:
    old = make_cache(MockPrimitive())
    await old.execute("q")
    clock.advance(1)
    site.install("fake-core", "2.0")
    step = MockPrimitive()
    await make_cache(step).execute("q")
    assert old.prune() == 1
    await make_cache(step).execute("q")
    assert step.call_count == 1


async def test_lock_and_no_lock_are_two_uses_of_one_project(
    make_cache: MakeCache, tmp_path: Path
) -> None:
    lock = tmp_path / "uv.lock"
    lock.write_text(
        '[[package]]\nname = "fake-core"\nversion = "1.0"\n'
        'source = { registry = "x" }\nsdist = { hash = "sha256:01" }\n'
    )
    with_lock, without = make_cache(MockPrimitive(), lock=lock), make_cache(MockPrimitive())
    assert with_lock.fingerprint != without.fingerprint
    for cache in (with_lock, without):
        await cache.execute("q")
    assert [cache.prune() for cache in (with_lock, without)] == [0, 0]


PROJECTS = ("/one/.venv", "/two/.venv")
projects = st.sampled_from(PROJECTS)


class SharedFolder(RuleBasedStateMachine):
    """Projects that ask, upgrade and prune in any order, against a set of what must be there."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(sys, "path", [str(self.folder / "site"), *sys.path])
        self.site = Site(self.folder / "site")
        self.step = MockPrimitive()
        self.installed: dict[str, str] = dict.fromkeys(PROJECTS, "1.0")
        self.uses: dict[str, str] = {}
        self.entries: set[tuple[str, str]] = set()

    def cache(self, project: str) -> UVCachePrimitive[Any, Any]:
        self.patch.setattr(sys, "prefix", project)
        self.site.install("fake-sdk", self.installed[project])
        self.uses[project] = self.installed[project]
        return UVCachePrimitive(
            self.step,
            depends_on=["fake-sdk"],
            cache_dir=self.folder / "cache",
            clock=FakeClock(),
        )

    @rule(project=projects, version=st.sampled_from(["1.0", "2.0", "3.0"]))
    def upgrade(self, project: str, version: str) -> None:
        self.installed[project] = version

    @rule(project=projects, question=st.sampled_from("ab"))
    def ask(self, project: str, question: str) -> None:
        cache, entry = self.cache(project), (self.installed[project], question)
        before = self.step.call_count
        cache.run(question)
        assert (self.step.call_count == before) is (entry in self.entries)
        self.entries.add(entry)
        assert cache.get_stats()["size"] == len(self.entries)
        cache.close()

    @rule(project=projects)
    def prune(self, project: str) -> None:
        cache = self.cache(project)
        kept = {entry for entry in self.entries if entry[0] in self.uses.values()}
        assert cache.prune() == len(self.entries) - len(kept)
        self.entries = kept
        cache.close()

    def teardown(self) -> None:
        self.patch.undo()
        importlib.invalidate_caches()
        shutil.rmtree(self.folder)


SharedFolder.TestCase.settings = settings(max_examples=25, stateful_step_count=15)
TestSharedFolder = SharedFolder.TestCase
