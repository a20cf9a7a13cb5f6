"""A server that loads its app again, and modules that are loaded again, are observed once."""

from __future__ import annotations

import os
import socket
import sys
import textwrap
import urllib.request
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from .collector import collecting
from .programs import eventually, in_long_runs, run_program, running_program, unindented

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Generator
    from pathlib import Path

pytestmark = pytest.mark.slow

APP = """
from contextlib import asynccontextmanager
import os
from observability_integration import initialize_observability, shutdown_observability
from tta_dev_primitives import LambdaPrimitive

VERSION = {version!r}
initialize_observability(prometheus_port=int(os.environ["METRICS_PORT"]))
step = LambdaPrimitive(lambda x: x, name=VERSION)


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({{"type": "lifespan.startup.complete"}})
        await receive()
        shutdown_observability()
        await send({{"type": "lifespan.shutdown.complete"}})
        return
    await step.execute(1)
    start = {{"type": "http.response.start", "status": 200, "headers": []}}
    await send(start)
    await send({{"type": "http.response.body", "body": VERSION.encode()}})
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(port: int, path: str = "/") -> str:
    """Return what a server answers; nothing where none listens yet."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.read().decode()
    except OSError:
        return ""


@contextmanager
def serving(folder: Path, collector_url: str, *options: str) -> Generator[_Server]:
    """Run the app of *folder* by uvicorn, until the block ends."""
    pytest.importorskip("uvicorn", reason="not installed; try: uv sync --group api-testing")
    port, metrics_port = free_port(), free_port()
    command = [sys.executable, "-m", "uvicorn", "served:app", "--port", str(port)]
    command += ["--app-dir", str(folder), "--log-level", "warning", *options]
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector_url,
        "OTEL_METRICS_EXPORTER": "none",
        "METRICS_PORT": str(metrics_port),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with running_program(command, variables) as program:
        server = _Server(program, port, metrics_port)
        assert eventually(lambda: get(port) != "", 15), "the server did not begin"
        yield server


class _Server:
    def __init__(self, program: subprocess.Popen[str], port: int, metrics_port: int) -> None:
        self.program, self.port, self.metrics_port = program, port, metrics_port

    def end(self) -> str:
        """End the server as a user does, and return what it said on its way."""
        self.program.terminate()
        _, log = self.program.communicate(timeout=15)
        return log


def write_app(folder: Path, version: str) -> None:
    (folder / "served.py").write_text(textwrap.dedent(APP).format(version=version))


def test_an_app_that_uvicorn_loads_again_is_observed_before_and_after(tmp_path: Path) -> None:
    """Each reload loses spans, doubles them, or finds the port of Prometheus taken."""
    write_app(tmp_path, "one")
    options = ("--reload", "--reload-dir", str(tmp_path), "--reload-delay", "0.1")
    with collecting() as collector, serving(tmp_path, collector.url, *options) as server:
        asked = Counter([f"invoke_workflow {get(server.port)}"])
        write_app(tmp_path, "two and more")
        os.utime(tmp_path / "served.py", (2_000_000_000, 2_000_000_000))
        answers: list[str] = []

        def is_new() -> bool:
            answers.append(get(server.port))
            return answers[-1].startswith("two")

        assert eventually(is_new, 15)
        assert 'tta_primitive_name="two and more"' in get(server.metrics_port, "/metrics")
        log = server.end()
    asked.update(f"invoke_workflow {answer}" for answer in answers if answer)
    asked["invoke_workflow one"] += 1  # the one that found that the server had begun
    assert collector.names == asked
    assert "no Prometheus endpoint" not in log
    assert "Traceback" not in log, log


@in_long_runs
def test_workers_of_uvicorn_deliver_their_spans_and_one_of_them_is_scraped(tmp_path: Path) -> None:
    """All workers but the first fail, because the port of Prometheus is taken."""
    write_app(tmp_path, "one")
    with collecting() as collector, serving(tmp_path, collector.url, "--workers", "2") as server:
        answers = [get(server.port) for _ in range(20)]
        scraped = eventually(lambda: "tta_" in get(server.metrics_port, "/metrics"))
        log = server.end()
    assert answers == ["one"] * 20
    assert scraped
    assert collector.names == Counter({"invoke_workflow one": 21})
    assert log.count("no Prometheus endpoint: port") == 1
    assert "Traceback" not in log, log


AGAIN = {
    "the-module-of-setup": """
from observability_integration import setup
importlib.reload(setup)
""",
    "all-modules": """
for name in [name for name in sys.modules if name.startswith("observability_integration")]:
    del sys.modules[name]
import observability_integration as setup
""",
}


@pytest.mark.parametrize("again", AGAIN.values(), ids=AGAIN)
def test_modules_that_are_loaded_again_observe_each_call_once(again: str) -> None:
    """After a reload in a notebook every span comes twice, or none does."""
    body = f"""
import importlib
options = dict(enable_prometheus=False, otlp_endpoint=URL)
initialize_observability(**options)
call("one")
{again}
assert setup.initialize_observability(**options)
call("two")
setup.shutdown_observability()
call("three")
"""
    with collecting() as collector:
        finished = run_program(unindented(body), collector.url)
        assert finished.status == 0, finished.log
        assert collector.names == Counter(["invoke_workflow one", "invoke_workflow two"])
