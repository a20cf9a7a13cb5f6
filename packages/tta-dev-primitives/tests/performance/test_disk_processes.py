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
from tta_dev_primitives.performance.stores.disk import FILE_NAME, DiskStore
from tta_dev_primitives.testing.mocks import MockPrimitive

KILLS = 50 if os.environ.get("TTA_LONG") == "1" else 10


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
    store.write(key, StoredEntry(key * 100, 1.0, 2e9), wait=True)
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
store.write(b"parent", StoredEntry(b"1", 1.0, 2e9))
child = os.fork()
if child == 0:
    assert store.read(b"parent").data == b"1"
    for number in range(50):
        store.write(b"child-%d" % number, StoredEntry(b"2", 1.0, 2e9), wait=True)
    sys.exit(0)
for number in range(50):
    store.write(b"parent-%d" % number, StoredEntry(b"1", 1.0, 2e9), wait=True)
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
