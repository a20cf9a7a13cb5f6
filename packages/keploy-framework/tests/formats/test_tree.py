"""The folder of recordings on disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from keploy_framework.errors import KeployFormatError, KeployPathError, KeployTreeBusyError
from keploy_framework.exchange import Exchange, Request, Response
from keploy_framework.formats import KeployTree, Mock, SetConfig, TestCase
from keploy_framework.formats.atomic import write_atomically
from keploy_framework.formats.tree.lock import LOCK_NAME

EXCHANGE = Exchange(
    Request("GET", "/a", (("Host", "app:1"),), host="app:1"), Response(200), 10**18, 10**18
)


def everything_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_any_folder_is_a_set_but_those_kept_for_other_things(root: Path):
    """Reports were replayed as tests."""
    for name in ("schema", "api-tests", ".git", "mid", "test-set-10"):
        (root / name).mkdir()
    names = ["docker", "mid", "old", "test-set-0", "test-set-10"]
    assert KeployTree(root).set_names() == names
    assert KeployTree(root).next_set_name() == "test-set-11"


def test_folder_that_does_not_exist_has_no_sets(tmp_path: Path):
    """Looking for recordings made a folder, or failed."""
    tree = KeployTree(tmp_path / "none")
    assert (tree.set_names(), tree.sets_in_order(), tree.next_set_name()) == ([], [], "test-set-0")
    assert tree.test_set("x").tests() == []
    assert not tree.root.exists()


def test_tests_and_sets_come_in_the_order_of_their_requests(root: Path):
    """A list was asked for after the test that adds to it, and differed."""
    tree = KeployTree(root)
    tests = tree.test_set("test-set-0").tests()
    assert [test.name for test in tests] == ["test-10", "test-2", "get-events-1", "post-upload-1"]
    assert [found.name for found in tree.sets_in_order()] == ["docker", "test-set-0", "old"]


def test_tests_without_a_time_come_last_by_number(root: Path):
    """Old recordings were replayed in the order test-1, test-10, test-2."""
    tests = root / "old" / "tests"
    text = (tests / "test-1.yaml").read_text(encoding="utf-8")
    for name in ("test-10", "test-2"):
        (tests / f"{name}.yaml").write_text(text.replace("test-1", name), encoding="utf-8")
    found = KeployTree(root).test_set("old").tests()
    assert [test.name for test in found] == ["test-1", "test-2", "test-10"]


def test_damaged_tests_are_told_and_the_rest_goes_on(root: Path):
    """One broken file stopped a run of a thousand tests."""
    tests = root / "test-set-0" / "tests"
    (tests / "test-3.yaml").write_text("a: [\n")
    (tests / "test-4.yaml").write_text("only text\n")
    (tests / "test-5.yaml").write_text("kind: Http\nspec: {req: {timestamp: now}}\n")
    damaged: list[KeployFormatError] = []
    assert len(KeployTree(root).test_set("test-set-0").tests(damaged)) == 4
    assert [error.file and error.file.name for error in damaged] == [
        "test-3.yaml",
        "test-4.yaml",
        "test-5.yaml",
    ]
    with pytest.raises(KeployFormatError, match=r"test-3.yaml:2: not valid YAML"):
        KeployTree(root).test_set("test-set-0").tests()


def test_writing_what_was_read_changes_no_byte(root: Path):
    """Opening and saving a set changed files nobody had touched."""
    before = everything_below(root)
    tree = KeployTree(root)
    for name in tree.set_names():
        found = tree.test_set(name)
        for test in found.tests():
            found.write_test(test)
        if found.mocks():
            found.write_mocks(found.mocks())
    found = tree.test_set("test-set-0")
    found.write_mappings(found.mappings())
    found.write_config(found.config())
    assert everything_below(root) == before


def test_changed_noise_changes_only_its_lines(root: Path):
    """Accepting noise in one test rewrote the whole file in another style."""
    found = KeployTree(root).test_set("docker")
    (test,) = found.tests()
    path = found.write_test(test)
    before = path.read_text()
    test.noise = {"header.date": []}
    found.write_test(test)
    added = "    assertions:\n        noise:\n            header.date: []\n"
    assert path.read_text() == before + added


def test_new_test_is_written_with_its_assets_and_found_again(tmp_path: Path):
    """A recorded upload lost its file."""
    body = (
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="x.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\nhi\r\n--b--\r\n"
    )
    headers = (("Content-Type", "multipart/form-data; boundary=b"), ("Host", "app:1"))
    request = Request("POST", "/up", headers, body, host="app:1")
    found = KeployTree(tmp_path / "keploy").test_set("test-set-0")
    name = found.next_test_name(request)
    case = TestCase.from_exchange(
        Exchange(request, Response(200), 1, 2), name=name, test_set="test-set-0"
    )
    path = found.write_test(case)
    assert path == found.folder / "tests" / "post-up-1.yaml"
    assert path.read_text().startswith("# Generated by Keploy (")
    assert (found.folder / "assets/post-up-1/f/x.txt").read_bytes() == b"hi"
    assert found.next_test_name(request) == "post-up-2"
    assert found.next_test_name(request, "sequential") == "test-1"
    (again,) = found.tests()
    assert again.request == request
    assert found.test_names() == ["post-up-1"]


def test_mocks_can_be_added_to_and_removed_from_a_file(root: Path):
    """Removing an unused mock changed those that stayed."""
    found = KeployTree(root).test_set("test-set-0")
    before = (found.folder / "mocks.yaml").read_text()
    first, *others = found.mocks()
    new = Mock.from_exchange(EXCHANGE, name="mock-3")
    found.write_mocks([*others, new])
    assert [mock.name for mock in found.mocks()] == ["mock-1", "mock-2", "mock-3"]
    found.write_mocks([first, *found.mocks()[:2]])
    written = (found.folder / "mocks.yaml").read_text()
    assert written.split("---\n")[1:] == before.split("---\n")[1:]
    assert [mock.data for mock in found.mocks()] == [mock.data for mock in (first, *others)]


def test_set_stored_as_json_is_read_and_written_as_json(tmp_path: Path):
    """A set in JSON was written in YAML beside it."""
    found = KeployTree(tmp_path, ending=".json").test_set("s")
    found.write_mocks([Mock.from_exchange(EXCHANGE, name="mock-0")])
    found.write_config(SetConfig.empty())
    found.write_test(TestCase.from_exchange(EXCHANGE, name="test-1"))
    files = {"s/config.json", "s/mocks.json", "s/tests/test-1.json"}
    assert everything_below(tmp_path).keys() == files
    yaml_by_default = KeployTree(tmp_path).test_set("s")
    assert [mock.began for mock in yaml_by_default.mocks()] == [10**18]
    assert [test.began for test in yaml_by_default.tests()] == [10**18]


def test_mocks_in_gos_binary_form_are_told(tmp_path: Path):
    """A set without readable mocks was replayed as one that needs none."""
    found = KeployTree(tmp_path).test_set("s")
    found.folder.mkdir()
    (found.folder / "mocks.gob").write_bytes(b"\x01")
    damaged: list[KeployFormatError] = []
    assert found.mocks(damaged) == []
    assert "Go's own binary form" in damaged[0].reason


@pytest.mark.parametrize("name", ["..", "a/../..", "/x", "a\\..\\b", ""])
def test_name_that_leads_out_is_refused(name: str, root: Path):
    """The name of a set or a test led out of the folder of recordings."""
    with pytest.raises(KeployPathError):
        KeployTree(root).test_set(name)
    found = KeployTree(root).test_set("new")
    with pytest.raises(KeployPathError):
        found.write_test(TestCase.from_exchange(EXCHANGE, name=name))
    assert not (root / "new").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_links_out_of_the_folder_are_refused(root: Path, tmp_path: Path):
    """A link among the recordings led reading and writing elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "tests").mkdir(parents=True)
    (elsewhere / "private.yaml").write_text("kind: Http\n")
    (root / "linked").symlink_to(elsewhere)
    (root / "old" / "tests" / "link.yaml").symlink_to(elsewhere / "private.yaml")
    tree = KeployTree(root)
    with pytest.raises(KeployPathError):
        tree.test_set("linked")
    with pytest.raises(KeployPathError):
        tree.test_set("old").tests()


