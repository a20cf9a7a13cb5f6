"""Requests on disk: their order, their ids, their memory, and what is left of them."""

from __future__ import annotations

import itertools
import os
import random
import sqlite3
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.traffic import filling
from tta_dev_primitives.devtools.traffic.errors import TrafficError
from tta_dev_primitives.devtools.traffic.filling import kept
from tta_dev_primitives.devtools.traffic.notes import Notes
from tta_dev_primitives.devtools.traffic.opening import open_traffic
from tta_dev_primitives.devtools.traffic.request import Answer, TokenUsage, TrafficRequest
from tta_dev_primitives.devtools.traffic.spool import Traffic

from .logs_here import ROW, ids, row, rows, write_log

FIRST = ROW["ts"]
texts = st.text(st.characters(codec="utf-8"), max_size=5)
numbers = st.floats(0, 1)
usages = st.builds(TokenUsage, *[st.integers(0, 10**9)] * 4)
requests = st.builds(
    TrafficRequest,
    id=texts,
    ts=st.floats(0, 10).map(lambda ts: float(int(ts))),
    model=texts,
    usage=usages,
    provider=st.none() | texts,
    tenant=texts,
    conversation=st.none() | texts,
    key=st.none() | st.binary(max_size=16),
    text=texts,
    answers=st.dictionaries(texts, st.builds(Answer, st.none() | numbers, st.none() | usages)),
    error=st.none() | texts,
    latency=st.none() | numbers,
    cost=st.none() | numbers,
    place=st.none() | texts,
)


def keep(given_requests: list[TrafficRequest], *, folder: Path | None = None) -> Traffic:
    numbered = enumerate(given_requests, 1)
    return kept(numbered, Path("log"), source="log", notes=Notes(), spool_dir=folder)


@given(st.lists(requests, max_size=8, unique_by=lambda request: request.id))
def test_requests_come_back_whole_in_the_order_of_time(
    given_requests: list[TrafficRequest],
) -> None:
    """A request lost something on disk, or came before an earlier one."""
    with keep(given_requests) as traffic:
        assert list(traffic) == sorted(given_requests, key=lambda request: (request.ts, request.id))
        assert len(traffic) == len(given_requests)


def test_it_can_be_iterated_again_and_twice_at_once(tmp_path: Path) -> None:
    """The second pass over the traffic saw nothing, or took requests from the first."""
    with open_traffic(write_log(tmp_path, *rows(2, 0, 1))) as traffic:
        expected = ["r-1", "r-2", "r-0"]
        assert [ids(pair) for pair in zip(traffic, traffic, strict=True)] == [
            [name, name] for name in expected
        ]
        assert ids(itertools.islice(traffic, 1)) == expected[:1]
        assert ids(traffic) == expected


def test_clock_that_ran_backwards_is_told(tmp_path: Path) -> None:
    """Lines out of order were sorted, and nobody knew that the clock was wrong."""
    with open_traffic(write_log(tmp_path, *rows(5, 3, 4, 1))) as traffic:
        assert ids(traffic) == ["r-3", "r-1", "r-2", "r-0"]
        (note,) = traffic.notes
    assert note == (
        "2 requests were sent before those on the lines above; sorted by time; "
        "the first is on line 2"
    )


def test_equal_times_are_ordered_by_id_without_a_note(tmp_path: Path) -> None:
    """Two requests of one second were replayed in the order of the file, which means nothing."""
    lines = [row(id=name) for name in "bca"]
    with open_traffic(write_log(tmp_path, *lines)) as traffic:
        assert ids(traffic) == ["a", "b", "c"]
        assert traffic.notes == ()


@pytest.mark.parametrize("times", [(0, 1, 2), (2, 1, 0)], ids=["in-order", "backwards"])
def test_id_that_is_there_twice_is_told_with_both_lines(
    tmp_path: Path, times: tuple[float, ...]
) -> None:
    """A request that was written twice was paid twice."""
    first, second, third = rows(*times)
    path = write_log(tmp_path, first, second, third | {"id": "r-0"})
    with pytest.raises(TrafficError, match=r"the id 'r-0' is on line 1 already") as caught:
        open_traffic(path)
    assert caught.value.line == 3


