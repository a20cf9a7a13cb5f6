"""Details that several spans of one place share, because they tell just the same."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from observability_integration.encoding.traces import encode_traces
from observability_integration.spans import repeated
from observability_integration.spans.call_span import FIRST_ATTEMPT, CallPlace, CallSpan
from observability_integration.spans.light_span import Scope, SpanSite
from observability_integration.spans.resolve import Resolver
from tta_dev_primitives import WorkflowContext
from tta_dev_primitives.core import observe

SITE = SpanSite("step", SpanKind.INTERNAL, {"tta.primitive.name": "step"}, Scope("t"))
OTHER_SITE = SpanSite("more", SpanKind.INTERNAL, {"tta.primitive.name": "more"}, Scope("t"))
MISS = observe.CacheRecord("answers", "miss")
ROUTE = observe.RouteRecord("small", ("small", "large"), "cheapest", "cost")
RETRY = observe.RetryRecord(1, 3, 0.0, exhausted=False)

SHARED: dict[str, Any] = {
    "cache-miss": MISS,
    "cache-bypass": observe.CacheRecord("", "bypass"),
    "route": ROUTE,
    "retry": RETRY,
}
OF_ONE: dict[str, Any] = {
    "cache-hit": observe.CacheRecord("answers", "hit", age=2.5),
    "hit-that-saved": observe.CacheRecord("answers", "hit", saved_cost=0.25),
    "retry-that-waited": observe.RetryRecord(2, 3, 0.5, exhausted=False),
    "timeout": observe.TimeoutRecord(1.0, 1.5),
    "event": observe.FallbackRecord("backup", 1, "ValueError"),
}


def ended(record: object = None, *, site: SpanSite = SITE, span_id: int = 2) -> CallSpan:
    """A span that ended, with the one record that it was told, as the observer keeps it."""
    place = CallPlace(site, None, is_retry=False, is_hidden=False)
    span = CallSpan(place, 1, span_id, 0, 100, None, None, 0)
    span.records = None if record is None else (101, record)
    span.end_ns = 200
    return span


def told(span: CallSpan) -> dict[str, Any]:
    return dict(span.attributes)


@pytest.mark.parametrize("record", SHARED.values(), ids=SHARED.keys())
def test_spans_that_tell_the_same_share_it(record: object) -> None:
    """Each would keep four objects of its own, which the collector of garbage looks at."""
    resolver, spans = Resolver(), [ended(record), ended(record)]
    for span in spans:
        resolver.resolve(span)
    assert spans[0].details is spans[1].details
    assert spans[0].details is not None


@pytest.mark.parametrize("record", OF_ONE.values(), ids=OF_ONE.keys())
def test_what_hardly_comes_again_is_not_kept(record: object) -> None:
    """The ages of hits would fill the memory of the process and find nobody."""
    resolver, spans = Resolver(), [ended(record), ended(record)]
    for span in spans:
        resolver.resolve(span)
    assert spans[0].details is not spans[1].details
    assert told(spans[0]) == told(spans[1])


@pytest.mark.parametrize("record", [*SHARED.values(), *OF_ONE.values()])
def test_a_shared_span_says_what_it_would_say_alone(record: object) -> None:
    """The second span of a place loses what the first one told."""
    resolver, spans = Resolver(), [ended(record), ended(record)]
    for span in spans:
        resolver.resolve(span)
    alone = ended(record)
    alone.records = [(101, record)]
    Resolver().resolve(alone)
    assert told(spans[1]) == told(alone)
    assert spans[1].records is None
    assert encode_traces(spans, {}) == encode_traces([alone, alone], {})


def test_an_answer_of_another_type_is_not_the_same() -> None:
    """A whole 0 came out as 0.0, which are equal and other bytes."""
    resolver = Resolver()
    first, second = ended(RETRY), ended(observe.RetryRecord(1, 3, 0, exhausted=False))
    resolver.resolve(first)
    resolver.resolve(second)
    assert isinstance(told(second)["tta.retry.delay_total"], int)


def test_places_share_nothing() -> None:
    """A span came out under the name of another place that told the same."""
    resolver = Resolver()
    here, there = ended(MISS), ended(MISS, site=OTHER_SITE)
    resolver.resolve(here)
    resolver.resolve(there)
    assert here.details is not there.details
    assert b"more" in encode_traces([here, there], {})


def test_first_attempts_share_that_they_are_first() -> None:
    resolver, spans = Resolver(), [ended(), ended()]
    for span in spans:
        span.attempt = FIRST_ATTEMPT
        resolver.resolve(span)
    assert spans[0].details is spans[1].details
    assert told(spans[1])["tta.retry.attempt"] == 1
    assert spans[1].attempt is None


@pytest.mark.parametrize("attribute", ["run", "attempt"])
def test_a_span_with_more_to_tell_does_not_share(attribute: str) -> None:
    """The identity of a run was told for all runs, or not at all."""
    resolver, plain, more = Resolver(), ended(MISS), ended(MISS)
    setattr(more, attribute, WorkflowContext(workflow_id="w") if attribute == "run" else (2, 0.5))
    resolver.resolve(plain)
    resolver.resolve(more)
    assert more.details is not plain.details
    assert told(more).items() > told(plain).items()


def test_what_was_set_by_hand_stays_with_its_span() -> None:
    """An attribute of one call showed up at all others."""
    resolver, mine, other = Resolver(), ended(MISS), ended(MISS)
    mine.end_ns, mine.deliver = 0, lambda _: None
    mine.set_attribute("mine", 1)
    mine.end_ns = 200
    resolver.resolve(mine)
    resolver.resolve(other)
    assert told(mine)["mine"] == 1
    assert "mine" not in told(other)


def test_a_record_of_the_apps_own_making_is_described_too() -> None:
    """A list of candidates has no hash, and the span lost all it had to tell."""
    candidates: Any = ["small", "large"]
    span = ended(observe.RouteRecord("small", candidates, "cheapest", "cost"))
    Resolver().resolve(span)
    assert told(span)["tta.route.selected"] == "small"


def test_so_many_different_answers_are_kept_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A router that makes reasons up fills the memory of the process."""
    monkeypatch.setattr(repeated, "_MOST_KNOWN", 10)
    resolver = Resolver()
    kept = [ended(observe.RouteRecord("small", (), f"reason {n}", "cost")) for n in range(35)]
    for span in kept:
        resolver.resolve(span)
    assert told(kept[-1])["tta.route.reason"] == "reason 34"
    gc.collect()
    assert len(resolver._repeated._known) <= 10
