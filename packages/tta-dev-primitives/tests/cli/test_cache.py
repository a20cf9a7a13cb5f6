"""`tta cache` on folders: which cache is meant, that looking changes nothing, and the counts."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives import CachePrimitive
from tta_dev_primitives.performance.stores.disk import FILE_NAME
from tta_dev_primitives.testing import FakeClock

from .cache_folders import keep, texts

READING = [("stats",), ("get", "why?"), ("export",)]
ALL = [*READING, ("prune",), ("clear", "--yes")]
NAMES = ["stats", "get", "export", "prune", "clear"]


@dataclass(frozen=True)
class Usage:
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Answer:
    cost: float | None
    usage: Usage


@pytest.fixture(autouse=True)
def no_folder_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TTA_CACHE_DIR", raising=False)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("command", ALL, ids=NAMES)
@pytest.mark.parametrize(
    ("where", "variable", "complaint"),
    [
        (
            None,
            None,
            "no cache here: TTA_CACHE_DIR is not set, and there is no .tta-cache/tta-cache",
        ),
        (None, "named", "no cache in named, which TTA_CACHE_DIR names: it has no file tta-cache"),
        ("given", None, "no cache in given: it has no file tta-cache.sqlite3"),
        ("workflows_here.py", None, "workflows_here.py is a file; name the folder of a cache"),
        ("http://u:secret@h/", None, "the address is of no kind known here; use a folder or redis"),
    ],
    ids=["default", "variable", "given", "file", "address"],
)
def test_looking_for_a_cache_makes_none(
    tta: Any, folder: Path, monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...], where: str | None, variable: str | None, complaint: str,
) -> None:  # fmt: skip
    """A typing error is told, and leaves no empty cache behind."""
    if variable is not None:
        monkeypatch.setenv("TTA_CACHE_DIR", variable)
    before = contents(folder)
    ended = tta("cache", *command, *([] if where is None else [where]))
    assert ended.code == 2
    assert ended.complaint.startswith(complaint)
    assert "secret" not in ended.err
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("where", "variable"), [(None, None), (None, "other"), ("other", ".tta-cache")],
    ids=["default", "variable", "given"],
)  # fmt: skip
def test_cache_is_looked_for_where_a_program_would_put_it(
    tta: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, where: str | None, variable: str | None
) -> None:
    keep(folder / ".tta-cache", "here")
    keep(folder / "other", "there", "too")
    if variable is not None:
        monkeypatch.setenv("TTA_CACHE_DIR", variable)
    found = json.loads(tta("cache", "stats", "--json", *([where] if where else [])).out)
    assert found["entries"] == (1 if where is variable is None else 2)


@pytest.mark.parametrize(
    "words",
    [
        ["redis://user:secret@host/0"],
        ["stats", "--url", "redis://user:secret@host/0"],
        ["stats", "redis://user:secret@host/0", "redis://:secret@host"],
        ["stats", "redis://user:se/secret@host/0"],
        ["get", "x", "unix://user:secret@/no/socket"],
        ["stats", "unix://user:x/secret@/no/socket"],
    ],
    ids=["no-action", "option", "two", "not-encoded", "socket", "socket-not-encoded"],
)
def test_password_in_an_address_is_not_repeated(tta: Any, words: list[str]) -> None:
    ended = tta("cache", *words)
    assert ended.code in (1, 2)
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    assert "secret" not in ended.err


@pytest.mark.parametrize("command", READING, ids=NAMES[:3])
def test_looking_leaves_the_folder_as_it_was(
    tta: Any, folder: Path, command: tuple[str, ...]
) -> None:
    """Not even SQLite's log, nor a new time of change."""
    keep(folder / "c", "why?")
    before, changed = contents(folder / "c"), (folder / "c" / FILE_NAME).stat().st_mtime_ns
    assert tta("cache", *command, folder / "c").code == 0
    assert contents(folder / "c") == before
    assert list(before) == [FILE_NAME]
    assert (folder / "c" / FILE_NAME).stat().st_mtime_ns == changed


@pytest.mark.parametrize("command", READING, ids=NAMES[:3])
def test_what_a_running_program_has_just_kept_is_seen(
    tta: Any, folder: Path, command: tuple[str, ...]
) -> None:
    """It stands in the log, not in the file."""
    with closing(CachePrimitive(lambda x: {"answer": x}, cache_dir=folder / "c")) as cache:
        cache.run("why?")
        before = (folder / "c" / FILE_NAME).read_bytes()
        ended = tta("cache", *command, folder / "c")
        assert (ended.code, ended.err) == (0, "")
        assert "why?" in ended.out or "entries                                   1" in ended.out
        assert (folder / "c" / FILE_NAME).read_bytes() == before
        cache.run("and?")
    assert texts(tta, folder / "c") == ["and?", "why?"]


