"""Processes that use a cache and do what they are told, a line at a time."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Generator
from typing import Any

LONGEST_ANSWER_SECONDS = 60

_PROGRAM = """
import asyncio, json, sys
from collections.abc import AsyncGenerator
from tta_dev_primitives import CachePrimitive, WorkflowPrimitive

options = json.loads(sys.argv[1])
seconds = options.pop("seconds")
lease_seconds = options.pop("lease_seconds", None)
if lease_seconds is not None:
    from tta_dev_primitives import RedisStore
    options["backend"] = RedisStore(options.pop("redis_url"), lease_seconds=lease_seconds)

def say(**what):
    print(json.dumps(what), flush=True)

class Service(WorkflowPrimitive):
    name = "service"
    calls = 0

    async def execute(self, x, context=None):
        return [part async for part in self.stream(x)]

    async def stream(self, x, context=None):
        self.calls += 1
        yield {"part": 1, "of": x}
        await asyncio.sleep(seconds)
        yield {"part": 2, "of": x}

async def ask(cache, x, how):
    if how == "stream":
        return [part async for part in cache.stream(x)]
    return await cache.execute(x)

async def main():
    service = Service()
    async with CachePrimitive(service, tags=["tag"], **options) as cache:
        say(ready=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            word, *arguments = json.loads(line)
            if word == "ask":
                x, how, callers = arguments
                asked = asyncio.gather(*[ask(cache, x, how) for _ in range(callers)])
                while not service.calls and not asked.done():
                    await asyncio.sleep(0.001)
                say(began=True)
                answers = await asked
                whole = [{"part": 1, "of": x}, {"part": 2, "of": x}]
                # What was made in one piece is one chunk of a stream.
                right = (whole, [whole]) if how == "stream" else (whole,)
                say(calls=service.calls, wrong=[found for found in answers if found not in right])
                service.calls = 0
            elif word == "delete_tags":
                say(deleted=await cache.delete_tags("tag"))

asyncio.run(main())
"""


class CacheProcess:
    """A process with one cache."""

    def __init__(self, **options: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _PROGRAM, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def tell(self, *words: object) -> None:
        """Have it do something."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """Return what it says next."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(self._process.communicate()[1])
        return json.loads(line)

    def ask(self, x: str, how: str = "execute", callers: int = 1) -> int:
        """Have callers ask for *x*; return how often the step ran when all had their answers."""
        self.tell("ask", x, how, callers)
        return self.answered()

    def answered(self) -> int:
        """Wait for the answers; return how often the step ran for them."""
        assert self.hear() == {"began": True}
        said = self.hear()
        assert said["wrong"] == [], said["wrong"][0]
        return said["calls"]

    def kill(self) -> None:
        """End it as the system does that runs out of memory."""
        self._process.kill()
        self._process.communicate()

    def end(self) -> None:
        """Let it come to its end, which must be a quiet one."""
        if self._process.returncode is None:
            _, err = self._process.communicate(timeout=LONGEST_ANSWER_SECONDS)
            assert (self._process.returncode, err) == (0, ""), err


@contextlib.contextmanager
def cache_processes(count: int, **options: object) -> Generator[list[CacheProcess]]:
    """Start processes and wait until all are ready; end them afterwards.

    An option that is a list has one value for each.
    """
    processes = [
        CacheProcess(
            **{
                name: value[number] if isinstance(value, list) else value
                for name, value in options.items()
            }
        )
        for number in range(count)
    ]
    try:
        for process in processes:
            assert process.hear() == {"ready": True}
        yield processes
        for process in processes:
            process.end()
    finally:
        for process in processes:
            process.kill()


def run_alone(program: str, *arguments: object) -> None:
    """Run *program*, which must end quietly."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=LONGEST_ANSWER_SECONDS,
        env={**os.environ, "PYTHONFAULTHANDLER": "1"},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", ""), done.stderr
