"""Headers of the W3C: which are taken, which are not, and what is written."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.baggage import get_all
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.trace import TraceState, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from observability_integration.context.w3c import (
    TraceParent,
    read_baggage,
    read_trace_parent,
    read_trace_state,
    trace_parent,
    write_baggage,
    write_trace_parent,
)

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
NAMES = st.text("abcXYZ019_-.*!~", min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("header", "flags"),
    [
        (f"00-{TRACE}-{SPAN}-01", 1),
        (f"00-{TRACE}-{SPAN}-00", 0),
        (f"00-{TRACE}-{SPAN}-03", 3),
        (f" \t00-{TRACE}-{SPAN}-01 ", 1),
        (f"00-{TRACE}-{SPAN}-ff", 3),
        (f"cc-{TRACE}-{SPAN}-01", 1),
        (f"cc-{TRACE}-{SPAN}-01-what-may-come", 1),
    ],
    ids=["sampled", "not", "random", "space", "unknown-flags", "later", "later-and-longer"],
)
def test_a_valid_parent_is_taken(header: str, flags: int) -> None:
    assert read_trace_parent(header) == TraceParent(TRACE, SPAN, flags)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "01",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-01.x",
        f"ff-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01x",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"cc-{TRACE}-{SPAN}-01-{'x' * 600}",
        f"00-{TRACE[:-1]}\u0663-{SPAN}-01",
    ],
)
def test_a_parent_that_is_not_valid_counts_as_absent(header: str) -> None:
    assert read_trace_parent(header) is None


def test_what_is_written_is_read_the_same_by_opentelemetry() -> None:
    carrier = {"traceparent": write_trace_parent(TraceParent(TRACE, SPAN, 1))}
    found = get_current_span(TraceContextTextMapPropagator().extract(carrier, Context()))
    read = found.get_span_context()
    assert (read.trace_id, read.span_id) == (int(TRACE, 16), int(SPAN, 16))
    assert read.trace_flags.sampled


@pytest.mark.parametrize(
    ("trace_id", "span_id"),
    [
        ("trace-123", SPAN),
        (TRACE, "span-1"),
        ("", ""),
        (TRACE, "0" * 16),
        ("0" * 32, SPAN),
        (f"{TRACE}-{SPAN}", "01"),
        (TRACE, f"{SPAN}-01"),
    ],
    ids=["word", "word-for-span", "empty", "zero-span", "zero-trace", "two-in-one", "and-flags"],
)
def test_ids_of_another_form_are_no_parent(trace_id: str, span_id: str) -> None:
    assert trace_parent(trace_id, span_id) is None


def test_ids_in_capitals_are_those_in_small_letters() -> None:
    assert trace_parent(TRACE.upper(), SPAN.upper(), 0) == TraceParent(TRACE, SPAN, 0)


@pytest.mark.parametrize(
    ("headers", "state"),
    [
        (["a=1,b=2"], "a=1,b=2"),
        (["a=1 ,\t b=2", "c=3"], "a=1,b=2,c=3"),
        (["a=1,,", ""], "a=1"),
        (["0tenant@system=x y"], "0tenant@system=x y"),
        (["a=1,a=2"], ""),
        (["a=1", "a=2"], ""),
        (["a=1,B=2"], ""),
        (["a=1,b"], ""),
        (["a=1,b=x=y"], ""),
        (["a=1,0b=2"], ""),
        ([",".join(f"k{number}=v" for number in range(33))], ""),
        ([",".join(f"k{number}={'v' * 256}" for number in range(32))], ""),
        ([f"a={'v' * 257}"], ""),
        ([], ""),
    ],
    ids=[
        "plain", "several-headers", "empty-entries", "tenant", "twice", "twice-apart", "capitals",
        "no-value", "equals-in-value", "digit-first", "33-entries", "too-long", "long-value",
        "absent",
    ],
)  # fmt: skip
def test_a_trace_state_is_taken_whole_or_not_at_all(headers: list[str], state: str) -> None:
    assert read_trace_state(headers) == state


@given(
    st.lists(
        st.tuples(
            st.text("ab0_-*/@", min_size=1, max_size=4), st.text("a =~!", min_size=1, max_size=4)
        ),
        max_size=4,
    )
)
def test_a_trace_state_that_is_taken_is_one_for_opentelemetry_too(
    entries: list[tuple[str, str]],
) -> None:
    """And one that is not taken would be none there either."""
    header = ",".join(f"{name}={value}" for name, value in entries)
    logging.disable(logging.WARNING)
    try:
        theirs = TraceState.from_header([header])
    finally:
        logging.disable(logging.NOTSET)
    assert read_trace_state([header]) == theirs.to_header()


@pytest.mark.parametrize(
    ("headers", "entries"),
    [
        (["a=1,b=2"], {"a": "1", "b": "2"}),
        (["a = 1 , b\t=2"], {"a": "1", "b": "2"}),
        (["a=1", "b=2"], {"a": "1", "b": "2"}),
        (["a=1;p;q=2,b=2"], {"a": "1", "b": "2"}),
        (["a=x%20y%2Cz"], {"a": "x y,z"}),
        (["a=1+2"], {"a": "1+2"}),
        (["a=%C3%A9%FF"], {"a": "\u00e9\ufffd"}),
        (["a="], {"a": ""}),
        (["a=x=y"], {"a": "x=y"}),
        (["a,b=2,=3,c d=4"], {"b": "2"}),
        (['a="1",b=x y,c=\u00e9,d=4'], {"d": "4"}),
        (["a=1,a=2"], {"a": "2"}),
        ([], {}),
    ],
    ids=[
        "plain", "spaces", "several-headers", "properties", "encoded", "plus", "utf-8", "empty",
        "equals", "no-name-or-value", "forbidden-characters", "twice", "absent",
    ],
)  # fmt: skip
def test_baggage_is_read_entry_by_entry(headers: list[str], entries: dict[str, str]) -> None:
    assert read_baggage(headers) == entries


def test_no_more_than_64_entries_come_in() -> None:
    found = read_baggage([",".join(f"k{number}=v" for number in range(100))])
    assert list(found) == [f"k{number}" for number in range(64)]


def test_no_more_than_8192_bytes_come_in() -> None:
    """The entry that goes beyond is dropped whole, not cut."""
    found = read_baggage([f"a={'x' * 8000},b={'y' * 187},c=z"])
    assert {name: len(value) for name, value in found.items()} == {"a": 8000, "b": 187}
    found = read_baggage([f"a={'x' * 8000},b={'y' * 188},c=z"])
    assert {name: len(value) for name, value in found.items()} == {"a": 8000}
    assert read_baggage(["a=" + "x" * 100_000]) == {}


@given(st.dictionaries(NAMES, st.text(max_size=20), max_size=8))
def test_baggage_comes_back_as_it_went(entries: dict[str, str]) -> None:
    sent = write_baggage(entries)
    assert sent.isascii()
    assert read_baggage([sent]) == {
        name: value.encode(errors="replace").decode() for name, value in entries.items()
    }


@given(st.dictionaries(NAMES, st.text("aB0 +%&=;,\u00e9\u20ac", max_size=9), max_size=4))
def test_opentelemetry_reads_the_baggage_that_is_written(entries: dict[str, str]) -> None:
    """It takes a plus sign for a space, and no space at either end of a value."""
    context = W3CBaggagePropagator().extract({"baggage": write_baggage(entries)}, Context())
    assert dict(get_all(context)) == {name: value.strip() for name, value in entries.items()}


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=600), max_size=100))
def test_what_is_written_keeps_the_limits(entries: dict[str, str]) -> None:
    sent = write_baggage(entries)
    assert len(sent) <= 8192
    assert sent.count(",") < 64


def test_as_much_baggage_is_written_as_fits() -> None:
    assert len(write_baggage({"a": "x" * 8190})) == 8192
    assert write_baggage({"a": "x" * 8191}) == ""
    assert write_baggage({f"k{number}": "" for number in range(65)}).count("=") == 64


def test_half_a_character_breaks_no_request() -> None:
    assert write_baggage({"a": "x\ud800"}) == "a=x%3F"


def test_a_name_that_is_none_goes_nowhere() -> None:
    """A line break in it would be a header of its own."""
    assert write_baggage({"a b": "1", "x\r\ny": "2", "": "3", "c": "4\r\n5"}) == "c=4%0D%0A5"
