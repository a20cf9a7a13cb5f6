"""`tta cache prune` and `tta cache clear` on folders."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.performance.environment.fingerprint import EnvFingerprint
from tta_dev_primitives.performance.environment.records import FingerprintRecords
from tta_dev_primitives.performance.stores.disk import FILE_NAME
from tta_dev_primitives.testing import FakeClock

from .cache_folders import keep, texts


def test_prune_deletes_what_expired_and_makes_the_file_smaller(tta: Any, folder: Path) -> None:
    long_ago = FakeClock()
    keep(folder, *map(str, range(50)), ttl_seconds=60, clock=long_ago, step=lambda _: "x" * 20_000)
    keep(folder, "good")
    before = (folder / FILE_NAME).stat().st_size
    ended = tta("cache", "prune", folder)
    after = (folder / FILE_NAME).stat().st_size
    assert ended.code == 0
    assert ended.out == (
        f"deleted 50 entries that had expired; {before:,} bytes on disk before, {after:,} now\n"
    )
    assert after < before / 4
    assert texts(tta, folder) == ["good"]


def test_prune_deletes_what_was_made_by_packages_that_are_gone(tta: Any, folder: Path) -> None:
    dead, alive = "d" * 32, "a" * 32
    for digest, used in ((dead, 1e9), (alive, time.time())):
        keep(folder, "x", namespace=f"{digest}:n")
        fingerprint = EnvFingerprint(digest, "3.11", (digest,), ())
        FingerprintRecords(folder).claim(fingerprint, "/env", taken=used, now=used)
    ended = tta("cache", "prune", folder)
    assert ", 1 of packages that no environment has any more; " in ended.out
    found = json.loads(tta("cache", "stats", folder, "--json").out)
    assert found["namespaces"] == {f"{alive}:n": 1}


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ([], []),
        (["--namespace", "shop"], ["apple", "axe"]),
        (["--namespace", ""], ["apple", "pear"]),
        (["--prefix", "a"], ["pear"]),
        (["--prefix", "ap", "--namespace", "shop"], ["apple", "axe", "pear"]),
        (["--tag", "food"], ["axe"]),
        (["--tag", "food", "--namespace", "shop"], ["apple", "axe"]),
        (["--tag", "food", "--namespace", ""], ["apple", "axe", "pear"]),
        (["--tag", "food", "--prefix", "p"], ["apple", "apple", "axe"]),
        (["--tag", "foo"], ["apple", "apple", "axe", "pear"]),
    ],
    ids=[
        "all", "namespace", "no-namespace", "prefix", "prefix-namespace", "tag", "tag-namespace",
        "tag-no-namespace", "tag-prefix", "nothing",
    ],
)  # fmt: skip
def test_clear_deletes_what_all_options_mean_together(
    tta: Any, folder: Path, options: list[str], left: list[str]
) -> None:
    keep(folder, "apple", "pear", namespace="shop", tags=["food"])
    keep(folder, "apple", tags=["food"])
    keep(folder, "axe", tags=["tool", "wood"])
    gone = 4 - len(left)
    ended = tta("cache", "clear", folder, *options, "--yes")
    assert ended.out == ("deleted 1 entry\n" if gone == 1 else f"deleted {gone} entries\n")
    assert ended.code == 0
    assert texts(tta, folder) == left


def test_clear_gives_the_space_back(tta: Any, folder: Path) -> None:
    keep(folder, *map(str, range(50)), step=lambda _: "x" * 20_000)
    before = (folder / FILE_NAME).stat().st_size
    tta("cache", "clear", folder, "--yes")
    assert (folder / FILE_NAME).stat().st_size < before / 4


def test_clear_asks_nobody_and_deletes_nothing_without_a_terminal(tta: Any, folder: Path) -> None:
    keep(folder, "precious")
    ended = tta("cache", "clear", folder)
    assert ended.code == 2
    assert ended.complaint.endswith("give it --yes")
    assert texts(tta, folder) == ["precious"]


@pytest.mark.parametrize(
    ("answer", "code", "said", "left"),
    [
        ("y\n", 0, "deleted 1 entry\n", []),
        ("\n", 1, "nothing was deleted\n", ["precious"]),
        ("no\n", 1, "nothing was deleted\n", ["precious"]),
        ("\x04", 1, "nothing was deleted\n", ["precious"]),
    ],
    ids=["yes", "enter", "no", "end"],
)
def test_clear_asks_on_a_terminal(
    tta: Any, start: Any, folder: Path, answer: str, code: int, said: str, left: list[str]
) -> None:
    if not hasattr(os, "openpty"):
        pytest.skip("needs a pseudo-terminal")
    keep(folder / "c", "precious")
    ours, theirs = os.openpty()
    try:
        process = start("cache", "clear", folder / "c", stdin=theirs)
        os.write(ours, answer.encode())
        out, err = process.communicate(timeout=30)
    finally:
        os.close(ours)
        os.close(theirs)
    assert err == f"Delete 1 entry from {folder / 'c'}? [y/N] "
    assert (process.returncode, out) == (code, said)
    assert texts(tta, folder / "c") == left


def test_prefix_that_is_longer_than_what_is_kept_of_a_text_is_misuse(
    tta: Any, folder: Path
) -> None:
    keep(folder, "x")
    ended = tta("cache", "clear", folder, "--prefix", "x" * 129, "--yes")
    assert ended.code == 2
    assert "at most 128 bytes" in ended.complaint
