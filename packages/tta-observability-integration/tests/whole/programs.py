"""Whole programs that are observed, run in a process of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

PATIENCE_SECONDS = 20.0
IS_LONG = os.environ.get("TTA_LONG") == "1"
in_long_runs = pytest.mark.skipif(not IS_LONG, reason="more of the same; set TTA_LONG=1")

_BEGINNING = """
import asyncio, json, logging, os, signal, sys, threading, time

LINE = "%(levelname)s %(name)s: %(message)s"
logging.basicConfig(level=logging.INFO, format=LINE, stream=sys.stderr)
for chatty in ("asyncio", "urllib3"):
    logging.getLogger(chatty).setLevel(logging.WARNING)

from observability_integration import *
from tta_dev_primitives import *

URL = sys.argv[1]


def step(name, fn=lambda x: x):
    return LambdaPrimitive(fn, name=name)


def call(name):
    return asyncio.run(step(name).execute(1))


def join(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""


@dataclass(frozen=True)
class Finished:
    """A program that ended.

    Attributes:
        status: Its exit code; that of a signal is negative.
        seconds: How long it ran.
        out: What it printed.
        log: What it wrote to stderr, its log among it.
    """

    status: int
    seconds: float
    out: str
    log: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    def warnings(self, logger: str = "") -> list[str]:
        """Return the log lines above INFO, without their level, of loggers that begin so."""
        found: list[str] = []
        for line in self.log.splitlines():
            level, _, rest = line.partition(" ")
            if level in ("WARNING", "ERROR", "CRITICAL") and rest.startswith(logger):
                found.append(rest)
        return found


def environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables of this process without OpenTelemetry's, and those that are given."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return {**plain, **(given or {})}


def run_program(
    body: str,
    url: str = "",
    variables: Mapping[str, str] | None = None,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Finished:
    """Run *body* to its end; one that does not end, or whose children do not, fails the test.

    Args:
        body: Python, after the beginning above.
        url: Of a collector; its name in *body* is `URL`.
        variables: Of the environment; all others of OpenTelemetry are unset.
        patience_seconds: How long it may run.
    """
    begun = time.monotonic()
    with _group([sys.executable, "-W", "ignore", "-c", _source(body), url], variables) as program:
        try:
            out, log = program.communicate(timeout=patience_seconds)
        except subprocess.TimeoutExpired as error:
            said = (error.stderr or b"").decode() if isinstance(error.stderr, bytes) else ""
            msg = f"the program did not end within {patience_seconds:g} s: {said[-2000:]}"
            raise AssertionError(msg) from None
    return Finished(program.returncode, time.monotonic() - begun, out, log)


@contextmanager
def running_program(
    command: list[str], variables: Mapping[str, str] | None = None
) -> Generator[subprocess.Popen[str]]:
    """Run *command* during the block; at its end nothing of it is left."""
    with _group(command, variables) as program:
        yield program


def unindented(body: str) -> str:
    return textwrap.dedent(body)


def _source(body: str) -> str:
    return _BEGINNING + unindented(body)


@contextmanager
def _group(
    command: list[str], variables: Mapping[str, str] | None
) -> Generator[subprocess.Popen[str]]:
    """Run *command* in a process group of its own, so that no child of it can stay behind."""
    program = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(variables),
        start_new_session=True,
    )
    try:
        yield program
    finally:
        _end(program)


def _end(program: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):  # all of it ended by itself
        os.killpg(program.pid, signal.SIGKILL)  # its own group, which nobody else is in
    program.wait(PATIENCE_SECONDS)
    for stream in (program.stdout, program.stderr):
        if stream is not None:
            stream.close()


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
