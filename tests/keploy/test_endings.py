"""However a recorder or a replay ends, nothing of the app stays, and what was recorded does."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
from keploy_command import KEPLOY, WAIT_SECONDS, Keploy, app_command, free_port, is_running, until
from visits import Visit, ask

from keploy_framework.formats import KeployTree

VERSION = Visit("GET", "/version")


@pytest.fixture
def note(tmp_path: Path) -> Generator[Path]:
    """Where the app notes its processes; none of them outlives the test, even one that fails."""
    path = tmp_path / "pids"
    yield path
    for pid in map(int, path.read_text().split() if path.is_file() else []):
        if is_running(pid):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "end", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda end: end.name
)
def test_a_recorder_that_is_stopped_leaves_no_process(
    keploy: Keploy, tmp_path: Path, note: Path, end: signal.Signals
) -> None:
    """A process that the app had started in another session went on."""
    port = free_port()
    with keploy.recording(app_command("family_app.py", port, note)) as recorder:
        ask(port, VERSION)
        assert recorder.stop(end) == 0, recorder.shown
    assert [pid for pid in map(int, note.read_text().split()) if is_running(pid)] == []
    assert "recorded 1 test and 0 mocks" in recorder.shown
    assert KeployTree(tmp_path / "keploy").test_set("test-set-0").test_names() == ["get-version-1"]


def test_a_recorder_that_is_killed_leaves_no_process(
    keploy: Keploy, tmp_path: Path, note: Path
) -> None:
    """After kill -9 of the recorder the app, or a child of it, went on."""
    port = free_port()
    command = app_command("family_app.py", port, note)
    with keploy.recording(command) as recorder:
        ask(port, VERSION)
        tests = tmp_path / "keploy/test-set-0/tests"
        until(lambda: list(tests.glob("get-version-1.yaml")), "the writing of the test")
        recorder.stop(signal.SIGKILL)
        pids = [int(pid) for pid in note.read_text().split()]
        until(lambda: not any(map(is_running, pids)), "the end of the app")
    with keploy.recording(command) as again:
        ask(port, VERSION)
        assert again.stop() == 0, again.shown
    code, report = keploy.test(command)
    assert (code, report["total"]) == (0, 2), "what was written before the kill is whole"


def test_a_replay_that_is_killed_leaves_no_process(
    keploy: Keploy, tmp_path: Path, note: Path
) -> None:
    """After kill -9 of the replay the app, or a child of it, went on."""
    port = free_port()
    with keploy.recording(app_command("family_app.py", port)) as recorder:
        ask(port, VERSION)
        recorder.stop()
    process = in_a_silent_test(tmp_path, port, note)
    process.kill()
    process.communicate(timeout=WAIT_SECONDS)
    pids = [int(pid) for pid in note.read_text().split()]
    until(lambda: not any(map(is_running, pids)), "the end of the app")
    assert keploy.test(app_command("family_app.py", port))[0] == 0, "the port is free again"


def test_a_replay_that_is_stopped_ends_at_once(keploy: Keploy, tmp_path: Path, note: Path) -> None:
    """Ctrl-C waited for the answer of an app that gave none."""
    port = free_port()
    with keploy.recording(app_command("family_app.py", port)) as recorder:
        ask(port, VERSION)
        recorder.stop()
    process = in_a_silent_test(tmp_path, port, note)
    process.send_signal(signal.SIGINT)
    try:
        shown, _ = process.communicate(timeout=WAIT_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "stopped by the user" in shown
    pids = [int(pid) for pid in note.read_text().split()]
    until(lambda: not any(map(is_running, pids)), "the end of the app")


def in_a_silent_test(folder: Path, port: int, note: Path) -> subprocess.Popen[str]:
    """Start a replay against an app that never answers, and wait until it was asked."""
    silent = app_command("family_app.py", port, note, "never")
    process = subprocess.Popen(
        [*KEPLOY, "test", "-c", silent, "--api-timeout", "10m"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until((folder / "asked").is_file, "the first test")
    except BaseException:
        process.kill()
        process.communicate()
        raise
    return process
