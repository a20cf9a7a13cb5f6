"""`tta cache get` and `tta cache export`: what they show of an entry."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives import CachePrimitive
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.disk import FILE_NAME, DiskStore
from tta_dev_primitives.testing import FakeClock

PICKLE = "a signed pickle, which is not opened here"


@pytest.fixture
def keep(folder: Path) -> Callable[..., Path]:
    """Has a cache keep what a step returns for an input."""

    def keep(given: Any, result: Any = "result", **options: Any) -> Path:
        options.setdefault("ttl_seconds", None)
        cache = CachePrimitive(lambda _: result, cache_dir=folder / "c", **options)
        cache.run(given)
        cache.close()
        return folder / "c"

    return keep


def exported(tta: Any, *words: object) -> list[dict[str, Any]]:
    ended = tta("cache", "export", *words)
    assert (ended.code, ended.err) == (0, "")
    return [json.loads(line) for line in ended.out.splitlines()]


@dataclasses.dataclass
class Usage:
    input_tokens: int
    output_tokens: int


@dataclasses.dataclass
class Answer:
    cost: float
    usage: Usage


class BurnsWhenOpened:
    """A value whose pickle leaves a mark when it is opened."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("burnt"),)


def value_of_a_type_that_is_gone() -> Any:
    module = types.ModuleType("gone_here")
    sys.modules["gone_here"] = module
    exec("import dataclasses\n@dataclasses.dataclass\nclass Point:\n    x: int\n", module.__dict__)
    return module.Point(3)


@pytest.mark.parametrize(
    ("make", "options", "shown"),
    [
        (lambda: {"a": [1, None, "é"]}, {}, {"a": [1, None, "é"]}),
        (lambda: {"a": 1}, {"serializer": "json"}, {"a": 1}),
        (lambda: (1, 2), {}, {"!": "tuple", "v": [1, 2]}),
        (lambda: {"!": 1}, {}, {"!": "dict", "v": [["!", 1]]}),
        (lambda: 1 << 70, {}, 1 << 70),
        (lambda: float("inf"), {}, {"!": "float", "v": "inf"}),
        (lambda: "\ud800", {}, "\ud800"),
        (
            value_of_a_type_that_is_gone,
            {},
            {"!": "data", "t": "gone_here:Point", "v": {"x": 3}},
        ),
        (
            BurnsWhenOpened,
            {"serializer": "pickle", "signing_key": "0123456789abcdef"},
            {"unreadable": PICKLE},
        ),
    ],
    ids=["json", "as-json", "tuple", "tag", "large", "infinite", "surrogate", "typed", "pickle"],
)
def test_values_are_shown_as_they_are_stored(
    tta: Any, folder: Path, keep: Any, make: Callable[[], Any], options: dict[str, Any], shown: Any
) -> None:
    """Nothing is imported, rebuilt or unpickled to show a value."""
    try:
        keep("k", make(), **options)
    finally:
        sys.modules.pop("gone_here", None)
    (found,) = exported(tta, folder / "c")
    assert found["value"] == shown
    assert not (folder / "burnt").exists()
    assert "gone_here" not in sys.modules
    printed = tta("cache", "get", "k", folder / "c").out
    assert json.loads(printed.split("\n", 12)[12]) == shown


@pytest.mark.parametrize(
    "data", [b"", b"j{", b"m\xc1", b"?x", b"jNaN", b"m\xc4\x01x", b"j" + b"[" * 100_000],
    ids=["empty", "broken", "broken-pack", "own-serializer", "nan", "bytes", "deep"],
)  # fmt: skip
def test_value_that_cannot_be_read_says_why(tta: Any, folder: Path, data: bytes) -> None:
    """One entry of another program's does not keep the others from being shown."""
    store = DiskStore(folder)
    store.write(b"\0" + bytes(16) + b"sk", StoredEntry(data, 1.0, 2.0, 3.0))
    store.close()
    (found,) = exported(tta, folder)
    assert list(found["value"]) == ["unreadable"]
    assert found["value"]["unreadable"]
    assert "unreadable" in tta("cache", "get", "k", folder).out


