"""Which processes came of a command, as /proc shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from keploy_framework.process import family

MARKED = f"PATH=/bin\0{family.MARK}=abc\0".encode()


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(family, "_PROC", tmp_path)
    return tmp_path


def show(proc: Path, pid: int, environment: bytes, *, group: int = 77, memory: int = 4096) -> None:
    """Make /proc show a process, in a group of its own."""
    folder = proc / str(pid)
    folder.mkdir(exist_ok=True)
    fields = ["S", "1", str(group), *["0"] * 16, "500", str(memory), "0"]
    (folder / "stat").write_text(f"{pid} (a (strange) name) {' '.join(fields)}")
    (folder / "environ").write_bytes(environment)


def test_the_mark_and_the_group_tell_the_family(proc: Path) -> None:
    show(proc, 10, MARKED)
    show(proc, 11, b"PATH=/bin\0")
    show(proc, 12, b"PATH=/bin\0", group=5)
    show(proc, 13, MARKED.replace(b"abc", b"abcd"))
    assert sorted(family.Family("abc", 5).members()) == [10, 12]


def test_a_process_seen_while_it_becomes_another_program_is_found_later(proc: Path) -> None:
    """Between two programs it has no environment; it was taken for a stranger for good."""
    members = family.Family("abc", 5).members
    show(proc, 10, b"")
    assert members() == []
    show(proc, 10, MARKED)
    assert members() == [10]


def test_a_stranger_is_asked_once(proc: Path) -> None:
    """Looking every few milliseconds cost a read for each process of the machine."""
    members = family.Family("abc", 5).members
    show(proc, 10, b"PATH=/bin\0")
    show(proc, 11, b"", memory=0)
    assert members() == []
    show(proc, 10, MARKED)
    show(proc, 11, MARKED, memory=0)
    assert members() == []
