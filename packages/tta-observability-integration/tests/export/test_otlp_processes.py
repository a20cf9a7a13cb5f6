"""An exporter among other things of its process: forks, its end, and instrumentations."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from opentelemetry import context
from opentelemetry.context import _SUPPRESS_HTTP_INSTRUMENTATION_KEY, _SUPPRESS_INSTRUMENTATION_KEY

import observability_integration
from observability_integration.export.otlp import OTLPSpanExporter

from .otlp_receiver import Receiver, Reply, receiving, span

if TYPE_CHECKING:
    from typing import Any

PREAMBLE = """
import atexit, os, sys
from opentelemetry.trace import SpanKind
from observability_integration.export.otlp import OTLPSpanExporter
from observability_integration.spans.light_span import LightSpan, Scope, SpanSite

site = SpanSite("s", SpanKind.INTERNAL, {}, Scope("tests"))

def span(number):
    light = LightSpan(site, 1, number, 0, 1, print)
    light.end_ns = 2
    return light

exporter = OTLPSpanExporter(sys.argv[1], environ={})
"""


def run(script: str, receiver: Receiver) -> str:
    """Run *script* after the preamble in a process of its own, and return what it printed."""
    source = Path(observability_integration.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PREAMBLE + textwrap.dedent(script), receiver.url],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(source)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


@pytest.mark.slow
def test_spans_of_the_last_moment_arrive() -> None:
    """The first spans of a program come while the interpreter ends, and never arrive."""
    with receiving() as receiver:
        receiver.replies.append(Reply(503))
        out = run(
            """
            def last():
                exporter.export([span(1), span(2)])
                exporter.shutdown(5)
                print(exporter.exported, exporter.dropped)

            atexit.register(last)
            """,
            receiver,
        )
        assert out.split() == ["2", "0"]
        assert receiver.taken == [1, 2]


@pytest.mark.slow
def test_a_program_ends_while_its_collector_hangs() -> None:
    """A program cannot end, because a thread of ours waits for an answer."""
    import threading

    released = threading.Event()
    with receiving() as receiver:
        receiver.replies.append(Reply(until=released))
        out = run(
            """
            exporter.export([span(1)])
            exporter.shutdown(0.3)
            print(exporter.exported, exporter.dropped)
            """,
            receiver,
        )
        released.set()
    assert out.split() == ["0", "1"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_begins_with_nothing() -> None:
    """A fork sends what its parent sends too, uses its connection, or hangs in its lock."""
    with receiving() as receiver:
        out = run(
            """
            exporter.export([span(1)])
            assert exporter.flush(5)
            exporter.export([span(2)])
            with exporter._delivery._changed:  # what another thread may hold at that moment
                child = os.fork()
            if child == 0:
                exporter.after_fork()
                assert (exporter.exported, exporter.dropped) == (0, 0)
                exporter.export([span(3)])
                assert exporter.flush(5)
                exporter.shutdown(5)
                print("child", exporter.exported, exporter.dropped, flush=True)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            exporter.export([span(4)])
            exporter.shutdown(5)
            print("parent", exporter.exported, exporter.dropped)
            """,
            receiver,
        )
        assert out.splitlines() == ["child 1 0", "parent 3 0"]
        assert sorted(receiver.taken) == [1, 2, 3, 4]
        connections = {received.numbers[0]: received.connection for received in receiver.received}
        assert connections[3] not in {connections[1], connections[2], connections[4]}


@pytest.mark.slow
def test_an_exporter_imports_nothing_heavy_before_it_posts() -> None:
    """A program that has nothing to send pays for the SDK, or for an HTTP client."""
    with receiving() as receiver:
        out = run(
            """
            heavy = ("opentelemetry.sdk", "opentelemetry.proto", "google.protobuf", "requests")
            print([name for name in heavy if name in sys.modules])
            exporter.export([span(1)])
            exporter.shutdown(5)
            print([name for name in heavy if name in sys.modules])
            """,
            receiver,
        )
    assert out.splitlines() == ["[]", "['requests']"]


@pytest.mark.parametrize(
    "key",
    [
        _SUPPRESS_INSTRUMENTATION_KEY,
        _SUPPRESS_HTTP_INSTRUMENTATION_KEY,
        "suppress_instrumentation",
    ],
    ids=["all", "http", "plain"],
)
def test_an_instrumentation_of_requests_sees_no_request(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch of spans makes a span, which makes a batch, and so for ever."""
    suppressed: list[object] = []
    send = requests.Session.send

    def instrumented(session: Any, request: Any, **options: Any) -> Any:
        suppressed.append(context.get_value(key))
        return send(session, request, **options)

    monkeypatch.setattr(requests.Session, "send", instrumented)
    with receiving() as receiver:
        exporter = OTLPSpanExporter(receiver.url, environ={})
        exporter.export([span(1)])
        exporter.shutdown(5)
        assert exporter.exported == 1
    assert suppressed == [True]
    assert context.get_value(key) is None


def test_a_netrc_does_not_replace_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password for another program goes to the collector, instead of its key."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with receiving() as receiver:
        exporter = OTLPSpanExporter(receiver.url, headers={"Authorization": "key"}, environ={})
        exporter.export([span(1)])
        exporter.shutdown(5)
        assert receiver.received[0].headers["authorization"] == "key"
