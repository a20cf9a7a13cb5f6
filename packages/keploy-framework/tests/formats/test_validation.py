"""Checking a whole folder of recordings."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path, PurePosixPath

import pytest

from keploy_framework.formats import DocumentFile, KeployTree, PlainText, validate_tree
from keploy_framework.formats.models.kinds import kind_of
from keploy_framework.formats.same import same_data

SMALL = {"files": 13, "tests": 6, "mocks": 4, "equal": 13, "unequal": 0, "damaged": 0}
SMALL_KINDS = {"Http": 6, "MySQL": 1, "Redis": 1, "SQL": 1, "gRPC": 1}


def test_sound_folder_is_counted_and_has_no_problem(recordings: Path):
    """A sound set was reported as damaged, or a kind of file was left out."""
    check = validate_tree(recordings)
    assert check.is_sound
    assert json.loads(json.dumps(check.as_data())) == {
        **SMALL,
        "by_kind": SMALL_KINDS,
        "problems": [],
    }


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: [\n", 2, "not valid YAML"),
        ("just text\n", 1, "must be a mapping"),
        ("kind: Http\nname: x\n", 1, "spec must be a mapping, got None"),
        ("kind: Http\nspec: {resp: {body: 5}}\n", 1, "spec.resp.body must be text"),
        ("kind: Http\nspec: {req: {header: 5}}\n", 1, "spec.req.header must be a mapping"),
        ("kind: Http\nspec: {req: {url: 5}}\n", 1, "spec.req.url must be text"),
        ("kind: Http\nspec: {req: {timestamp: x}}\n", 1, "must be a time"),
        ("kind: DNS\nspec: {reqTimestampMock: x}\n", 1, "must be a time"),
        ("kind: Http\nspec: {reqTimestampMock: '', req: 5}\n", 1, "spec.req must be a mapping"),
        ("x: 1\n---\n\nkind: TestMocksMapping\ntests: 5\n", 4, "tests must be a list"),
        ("success: 1\nfailure: 0\ntotal: 1\ntests: [5]\n", 1, "a list of mappings"),
        ("<<<<<<< HEAD\na: 1\n", 1, "merge conflict marker"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(
    text: str, line: int, reason: str, recordings: Path
):
    """A damaged file was found only when a run failed on it."""
    path = recordings / "keploy" / "old" / "tests" / "test-7.yml"
    path.write_text(text)
    check = validate_tree(recordings)
    (problem,) = check.problems
    assert (problem.file, problem.line) == (path, line)
    assert reason in problem.reason
    assert not check.is_sound
    assert (check.files, check.equal, check.unequal, check.damaged) == (14, 13, 0, 1)


HTTP = {"kind": "Http", "spec": {}}


@pytest.mark.parametrize(
    ("data", "path", "kind"),
    [
        (HTTP, "s/tests/test-1.yaml", "test"),
        (HTTP, "keploy-tests/1dc35d6c.yaml", "test"),
        (HTTP, "s/mocks.yaml", "mock"),
        (HTTP, "s/mocks.json", "mock"),
        (HTTP, "keploy/mocks/a.yaml", "mock"),
        (HTTP, "keploy-tests/mock/test-1.yaml", "mock"),
        ({"kind": "Http", "spec": {"metadata": {"type": "HTTP_CLIENT"}}}, "a.yaml", "mock"),
        ({"kind": "gRPC", "spec": {"reqTimestampMock": ""}}, "a.yaml", "mock"),
        ({"kind": "gRPC", "spec": {"reqtimestampmock": ""}}, "a.yaml", "mock"),
        ({"kind": "gRPC", "spec": {"metadata": {"type": ""}}}, "a.yaml", "test"),
        ({"kind": "Aerospike", "spec": {}}, "s/tests/a.yaml", "mock"),
        ({"kind": "TestMocksMapping"}, "a.yaml", "mappings"),
        ({"success": 0, "failure": 0, "total": 0}, "a.yaml", "report"),
        ({"success": 0}, "a.yaml", "other"),
        ([], "a.yaml", "other"),
    ],
)
def test_document_is_told_by_its_content_and_place(data: object, path: str, kind: str):
    """A mock was replayed as a test, or a test answered for a dependency."""
    assert kind_of(data, PurePosixPath(path)) == kind


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (1, 1, True),
        (1, 1.0, False),
        (1, True, False),
        ("yes", PlainText("yes"), False),
        ("a", b"a", False),
        (0.0, -0.0, False),
        (math.nan, math.nan, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({1: "a"}, {True: "a"}, False),
        ([1, 2], [1], False),
        ([[], {}], [[], {}], True),
    ],
)
def test_data_are_compared_with_types_and_order(first: object, second: object, same: bool):
    """A number that became text passed for equal."""
    assert same_data(first, second) is same
    assert same_data({"x": [first]}, {"x": [second]}) is same


def test_file_that_would_change_is_unequal(recordings: Path, monkeypatch: pytest.MonkeyPatch):
    """A loss on writing went unnoticed."""
    monkeypatch.setattr(DocumentFile, "rewritten", lambda file: "a: 1\n")
    check = validate_tree(recordings)
    assert (check.files, check.equal, check.unequal, check.damaged) == (13, 0, 13, 0)
    assert "says something else" in check.problems[0].reason


def test_one_file_can_be_checked(recordings: Path):
    """Checking one file looked at nothing."""
    check = validate_tree(recordings / "keploy" / "test-set-0" / "mocks.yaml")
    assert (check.files, check.mocks, check.equal) == (1, 3, 1)


def test_missing_folder_is_no_sound_one(tmp_path: Path):
    """A wrong path was reported as having no problems."""
    with pytest.raises(FileNotFoundError, match="name a folder of recordings"):
        validate_tree(tmp_path / "none")


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_links_are_not_followed(recordings: Path, tmp_path: Path):
    """Checking a folder read a file or a folder elsewhere, or never ended."""
    (recordings / "loop").symlink_to(recordings)
    (recordings / "link.yaml").symlink_to("/etc/hostname")
    check = validate_tree(recordings)
    assert (check.files, check.damaged) == (14, 1)
    assert "a symbolic link" in check.problems[0].reason


def test_public_recordings_are_written_without_loss(public: Path):
    """A recording somebody made lost something when it was written again."""
    check = validate_tree(public)
    assert (check.files, check.equal, check.unequal, check.damaged) == (1121, 1120, 0, 1)
    assert (check.tests, check.mocks) == (884, 2840)
    (problem,) = check.problems
    assert (problem.line, problem.file.name) == (13, "test-1.yaml")
    assert "merge conflict marker" in problem.reason


def test_public_recordings_that_do_not_change_keep_every_byte(public: Path):
    """Saving a recording without a change made a difference in version control."""
    for path in public.rglob("*.y*ml"):
        file = DocumentFile.read(path)
        if not file.damaged:
            assert file.text().encode() == path.read_bytes(), path


def test_public_tests_can_be_sent_and_compared(public: Path):
    """A recorded test could not be turned into a request."""
    count = 0
    for folder in sorted({path.parent.parent for path in public.rglob("tests/*.yaml")}):
        found = KeployTree(folder.parent).test_set(folder.name)
        for test in found.tests():
            if test.is_http:
                assert test.request.method
                assert test.response.status >= 100
                count += 1
        mocks = [mock for mock in found.mocks() if mock.is_http]
        assert all(mock.request.target.startswith("/") for mock in mocks)
    assert count == 867
