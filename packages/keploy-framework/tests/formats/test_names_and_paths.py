"""Names of tests and sets, and paths that stay in their folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keploy_framework.errors import KeployPathError
from keploy_framework.exchange import Request
from keploy_framework.formats.paths import checked_name, is_valid_name, made_valid, place_inside
from keploy_framework.formats.tree.names import by_number, next_set_name, next_test_name, slug


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/", "get-root"),
        ("GET", "", "get-root"),
        ("GET", "//?a=/b", "get-root"),
        ("GET", "/users/123", "get-users-by-id"),
        ("DELETE", "/a/6f9619ff-8b86-d011-b42d-00c04fc964ff/b", "delete-a-by-id-b"),
        ("PUT", "/x/0123456789ABCDEF", "put-x-by-id"),
        ("PUT", "/x/0123456789abcde", "put-x-0123456789abcde"),
        ("POST", "/api/v1/Items_list.json?x=1#y", "post-api-v1-items-list-json"),
        ("GET", "/caf%C3%A9/%2e%2e/x", "get-caf-x"),
        ("GET", "/" + "long/" * 20, "get-long-long-long-long-long-long-long-l"),
        ("GET", "/zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz/bc", "get-" + "z" * 35),
    ],
)
def test_slug_says_what_is_asked(method: str, target: str, expected: str):
    """Tests of one endpoint had different names, or a name no file can have."""
    assert slug(Request(method, target)) == expected


@given(st.text(max_size=12), st.text(max_size=80))
def test_slug_of_any_request_names_a_file(method: str, target: str):
    """A strange path made a name no file can have."""
    found = slug(Request(method, target))
    assert 0 < len(found) <= 40
    assert is_valid_name(f"{found}-1.yaml")


@pytest.mark.parametrize(
    ("existing", "naming", "name"),
    [
        ([], "sequential", "test-1"),
        (["test-2", "test-10", "test-x", "other-99"], "sequential", "test-11"),
        ([], "descriptive", "get-a-1"),
        (["get-a-1", "get-a-b-7", "get-a-3"], "descriptive", "get-a-4"),
        (["get-a-99999999999"], "descriptive", "get-a-1"),
    ],
)
def test_new_test_gets_a_number_above_all(existing: list[str], naming, name: str):
    """A new test overwrote one that was there."""
    assert next_test_name(Request("GET", "/a"), existing, naming) == name


@pytest.mark.parametrize(
    ("existing", "name"),
    [([], "test-set-0"), (["test-set-0", "test-set-9", "docker"], "test-set-10")],
)
def test_new_set_gets_a_number_above_all(existing: list[str], name: str):
    """A new recording went into an old set."""
    assert next_set_name(existing) == name


def test_numbers_in_names_sort_as_numbers():
    """test-10 was listed before test-2."""
    names = ["test-10", "test-2", "a", "2b", "test-2-b", "²"]
    assert sorted(names, key=by_number) == ["2b", "a", "test-2", "test-2-b", "test-10", "²"]


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "a\\b", "a:b", "a\0", "a\n", "con", "NUL.txt", "com1", "a.", "a ", "a*"],
)
def test_name_no_system_could_have_is_refused(name: str):
    """A set recorded on one system could not be checked out on another."""
    with pytest.raises(KeployPathError, match="cannot name a file"):
        checked_name(name)


@pytest.mark.parametrize(
    ("text", "name"),
    [("a.txt", "a.txt"), ("C:\\x\\b.txt", "b.txt"), ("../../c", "c"), ("..", "file"),
     ("", "file"), ("con", "_con"), ("a:b?", "a_b_"), ("x" * 200 + ".png", "x" * 96 + ".png")],
)  # fmt: skip
def test_any_text_becomes_a_valid_name(text: str, name: str):
    """The name of an uploaded file decided where it was written."""
    assert made_valid(text, "file") == name


@given(st.text(max_size=150))
def test_name_made_of_any_text_is_valid(text: str):
    """Some name of an uploaded file could not be written."""
    assert is_valid_name(made_valid(text, "file"))


@pytest.mark.parametrize(
    "path", ["", "/", "/a", "../a", "a/../../b", "a/..", "a//../b", "a\\..\\b", "C:/a", "a/\0"]
)
def test_path_that_leads_out_is_refused(path: str, tmp_path: Path):
    """A recording read or wrote a file outside of its folder."""
    with pytest.raises(KeployPathError, match="below the folder of recordings"):
        place_inside(tmp_path, path)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_link_that_leads_out_is_refused_and_one_that_stays_is_not(tmp_path: Path):
    """A link in a recording led to a private file."""
    root = tmp_path / "root"
    (root / "real").mkdir(parents=True)
    (root / "inner").symlink_to(root / "real")
    (root / "outer").symlink_to(tmp_path)
    (tmp_path / "alias").symlink_to(root)
    assert place_inside(root, "inner/x") == root / "inner" / "x"
    assert place_inside(tmp_path / "alias", "real/x").parent.is_dir()
    with pytest.raises(KeployPathError, match="by a symbolic link"):
        place_inside(root, "outer/x")
