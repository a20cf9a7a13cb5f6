"""Reading wheels and source distributions: what sound ones tell, and why others are refused."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from distributions_here import (
    METADATA,
    record_of,
    wheel_files,
    write_sdist,
    write_tar,
    write_wheel,
    write_zip,
)
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.index import metadata, source_archives, wheels
from tta_dev_primitives.devtools.index.distribution import read_distribution
from tta_dev_primitives.devtools.index.finding import RefusedFileError

WHEEL_NAME = "acme_one-1.0-py3-none-any.whl"
SDIST_NAME = "acme_one-1.0.tar.gz"
FOLDER = "acme_one-1.0.dist-info"


def rule_of(path: Path) -> str:
    with pytest.raises(RefusedFileError) as refused:
        read_distribution(path)
    assert refused.value.fix
    return refused.value.rule


def test_wheel_tells_its_metadata_size_and_hash(tmp_path: Path) -> None:
    """Installers get what they need to choose, before they download anything."""
    path = write_wheel(tmp_path)
    found = read_distribution(path)
    content = path.read_bytes()
    assert found.size_bytes == len(content)
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.metadata == METADATA.format(name="acme-one", version="1.0").encode()
    assert found.requires_python == ">=3.11"


def test_source_distribution_has_no_metadata_to_serve(tmp_path: Path) -> None:
    """What it needs may depend on the machine that builds it."""
    found = read_distribution(write_sdist(tmp_path))
    assert (found.kind, found.metadata, found.requires_python) == ("sdist", None, ">=3.11")


def held_wheel(tmp_path: Path, **changes: bytes | None) -> Path:
    """Write a wheel with some files changed or left out, and a RECORD that fits it."""
    files = wheel_files()
    for name, content in changes.items():
        place = f"{FOLDER}/{name}"
        files.pop(place, None)
        if content is not None:
            files[place] = content
    files[f"{FOLDER}/RECORD"] = record_of(files, FOLDER)
    return write_zip(tmp_path / WHEEL_NAME, files)


def lines(**changes: str) -> bytes:
    fields = {"Metadata-Version": "2.4", "Name": "acme-one", "Version": "1.0"}
    fields |= {name.replace("_", "-"): value for name, value in changes.items()}
    return "".join(f"{name}: {value}\n" for name, value in fields.items()).encode()


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (lines(Name="acme-two"), "other-metadata"),
        (lines(Version="1.1"), "other-metadata"),
        (lines(Version="latest"), "other-metadata"),
        (b"", "other-metadata"),
        (lines() + b"Name: acme-one\n", "bad-metadata"),
        (lines() + b"Summary: \xff\n", "bad-metadata"),
        (lines(Requires_Python="new ones"), "bad-metadata"),
        (lines(Requires_Python=">=3.11,"), None),
        (lines(Requires_Python=">=3.11,\n <4"), None),
        (lines(Name="Acme.One", Version="1.0.0"), None),
    ],
    ids=[
        "other-name", "other-version", "no-version", "empty", "two-names", "not-utf-8",
        "bad-range", "trailing-comma", "folded", "other-spelling",
    ],
)  # fmt: skip
def test_metadata_must_say_what_the_name_says(
    tmp_path: Path, content: bytes, rule: str | None
) -> None:
    """Otherwise a package would be installed under another one's name."""
    path = held_wheel(tmp_path, METADATA=content)
    if rule is None:
        assert "\n" not in str(read_distribution(path).requires_python)
    else:
        assert rule_of(path) == rule


@pytest.mark.parametrize("missing", ["METADATA", "WHEEL"])
def test_wheel_without_a_needed_file_is_refused(tmp_path: Path, missing: str) -> None:
    """uv and pip would fail only when somebody installs it."""
    changes: dict[str, bytes | None] = {missing: None}
    assert rule_of(held_wheel(tmp_path, **changes)) == "broken-archive"


def test_wheel_without_a_record_is_refused(tmp_path: Path) -> None:
    """Nothing says what it should hold."""
    assert rule_of(write_zip(tmp_path / WHEEL_NAME, wheel_files())) == "broken-archive"


@pytest.mark.parametrize("change", ["other", "added", "removed", "weak"])
def test_wheel_that_is_not_what_it_recorded_is_refused(tmp_path: Path, change: str) -> None:
    """Somebody changed it after it was built."""
    files = wheel_files()
    record = record_of(files, FOLDER)
    if change == "other":
        files["acme_one.py"] = b"VALUE = 2\n"
    elif change == "added":
        files["evil.pth"] = b"import os\n"
    elif change == "removed":
        del files["acme_one.py"]
    else:
        record = record.replace(b"sha256=", b"md5=")
    files[f"{FOLDER}/RECORD"] = record
    assert rule_of(write_zip(tmp_path / WHEEL_NAME, files)) == "changed-wheel"


