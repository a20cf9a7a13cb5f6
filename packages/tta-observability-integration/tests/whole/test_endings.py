"""However a program ends, its spans are delivered, and it ends as it would have without us."""

from __future__ import annotations

import signal
import threading
from collections import Counter

import pytest

from .collector import collecting
from .programs import in_long_runs, run_program, unindented

pytestmark = pytest.mark.slow

# Two for what waits, and what a busy machine adds.
LONGEST_GOODBYE_SECONDS = 2.0 + 0.4
FIRST = """
async def first(chunks):
    return await anext(chunks)

"""
OBSERVED = FIRST + "initialize_observability(enable_prometheus=False, otlp_endpoint=URL)\n"


ENDINGS = {
    "returns": ("call('a')", 0),
    "sys-exit-in-a-step": ("asyncio.run(step('a', lambda x: sys.exit(7)).execute(1))", 7),
    "error-in-a-step": ("asyncio.run(step('a', lambda x: 1 / 0).execute(1))", 1),
    "interrupt": ("call('a'); os.kill(os.getpid(), signal.SIGINT); time.sleep(5)", -signal.SIGINT),
    "a-stream-that-nobody-closed": (
        "chunks = step('a').stream(1); asyncio.run(first(chunks))",
        0,
    ),
    "last-words-of-a-handler": ("import atexit; atexit.register(call, 'a')", 0),
}
MORE_ENDINGS = {
    "sys-exit": ("call('a'); sys.exit(7)", 7),
    "error": ("call('a'); 1 / 0", 1),
    "error-in-a-thread": (
        "t = threading.Thread(target=lambda: (call('a'), 1 / 0)); t.start(); t.join()",
        0,
    ),
    "a-thread-goes-on": (
        "threading.Thread(target=lambda: (time.sleep(0.2), call('a'))).start()",
        0,
    ),
}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        *(pytest.param(*ending, id=name) for name, ending in ENDINGS.items()),
        *(
            pytest.param(*ending, id=name, marks=in_long_runs)
            for name, ending in MORE_ENDINGS.items()
        ),
    ],
)
def test_all_spans_arrive_whatever_ends_the_program(body: str, status: int) -> None:
    """The last half second of a program is missing from its trace."""
    with collecting() as collector:
        finished = run_program(OBSERVED + body, collector.url)
        assert finished.status == status, finished.log
        assert collector.names == Counter(["invoke_workflow a"])
        assert finished.warnings("observability_integration") == []


def test_an_interrupt_ends_open_spans_as_cancelled_and_delivers_them() -> None:
    """Ctrl-C in the middle of a workflow leaves no trace of what ran."""
    body = """
    async def slow(x):
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(30)

    workflow = SequentialPrimitive([step("quick"), LambdaPrimitive(slow, name="slow")], name="app")
    with TracerPrimitive().span("own"):
        asyncio.run(workflow.execute(1))
    """
    with collecting() as collector:
        finished = run_program(OBSERVED + unindented(body), collector.url)
        assert finished.status == -signal.SIGINT, finished.log
        assert "KeyboardInterrupt" in finished.log
        assert collector.names == Counter(
            ["own", "invoke_workflow app", "lambda quick", "lambda slow"]
        )
        outcomes = {span.name: span.attributes.get("tta.outcome") for span in collector.spans}
        assert outcomes["lambda quick"] == "ok"
        assert outcomes["lambda slow"] == outcomes["invoke_workflow app"] == "cancelled"


def test_an_interrupt_ends_a_program_as_interrupts_do() -> None:
    """A shell script goes on after Ctrl-C: modules that are imported at exit hide the signal."""
    body = "initialize_observability(enable_prometheus=False, otlp_endpoint=URL, metrics=False)\n"
    with collecting() as collector:
        finished = run_program(
            body + "call('a'); os.kill(os.getpid(), signal.SIGINT); time.sleep(5)", collector.url
        )
        assert collector.names == Counter(["invoke_workflow a"])
    assert finished.status == -signal.SIGINT


def test_an_interrupt_that_the_program_handles_costs_no_span() -> None:
    body = """
    async def slow(x):
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(30)

    try:
        asyncio.run(LambdaPrimitive(slow, name="slow").execute(1))
    except KeyboardInterrupt:
        call("goodbye")
        sys.exit(3)
    """
    with collecting() as collector:
        finished = run_program(OBSERVED + unindented(body), collector.url)
        assert finished.status == 3, finished.log
        assert collector.names == Counter(["invoke_workflow slow", "invoke_workflow goodbye"])


def test_a_collector_that_is_down_keeps_a_program_two_seconds_at_most() -> None:
    """A program hangs at its end because its collector is down."""
    assert goodbye_seconds("http://127.0.0.1:9") < LONGEST_GOODBYE_SECONDS


@in_long_runs
def test_a_collector_that_hangs_keeps_a_program_two_seconds_at_most() -> None:
    """A program hangs at its end because its collector takes requests and answers none."""
    with collecting() as collector:
        collector.hold = threading.Event()
        assert goodbye_seconds(collector.url) < LONGEST_GOODBYE_SECONDS


def goodbye_seconds(url: str) -> float:
    """Run a program with spans, our metrics and some of its own; tell how long its last act is."""
    body = """
    call("a")
    get_meter("app").create_counter("orders").add(1)
    begun = time.monotonic()
    shutdown_observability()
    print(time.monotonic() - begun)
    """
    finished = run_program(OBSERVED + unindented(body), url)
    assert finished.status == 0, finished.log
    return float(finished.out)


def test_the_last_metrics_tell_what_became_of_the_spans() -> None:
    """A short program's collector never hears how many spans ended, or were dropped."""
    body = """
    cache = CachePrimitive(step("a"), ttl_seconds=60, name="c")
    asyncio.run(cache.execute(1))
    """
    with collecting() as collector:
        run_program(OBSERVED + unindented(body), collector.url)
        assert collector.metric_names >= {
            "tta.cache.size",
            "tta.telemetry.ended",
            "tta.telemetry.spans",
            "tta.telemetry.cost",
        }