def test_ids_that_only_share_a_hash_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten million ids two may have one hash, and the second was refused."""
    monkeypatch.setattr(filling, "hash", lambda _: 5, raising=False)
    one = TrafficRequest("a", FIRST, "m", TokenUsage())
    with keep([one, replace(one, id="b"), replace(one, id="c")]) as traffic:
        assert ids(traffic) == ["a", "b", "c"]


def test_empty_log_is_traffic_of_none(tmp_path: Path) -> None:
    """An app without a call of a model made the command fail."""
    with open_traffic(write_log(tmp_path)) as traffic:
        assert (len(traffic), list(traffic), traffic.notes) == (0, [], ())


def test_halves_of_characters_in_a_text_are_replaced() -> None:
    """A prompt with half an emoji, as cutting makes them, stopped the measurement."""
    request = TrafficRequest("a", FIRST, "m", TokenUsage(), text="well \ud83d")
    with keep([request]) as traffic:
        assert [kept_request.text for kept_request in traffic] == ["well ?"]


def test_nothing_is_left_on_disk(tmp_path: Path) -> None:
    """Prompts stayed in the folder for temporary files."""
    spool = tmp_path / "spool"
    spool.mkdir()
    with open_traffic(write_log(tmp_path, ROW), spool_dir=spool) as traffic:
        (folder,) = spool.iterdir()
        assert folder.stat().st_mode & 0o077 == 0
        unfinished = iter(traffic)
        next(unfinished)
    assert list(spool.iterdir()) == []
    with pytest.raises(TrafficError, match="is closed already"):
        list(traffic)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, TrafficError], ids=str)
def test_nothing_is_left_on_disk_where_reading_fails(
    tmp_path: Path, error: type[BaseException]
) -> None:
    """An interrupted command left prompts in the folder for temporary files."""

    def interrupted() -> Iterator[tuple[int, TrafficRequest]]:
        yield 1, TrafficRequest("a", FIRST, "m", TokenUsage())
        raise error(Path("log"), "stop") if error is TrafficError else error

    with pytest.raises(error):
        kept(interrupted(), Path("log"), source="log", notes=Notes(), spool_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_hold_it_is_told(tmp_path: Path) -> None:
    """A folder that is not there gave an error of Python's own."""
    with pytest.raises(
        TrafficError, match="choose another folder by spool_dir or TMPDIR"
    ) as caught:
        open_traffic(write_log(tmp_path, ROW), spool_dir=tmp_path / "nowhere")
    assert "nowhere" in str(caught.value)


def test_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk gave an error of SQLite's own, and the folder stayed there."""
    monkeypatch.setattr(filling, "_SETTINGS", (*filling._SETTINGS, "PRAGMA max_page_count = 3"))
    many = [row(id=number, prompt="x" * 500) for number in range(100)]
    path, spool = write_log(tmp_path, *many), tmp_path / "spool"
    spool.mkdir()
    with pytest.raises(TrafficError, match="free some space") as caught:
        open_traffic(path, spool_dir=spool)
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    assert list(spool.iterdir()) == []


def test_memory_does_not_grow_with_the_requests() -> None:
    """A month of traffic did not fit into memory."""
    usage, count = TokenUsage(10, 5), 30_000
    random_times = random.Random(0)

    def many() -> Iterator[tuple[int, TrafficRequest]]:
        for number in range(count):
            ts = random_times.random() * 1e6
            yield number, TrafficRequest(f"r-{number}", ts, "m", usage, text=f"{number} " * 50)

    tracemalloc.start()
    try:
        with kept(many(), Path("log"), source="log", notes=Notes()) as traffic:
            assert sum(request.usage.input for request in traffic) == 10 * count
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


MILLION = """
import sys, resource
from pathlib import Path
from tta_dev_primitives.devtools.traffic.opening import open_traffic
with open_traffic(Path(sys.argv[1])) as traffic:
    assert len(traffic) == sum(1 for _ in traffic) == int(sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.long
@pytest.mark.skipif(not os.environ.get("TTA_LONG"), reason="takes a minute; set TTA_LONG=1")
def test_a_million_lines_take_little_memory(tmp_path: Path) -> None:
    """A log of a million lines took a gigabyte."""
    path, count = tmp_path / "log.jsonl", 1_000_000
    line = (
        '{{"id": "r-{0}", "ts": {1}, "model": "m", "prompt": "Where is parcel {0}?", '
        '"usage": {{"input": 9, "output": 5}}}}\n'
    )
    with path.open("w", encoding="utf-8") as file:
        file.writelines(line.format(n, FIRST + n * 7919 % count) for n in range(count))
    program = [sys.executable, "-c", MILLION, str(path), str(count)]
    done = subprocess.run(program, check=True, capture_output=True, text=True, timeout=300)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 150_000_000
