"""What would go past the proxy, told before anything runs."""

from __future__ import annotations

import shutil
import stat
import sys
from pathlib import Path

import pytest

from keploy_framework.proxy import capture_gaps
from keploy_framework.proxy.child.capture import client_of

HEADERS_32 = (28, 4, 42, 44)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python app.py", "python"),
        ("python3.12 -m flask run", "python"),
        ("/usr/bin/pypy3 app.py", "python"),
        ("uv run python app.py", "python"),
        ("uv run --no-sync uvicorn app:app", "python"),
        ("env A=1 B=/x python app.py", "python"),
        ("A=1 python app.py", "python"),
        ("gunicorn app:app", "python"),
        ("node server.js", "node"),
        ("npm start", "node"),
        ("go run .", "go"),
        ("java -jar app.jar", "java"),
        ("./gradlew bootRun", "java"),
        ("docker run app", "elsewhere"),
        ("sudo python app.py", "elsewhere"),
        ("no-such-program-here", ""),
        ("", ""),
        ("env", ""),
    ],
)
def test_what_runs_is_told_by_its_command(command: str, expected: str) -> None:
    """A command was taken for another kind of program."""
    assert client_of(command.split(), {"PATH": ""}) == expected


def program(folder: Path, content: bytes) -> str:
    path = folder / "app"
    path.write_bytes(content)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def elf(*kinds: int, wide: bool = True, order: str = "little") -> bytes:
    """Make the start of a program with these headers."""
    head = bytearray(64)
    head[:6] = b"\x7fELF" + bytes((2 if wide else 1, 2 if order == "big" else 1))
    first, first_size, size, count = (32, 8, 54, 56) if wide else HEADERS_32
    for at, length, value in ((first, first_size, 64), (size, 2, 40), (count, 2, len(kinds))):
        head[at : at + length] = value.to_bytes(length, order)  # pyright: ignore[reportArgumentType]
    return bytes(head) + b"".join(kind.to_bytes(4, order) + bytes(36) for kind in kinds)  # pyright: ignore[reportArgumentType]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows finds programs by their names")
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (elf(1, 1), "static"),
        (elf(1, 3), ""),
        (elf(6, 3, wide=False), ""),
        (elf(6, 1, wide=False), "static"),
        (elf(1, 3, order="big"), ""),
        (elf(1, 1) + b"\xff Go buildinf:", "go"),
        (b"#!/usr/bin/env python3\n", "python"),
        (b"#!/usr/bin/node\n", "node"),
        (b"#!/bin/sh\n", ""),
        (b"#!\n", ""),
        (b"", ""),
    ],
    ids=[
        "static", "linked", "linked-32", "static-32", "big-endian", "go", "python", "node",
        "shell", "no-interpreter", "empty",
    ],
)  # fmt: skip
def test_what_runs_is_told_by_its_program(tmp_path: Path, content: bytes, expected: str) -> None:
    """A program was taken for another kind."""
    assert client_of([program(tmp_path, content)], {}) == expected


def test_a_real_program_is_read() -> None:
    """The interpreter of these tests is no static program."""
    found = shutil.which("ls") or shutil.which("cmd")
    assert found is not None
    assert client_of([found], {}) == ""


@pytest.mark.parametrize(
    ("command", "environment", "said"),
    [
        ("go run .", {}, "localhost"),
        ("java -jar a.jar", {}, "JAVA_TOOL_OPTIONS"),
        ("docker run a", {}, "another place"),
        ("python -I app.py", {}, "the flag -I"),
        ("python -u -E app.py", {}, "the flag -E"),
        ("python app.py", {"HTTPS_PROXY": "http://u:hunter2@proxy"}, "HTTPS_PROXY is replaced"),
    ],
)
def test_a_certain_gap_is_named(command: str, environment: dict[str, str], said: str) -> None:
    """Calls went past the recording, and nobody had been told."""
    gaps = [gap for gap in capture_gaps(command.split(), environment) if gap.certain]
    told = " ".join(f"{gap.calls} {gap.reason} {gap.move}" for gap in gaps)
    assert said in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "command", ["python app.py", "python -c -I", "python -m app -E", "python app.py -I"]
)
def test_a_usual_app_has_no_certain_gap(command: str, authority: object) -> None:
    """An app that is captured well was warned about."""
    assert [gap for gap in capture_gaps(command.split(), {}) if gap.certain] == []


@pytest.mark.parametrize("command", ["python app.py", "node app.js"])
def test_what_the_shims_are_for_is_named_without_them(command: str) -> None:
    """The shims were switched off, and nobody was told what that costs."""
    with_them = capture_gaps(command.split(), {})
    without = capture_gaps(command.split(), {}, shims=False)
    assert len(without) == len(with_them) + 1
    assert any("leave the shims on" in gap.move for gap in without)
