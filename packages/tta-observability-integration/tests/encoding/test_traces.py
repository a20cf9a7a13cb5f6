"""Our bytes against what OpenTelemetry's own encoder makes of the same spans."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from observability_integration.encoding.traces import encode_traces
from observability_integration.spans.light_span import Scope, SpanDetails, SpanSite

from .twins import (
    PARENT_ID,
    RESOURCE,
    SCOPE,
    SPAN_ID,
    TRACE_ID,
    Described,
    decoded,
    losing,
    ours,
    same,
    state_of,
    theirs,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

STATIC: dict[str, Any] = {
    "tta.primitive.type": "CachePrimitive",
    "tta.primitive.name": "answers",
    "tta.primitive.path": "0/1.cache",
}
OTHER = SpanContext(TRACE_ID + 1, SPAN_ID + 1, is_remote=False)
ABROAD = SpanContext(TRACE_ID + 2, SPAN_ID + 2, is_remote=True)

CASES: dict[str, Described] = {
    "bare": Described(),
    "primitive": Described(
        site_attributes=STATIC, attributes={"tta.cache.result": "hit"}, outcome="hit"
    ),
    "failed": Described(
        site_attributes=STATIC,
        outcome="error",
        error_type="KeyError",
        status=Status(StatusCode.ERROR, "KeyError"),
    ),
    "failed-and-said-ok": Described(
        error_type="KeyError", outcome="error", status=Status(StatusCode.OK)
    ),
    "error-type-without-status": Described(error_type="KeyError", outcome="error"),
    "own-overrides": Described(
        site_attributes=STATIC, attributes={"tta.primitive.name": "other", "more": 1}, outcome="ok"
    ),
    "outcome-overrides": Described(attributes={"tta.outcome": "mine"}, outcome="ok"),
    "outcome-at-the-site": Described(site_attributes={"tta.outcome": "mine"}, outcome="ok"),
    "error-type-of-a-user": Described(
        site_attributes={"error.type": "static"}, attributes={"error.type": "mine"}
    ),
    "error-type-overrides": Described(attributes={"error.type": "mine"}, error_type="KeyError"),
    "status-ok": Described(status=Status(StatusCode.OK)),
    "status-error": Described(status=Status(StatusCode.ERROR, "the shop is closed")),
    "status-error-silent": Described(status=Status(StatusCode.ERROR)),
    "below": Described(parent_id=PARENT_ID),
    "below-remote": Described(parent_id=PARENT_ID, parent_is_remote=True),
    "trace-state": Described(trace_state="vendor=1,other=a:b"),
    "renamed": Described(renamed="chat gpt-4o", site_attributes=STATIC),
    "events": Described(
        events=[("first", 5, {"tta.retry.attempt": 1}), ("", 0, {}), ("third", 1 << 62, STATIC)]
    ),
    "event-that-lost": Described(events=[("first", 5, losing(2, {"kept": 1}))]),
    "links": Described(links=[Link(OTHER, {"why": "retry"}), Link(ABROAD)]),
    "link-that-lost": Described(links=[Link(OTHER, losing(3, {"kept": True}))]),
    "dropped-attributes": Described(dropped=300, attributes={"kept": 1}),
    "highest-ids": Described(trace_id=(1 << 128) - 1, span_id=(1 << 64) - 1, parent_id=1),
    "no-time": Described(start_ns=0, end_ns=0),
    "latest": Described(start_ns=(1 << 64) - 1, end_ns=(1 << 64) - 1),
    "no-name": Described(name="", site_attributes={}),
    "long-name": Described(name="n" * 5000),
    "no-scope": Described(scope=Scope("")),
    **{kind.name.lower(): Described(kind=kind) for kind in SpanKind},
}


@pytest.mark.parametrize("case", CASES)
def test_a_span_is_encoded_as_the_sdk_does(case: str) -> None:
    """A field is missing, added or wrong on the wire."""
    described = CASES[case]
    assert same(ours([described]), theirs([described]))


def test_every_field_of_a_span_is_compared() -> None:
    """OTLP has a field that no case here sets, or that nobody thought of."""
    seen: set[str] = set()
    for described in CASES.values():
        for span in spans_of(described):
            seen |= {field.name for field, _ in span.ListFields()}
            seen |= {f"event.{f.name}" for event in span.events for f, _ in event.ListFields()}
            seen |= {f"link.{f.name}" for link in span.links for f, _ in link.ListFields()}
    known = {field.name for field in SpanMessage.DESCRIPTOR.fields}
    known |= {f"event.{field.name}" for field in SpanMessage.Event.DESCRIPTOR.fields}
    known |= {f"link.{field.name}" for field in SpanMessage.Link.DESCRIPTOR.fields}
    # The SDK loses events and links in its own lists and sends no trace state of links: these
    # three have tests of their own.
    own_tests = {"dropped_events_count", "dropped_links_count", "link.trace_state"}
    assert seen == known - own_tests


def spans_of(described: Described) -> list[Any]:
    (resource,) = ours([described]).resource_spans
    (scope,) = resource.scope_spans
    return list(scope.spans)


@pytest.mark.parametrize("what", ["attributes", "events", "links"])
def test_what_a_span_lost_is_counted_where_nothing_is_left(what: str) -> None:
    """A span that lost all its events says that it lost none."""
    light = Described().light()
    light.details = SpanDetails()
    setattr(light.details, f"dropped_{what}", 300)
    (resource,) = decoded(encode_traces([light], RESOURCE)).resource_spans
    (span,) = resource.scope_spans[0].spans
    counts = {
        name: getattr(span, f"dropped_{name}_count") for name in ("attributes", "events", "links")
    }
    assert counts == {"attributes": 0, "events": 0, "links": 0, what: 300}


def test_a_link_keeps_its_trace_state() -> None:
    """OTLP has a place for it, which the SDK leaves empty."""
    linked = SpanContext(TRACE_ID, SPAN_ID, is_remote=False, trace_state=state_of("vendor=1"))
    (span,) = spans_of(Described(links=[Link(linked)]))
    assert span.links[0].trace_state == "vendor=1"


@pytest.mark.parametrize("key", ["tta.primitive.name", "tta.outcome", "error.type"])
def test_no_key_comes_twice(key: str) -> None:
    """A backend keeps either of two values of one key, as it likes."""
    described = Described(
        site_attributes={**STATIC, key: "site"},
        attributes={key: "own"},
        outcome="error",
        error_type="KeyError",
    )
    (span,) = spans_of(described)
    keys = [pair.key for pair in span.attributes]
    assert sorted(keys) == sorted({*STATIC, "tta.outcome", "error.type"})


def test_spans_of_one_site_share_its_bytes_and_nothing_else() -> None:
    """What one call did shows at the next call of the same place."""
    site = SpanSite("cache answers", SpanKind.INTERNAL, STATIC, SCOPE)
    calls = [
        Described(site_attributes=STATIC, attributes={"tta.primitive.name": "mine"}, outcome="hit"),
        Described(site_attributes=STATIC, renamed="other", span_id=2),
        Described(site_attributes=STATIC, attributes={"age": 2.5}, outcome="ok", span_id=3),
        Described(site_attributes=STATIC, span_id=4),
    ]
    encoded = encode_traces([call.light(site) for call in calls], RESOURCE)
    assert same(decoded(encoded), theirs(calls))


def test_bytes_that_another_encoder_left_at_a_site_are_not_used() -> None:
    """Two exporters share the place where encoders keep bytes."""
    light = Described(site_attributes=STATIC).light()
    light.site.encoded = b"something else"
    encoded = encode_traces([light], RESOURCE)
    assert same(decoded(encoded), theirs([Described(site_attributes=STATIC)]))


def test_spans_are_grouped_by_scope_as_they_first_appear() -> None:
    """Spans of one instrumentation are scattered over groups."""
    again = Scope("b", SCOPE.version, SCOPE.schema_url)  # equal, and not the same object
    scopes = [Scope("b", SCOPE.version, SCOPE.schema_url), Scope("a"), again, Scope("b", "2")]
    spans = [Described(scope=scope, span_id=number + 1) for number, scope in enumerate(scopes)]
    request = ours(spans)
    assert same(request, theirs(spans))
    groups = request.resource_spans[0].scope_spans
    assert [(group.scope.name, len(group.spans)) for group in groups] == [
        ("b", 2),
        ("a", 1),
        ("b", 1),
    ]


def test_the_resource_and_its_schema_are_sent() -> None:
    """A backend does not know which service the spans are of."""
    encoded = encode_traces(
        [Described().light()],
        {"service.name": "shop", "process.command_args": ("a", "b")},
        resource_schema_url="https://example.org/1",
    )
    (resource,) = decoded(encoded).resource_spans
    assert resource.schema_url == "https://example.org/1"
    assert [pair.key for pair in resource.resource.attributes] == [
        "process.command_args",
        "service.name",
    ]


def test_no_spans_are_an_empty_request() -> None:
    """An empty batch breaks the encoder."""
    (resource,) = decoded(encode_traces([], RESOURCE)).resource_spans
    assert list(resource.scope_spans) == []


@pytest.mark.parametrize(
    ("given_time", "sent"),
    [
        (-1, 0),
        (1 << 64, (1 << 64) - 1),
        (12.75, 12),
        (math.nan, 0),
        (math.inf, (1 << 64) - 1),
    ],
    ids=["before-1970", "too-late", "fraction", "nan", "infinite"],
)
def test_a_time_that_cannot_be_sent_becomes_the_nearest(given_time: float, sent: int) -> None:
    """One span with an odd time costs its whole batch."""
    moment: Any = given_time  # users pass what they like as end_time
    described = Described(start_ns=moment, end_ns=moment, events=[("e", moment, {})])
    (span,) = spans_of(described)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (sent, sent)
    assert span.events[0].time_unix_nano == sent


def test_half_a_surrogate_pair_does_not_break_a_span() -> None:
    """One odd character in a file name costs a whole batch."""
    odd = "caf\ud83d"
    described = Described(
        name=odd,
        renamed=odd,
        site_attributes={odd: odd},
        attributes={"own": odd, "list": [odd]},
        outcome=odd,
        error_type=odd,
        events=[(odd, 1, {odd: odd})],
        status=Status(StatusCode.ERROR, odd),
        scope=Scope(odd, odd, odd),
    )
    (span,) = spans_of(described)
    assert span.name == span.events[0].name == span.status.message == "caf?"
    found = {pair.key: pair.value for pair in span.attributes}
    assert found["own"].string_value == found["caf?"].string_value == "caf?"
    assert found["list"].array_value.values[0].string_value == "caf?"


names = st.text(max_size=40).map(lambda name: name.encode("utf-8", "ignore").decode())
values = st.one_of(
    names,
    st.booleans(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(),
    st.binary(max_size=20),
    st.text(alphabet="xä", min_size=900, max_size=1300),
    st.lists(st.one_of(names, st.none()), max_size=4),
    st.lists(st.floats(), max_size=4),
)
attributes = st.dictionaries(names, values, max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    name=names,
    site=attributes,
    own=attributes,
    outcome=st.sampled_from([None, "ok", "hit"]),
    error=st.one_of(st.none(), names.filter(bool)),
    events=st.lists(st.tuples(names, st.integers(0, (1 << 64) - 1), attributes), max_size=2),
)
def test_any_span_is_encoded_as_the_sdk_does(
    name: str,
    site: dict[str, Any],
    own: dict[str, Any],
    outcome: str | None,
    error: str | None,
    events: list[tuple[str, int, Mapping[str, Any]]],
) -> None:
    """Some name or value goes wrong on the wire."""
    described = Described(
        name=name,
        site_attributes=site,
        attributes=own,
        outcome=outcome,
        error_type=error,
        status=Status(StatusCode.ERROR if error else StatusCode.UNSET),
        events=events,
    )
    assert same(ours([described]), theirs([described]))