@pytest.mark.parametrize(
    "name", ["../evil.py", "/evil.py", "a/../../evil.py", "c:evil.py", "a\\evil.py", "../evil/"]
)
def test_entry_outside_of_the_wheel_is_refused(tmp_path: Path, name: str) -> None:
    """A careless installer would write there."""
    files = wheel_files() | {name: b""}
    files[f"{FOLDER}/RECORD"] = record_of(files, FOLDER)
    assert rule_of(write_zip(tmp_path / WHEEL_NAME, files)) == "unsafe-archive"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_entry_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """What is checked and what is installed might be two things."""
    path = write_wheel(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("acme_one.py", b"VALUE = 2\n")
    assert rule_of(path) == "unsafe-archive"


def test_compression_that_not_everybody_has_is_refused(tmp_path: Path) -> None:
    """uv knows some that pip does not, and the other way round."""
    files = wheel_files()
    files[f"{FOLDER}/RECORD"] = record_of(files, FOLDER)
    with zipfile.ZipFile(tmp_path / WHEEL_NAME, "w", zipfile.ZIP_BZIP2) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    assert rule_of(tmp_path / WHEEL_NAME) == "broken-archive"


def test_wheel_of_two_projects_is_refused(tmp_path: Path) -> None:
    """One .dist-info folder says what it is."""
    files = wheel_files() | wheel_files("acme-two")
    files[f"{FOLDER}/RECORD"] = record_of(files, FOLDER)
    assert rule_of(write_zip(tmp_path / WHEEL_NAME, files)) == "broken-archive"


def test_wheel_that_was_renamed_is_refused(tmp_path: Path) -> None:
    """The folder inside still has the first name."""
    path = write_wheel(tmp_path)
    assert rule_of(path.rename(tmp_path / "acme_one-2.0-py3-none-any.whl")) == "other-metadata"


@pytest.mark.parametrize("name", [WHEEL_NAME, SDIST_NAME])
@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08"], ids=repr)
def test_file_that_is_no_archive_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    """An upload that broke off is not served."""
    (tmp_path / name).write_bytes(content)
    assert rule_of(tmp_path / name) == "broken-archive"


@pytest.mark.parametrize("write", [write_wheel, write_sdist], ids=["wheel", "sdist"])
def test_every_cut_of_an_archive_is_refused(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    """Half a file is told as such, wherever it ends."""
    path = write(tmp_path)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 8, 37):
        path.write_bytes(whole[:length])
        assert rule_of(path) == "broken-archive", length


@pytest.fixture(scope="module")
def forgery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forgery")


@pytest.mark.parametrize("write", [write_wheel, write_sdist], ids=["wheel", "sdist"])
@given(changes=st.dictionaries(st.integers(0, 2000), st.integers(0, 255), min_size=1, max_size=4))
def test_forged_bytes_end_in_a_reason_or_a_sound_file(
    forgery: Path, write: Callable[[Path], Path], changes: dict[int, int]
) -> None:
    """Whatever somebody puts into dist/, the command never ends in a traceback."""
    path = write(forgery)
    content = bytearray(path.read_bytes() if path.suffix == ".whl" else unzipped(path))
    for place, value in changes.items():
        content[place % len(content)] = value
    path.write_bytes(content if path.suffix == ".whl" else gzip.compress(content, 1, mtime=0))
    with contextlib.suppress(RefusedFileError):
        assert read_distribution(path).project == "acme-one"


def unzipped(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


def test_entry_without_a_name_is_refused(tmp_path: Path) -> None:
    """A forged archive may hold one."""
    path = write_wheel(tmp_path)
    content = path.read_bytes()
    at = content.rindex(b"PK\x01\x02") + 28  # the length of a name in the central directory
    path.write_bytes(content[:at] + b"\0\0" + content[at + 2 :])
    assert rule_of(path) in {"unsafe-archive", "broken-archive"}


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_link_is_refused(tmp_path: Path) -> None:
    """What it points to might change after it was read."""
    path = write_wheel(tmp_path / "elsewhere")
    (tmp_path / WHEEL_NAME).symlink_to(path)
    assert rule_of(tmp_path / WHEEL_NAME) == "not-a-file"


def device() -> tarfile.TarInfo:
    entry = tarfile.TarInfo("acme_one-1.0/null")
    entry.type = tarfile.CHRTYPE
    return entry


@pytest.mark.parametrize(
    ("files", "rule"),
    [
        ({"acme_one-1.0/setup.py": b""}, "broken-archive"),
        ({"acme_two-1.0/PKG-INFO": lines()}, "other-metadata"),
        ({"acme_one-1.0/PKG-INFO": lines(Name="acme-two")}, "other-metadata"),
        ({"acme_one-1.0/PKG-INFO": lines(), "other/file": b""}, "other-metadata"),
        ({"acme_one-1.0/../../evil": b""}, "unsafe-archive"),
        ({"/acme_one-1.0/evil": b""}, "unsafe-archive"),
        ({"acme_one-1.0/null": device()}, "unsafe-archive"),
    ],
    ids=["no-metadata", "other-root", "other-name", "two-roots", "upwards", "absolute", "device"],
)
def test_unsound_source_distribution_is_refused(
    tmp_path: Path, files: dict[str, bytes | tarfile.TarInfo], rule: str
) -> None:
    """It is read to its end, so nothing hides behind the metadata."""
    assert rule_of(write_tar(tmp_path / SDIST_NAME, files)) == rule


def test_bomb_is_noticed_before_it_goes_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small file that unpacks to a huge one costs the limit and no more."""
    monkeypatch.setattr(source_archives, "LARGEST_UNPACKED_BYTES", 100_000)
    monkeypatch.setattr(wheels, "LARGEST_UNPACKED_BYTES", 100_000)
    sdist = {"acme_one-1.0/zeros": bytes(200_000), "acme_one-1.0/PKG-INFO": lines()}
    assert rule_of(write_tar(tmp_path / SDIST_NAME, sdist)) == "too-large"
    files = wheel_files() | {"zeros": bytes(200_000)}
    files[f"{FOLDER}/RECORD"] = record_of(files, FOLDER)
    assert rule_of(write_zip(tmp_path / WHEEL_NAME, files)) == "too-large"


def test_huge_metadata_is_refused(tmp_path: Path) -> None:
    """It is held in memory, and served to everybody."""
    huge = lines() + b"\n" + bytes(metadata.LARGEST_METADATA_BYTES)
    assert rule_of(held_wheel(tmp_path, METADATA=huge)) == "too-large"
    sdist = {"acme_one-1.0/PKG-INFO": huge}
    assert rule_of(write_tar(tmp_path / SDIST_NAME, sdist)) == "too-large"