def test_gitignore_is_written_once(tmp_path: Path):
    """Reports were committed, or the user's own file was overwritten."""
    tree = KeployTree(tmp_path / "keploy")
    tree.write_gitignore()
    path = tmp_path / "keploy" / ".gitignore"
    assert path.read_text() == f"/reports/\n/{LOCK_NAME}\n"
    path.write_text("mine\n")
    tree.write_gitignore()
    assert path.read_text() == "mine\n"


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    """A full disk left half of a test behind."""
    path = tmp_path / "x.yaml"
    path.write_text("old")
    path.chmod(0o640)
    with pytest.raises(TypeError):
        write_atomically(path, "no bytes")  # type: ignore[arg-type]
    assert everything_below(tmp_path) == {"x.yaml": b"old"}
    write_atomically(path, b"new")
    assert everything_below(tmp_path) == {"x.yaml": b"new"}
    assert sys.platform == "win32" or path.stat().st_mode & 0o777 == 0o640


def test_second_recorder_is_refused_until_the_first_ends(tmp_path: Path):
    """Two recorders wrote into one set and mixed up their tests."""
    first, second = KeployTree(tmp_path / "k"), KeployTree(tmp_path / "k")
    with first.recording():
        with pytest.raises(KeployTreeBusyError) as caught, second.recording():
            pass
        assert (caught.value.owner, caught.value.folder) == (os.getpid(), tmp_path / "k")
        assert f"process {os.getpid()} records into" in str(caught.value)
    with second.recording():
        pass
    assert everything_below(tmp_path) == {}


