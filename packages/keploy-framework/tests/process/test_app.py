"""An app is started, watched, and ended with all it started."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from keploy_framework.errors import AppError
from keploy_framework.process import AppProcess
from keploy_framework.process.output import Output

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs process groups of POSIX")

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPER
IN_BACKGROUND = """\
import subprocess, sys, time
child = subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True
)
print(child.pid, flush=True)
if sys.argv[1] == "leave":
    raise SystemExit(0)
time.sleep(60)
"""
# Dies without any chance to tidy up.
SUDDEN = """\
import asyncio, os, signal, sys
from keploy_framework.process import AppProcess

async def main():
    app = AppProcess(sys.argv[1], environment=dict(os.environ))
    app.start()
    while not app.last_lines:
        await asyncio.sleep(0.01)
    print(app.pid, app.last_lines[0], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def first_line(app: AppProcess) -> str:
    async with asyncio.timeout(10):
        while not app.last_lines:  # noqa: ASYNC110 - another thread adds them
            await asyncio.sleep(0.01)
    return app.last_lines[0]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return False
    return state not in "ZX"


async def test_leaving_ends_the_app(program: Callable[..., str]) -> None:
    """The app still ran after the recording was over."""
    async with AppProcess(program(SLEEPER), environment=os.environ) as app:
        await first_line(app)
        pid = app.pid
    assert not is_alive(pid)
    assert app.returncode == -signal.SIGTERM


@pytest.mark.parametrize("parent", ["stay", "leave"])
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
async def test_a_process_of_another_session_ends_too(
    program: Callable[..., str], parent: str
) -> None:
    """A worker that the app had put into the background stayed for ever."""
    async with AppProcess(program(IN_BACKGROUND, parent), environment=os.environ) as app:
        worker = int(await first_line(app))
        if parent == "leave":
            await app.wait()
            assert app.is_alive, "its worker runs"
    assert not is_alive(worker)


async def test_an_app_that_ignores_the_wish_is_killed(program: Callable[..., str]) -> None:
    """An app that ignores SIGTERM kept the command from ending."""
    app = AppProcess(program(STUBBORN), environment=os.environ, grace_seconds=0.1)
    async with app:
        await first_line(app)
    assert app.returncode == -signal.SIGKILL


async def test_cancelling_the_end_still_kills(program: Callable[..., str]) -> None:
    """Ctrl-C twice left the app behind."""
    app = AppProcess(program(STUBBORN), environment=os.environ, grace_seconds=60)
    app.start()
    await first_line(app)
    stopping = asyncio.create_task(app.stop())
    await asyncio.sleep(0.05)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert not is_alive(app.pid)
    await app.stop()


def test_the_app_ends_when_the_recorder_is_killed(program: Callable[..., str]) -> None:
    """After kill -9 of the recorder the app held its port for ever."""
    command = program(SLEEPER, name="app.py")
    shown = subprocess.run(
        [sys.executable, "-c", SUDDEN, command], capture_output=True, text=True, timeout=30
    )
    pid = int(shown.stdout.split()[0])
    until = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not is_alive(pid)


async def test_words_pass_through_by_stream(program: Callable[..., str]) -> None:
    """The app's errors were mixed into what it printed."""
    out: list[bytes] = []
    error: list[bytes] = []
    source = "import sys; print('to out', flush=True); sys.stderr.write('to error\\n')"
    command = program(source)
    async with AppProcess(
        command, environment=os.environ, output=Output(out.append, error.append)
    ) as app:
        await app.wait()
    assert (b"".join(out), b"".join(error)) == (b"to out\n", b"to error\n")


async def test_the_last_lines_are_kept(program: Callable[..., str]) -> None:
    """The report of a crash did not show the traceback."""
    command = program("for n in range(100): print(f'line {n}')\nraise SystemExit(3)")
    async with AppProcess(command, environment=os.environ) as app:
        assert await app.wait() == 3
    assert app.last_lines[-1] == "line 99"
    assert len(app.last_lines) == 20


async def test_a_full_pipe_of_a_reader_that_left_does_not_stall(
    program: Callable[..., str],
) -> None:
    """The app hung when the terminal it wrote to was gone."""

    def broken(_: bytes) -> None:
        raise BrokenPipeError

    command = program("import sys\nfor _ in range(5000): print('x' * 100)")
    async with AppProcess(command, environment=os.environ, output=Output(broken, broken)) as app:
        async with asyncio.timeout(20):
            assert await app.wait() == 0


def test_a_missing_program_is_one_line() -> None:
    """A mistyped command ended with a traceback."""
    with pytest.raises(AppError, match="no program") as caught:
        AppProcess("no-such-program-here", environment={"PATH": ""}).start()
    assert caught.value.reason == "not-found"
