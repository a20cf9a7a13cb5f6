"""At the end of a program, however it comes, spans are delivered and counted."""

from __future__ import annotations

import signal

from .programs import run_program


def test_what_waits_at_the_end_of_a_program_is_delivered() -> None:
    told = run_program("""
        exporter = FakeExporter()
        pipeline = SpanPipeline([exporter])
        atexit.register(lambda: (pipeline.shutdown(), tell("exit", pipeline, exporter)))
        offer_all(pipeline, 5_000)
    """)
    assert (told["exit"]["exported"], told["exit"]["unknown"]) == (5_000, 0)


def test_a_pipeline_of_a_fork_can_be_shut_down_at_exit() -> None:
    """Its thread has not begun, and at exit Python 3.12 and later begin none."""
    told = run_program("""
        exporter = FakeExporter()
        pipeline = SpanPipeline([exporter])
        child = os.fork()
        who = "parent" if child else "child"
        atexit.register(lambda: (pipeline.shutdown(), tell(who, pipeline, exporter)))
        atexit.register(offer_all, pipeline, 3)
        if child:
            join(child)
    """)
    assert (told["child"]["exported"], told["child"]["unknown"]) == (3, 0)
    assert (told["parent"]["exported"], told["parent"]["unknown"]) == (3, 0)


def test_a_program_ends_although_an_exporter_hangs() -> None:
    told = run_program("""
        exporter = FakeExporter()
        exporter.gate.clear()
        pipeline = SpanPipeline([exporter], batch_size=10)
        atexit.register(lambda: (pipeline.shutdown(0.2), tell("exit", pipeline, exporter)))
        offer_all(pipeline, 100)
    """)
    assert (told["exit"]["exported"], told["exit"]["unknown"]) == (0, 0)


def test_an_interrupt_in_the_middle_of_offers_loses_nothing() -> None:
    """Ctrl-C may come between any two instructions."""
    told = run_program(
        """
        exporter = FakeExporter()
        pipeline = SpanPipeline([exporter], max_waiting=64, batch_size=16)
        atexit.register(lambda: (pipeline.shutdown(), tell("exit", pipeline, exporter)))
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        span = make_spans(1)[0]
        while True:
            pipeline.offer(span)
        """,
        exit_code=-signal.SIGINT,
    )
    assert told["exit"]["exported"] > 0
    assert told["exit"]["unknown"] == 0


def test_an_impatient_user_can_interrupt_a_shutdown() -> None:
    """The thread goes on, and the shutdown at exit counts what is left."""
    told = run_program("""
        exporter = FakeExporter()
        exporter.gate.clear()
        pipeline = SpanPipeline([exporter], batch_size=1)
        offer_all(pipeline, 9)
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            pipeline.shutdown(60)
        except KeyboardInterrupt:
            begun = time.monotonic()
            pipeline.shutdown(0.1)
            assert time.monotonic() - begun < 20
            tell("again", pipeline, exporter)
    """)
    assert (told["again"]["offered"], told["again"]["unknown"]) == (9, 0)


def test_the_pipeline_does_not_import_the_sdk() -> None:
    """It would cost a quarter of a second where nobody needs it."""
    run_program("""
        import observability_integration.export.memory
        pipeline = SpanPipeline([FakeExporter()])
        offer_all(pipeline, 1)
        assert pipeline.flush()
        pipeline.shutdown()
        assert not [name for name in sys.modules if name.startswith("opentelemetry.sdk")]
    """)
