from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.lockfile.difference import compare
from tta_dev_primitives.devtools.lockfile.locked import LockedFile, Package, Source
from tta_dev_primitives.devtools.lockfile.lockfile_error import LockfileError
from tta_dev_primitives.devtools.lockfile.reading import read_lock

from .locks_here import BAKERY, FILES, INDEX, changed


def package(name: str, text: str = BAKERY) -> Package:
    """Return the one package of that name."""
    [found] = [each for each in read_lock(text, "uv.lock").packages if each.name == name]
    return found


def test_package_is_read_with_its_files_and_its_line() -> None:
    """What stands in the lock is not what is compared."""
    found = package("berry")
    assert (found.version, found.source) == ("0.3.1", Source("registry", INDEX))
    assert found.files[0] == LockedFile(
        "berry-0.3.1-cp311-linux.whl", True, f"{FILES}/berry-0.3.1-cp311-linux.whl",
        "sha256:b1", 5000,
    )  # fmt: skip
    assert BAKERY.splitlines()[found.line - 1 : found.line + 1] == ["[[package]]", 'name = "berry"']


@pytest.mark.parametrize(
    ("name", "size"),
    [("berry", 7000), ("bread", 2000), ("whisk", 60), ("sugar", None), ("hammer", None)],
)
def test_download_is_the_largest_file_that_an_installer_takes(name: str, size: int | None) -> None:
    """Sizes of all platforms are summed up, or the source counts beside the wheel."""
    assert package(name).download_bytes == size


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ('url = "https://files.example.com/a%2B1.whl?x=/y#z/w"', "a+1.whl"),
        ('path = "../wheels/a-1.whl"', "a-1.whl"),
        (r"path = 'wheels\a-1.whl'", "a-1.whl"),
        ('filename = "b-1.whl", url = "https://files.example.com/a"', "b-1.whl"),
    ],
    ids=["url", "path", "windows-path", "named"],
)
def test_file_is_known_by_its_name(entry: str, name: str) -> None:
    """The same file is taken for another one because its address differs."""
    old = f'url = "{FILES}/sugar-4.0-py3-none-any.whl"'
    assert package("sugar", changed(BAKERY, (old, entry))).files[0].name == name


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("revision = 5\n", ""),
        ("revision = 5\n", "revision = 1\n"),
        ("revision = 5\n", "revision = 9\n"),
        ("size = 2000", 'size = 2000, upload-time = "2026-01-01T00:00:00Z"'),
        ("[options]\n", "[options]\nexclude-newer = 2026-01-01T00:00:00Z\n"),
        ("\n", "\r\n"),
    ],
    ids=["no-revision", "first", "later", "upload-time", "date", "windows-lines"],
)
def test_every_revision_of_the_format_is_read(old: str, new: str) -> None:
    """A lock of an older or newer uv is refused, though the version is the same."""
    found = read_lock(changed(BAKERY, (old, new)), "uv.lock")
    assert len(found.packages) == len(read_lock(BAKERY, "uv.lock").packages)


LEAVES = [found.span(1) for found in re.finditer(r'"([^"\n]+)"', BAKERY)]


@given(st.sampled_from(LEAVES))
def test_no_value_of_a_lock_can_change_unseen(span: tuple[int, int]) -> None:
    """A value is not compared, so that an edit of it passes."""
    text = f"{BAKERY[: span[0]]}X{BAKERY[span[0] :]}"
    assert compare(read_lock(BAKERY, "uv.lock"), read_lock(text, "uv.lock"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "sugar"\n', 'name = "sugar"\nnovelty = 1\n'),
        ('{ name = "whisk" },', '{ name = "whisk", novelty = true },'),
        ('hash = "sha256:d1"', 'hash = "sha256:d1", novelty = 1.5'),
        ("[options]\n", "[options]\nnovelty = []\n"),
        ("[options]\n", "[novelty]\nx = 1\n\n[options]\n"),
        ('editable = "packages/shop"', 'editable = "packages/shop", novelty = 1'),
        ('provides-extras = ["jam"]', 'provides-extras = ["jam"]\nnovelty = 1'),
    ],
    ids=["package", "edge", "file", "option", "table", "source", "metadata"],
)
def test_key_of_a_later_uv_does_not_pass_unseen(old: str, new: str) -> None:
    """What the next uv writes is dropped, so that two locks that differ look the same."""
    head = changed(BAKERY, (old, new))
    assert compare(read_lock(BAKERY, "uv.lock"), read_lock(head, "uv.lock"))


def test_order_of_packages_and_edges_does_not_count() -> None:
    """Two locks that say the same are reported as different."""
    head, *packages = BAKERY.split("[[package]]\n")
    shuffled = "[[package]]\n".join([head, *reversed([f"{each}\n" for each in packages])])
    assert not compare(read_lock(BAKERY, "uv.lock"), read_lock(shuffled, "uv.lock"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "uv.lock is no lock of uv: it has no version or no packages; run: uv lock"),
        ("version = 2\n", "uv.lock is a lock of version 2; this tool reads version 1"),
        ("version = true\n", "uv.lock is a lock of version True"),
        ('version = "1"\n', "uv.lock is a lock of version '1';"),
        (changed(BAKERY, ("revision = 5", "<<<<<<< HEAD\nrevision = 5\n=======")), "uv.lock:2 hol"),
        (changed(BAKERY, ("revision = 5", "revision = 5\n||||||| base")), "uv.lock:3 hol"),
        ("version = 1\n\nname =\n", "uv.lock:3 is not TOML: Invalid value"),
        ("version = 1\nx = '''", "uv.lock"),
        ("version = 1\nx = " + "[" * 5000, "uv.lock is not TOML that can be read: it nests"),
        ("version = 1\npackage = 3\n", "uv.lock is no lock of uv"),
        ("version = 1\n[[package]]\nversion = '1'\n", "uv.lock:2 holds a package without a name"),
        ("version = 1\n[[package]]\nname = 'x'\n", "uv.lock:2 says of package `x` no source"),
        ("version = 1\npackage = ['x']\n", "uv.lock holds a package without a name"),
    ],
    ids=[
        "empty", "newer", "true", "text", "conflict", "conflict-with-base", "not-toml", "open",
        "deep", "no-packages", "no-name", "no-source", "no-table",
    ],
)  # fmt: skip
def test_lock_that_cannot_be_read_is_told_in_one_line(text: str, told: str) -> None:
    """The reason is missing, or a traceback instead of it."""
    with pytest.raises(LockfileError) as raised:
        read_lock(text, "uv.lock")
    assert str(raised.value).startswith(told)
    assert "\n" not in str(raised.value)