def test_entry_is_exported_with_all_that_is_known(tta: Any, keep: Any) -> None:
    clock = FakeClock(epoch=1000.0)
    folder = keep(
        "why?", Answer(0.5, Usage(5, 6)), namespace="shop", tags=["t"], ttl_seconds=60,
        stale_if_error=30.0, clock=clock,
    )  # fmt: skip
    (found,) = exported(tta, folder)
    key = bytes.fromhex(found.pop("key"))
    assert key.startswith(b"shop\0")
    assert key.endswith(b"swhy?")
    assert found == {
        "text": "why?",
        "text_is_cut": False,
        "namespace": "shop",
        "stored_at": 1000.0,
        "fresh_until": 1060.0,
        "expires_at": 1090.0,
        "tags": ["t"],
        "cost_usd": 0.5,
        "input_tokens": 5,
        "output_tokens": 6,
        "duration_seconds": 0.0,
        "value": {
            "!": "data",
            "t": f"{__name__}:Answer",
            "v": {
                "cost": 0.5,
                "usage": {
                    "!": "data",
                    "t": f"{__name__}:Usage",
                    "v": {"input_tokens": 5, "output_tokens": 6},
                },
            },
        },
    }


@pytest.mark.parametrize(
    "key", [b"plain", b"\xff\0", b"\0" + bytes(16) + b"s\xff", b"\0" + bytes(16) + b"cx"],
    ids=["no-namespace", "no-text-as-namespace", "no-text-as-key", "bytes"],
)  # fmt: skip
def test_key_of_another_form_is_shown_by_its_bytes(tta: Any, folder: Path, key: bytes) -> None:
    """A store object may be used with keys of the user's own."""
    store = DiskStore(folder)
    store.write(key, StoredEntry(b"j1", 1e300, 2.0, 3.0))
    store.close()
    (found,) = exported(tta, folder)
    assert (found["key"], found["text"], found["value"]) == (key.hex(), None, 1)
    ended = tta("cache", "get", f"hex:{key.hex()}", folder)
    assert "1e+300 s after 1970" in ended.out
    assert tta("cache", "stats", folder).code == 0


def test_entry_that_never_expires_has_no_times(tta: Any, keep: Any) -> None:
    (found,) = exported(tta, keep("k"))
    assert (found["fresh_until"], found["expires_at"]) == (None, None)


@pytest.mark.parametrize(
    ("given", "text", "is_cut"),
    [
        ("", "", False),
        ("x" * 128, "x" * 128, False),
        ("x" * 129, "x" * 128, True),
        ("a" + "ü" * 64, "a" + "ü" * 63, True),
        ({"a": 1}, None, False),
        ("\ud800", "\ud800", False),
    ],
    ids=["empty", "longest", "longer", "cut-in-a-character", "no-text", "surrogate"],
)
def test_text_of_a_key_is_what_is_kept_of_it(
    tta: Any, keep: Any, given: Any, text: str | None, is_cut: bool
) -> None:
    (found,) = exported(tta, keep(given))
    assert (found["text"], found["text_is_cut"]) == (text, is_cut)


@pytest.mark.parametrize("key", ["why?", "x" * 500], ids=["short", "long"])
def test_get_finds_the_entries_of_every_step(tta: Any, keep: Any, key: str) -> None:
    keep(key, "first", version="1", namespace="shop")
    keep(key + "!", "another", version="1")
    folder = keep(key, "second", version="2")
    ended = tta("cache", "get", key, folder)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.count("key  ") == 2
    assert '"first"' in ended.out
    assert '"second"' in ended.out
    assert "another" not in ended.out


def test_get_finds_one_entry_by_its_stored_key(tta: Any, keep: Any) -> None:
    keep({"a": 1}, "mine", version="1")
    folder = keep({"a": 1}, "other", version="2")
    key = next(entry["key"] for entry in exported(tta, folder) if entry["value"] == "mine")
    ended = tta("cache", "get", f"hex:{key}", folder)
    assert ended.code == 0
    assert '"mine"' in ended.out
    assert '"other"' not in ended.out


@pytest.mark.parametrize(
    ("key", "code", "complaint"),
    [
        ("when?", 1, "no entry with the key when?"),
        ("hex:00", 1, "no entry with the key hex:00"),
        ("hex:0", 2, "'hex:0' is no key: behind hex: stand hexadecimal digits"),
    ],
    ids=["text", "hex", "no-hex"],
)
def test_key_that_is_not_there(tta: Any, keep: Any, key: str, code: int, complaint: str) -> None:
    ended = tta("cache", "get", key, keep("why?"))
    assert (ended.code, ended.out) == (code, "")
    assert ended.complaint.startswith(complaint)