def make_garbage(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def make_foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE holiday_pictures(name)")


def make_newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")


def make_short(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(20_000)


@pytest.mark.parametrize("command", ALL, ids=NAMES)
@pytest.mark.parametrize("damage", [make_garbage, make_foreign, make_newer])
def test_file_that_is_no_cache_of_ours_is_left_as_it_is(
    tta: Any, folder: Path, command: tuple[str, ...], damage: Callable[[Path], None]
) -> None:
    """A program that uses the cache would set it aside; the command says what it found."""
    keep(folder / "c", "why?")
    damage(folder / "c" / FILE_NAME)
    before = contents(folder / "c")
    ended = tta("cache", *command, folder / "c")
    assert (ended.code, ended.out) == (1, "")
    assert ended.complaint.startswith(f"cache file {folder / 'c' / FILE_NAME} cannot be read: ")
    assert contents(folder / "c") == before


@pytest.mark.parametrize("command", [("stats",), ("export",)], ids=["stats", "export"])
def test_damage_in_the_middle_is_one_line(tta: Any, folder: Path, command: tuple[str, ...]) -> None:
    keep(folder / "c", *(f"{number}" * 100 for number in range(500)))
    make_short(folder / "c" / FILE_NAME)
    before = contents(folder / "c")
    ended = tta("cache", *command, folder / "c")
    assert ended.code == 1
    assert "it was left as it is" in ended.complaint
    assert contents(folder / "c") == before


def test_damaged_rows_are_passed_over_and_told(tta: Any, folder: Path) -> None:
    keep(folder / "c", "good", "bad", "worse", "worst", tags=["t"])
    with closing(sqlite3.connect(folder / "c" / FILE_NAME)) as other, other:
        other.execute("UPDATE entry SET meta = 'x' WHERE substr(key, -3) = x'626164'")
        other.execute("UPDATE entry SET meta = x'20' WHERE substr(key, -5) = x'776f727365'")
        other.execute(
            "UPDATE entry SET meta = substr(meta, 1, 60) WHERE substr(key, -5) = x'776f727374'"
        )
    ended = tta("cache", "export", folder / "c")
    assert ended.code == 1
    assert ended.complaint == f"3 damaged rows of {folder / 'c'} were passed over"
    assert [json.loads(line)["text"] for line in ended.out.splitlines()] == ["good"]


def test_file_of_an_earlier_version_is_read_as_it_is(tta: Any, folder: Path) -> None:
    (folder / "c").mkdir()
    with closing(sqlite3.connect(folder / "c" / FILE_NAME)) as old, old:
        old.executescript("""
            PRAGMA application_id = 1953784163; PRAGMA user_version = 1;
            CREATE TABLE entry(key BLOB PRIMARY KEY, stored_at REAL, expires_at REAL, cost REAL,
                input_tokens INTEGER, output_tokens INTEGER, duration REAL, data BLOB)
        """)
        key = b"\0" + bytes(16) + b"sold"
        old.execute("INSERT INTO entry VALUES(?, 1, 5, NULL, 2, 3, NULL, ?)", (key, b"j[1]"))
    before = contents(folder / "c")
    found = json.loads(tta("cache", "export", folder / "c").out)
    assert (found["text"], found["value"], found["fresh_until"]) == ("old", [1], 5.0)
    assert contents(folder / "c") == before


def test_empty_file_is_an_empty_cache(tta: Any, folder: Path) -> None:
    """A program was stopped while it made it."""
    (folder / "c").mkdir()
    (folder / "c" / FILE_NAME).touch()
    assert json.loads(tta("cache", "stats", folder / "c", "--json").out)["entries"] == 0
    assert (folder / "c" / FILE_NAME).stat().st_size == 0


def test_stats_count_states_namespaces_tags_and_worth(tta: Any, folder: Path) -> None:
    now = time.time()
    keep(folder, "a", "b", namespace="shop", tags=["fruit", "[red]"])
    keep(folder, "c", tags=["fruit"], ttl_seconds=60, clock=FakeClock(epoch=now - 1000))
    keep(
        folder, "d", ttl_seconds=60, stale_if_error=1e6, clock=FakeClock(epoch=now - 1000),
        step=lambda _: Answer(0.25, Usage(7, 2)), version="priced",
    )  # fmt: skip
    ended = tta("cache", "stats", folder, "--json")
    found = json.loads(ended.out)
    assert found.pop("duration_seconds") >= 0
    assert found.pop("newest_stored_at") >= now > found.pop("oldest_stored_at")
    assert found.pop("file_bytes") == (folder / FILE_NAME).stat().st_size
    assert 40 < found.pop("value_bytes") < 400
    assert found == {
        "where": str(folder),
        "backend": "disk",
        "entries": 4,
        "fresh": 2,
        "stale": 1,
        "expired": 1,
        "cost_usd": 0.25,
        "entries_with_cost": 1,
        "input_tokens": 7,
        "output_tokens": 2,
        "namespaces": {"": 2, "shop": 2},
        "tags": {"fruit": 3, "[red]": 2},
        "other_tags": 0,
    }
    for_people = tta("cache", "stats", folder).out
    assert "$0.2500" in for_people
    assert "[red]" in for_people


def test_price_that_nobody_knows_is_not_zero(tta: Any, folder: Path) -> None:
    keep(folder, "a")
    assert json.loads(tta("cache", "stats", folder, "--json").out)["cost_usd"] is None
    assert "unpriced" in tta("cache", "stats", folder).out


def test_stats_name_the_ten_most_used_tags(tta: Any, folder: Path) -> None:
    def tags(number: int, _: object) -> list[str]:
        return [f"t{tag:02}" for tag in range(number + 1)]

    keep(folder, *range(12), tags=tags)
    found = json.loads(tta("cache", "stats", folder, "--json").out)
    assert found["tags"] == {f"t{tag:02}": 12 - tag for tag in range(10)}
    assert found["other_tags"] == 2
    assert "and 2 more" in tta("cache", "stats", folder).out
