"""Programs of several processes: each delivers its own spans, once, and each of them ends."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from .collector import collecting
from .programs import in_long_runs, run_program, unindented

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
]

OBSERVED = "initialize_observability(enable_prometheus=False, otlp_endpoint=URL)\n"
FORK = unindented("""
call("before")
child = os.fork()
if not child:
    call("child")
    {end_of_child}
print(join(child))
call("after")
""")


@pytest.mark.parametrize(
    "end",
    [
        pytest.param("sys.exit(3)", id="exit"),
        pytest.param("shutdown_observability(); os._exit(3)", id="shutdown", marks=in_long_runs),
        pytest.param("raise SystemExit(3)", id="error", marks=in_long_runs),
    ],
)
def test_parent_and_child_deliver_their_own_spans_once(end: str) -> None:
    """What waited at the fork arrives twice, or what the child did never."""
    with collecting() as collector:
        finished = run_program(OBSERVED + FORK.format(end_of_child=end), collector.url)
        assert finished.status == 0, finished.log
        assert finished.lines == ["3"]
        assert collector.names == Counter(
            f"invoke_workflow {name}" for name in ("before", "child", "after")
        )
        assert finished.warnings("observability_integration") == []


def test_the_child_of_a_process_that_prometheus_scrapes_can_end() -> None:
    """A worker that a server forked off never goes away, because it waits for a thread."""
    body = "initialize_observability(prometheus_port=0, metrics=True)\n"
    finished = run_program(body + FORK.format(end_of_child="sys.exit(3)"), patience_seconds=8)
    assert (finished.status, finished.lines) == (0, ["3"])


def test_the_child_leaves_the_endpoint_of_its_parent_alone() -> None:
    """Prometheus cannot scrape a server any more, because one of its workers ended."""
    body = """
    import socket, urllib.request
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    initialize_observability(prometheus_port=port)
    child = os.fork()
    if not child:
        call("child")
        shutdown_observability()
        os._exit(0)
    assert join(child) == 0
    call("parent")
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
    print('tta_primitive_name="parent"' in text, 'tta_primitive_name="child"' in text)
    """
    finished = run_program(body, patience_seconds=8)
    assert (finished.status, finished.lines) == (0, ["True False"]), finished.log


def test_a_child_posts_metrics_over_a_connection_of_its_own() -> None:
    """Parent and child write into one connection, and get each other's answers."""
    body = """
    call("before")
    time.sleep(0.5)
    child = os.fork()
    if not child:
        call("child")
        time.sleep(0.5)
        shutdown_observability()
        os._exit(0)
    join(child)
    os._exit(0)
    """
    with collecting() as collector:
        run_program(
            OBSERVED + unindented(body), collector.url, {"OTEL_METRIC_EXPORT_INTERVAL": "200"}
        )
        names_by_connection: dict[tuple[str, int], set[str]] = {}
        for request in collector.requests:
            for metric in request.metrics:
                if metric.name == "gen_ai.invoke_workflow.duration":
                    names_by_connection.setdefault(request.connection, set()).update(
                        pair.value.string_value
                        for point in metric.histogram.data_points
                        for pair in point.attributes
                        if point.count
                    )
        assert sorted(map(sorted, names_by_connection.values())) == [["before"], ["child"]]


def test_a_child_may_be_forked_while_another_thread_initialises() -> None:
    """The child waits for ever for a lock whose holder it has not got."""
    body = """
    inside, go_on = threading.Event(), threading.Event()

    def slow():
        inside.set()
        go_on.wait(10)
        yield InMemoryExporter()

    def initialise():
        initialize_observability(enable_prometheus=False, exporters=slow())

    thread = threading.Thread(target=initialise)
    thread.start()
    assert inside.wait(10)
    child = os.fork()
    if not child:
        signal.alarm(3)
        shutdown_observability()
        os._exit(0)
    print(join(child))
    go_on.set()
    thread.join()
    """
    finished = run_program(body)
    assert (finished.status, finished.lines) == (0, ["0"]), finished.log


METHODS = ["fork", pytest.param("spawn", marks=in_long_runs)]
WORKERS = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}


@pytest.mark.parametrize("method", METHODS)
def test_a_process_of_multiprocessing_delivers_its_spans(method: str) -> None:
    """What a worker did is missing, because multiprocessing skips the handlers of its exit."""
    body = """
    import multiprocessing
    from observability_workers import work

    processes = multiprocessing.get_context({method!r})
    initialize_observability(enable_prometheus=False, otlp_endpoint=URL)
    call("parent")
    worker = processes.Process(target=work, args=(URL, "worker"))
    worker.start()
    worker.join()
    print(worker.exitcode)
    """
    with collecting() as collector:
        finished = run_program(body.replace("{method!r}", repr(method)), collector.url, WORKERS)
        assert (finished.status, finished.lines) == (0, ["0"]), finished.log
        assert collector.names == Counter(["invoke_workflow parent", "invoke_workflow worker"])


@pytest.mark.parametrize("method", METHODS)
def test_all_of_a_pool_deliver_their_spans(method: str) -> None:
    body = """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from observability_workers import work

    initialize_observability(enable_prometheus=False, otlp_endpoint=URL)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context({method!r})) as pool:
        list(pool.map(work, [URL] * 6, map(str, range(6))))
    """
    with collecting() as collector:
        finished = run_program(body.replace("{method!r}", repr(method)), collector.url, WORKERS)
        assert finished.status == 0, finished.log
        assert collector.names == Counter(f"invoke_workflow {number}" for number in range(6))
