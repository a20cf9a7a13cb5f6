"""Trace ids in log lines."""

from __future__ import annotations

import logging
import logging.handlers
import queue
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from observability_integration.context.logs import (
    LogCorrelation,
    TraceContextFilter,
    add_trace_context,
    install_log_correlation,
    wants_log_correlation,
)
from tta_dev_primitives import LambdaPrimitive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..instrumentations.tracers import Traced  # noqa: TID252 - as in conftest.py

TRACE, SPAN = "abc".zfill(32), "def".zfill(16)


class Lines(logging.Handler):
    """Keeps what was logged, as one format shows it."""

    def __init__(self, shape: str) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(shape))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("tests.correlation")
    before = logging.getLogRecordFactory()
    logger.setLevel(logging.INFO)
    yield logger
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    assert logging.getLogRecordFactory() is before


@pytest.fixture
def span() -> Iterator[None]:
    """A span is current."""
    context = SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1))
    token = otel_context.attach(trace.set_span_in_context(NonRecordingSpan(context)))
    yield
    otel_context.detach(token)


def listening(logger: logging.Logger, shape: str, *filters: logging.Filter) -> Lines:
    handler = Lines(shape)
    for each in filters:
        handler.addFilter(each)
    logger.addHandler(handler)
    return handler


ALL = "%(trace_id)s|%(span_id)s|%(service_name)s|%(message)s"
OTEL = "%(otelTraceID)s|%(otelSpanID)s|%(otelTraceSampled)s|%(otelServiceName)s"


def test_a_line_names_the_current_span(logger: logging.Logger, span: None) -> None:
    heard = listening(logger, ALL, TraceContextFilter("shop"))
    logger.info("sold")
    assert heard.lines == [f"{TRACE}|{SPAN}|shop|sold"]


def test_a_format_works_where_no_span_is_current(logger: logging.Logger) -> None:
    heard = listening(logger, ALL, TraceContextFilter("shop"))
    logger.info("sold")
    assert heard.lines == ["||shop|sold"]


@pytest.mark.parametrize(
    ("extra", "line"),
    [
        ({"trace_id": "mine"}, "mine||shop|sold"),
        ({"span_id": "mine"}, "|mine|shop|sold"),
        ({"service_name": "mine"}, f"{TRACE}|{SPAN}|mine|sold"),
    ],
    ids=["trace", "span", "service"],
)
def test_what_the_user_logs_by_these_names_stays(
    logger: logging.Logger, span: None, extra: dict[str, str], line: str
) -> None:
    """And ids of two traces never stand in one line."""
    heard = listening(logger, ALL, TraceContextFilter("shop"))
    logger.info("sold", extra=extra)
    assert heard.lines == [line]


async def test_a_line_in_a_step_names_the_span_of_the_step(
    logger: logging.Logger, traced: Traced
) -> None:
    heard = listening(logger, "%(trace_id)s|%(span_id)s", TraceContextFilter())

    async def step(value: str) -> None:
        logger.info("at work")

    await (LambdaPrimitive(str.upper) >> LambdaPrimitive(step, name="step")).execute("x")
    seen = traced.named("lambda step")
    assert heard.lines == [f"{seen.trace_id:032x}|{seen.span_id:016x}"]


@pytest.mark.parametrize("given", [None, "shop"], ids=["variable", "argument"])
def test_the_service_is_named_by_argument_or_variable(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "env")
    heard = listening(logger, "%(service_name)s %(otelServiceName)s", TraceContextFilter(given))
    with install_log_correlation(given):
        logger.info("sold")
    assert heard.lines == ["env env" if given is None else "shop shop"]


def test_correlation_reaches_handlers_that_come_later(logger: logging.Logger, span: None) -> None:
    with install_log_correlation("shop"):
        heard = listening(logger, OTEL)
        logger.info("sold")
    assert heard.lines == [f"{TRACE}|{SPAN}|True|shop"]


def test_a_record_without_a_span_has_zeros(logger: logging.Logger) -> None:
    with install_log_correlation("shop"):
        heard = listening(logger, OTEL)
        logger.info("sold")
    assert heard.lines == ["0|0|False|shop"]


def test_no_extra_of_a_user_clashes(logger: logging.Logger, span: None) -> None:
    """Logging raises KeyError for an extra of a name that the record factory has given."""
    with install_log_correlation("shop"):
        heard = listening(logger, ALL, TraceContextFilter())
        logger.info("sold", extra={"trace_id": "t", "span_id": "s", "service_name": "n"})
    assert heard.lines == ["t|s|n|sold"]


def test_a_handler_in_another_thread_sees_the_span_of_the_log_call(
    logger: logging.Logger, span: None
) -> None:
    """With the filter alone the ids would be those of the handler's thread: none."""
    waiting: queue.Queue[Any] = queue.Queue()
    logger.addHandler(logging.handlers.QueueHandler(waiting))
    last = Lines("%(trace_id)s|%(span_id)s")
    last.addFilter(TraceContextFilter())
    listener = logging.handlers.QueueListener(waiting, last)
    with install_log_correlation("shop"):
        listener.start()
        logger.info("sold")
        listener.stop()
    assert last.lines == [f"{TRACE}|{SPAN}"]


def test_a_span_of_the_handlers_thread_is_not_taken_for_that_of_the_call(
    logger: logging.Logger,
) -> None:
    with install_log_correlation("shop"):
        record = logging.getLogRecordFactory()("n", 20, "p", 1, "m", (), None)
    context = SpanContext(1, 2, is_remote=False)
    token = otel_context.attach(trace.set_span_in_context(NonRecordingSpan(context)))
    try:
        TraceContextFilter().filter(record)
    finally:
        otel_context.detach(token)
    assert (vars(record)["trace_id"], vars(record)["span_id"]) == ("", "")