def test_terminal_is_told_nothing_by_what_is_in_a_cache(tta: Any, keep: Any) -> None:
    """An answer of a model could else move the cursor and hide what stands there."""
    evil = "\x1b[2J\x9b1m\u202e"
    folder = keep(evil, evil, namespace=evil, tags=[evil])
    for words in (("stats",), ("get", evil)):
        ended = tta("cache", *words, folder)
        assert ended.code == 0
        assert not {"\x1b", "\x9b", "\u202e"} & set(ended.out), words


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ([], ["apple", "axe", "pear"]),
        (["--prefix", "a"], ["apple", "axe"]),
        (["--tag", "food"], ["apple", "pear"]),
        (["--tag", "food", "--prefix", "a"], ["apple"]),
        (["--tag", "shop"], []),
    ],
    ids=["all", "prefix", "tag", "both", "none"],
)
def test_export_takes_what_all_options_mean_together(
    tta: Any, keep: Any, options: list[str], keys: list[str]
) -> None:
    keep("apple", tags=["food"], namespace="shop")
    keep("pear", tags=["food"])
    folder = keep("axe", tags=["tool"])
    assert sorted(entry["text"] for entry in exported(tta, folder, *options)) == keys


def test_export_of_more_than_one_batch_has_every_entry_once(tta: Any, folder: Path) -> None:
    cache = CachePrimitive(lambda x: x, cache_dir=folder)
    for number in range(600):
        cache.run(str(number))
    cache.close()
    found = sorted(int(entry["text"]) for entry in exported(tta, folder))
    assert found == list(range(600))


def test_export_to_a_file_replaces_it(tta: Any, folder: Path, keep: Any) -> None:
    (folder / "out.jsonl").write_text("old")
    ended = tta("cache", "export", keep("k"), "--output", "out.jsonl")
    assert (ended.code, ended.out) == (0, "1 entry in out.jsonl\n")
    assert json.loads((folder / "out.jsonl").read_text())["text"] == "k"
    assert not list(folder.glob("*.partial"))


def test_export_that_fails_half_way_leaves_the_file_as_it_was(tta: Any, folder: Path) -> None:
    cache = CachePrimitive(lambda x: x, cache_dir=folder / "c")
    for number in range(500):
        cache.run(f"{number}" * 100)
    cache.close()
    os.truncate(folder / "c" / FILE_NAME, 60_000)
    (folder / "out.jsonl").write_text("old")
    assert tta("cache", "export", folder / "c", "--output", "out.jsonl").code == 1
    assert (folder / "out.jsonl").read_text() == "old"
    assert not list(folder.glob("*.partial"))


@pytest.mark.parametrize(
    ("output", "complaint"),
    [(".", ". is a folder; name a file in it"), ("no/out.jsonl", "no folder ")],
    ids=["folder", "no-folder"],
)
def test_export_to_no_file_is_misuse(tta: Any, keep: Any, output: str, complaint: str) -> None:
    ended = tta("cache", "export", keep("k"), "--output", output)
    assert ended.code == 2
    assert ended.complaint.startswith(complaint)


def test_export_to_a_device_writes_to_it(tta: Any, folder: Path, keep: Any) -> None:
    """It must not be replaced by a file."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs named pipes")
    os.mkfifo(folder / "pipe")
    reader = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert tta("cache", "export", keep("k"), "--output", "pipe").code == 0
        assert json.loads(os.read(reader, 60_000))["text"] == "k"
        assert (folder / "pipe").is_fifo()
    finally:
        os.close(reader)


def test_reader_that_leaves_an_export_early_is_told_nothing(start: Any, keep: Any) -> None:
    folder = keep("k", "x" * 1_000_000)
    process = start("cache", "export", folder)
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=30) == 1


def test_export_to_a_full_disk_is_one_line(start: Any, keep: Any) -> None:
    # Not by --output: a mistake in the command could replace the device, for the whole machine.
    if not Path("/dev/full").is_char_device():
        pytest.skip("needs a device that is always full: Linux's /dev/full")
    with Path("/dev/full").open("w") as full:
        process = start("cache", "export", keep("k"), stdout=full)
        assert "No space left on device\n" in process.stderr.readline()
        assert process.stderr.read() == ""
    assert process.wait(timeout=30) == 1
