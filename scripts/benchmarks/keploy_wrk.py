"""Put load on a port: with wrk where it is installed, else with our own generator."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Final

from keploy_processes import program, quiet_environment, result_of

OWN: Final = "keploy_requests.py"
_SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_RATE: Final = re.compile(r"Requests/sec: +([\d.]+)")
_COUNT: Final = re.compile(r"(\d+) requests in")
_MIDDLE: Final = re.compile(r"50% +([\d.]+)(us|ms|s)")
_FAILED: Final = re.compile(r"Non-2xx or 3xx responses: (\d+)")


def generator() -> str:
    """Return the name of the generator that is used."""
    return "wrk" if shutil.which("wrk") else OWN


def load(port: int, connections: int, seconds: float) -> dict[str, float]:
    """Keep so many connections busy for so long.

    Gives requests per second, the median latency in microseconds, and how many requests were
    `sent` in all, those that only warmed the server included.

    Raises:
        RuntimeError: The generator failed, or was answered with an error.
    """
    wrk = shutil.which("wrk")
    if wrk is not None:
        return _with_wrk(wrk, port, connections, seconds)
    words = program(OWN, str(port), "--connections", str(connections), "--seconds", str(seconds))
    return result_of(words)


def _with_wrk(wrk: str, port: int, connections: int, seconds: float) -> dict[str, float]:
    # wrk knows whole seconds only.
    duration = max(round(seconds), 1)
    ended = subprocess.run(
        [
            wrk,
            "-t1",
            f"-c{connections}",
            f"-d{duration}s",
            "--latency",
            f"http://127.0.0.1:{port}/",
        ],
        capture_output=True,
        text=True,
        timeout=duration + 30,
        env=quiet_environment(),
        check=True,
    )
    return read_wrk(ended.stdout)


def read_wrk(text: str) -> dict[str, float]:
    """Read what wrk prints with --latency.

    Raises:
        RuntimeError: It says something else, or tells of failed requests.
    """
    rate, count, middle = _RATE.search(text), _COUNT.search(text), _MIDDLE.search(text)
    failed = _FAILED.search(text)
    if rate is None or count is None or middle is None or failed is not None:
        msg = f"wrk printed no usable result: {text.strip()[-200:]!r}"
        raise RuntimeError(msg)
    return {
        "requests_per_second": float(rate[1]),
        "sent": int(count[1]),
        "p50_us": float(middle[1]) * _SECONDS[middle[2]] * 1e6,
    }