class OtherFactory:
    """A record factory of somebody else."""

    def __init__(self, name: str, before: Any) -> None:
        self.name, self.before = name, before

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self.before(*args, **kwargs)
        setattr(record, self.name, True)
        return record


@pytest.fixture
def plain_factory() -> Iterator[Any]:
    before = logging.getLogRecordFactory()
    yield before
    logging.setLogRecordFactory(before)


def made() -> dict[str, Any]:
    return vars(logging.getLogRecordFactory()("n", 20, "p", 1, "m", (), None))


def test_a_factory_that_was_there_goes_on_and_comes_back(plain_factory: Any) -> None:
    other = OtherFactory("other", plain_factory)
    logging.setLogRecordFactory(other)
    correlation = install_log_correlation("shop")
    assert {"other", "otelTraceID"} <= made().keys()
    correlation.remove()
    assert logging.getLogRecordFactory() is other


def test_a_factory_that_came_later_stays(plain_factory: Any) -> None:
    correlation = install_log_correlation("shop")
    later = OtherFactory("later", logging.getLogRecordFactory())
    logging.setLogRecordFactory(later)
    correlation.remove()
    assert logging.getLogRecordFactory() is later
    assert "later" in made()
    assert "otelTraceID" not in made()


def test_a_factory_that_replaced_ours_is_not_touched(plain_factory: Any) -> None:
    correlation = install_log_correlation("shop")
    theirs = OtherFactory("theirs", plain_factory)
    logging.setLogRecordFactory(theirs)
    correlation.remove()
    assert logging.getLogRecordFactory() is theirs


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["first-first", "last-first"])
def test_two_correlations_are_removed_in_any_order(
    plain_factory: Any, order: tuple[int, int]
) -> None:
    correlations = [install_log_correlation("first"), install_log_correlation("second")]
    assert made()["otelServiceName"] == "second"
    correlations[order[0]].remove()
    assert made()["otelServiceName"] == ["second", "first"][order[0]]
    correlations[order[1]].remove()
    assert logging.getLogRecordFactory() is plain_factory


def test_a_second_removal_harms_nobody(plain_factory: Any) -> None:
    correlation = install_log_correlation("shop")
    correlation.remove()
    with install_log_correlation("next"):
        correlation.remove()
        assert made()["otelServiceName"] == "next"
    assert logging.getLogRecordFactory() is plain_factory


def test_removed_correlations_do_not_pile_up_under_one_in_use(plain_factory: Any) -> None:
    in_use = install_log_correlation("0")
    for number in range(1, 3000):  # more than the interpreter would call into one another
        newer = install_log_correlation(str(number))
        in_use.remove()
        in_use = newer
    assert made()["otelServiceName"] == "2999"
    in_use.remove()
    assert logging.getLogRecordFactory() is plain_factory


def test_a_factory_between_keeps_what_is_under_it(plain_factory: Any) -> None:
    under = install_log_correlation("under")
    between = OtherFactory("between", logging.getLogRecordFactory())
    logging.setLogRecordFactory(between)
    with install_log_correlation("over"):
        under.remove()
        assert {"between", "otelTraceID"} <= made().keys()
    assert logging.getLogRecordFactory() is between
    assert "otelTraceID" not in made()


def test_threads_may_install_and_remove_at_once(plain_factory: Any) -> None:
    start = threading.Barrier(8)

    def often() -> None:
        start.wait()
        for _ in range(200):
            correlation: LogCorrelation = install_log_correlation("x")
            made()
            correlation.remove()

    threads = [threading.Thread(target=often) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert logging.getLogRecordFactory() is plain_factory


@pytest.mark.parametrize(
    ("value", "wanted"),
    [("true", True), (" TRUE ", True), ("false", False), ("1", False), (None, False)],
    ids=["true", "capitals", "false", "one", "unset"],
)
def test_the_variable_of_opentelemetry_asks_for_correlation(
    value: str | None, wanted: bool
) -> None:
    environ = {} if value is None else {"OTEL_PYTHON_LOG_CORRELATION": value}
    assert wants_log_correlation(environ) is wanted


def test_an_event_of_structlog_gets_the_ids(span: None) -> None:
    event = {"event": "sold"}
    assert add_trace_context(None, "info", event) is event
    assert event == {"event": "sold", "trace_id": TRACE, "span_id": SPAN}


def test_an_event_outside_any_span_stays_as_it_is() -> None:
    assert add_trace_context(None, "info", {"event": "sold"}) == {"event": "sold"}


@pytest.mark.parametrize("bound", ["trace_id", "span_id"])
def test_an_event_that_has_an_id_stays_as_it_is(span: None, bound: str) -> None:
    assert add_trace_context(None, "info", {bound: "mine"}) == {bound: "mine"}


def test_structlog_takes_it_as_a_processor(span: None) -> None:
    structlog = pytest.importorskip("structlog", reason="try: uv add --dev structlog")
    told: list[str] = []
    logger = structlog.wrap_logger(
        type("Sink", (), {"info": staticmethod(told.append)})(),
        processors=[add_trace_context, structlog.processors.KeyValueRenderer(sort_keys=True)],
    )
    logger.info("sold", amount=3)
    assert told == [f"amount=3 event='sold' span_id='{SPAN}' trace_id='{TRACE}'"]
