"""Real services: at the addresses in the environment, else started here, else skipped."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

START_SECONDS = 30


def lacking(service: str, how: str) -> None:
    """Skip the test, or fail it where services are required."""
    reason = f"{service} is not here; {how}"
    if os.environ.get("TTA_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Tell whether an HTTP server answers 200 at *url*."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until *condition* holds, half a minute at most."""
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not happen within {START_SECONDS} s")
        time.sleep(0.05)


@contextmanager
def running(command: list[str]) -> Generator[subprocess.Popen[bytes]]:
    """Run a server for the duration of the block, and end that very process afterwards."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """The address of a Redis server that tests may write to."""
    given = os.environ.get("TTA_TEST_REDIS_URL")
    if given:
        yield given
        return
    program = shutil.which("redis-server")
    if program is None:
        lacking("redis-server", "apt-get install redis-server, or set TTA_TEST_REDIS_URL")
        return
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with running([program, *options]):
        until(lambda: _listens(port), "the start of redis-server")
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture
def start_prometheus(tmp_path: Path) -> Iterator[Callable[[int], str]]:
    """Starts a Prometheus that scrapes a port of loopback every second; returns its address."""
    program = shutil.which("prometheus")
    if program is None:
        lacking(
            "prometheus",
            "apt-get install prometheus, or set TTA_TEST_PROMETHEUS_URL and TTA_TEST_OTLP_ENDPOINT",
        )
        return
    servers: list[subprocess.Popen[bytes]] = []

    def start(scraped_port: int) -> str:
        config = tmp_path / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s}\n"
            "scrape_configs:\n"
            f"  - {{job_name: app, static_configs: [{{targets: ['127.0.0.1:{scraped_port}']}}]}}\n"
        )
        port = free_port()
        servers.append(
            subprocess.Popen(
                [
                    program,
                    f"--config.file={config}",
                    f"--storage.tsdb.path={tmp_path / 'data'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(f"{url}/-/ready"), "the start of Prometheus")
        return url

    yield start
    for server in servers:
        server.terminate()
        server.wait(15)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(name="free_port")
def free_port_fixture() -> Callable[[], int]:
    """Returns a free port of loopback at each call."""
    return free_port


@pytest.fixture(name="until")
def until_fixture() -> Callable[[Callable[[], bool], str], None]:
    """Waits for a condition."""
    return until
