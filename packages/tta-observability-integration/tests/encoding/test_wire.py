"""The wire format against protobuf's own reader and writer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from observability_integration.encoding import wire


@given(st.integers(0, (1 << 64) - 1))
def test_a_varint_reads_back(number: int) -> None:
    """A number arrives as another one."""
    encoded = wire.tag(1, wire.VARINT) + wire.varint(number)
    assert list(wire.fields(encoded)) == [(1, number)]


@given(st.integers(0, (1 << 63) - 1))
def test_protobuf_reads_our_varints(number: int) -> None:
    """Our reader and our writer agree on something that is not protobuf."""
    encoded = wire.tag(3, wire.VARINT) + wire.varint(number)
    assert AnyValue.FromString(encoded).int_value == number


@given(st.integers(-(1 << 63), (1 << 63) - 1), st.text(max_size=300))
def test_we_read_what_protobuf_writes(rejected: int, message: str) -> None:
    """The count of rejected spans in an answer is misread."""
    message = message.encode("utf-8", "ignore").decode()
    partial = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    answer = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    ((number, inner),) = wire.fields(answer)
    assert number == 1
    assert isinstance(inner, bytes)
    found = dict(wire.fields(inner))
    assert found.get(1, 0) == rejected % (1 << 64)
    assert found.get(2, b"") == message.encode()


def test_we_read_fixed_width_fields() -> None:
    """A field of a fixed width shifts all that follow."""
    span = Span(start_time_unix_nano=5, flags=0x100, name="n").SerializeToString()
    assert dict(wire.fields(span)) == {
        7: (5).to_bytes(8, "little"),
        16: (0x100).to_bytes(4, "little"),
        5: b"n",
    }


@pytest.mark.parametrize(
    "message",
    [
        b"\x80",
        b"\x0a",
        b"\x0a\x05abc",
        b"\x08" + b"\xff" * 11,
        b"\x09abc",
        b"\x0b",
        b"\x0a\xff\xff",
    ],
    ids=["tag", "no-length", "cut", "endless", "fixed", "group", "length"],
)
def test_a_broken_message_is_refused(message: bytes) -> None:
    """Bytes from a server that are not protobuf loop, or read as something."""
    with pytest.raises(ValueError, match=r"^(a message|field \d+ of a message)"):
        list(wire.fields(message))


@given(st.binary(max_size=60))
def test_bytes_of_any_kind_are_read_or_refused(message: bytes) -> None:
    """Bytes from a server raise something that nobody expects."""
    try:
        found = list(wire.fields(message))
    except ValueError:
        return
    assert all(number >= 0 for number, _ in found)
