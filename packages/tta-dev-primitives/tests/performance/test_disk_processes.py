"""One file, many processes: what no test in one process can show."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tta_dev_primitives.llm.types import LLMRequest, LLMResponse, Usage
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.disk import FILE_NAME, DiskStore
from tta_dev_primitives.testing.mocks import MockPrimitive

KILLS = 50 if os.environ.get("TTA_LONG") == "1" else 5


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    return out


WRITER = """
import sys
from tta_dev_primitives.performance.stores.base import StoreBusyError, StoredEntry
from tta_dev_primitives.performance.stores.disk import DiskStore

store = DiskStore(sys.argv[1])
name, count = sys.argv[2].encode(), int(sys.argv[3])
for number in range(count):
    key = b"%s-%d" % (name, number)
    store.write(key, StoredEntry(key * 100, 1.0, 2e9, 2e9), wait=True)
    print(number, flush=True)
"""


def test_processes_that_begin_together_share_one_file(tmp_path: Path) -> None:
    """Each may be the one that makes the file."""
    writers = [start(WRITER, tmp_path, name, 40) for name in "abcd"]
    for writer in writers:
        finish(writer)
    store = DiskStore(tmp_path)
    assert len(store) == 160
    for name in (b"a", b"b", b"c", b"d"):
        found = store.read(b"%s-39" % name)
        assert found is not None
        assert found.data == b"%s-39" % name * 100
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


TAGGING = """
import sys
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.disk import DiskStore

store = DiskStore(sys.argv[1], durability=sys.argv[3])
name = sys.argv[2]
for number in range(300):
    key = b"%d" % (number % 30)
    store.write(key, StoredEntry(b"x", 1.0, 2e9, 2e9, tags=(name, key.decode())), wait=True)
    if number % 100 == 50:
        store.delete_tags(["7"])
"""


@pytest.mark.parametrize("durability", ["process", "behind"])
def test_processes_that_tag_the_same_entries_leave_no_tag_behind(
    tmp_path: Path, durability: str
) -> None:
    """Each entry has the tags of whoever wrote it last. What waited is written at the exit."""
    for writer in [start(TAGGING, tmp_path, name, durability) for name in "ab"]:
        finish(writer)
    store = DiskStore(tmp_path)
    expected = {(tag.encode(), key) for key, value in store.scan() for tag in value.tags}
    found = store._file.use(
        lambda connection: set(connection.execute("SELECT tag, key FROM tag")), wait=True
    )
    assert found == expected
    assert len(expected) == 60
    assert store.delete_tags(["a", "b"]) == 30
    store.close()


BEHIND = """
import sys
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.disk import DiskStore

store = DiskStore(sys.argv[1], durability="behind", flush_seconds=0.001)
for number in range(1_000_000):
    key = b"%d-%d" % (int(sys.argv[2]), number)
    store.write(key, StoredEntry(key * 100, 1.0, 2e9, 2e9, tags=("t",)), wait=True)
    if number % 20 == 19:
        store.flush()
        print(number, flush=True)
"""


@pytest.mark.slow
def test_death_loses_only_what_was_not_flushed(tmp_path: Path) -> None:
    """Killed at any moment, even while the thread commits: the file is whole."""
    chance = random.Random(8)
    flushed: list[bytes] = []
    for round_number in range(KILLS):
        writer = start(BEHIND, tmp_path, round_number)
        assert writer.stdout is not None
        last = -1
        for _ in range(chance.randrange(1, 20)):
            last = int(writer.stdout.readline())
        writer.kill()
        writer.communicate()
        flushed += [b"%d-%d" % (round_number, number) for number in range(last + 1)]
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    store = DiskStore(tmp_path)
    for key in flushed:
        assert store.read(key) == StoredEntry(key * 100, 1.0, 2e9, 2e9, tags=("t",))
    count = len(store)
    assert count >= len(flushed)
    assert store.delete_tags(["t"]) == count
    store.close()
    assert not list(tmp_path.glob("*set-aside*"))


@pytest.mark.slow
def test_entry_survives_the_death_of_its_writer(tmp_path: Path) -> None:
    """Killed in the middle of a write, again and again: nothing is damaged, nothing lost."""
    chance = random.Random(7)
    committed: dict[bytes, bytes] = {}
    for round_number in range(KILLS):
        writer = start(WRITER, tmp_path, round_number, 1_000_000)
        assert writer.stdout is not None
        last = -1
        for _ in range(chance.randrange(1, 60)):
            last = int(writer.stdout.readline())
        writer.kill()
        rest, _ = writer.communicate()
        whole_lines = rest[: rest.rfind("\n") + 1].split()
        last = int(whole_lines[-1]) if whole_lines else last
        for number in range(last + 1):
            key = b"%d-%d" % (round_number, number)
            committed[key] = key * 100
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    store = DiskStore(tmp_path)
    for key, data in committed.items():
        found = store.read(key)
        assert found is not None
        assert found.data == data
    store.close()
    assert not list(tmp_path.glob("*set-aside*"))


FORKING = """
import os, sys
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.disk import DiskStore

