"""A process that is forked off begins at zero, with a thread and locks of its own."""

from __future__ import annotations

import os

import pytest

from .programs import run_program

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


def test_both_processes_export_their_own_spans() -> None:
    """The child must not export what waited in the parent, nor lose what it offers itself."""
    told = run_program("""
        exporter = FakeExporter()
        pipeline = SpanPipeline([exporter], interval_seconds=3600)
        offer_all(pipeline, 100)
        child = os.fork()
        if not child:
            assert (pipeline.offered, pipeline.waiting, pipeline.cpu_seconds) == (0, 0, 0)
            exporter.batches.clear()
            offer_all(pipeline, 7)
            pipeline.shutdown()
            assert exporter.ids == list(range(1, 8)), exporter.ids
            tell("child", pipeline, exporter)
            os._exit(0)
        join(child)
        offer_all(pipeline, 11)
        pipeline.shutdown()
        tell("parent", pipeline, exporter)
    """)
    assert (told["parent"]["offered"], told["parent"]["exported"]) == (111, 111)
    assert (told["child"]["offered"], told["child"]["exported"]) == (7, 7)
    assert told["child"]["unknown"] == told["parent"]["unknown"] == 0


def test_a_span_that_began_in_the_parent_may_end_in_the_child() -> None:
    """It holds the pipeline's `offer` since it began."""
    told = run_program("""
        exporter = FakeExporter()
        pipeline = SpanPipeline([exporter])
        offer = pipeline.offer
        child = os.fork()
        if not child:
            offer(make_spans(1)[0])
            pipeline.shutdown()
            tell("child", pipeline, exporter)
            os._exit(0)
        join(child)
        pipeline.shutdown()
    """)
    assert (told["child"]["offered"], told["child"]["exported"]) == (1, 1)


def test_the_thread_of_the_child_wakes_by_itself() -> None:
    """A worker process that never shuts anything down still exports."""
    run_program("""
        exporter = FakeExporter()
        pipeline = SpanPipeline([exporter], interval_seconds=0.01)
        child = os.fork()
        if not child:
            assert threading.active_count() == 1
            for count in (1, 2, 3):
                exporter.arrived.clear()
                exporter.expect(count)
                offer_all(pipeline, 1)
                assert exporter.arrived.wait(20)
            os._exit(0)
        join(child)
        pipeline.shutdown()
    """)


def test_a_fork_in_the_middle_of_everything_leaves_no_lock_behind() -> None:
    """Other threads offer, drop, flush and export at the instant of the fork; each child works."""
    told = run_program("""
        from observability_integration.export.memory import InMemoryExporter

        sys.setswitchinterval(5e-6)
        exporter = InMemoryExporter(1_000)
        exporter.name = "fake"
        pipeline = SpanPipeline([exporter], max_waiting=8, batch_size=4, interval_seconds=0.001)
        ended = threading.Event()

        def offer_for_ever():
            span = make_spans(1)[0]
            while not ended.is_set():
                pipeline.offer(span)

        def flush_for_ever():
            while not ended.is_set():
                pipeline.flush(0.01)

        busy = (offer_for_ever, offer_for_ever, flush_for_ever)
        threads = [threading.Thread(target=target, daemon=True) for target in busy]
        for thread in threads:
            thread.start()
        for number in range(30):
            child = os.fork()
            if not child:
                signal.alarm(20)
                offer_all(pipeline, 100)
                assert pipeline.flush(10)
                offer_all(pipeline, 3)
                pipeline.shutdown(10)
                assert pipeline.offered == 103, pipeline.offered
                tell(number, pipeline, exporter)
                os._exit(0)
            join(child)
        ended.set()
        for thread in threads:
            thread.join()
        pipeline.shutdown()
        tell("parent", pipeline, exporter)
    """)
    assert len(told) == 31
    assert {process["unknown"] for process in told.values()} == {0}


def test_an_exporter_is_told_of_the_fork() -> None:
    """It has locks, files and connections of its own to see to; others are set to zero."""
    run_program("""
        class Aware(FakeExporter):
            forks = 0
            def after_fork(self):
                self.forks += 1
                self.exported = self.dropped = 0

        class Broken(FakeExporter):
            def after_fork(self):
                raise OSError("no")

        aware, broken, plain = Aware("aware"), Broken("broken"), FakeExporter("plain")
        plain.exported = 9  # for another pipeline
        pipeline = SpanPipeline([aware, broken, plain])
        offer_all(pipeline, 5)
        assert pipeline.flush()
        child = os.fork()
        if not child:
            assert (aware.forks, aware.exported, plain.exported) == (1, 0, 0)
            offer_all(pipeline, 2)
            pipeline.shutdown()
            assert (aware.exported, plain.exported, broken.exported) == (2, 2, 7)
            assert aware.dropped == plain.dropped == broken.dropped == 0
            os._exit(0)
        join(child)
        assert (aware.forks, plain.exported) == (0, 14)
        pipeline.shutdown()
    """)


@pytest.mark.parametrize("hangs", [False, True], ids=["well", "hangs"])
def test_a_pipeline_that_was_shut_down_stays_so_in_the_child(*, hangs: bool) -> None:
    """Also where the thread of the parent still hangs, which the child does not have."""
    told = run_program(f"""
        exporter = FakeExporter()
        pipeline = SpanPipeline([exporter], batch_size=1)
        if {hangs}:
            exporter.gate.clear()
            offer_all(pipeline, 1)
            assert exporter.entered.wait(20)
        pipeline.shutdown(0.05)
        child = os.fork()
        if not child:
            offer_all(pipeline, 4)
            assert threading.active_count() == 1
            assert pipeline.flush()
            pipeline.shutdown(20)
            tell("child", pipeline, exporter)
            os._exit(0)
        join(child)
    """)
    assert (told["child"]["offered"], told["child"]["dropped"]) == (4, 4)
