from __future__ import annotations

import datetime
import json
import math
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from tta_dev_primitives.errors import ConfigurationError, InputTypeError, MissingExtraError
from tta_dev_primitives.performance.values import encoding
from tta_dev_primitives.performance.values.encoding import DecodingError
from tta_dev_primitives.performance.values.serializers import Serializer, make_serializer
from tta_dev_primitives.performance.values.signed_pickle import SignedPickle

KEY = b"sixteen bytes ok"


@dataclass
class Note:
    text: str
    at: datetime.date


class Upper:
    """A caller's own serializer."""

    def encode(self, value: object, /) -> bytes:
        return str(value).upper().encode()

    def decode(self, data: bytes, /) -> Any:
        return data.decode()


VALUES = {
    "text": "grün",
    "nested": {"a": [1, 2.5, None, {"b": True}]},
    "big integer": 2**80,
    "lone surrogate": ["\ud800"],
    "infinity": [math.inf],
    "dataclass": [Note("hi", datetime.date(2024, 2, 29))],
    "bytes in a tuple": (b"\x00\xff",),
}
CHOICES = {"automatic": None, "json": "json", "msgpack": "msgpack", "pickle": "pickle"}


def chosen(choice: str | None) -> Serializer:
    return make_serializer(choice, KEY if choice == "pickle" else None)


@pytest.mark.parametrize("reader", CHOICES.values(), ids=CHOICES)
@pytest.mark.parametrize("writer", [None, "json", "msgpack"], ids=["automatic", "json", "msgpack"])
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_every_serializer_reads_what_the_plain_ones_wrote(
    value: Any, writer: str | None, reader: str | None
) -> None:
    found = chosen(reader).decode(chosen(writer).encode(value))
    assert found == value
    assert repr(found) == repr(value)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_json_can_be_read_without_msgspec(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = make_serializer("json").encode(value)
    assert data[:1] in (b"j", b"t")
    json.loads(data[1:])
    for name in ("_pack", "_unpack", "_sorted_json"):
        monkeypatch.setattr(encoding, name, None)
    assert make_serializer("json").decode(data) == value


@pytest.mark.parametrize(
    ("value", "tags"),
    [([1], b"mjm"), ((1,), b"ntn"), ([2**80], b"jjj"), ((2**80,), b"ttt")],
    ids=["plain", "typed", "plain beyond 64 bits", "typed beyond 64 bits"],
)
def test_messagepack_is_used_unless_json_is_asked_for_or_it_cannot_carry_the_value(
    value: Any, tags: bytes
) -> None:
    pytest.importorskip("msgspec")
    found = [make_serializer(choice).encode(value)[:1] for choice in (None, "json", "msgpack")]
    assert b"".join(found) == tags


def test_msgpack_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    with pytest.raises(MissingExtraError, match=r"uv add 'tta-dev-primitives\[fast\]'"):
        make_serializer("msgpack")


@pytest.mark.parametrize("choice", [None, "json", "msgpack"], ids=["automatic", "json", "msgpack"])
def test_plain_serializers_never_open_a_pickle(choice: str | None) -> None:
    signed = SignedPickle(KEY).encode([1])
    with pytest.raises(DecodingError, match="unknown tag b'p'"):
        make_serializer(choice).decode(signed)


@pytest.mark.parametrize("choice", [None, "json", "msgpack"], ids=["automatic", "json", "msgpack"])
def test_value_without_a_form_names_itself(choice: str | None) -> None:
    with pytest.raises(InputTypeError, match=r"value\['a'\]\[1\] is a builtins\.object"):
        make_serializer(choice).encode({"a": [1, object()]})


def test_serializer_of_the_callers_own_is_taken_as_it_is() -> None:
    own = Upper()
    assert make_serializer(own) is own
    assert isinstance(make_serializer(), Serializer)


MISTAKES: dict[str, tuple[Any, Any, str]] = {
    "unknown name": ("yaml", None, "must be 'json', 'msgpack', 'pickle' or an object .* 'yaml'"),
    "no serializer": (7, None, "with encode and decode, got int"),
    "class": (Upper, None, "with encode and decode, got type"),
    "key for json": ("json", KEY, "for serializer='pickle' only, got it with 'json'"),
    "key for none": (None, KEY, "for serializer='pickle' only, got it with None"),
    "key for an own one": (Upper(), KEY, "for serializer='pickle' only, got it with Upper"),
    "pickle without a key": ("pickle", None, "needs signing_key=.*token_hex"),
    "pickle with no keys": ("pickle", [], "needs signing_key="),
    "short key": ("pickle", b"secret fifteen!", "at least 16 bytes, got 15"),
    "short text": ("pickle", "secret", "at least 16 bytes, got 6"),
    "one short key of two": ("pickle", [KEY, b"secret"], "at least 16 bytes, got 6"),
    "number for a key": ("pickle", [7], "must be bytes or text, .* got int"),
}


@pytest.mark.parametrize(("choice", "key", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_told_at_construction(choice: Any, key: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        make_serializer(choice, key)
    assert "secret" not in str(caught.value).replace("16 secret bytes", "").replace("secrets.", "")
