"""Sharing files out among processes; the result is the same as that of one, in the same order."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .checking import Checking

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from .checking import Checked
    from .settings import Settings

# A process takes about as long to start as these files take to check.
FILES_WORTH_A_PROCESS: Final = 150


def processes_for(files: int, jobs: int) -> int:
    """Return how many processes are worth starting.

    Args:
        files: How many files are to be read anew.
        jobs: The most that are allowed; 0 stands for one per processor.
    """
    most = jobs or _processors()
    return max(1, min(most, files // FILES_WORTH_A_PROCESS))


def check_in_processes(
    number: int, paths: Sequence[str], settings: Settings, root: str, known: Sequence[str]
) -> list[Checked]:
    """Check files in several processes, none of which is left behind.

    Args:
        number: How many processes.
        paths: The files.
        settings: What the project asks for.
        root: The folder that its patterns are relative to.
        known: Every file that may be asked about.

    Raises:
        ChildProcessError: A process died, for example for lack of memory.
    """
    # Spawned ones are the same on every system, and safe beside threads.
    context = multiprocessing.get_context("spawn")
    started: list[tuple[BaseProcess, Connection[Any, Any]]] = []  # Any: lists of Checked
    found: dict[str, Checked] = {}
    try:
        for share in _shares(paths, number):
            here, there = context.Pipe(duplex=False)
            arguments = (there, share, settings, root, known)
            process = context.Process(target=_work, args=arguments, daemon=True)
            process.start()
            there.close()  # so that the end of the process is the end of the pipe
            started.append((process, here))
        for process, pipe in started:
            found.update((each.path, each) for each in _received(pipe, process))
    finally:
        for process, pipe in started:
            pipe.close()
            process.terminate()  # one that has sent its share has nothing left to do
            process.join()
            process.close()
    return [found[path] for path in paths]


def _received(pipe: Connection[Any, Any], process: BaseProcess) -> list[Checked]:  # Any: Checked
    try:
        return pipe.recv()
    except (EOFError, ConnectionError) as error:
        process.join()
        msg = f"a process that checked files ended with {process.exitcode}; try --jobs 1"
        raise ChildProcessError(msg) from error


def _work(
    pipe: Connection[Any, Any],  # Any: lists of Checked
    paths: Sequence[str],
    settings: Settings,
    root: str,
    known: Sequence[str],
) -> None:
    # Ctrl-C goes to all processes of a terminal; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe.send(Checking(settings, root, known).check(paths))


def _shares(paths: Sequence[str], number: int) -> list[list[str]]:
    """Part the files into shares of about the same size."""
    shares: list[list[str]] = [[] for _ in range(number)]
    sizes = [0] * number
    for size, path in sorted(((_size(path), path) for path in paths), reverse=True):
        least = sizes.index(min(sizes))
        shares[least].append(path)
        sizes[least] += size + 1
    return shares


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except (OSError, ValueError):
        return 0


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