HOLD = """
import sys
from pathlib import Path
from keploy_framework.formats import KeployTree
with KeployTree(Path(sys.argv[1])).recording():
    print("recording", flush=True)
    sys.stdin.read()
"""


def test_recorder_that_was_killed_locks_nobody_out(tmp_path: Path):
    """After a crash the folder had to be unlocked by hand."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == b"recording"
        tree = KeployTree(tmp_path)
        with pytest.raises(KeployTreeBusyError) as caught, tree.recording():
            pass
        assert caught.value.owner == holder.pid
        holder.kill()
    assert (tmp_path / LOCK_NAME).exists()
    with tree.recording():
        pass


def test_lock_file_that_says_nothing_is_understood(tmp_path: Path):
    """An empty or strange lock file stopped every recording."""
    (tmp_path / LOCK_NAME).write_text("not a number")
    with KeployTree(tmp_path).recording():
        assert (tmp_path / LOCK_NAME).read_text() == f"{os.getpid()}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps the file while it is open")
def test_lock_on_a_file_that_was_removed_is_worth_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Two recorders held a lock, each on a file of its own."""
    import fcntl

    flock = fcntl.flock
    calls: list[int] = []

    def removed_before(handle: int, how: int) -> None:
        calls.append(handle)
        if len(calls) == 1:  # the first recorder ends, and takes its file with it
            (tmp_path / LOCK_NAME).unlink()
        flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", removed_before)
    with KeployTree(tmp_path).recording():
        assert (tmp_path / LOCK_NAME).read_text() == f"{os.getpid()}\n"
        with pytest.raises(KeployTreeBusyError), KeployTree(tmp_path).recording():
            pass


TAKE_TURNS = """
import os, sys
from pathlib import Path
from keploy_framework.errors import KeployTreeBusyError
from keploy_framework.formats import KeployTree
tree, inside = KeployTree(Path(sys.argv[1], "k")), Path(sys.argv[1], "inside")
entered = 0
while entered < 100:
    try:
        with tree.recording():
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            inside.unlink()
            entered += 1
    except KeployTreeBusyError:
        pass
"""


def test_many_processes_never_record_at_once(tmp_path: Path):
    """Two recorders got in while the lock file of a third was being removed."""
    command = [sys.executable, "-c", TAKE_TURNS, str(tmp_path)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