store = DiskStore(sys.argv[1])
store.write(b"parent", StoredEntry(b"1", 1.0, 2e9, 2e9))
child = os.fork()
if child == 0:
    assert store.read(b"parent").data == b"1"
    for number in range(50):
        store.write(b"child-%d" % number, StoredEntry(b"2", 1.0, 2e9, 2e9), wait=True)
    sys.exit(0)
for number in range(50):
    store.write(b"parent-%d" % number, StoredEntry(b"1", 1.0, 2e9, 2e9), wait=True)
assert os.waitpid(child, 0)[1] == 0
print(len(store))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_store_can_be_used_on_both_sides_of_a_fork(tmp_path: Path) -> None:
    assert finish(start(FORKING, tmp_path)) == "101\n"
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


ASKING = """
import sys
from tta_dev_primitives.llm.types import LLMRequest, LLMResponse, ToolCall, Usage
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.testing.mocks import MockPrimitive

answer = LLMResponse("hi", usage=Usage(1, 2), cost=0.5, model="small", raw=object())
cache = CachePrimitive(MockPrimitive("model", return_value=answer), cache_dir=sys.argv[1])
assert cache.run(LLMRequest(({"role": "user", "content": "hi"},), extra={"b": 1, "a": 2})) == answer
"""


def test_llm_answer_is_found_by_another_process(tmp_path: Path) -> None:
    """Also without a word at the end about a file that was left open."""
    finish(start(ASKING, tmp_path))
    step = MockPrimitive("model")
    cache = CachePrimitive(step, cache_dir=tmp_path)
    request = LLMRequest(({"content": "hi", "role": "user"},), extra={"a": 2, "b": 1})
    assert cache.run(request) == LLMResponse("hi", usage=Usage(1, 2), cost=0.5, model="small")
    assert step.call_count == 0
    cache.close()


FULL_DISK = """
import logging, resource, sys
from tta_dev_primitives.performance.cache import CachePrimitive

logging.basicConfig(stream=sys.stdout, format="%(message)s")
calls = []
def step(x):
    calls.append(x)
    return x * 2000

cache = CachePrimitive(step, cache_dir=sys.argv[1])
cache.run("a")
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
for x in "abcdefghijklmnopqrstuvwxyz" * 3:
    assert cache.run(x) == x * 2000
assert cache.run("a") == "a" * 2000
assert calls.count("a") == 1
assert calls.count("z") == 3, calls
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
def test_full_disk_never_ends_the_call(tmp_path: Path) -> None:
    said = finish(start(FULL_DISK, tmp_path))
    assert said.count("\n") == 1
    assert "cannot be used: " in said
    store = DiskStore(tmp_path)
    assert 1 <= len(store) < 26
    store.close()


FULL_DISK_BEHIND = """
import logging, resource, sys
from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.disk import DiskStore

logging.basicConfig(stream=sys.stdout, format="%(message)s")
store = DiskStore(sys.argv[1], durability=sys.argv[2])
store.write(b"kept", StoredEntry(b"x" * 2000, 1.0, 2e9, 2e9, tags=("t",)), wait=True)
store.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
failures = 0
for turn in range(3):
    try:
        for number in range(100):
            entry = StoredEntry(b"x" * 2000, 1.0, 2e9, 2e9, tags=("t",))
            store.write(b"%d-%d" % (turn, number), entry, wait=True)
        store.flush()
    except StoreError:
        failures += 1
assert failures == 3
assert store.read(b"kept").data == b"x" * 2000
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
@pytest.mark.parametrize(("durability", "lines"), [("process", 0), ("behind", 1)])
def test_full_disk_is_an_error_and_costs_nothing_that_was_written(
    tmp_path: Path, durability: str, lines: int
) -> None:
    """The writer's thread, which cannot raise it, says it; at the exit, how much was lost since."""
    said = finish(start(FULL_DISK_BEHIND, tmp_path, durability))
    assert said.count("cannot be used: ") == lines
    assert said.count("more entries that waited") == lines
    store = DiskStore(tmp_path)
    assert store.read(b"kept") is not None
    store.write(b"again", StoredEntry(b"", 1.0, 2e9, 2e9))
    count = len(store)
    assert store.delete_tags(["t"]) == count - 1
    store.close()
