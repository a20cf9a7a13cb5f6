"""The cache of what files said."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path

import pytest

from keploy_framework.formats import DocumentFile, KeployTree, ParseCache, PlainText
from keploy_framework.formats.cache import user_cache_folder
from keploy_framework.formats.same import same_data


@pytest.fixture
def cache(tmp_path: Path) -> ParseCache:
    return ParseCache(tmp_path / "cache")


def mark(cache: ParseCache) -> None:
    """Change the kinds in the cache, so that what comes from it can be told."""
    for pack in cache.folder.iterdir():
        pack.write_text(pack.read_text().replace('"kind":"Http"', '"kind":"Marked"'))


def kinds(files: list[DocumentFile]) -> list[str]:
    return [document["kind"] for file in files for document in file.data]


def test_second_reading_gives_the_same_from_the_cache(root: Path, cache: ParseCache):
    """A large set took as long to load the tenth time as the first."""
    paths = [*sorted((root / "test-set-0" / "tests").iterdir()), root / "test-set-0/mocks.yaml"]
    fresh = [DocumentFile.read(path) for path in paths]
    cache.read(paths)
    again = cache.read(paths)
    for one, other in zip(again, fresh, strict=True):
        assert same_data(one.data, other.data)
        assert (one.header, one.indent, one.newline) == (other.header, other.indent, other.newline)
        assert [doc.line for doc in one.documents] == [doc.line for doc in other.documents]
        assert one.path == other.path
    mark(cache)
    assert kinds(cache.read(paths)) == [*["Marked"] * 5, "Redis", "MySQL"]


def test_changed_file_is_parsed_again_and_only_it(root: Path, cache: ParseCache):
    """A test that was edited was replayed as it had been."""
    paths = sorted((root / "test-set-0" / "tests").iterdir())
    cache.read(paths)
    mark(cache)
    status = paths[0].stat()
    paths[0].write_text(paths[0].read_text().replace("get-events-1", "get-events-2"))
    os.utime(paths[0], ns=(status.st_atime_ns, status.st_mtime_ns))
    files = cache.read(paths)
    assert files[0].data[0]["name"] == "get-events-2"
    assert kinds(files) == ["Http", "Marked", "Marked", "Marked"]


def test_data_from_the_cache_can_be_changed(root: Path, cache: ParseCache):
    """Adding noise to a test changed the cache."""
    path = root / "test-set-0" / "config.yaml"
    cache.read([path])
    cache.read([path])[0].data[0]["template"]["token"] = "changed"
    assert cache.read([path])[0].data[0]["template"]["token"] == "eyJ.e30.x"


def test_damaged_file_is_never_remembered(tmp_path: Path, cache: ParseCache):
    """A damaged file was reported only the first time."""
    path = tmp_path / "x.yaml"
    path.write_text("a: 1\n---\nb: [\n")
    for _ in range(2):
        (file,) = cache.read([path])
        assert (file.data, len(file.damaged)) == ([{"a": 1}], 1)


@pytest.mark.parametrize(
    "text",
    ["5000: 8080\n", "a: .nan\n", "a: .inf\n", "? !!binary /w==\n: 1\n"],
    ids=["number", "nan", "inf", "bytes"],
)
def test_what_json_cannot_say_is_read_from_the_file(text: str, tmp_path: Path, cache: ParseCache):
    """A key that is a number became text the second time."""
    path = tmp_path / "x.yaml"
    path.write_text(text)
    first, second = cache.read([path]), cache.read([path])
    assert same_data(first[0].data, second[0].data)


@pytest.mark.parametrize("top", ["2026-01-22\n", "!!binary /w==\n"], ids=["time", "bytes"])
def test_document_that_is_one_scalar_keeps_its_type(top: str, tmp_path: Path, cache: ParseCache):
    """A document of one value came back with another type."""
    path = tmp_path / "x.yaml"
    path.write_text(top)
    cache.read([path])
    assert type(cache.read([path])[0].data[0]) in (PlainText, bytes)


def test_same_content_in_a_file_of_another_ending_is_another_file(
    tmp_path: Path, cache: ParseCache
):
    """A damaged JSON file was taken for sound, for a YAML file said the same."""
    paths = [tmp_path / "x.json", tmp_path / "x.yaml"]
    for path in paths:
        path.write_text("{a: 2026-01-22}")
    for _ in range(2):
        json_file, yaml_file = cache.read(paths)
        assert len(json_file.damaged) == 1
        assert type(yaml_file.data[0]["a"]) is PlainText


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b'{"format": 0}', b'{"format": 1, "files": 5}', b"[" * 100_000],
    ids=["empty", "open", "list", "bytes", "format", "files", "deep"],
)
def test_damaged_cache_is_as_good_as_none(content: bytes, root: Path, cache: ParseCache):
    """A cache that was cut off by a full disk stopped every run."""
    path = root / "test-set-0" / "config.yaml"
    cache.read([path])
    (pack,) = cache.folder.iterdir()
    pack.write_bytes(content)
    assert cache.read([path])[0].data == DocumentFile.read(path).data
    assert json.loads(pack.read_text())["format"] == 1


@pytest.mark.parametrize("packed", [5, [], ["", 2, "\n", [[1, {}, [[["x"], "text"]]]]]])
def test_damaged_entry_is_as_good_as_none(packed: object, root: Path, cache: ParseCache, caplog):
    """A wrong entry of the cache was taken for a test."""
    path = root / "test-set-0" / "config.yaml"
    cache.read([path])
    (pack,) = cache.folder.iterdir()
    data = json.loads(pack.read_text())
    data["files"] = dict.fromkeys(data["files"], packed)
    pack.write_text(json.dumps(data))
    with caplog.at_level(logging.WARNING):
        assert cache.read([path])[0].data == DocumentFile.read(path).data
    assert "is damaged" in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_nobody_else_may_read_the_cache(root: Path, cache: ParseCache):
    """Recorded data could be read by every user of the machine."""
    cache.read([root / "test-set-0" / "config.yaml"])
    (pack,) = cache.folder.iterdir()
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert pack.stat().st_mode & 0o777 == 0o600


def test_cache_that_cannot_be_written_is_left_out(root: Path, tmp_path: Path, caplog):
    """A read-only home stopped every run."""
    (tmp_path / "file").write_text("")
    cache = ParseCache(tmp_path / "file" / "cache")
    path = root / "test-set-0" / "config.yaml"
    with caplog.at_level(logging.WARNING):
        assert cache.read([path])[0].data == DocumentFile.read(path).data
    assert "cannot be written" in caplog.text


def test_cache_stays_below_its_size(tmp_path: Path):
    """The cache filled the disk over the years."""
    cache = ParseCache(tmp_path / "cache", max_bytes=1500)
    paths = [tmp_path / f"{number}.yaml" for number in range(6)]
    for path in paths:
        path.write_text(f"a: {'x' * 400}\n")
        cache.read([path])
    assert 0 < sum(pack.stat().st_size for pack in cache.folder.iterdir()) <= 1500
    paths[0].write_text(f"a: {'x' * 2000}\n")
    assert cache.read(paths[:1])[0].data == [{"a": "x" * 2000}]
    assert cache.read([]) == []


def test_file_too_large_or_missing_is_told_as_without_a_cache(tmp_path: Path, cache: ParseCache):
    """A missing test looked like an empty one."""
    (tmp_path / "folder.yaml").mkdir()
    (file,) = cache.read([tmp_path / "folder.yaml"])
    assert "not a regular file" in file.damaged[0].reason
    with pytest.raises(FileNotFoundError):
        cache.read([tmp_path / "none.yaml"])


def test_tree_uses_the_cache_it_is_given(root: Path, cache: ParseCache):
    """The cache was there, and nothing used it."""
    found = KeployTree(root, cache=cache).test_set("test-set-0")
    assert {test.kind for test in found.tests()} == {"Http"}
    mark(cache)
    assert {test.kind for test in found.tests()} == {"Marked"}


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="they have folders of their own")
def test_users_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch):
    """The cache ignored where the user wants caches."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert user_cache_folder() == Path("/c/keploy-framework/parsed")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/h")
    assert ParseCache().folder == Path("/h/.cache/keploy-framework/parsed")
