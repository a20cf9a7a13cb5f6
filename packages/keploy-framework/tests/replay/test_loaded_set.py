"""Sets of any age and maker are loaded whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from keploy_framework.formats import KeployTree
from keploy_framework.replay.loaded_set import LoadedSet
from keploy_framework.replay.options import ReplayOptions

TEST = """\
version: api.keploy.io/v1beta1
kind: Http
name: {name}
spec:
  req: {{method: GET, url: "{url}", header: {{}}, body: "", timestamp: {time}}}
  resp: {{status_code: 200, header: {{}}, body: ""}}
"""


def write(root: Path, name: str, url: str, time: str = "2026-01-22T16:24:02Z") -> None:
    path = root / f"old/tests/{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TEST.format(name=name, url=url, time=time))


def read(root: Path, options: ReplayOptions | None = None) -> LoadedSet:
    return LoadedSet.read(KeployTree(root).test_set("old"), options or ReplayOptions())


def test_the_port_is_that_of_most_tests(tmp_path: Path) -> None:
    """One call to another port decided where all tests were sent."""
    for number, port in enumerate((9000, 5000, 5000)):
        write(tmp_path, f"test-{number}", f"http://localhost:{port}/")
    assert read(tmp_path).port == 5000


@pytest.mark.parametrize(
    ("url", "port"),
    [("http://h/", 80), ("https://h/x", 443), ("/path/only", 0), ("http://h:no/", 0)],
    ids=["http", "https", "path", "damaged"],
)
def test_the_port_of_a_url(tmp_path: Path, url: str, port: int) -> None:
    """A test without a port ended the run."""
    write(tmp_path, "test-1", url)
    assert read(tmp_path).port == port


@pytest.mark.parametrize(
    ("ignored", "left_out"),
    [({}, set()), ({"old": frozenset()}, {"a", "b"}), ({"old": frozenset({"b", "x"})}, {"b"})],
    ids=["none", "whole-set", "one"],
)
def test_ignored_tests(
    tmp_path: Path, ignored: dict[str, frozenset[str]], left_out: set[str]
) -> None:
    """A set that is named without tests was run."""
    write(tmp_path, "a", "http://h/")
    write(tmp_path, "b", "http://h/")
    assert read(tmp_path, ReplayOptions(ignored=ignored)).ignored == left_out


def test_damage_is_kept_beside_what_can_be_read(tmp_path: Path) -> None:
    """One damaged file kept a whole set from running."""
    write(tmp_path, "a", "http://h/")
    (tmp_path / "old/tests/b.yaml").write_text("<<<<<<< HEAD\nkind: Http\n")
    (tmp_path / "old/mocks.yaml").write_text("kind: [\n")
    found = read(tmp_path)
    assert [name for name, _ in found.tests] == ["a"]
    assert len(found.damaged) == 2


def test_public_recordings_load() -> None:
    """A set that upstream recorded could not be loaded."""
    root = os.environ.get("TTA_TEST_DATA")
    if not root:
        pytest.skip("TTA_TEST_DATA is not set; set it to the folder with keploy-recordings")
    tests = damaged = 0
    for folder in sorted(Path(root, "keploy-recordings").rglob("keploy")):
        tree = KeployTree(folder)
        for name in tree.set_names():
            found = LoadedSet.read(tree.test_set(name), ReplayOptions())
            tests += len(found.tests)
            damaged += len(found.damaged)
    assert tests > 500
    assert damaged <= 2
