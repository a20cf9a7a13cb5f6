from __future__ import annotations

import hashlib
import hmac
import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives.errors import InputTypeError
from tta_dev_primitives.performance.values.encoding import DecodingError
from tta_dev_primitives.performance.values.signed_pickle import SignedPickle

OLD, NEW, FOREIGN = b"the old key, 32 bytes long, yes!", "the new key as a text", b"f" * 32
fired: list[str] = []


def fire(text: str) -> str:
    fired.append(text)
    return text


class Bomb:
    """Runs code when it is opened, and says so."""

    def __reduce__(self) -> tuple[Callable[[str], str], tuple[str]]:
        return fire, ("opened",)


class Broken:
    def __reduce__(self) -> tuple[type, tuple[int]]:
        return Broken, (7,)


class Grudging:
    def __reduce__(self) -> str:
        raise RuntimeError("not today")


@pytest.fixture(autouse=True)
def nothing_fired() -> None:
    fired.clear()


@pytest.fixture
def serializer() -> SignedPickle:
    return SignedPickle(OLD)


VALUES = {
    "what others refuse": OrderedDict(a=1),
    "complex number": {"a": 1j},
    "range": range(3),
    "class": OrderedDict,
    "nothing": None,
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_signed_value_comes_back(serializer: SignedPickle, value: Any) -> None:
    found = serializer.decode(serializer.encode(value))
    assert found == value
    assert type(found) is type(value)


def test_bomb_goes_off_where_it_may(serializer: SignedPickle) -> None:
    """The tests below would see it if it did where it may not."""
    assert serializer.decode(serializer.encode(Bomb())) == "opened"
    assert fired == ["opened"]


def signed(payload: bytes, key: bytes = OLD, *, over: bytes = b"p") -> bytes:
    return b"p" + hmac.digest(key, over + payload, "sha256") + payload


def bomb() -> bytes:
    return pickle.dumps(Bomb(), 5)


NEVER_OPENED: dict[str, Callable[[], bytes]] = {
    "wrong key": lambda: signed(bomb(), FOREIGN),
    "no signature": lambda: b"p" + bomb(),
    "empty signature": lambda: b"p" + bytes(32) + bomb(),
    "hash for a signature": lambda: b"p" + hashlib.sha256(b"p" + bomb()).digest() + bomb(),
    "signature without the tag": lambda: signed(bomb(), over=b""),
    "signature of something else": lambda: signed(pickle.dumps(1, 5))[:33] + bomb(),
    "signed with the empty key": lambda: signed(bomb(), b""),
    "one byte more": lambda: signed(bomb()) + b".",
    "one byte less": lambda: signed(bomb())[:-1],
    "signature cut short": lambda: signed(bomb())[:20],
    "only the tag": lambda: b"p",
    "only tag and signature": lambda: signed(bomb())[:33],
    "pickle of somebody else": bomb,
    "nothing": bytes,
}


@pytest.mark.parametrize("make", NEVER_OPENED.values(), ids=NEVER_OPENED)
def test_pickle_that_is_not_ours_is_never_opened(
    serializer: SignedPickle, make: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make()

    def loads(*arguments: object) -> None:
        raise AssertionError("it was opened")

    monkeypatch.setattr(pickle, "loads", loads)
    with pytest.raises(DecodingError, match=r"not signed by any of our keys|unknown tag"):
        serializer.decode(data)
    assert fired == []


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    stored = bytearray(SignedPickle(OLD).encode(Bomb()))
    position = data.draw(st.integers(1, len(stored) - 1))
    stored[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DecodingError, match="not signed"):
        SignedPickle(OLD).decode(bytes(stored))
    assert fired == []


def test_key_can_be_changed_without_losing_entries() -> None:
    before, during, after = SignedPickle(OLD), SignedPickle([NEW, OLD]), SignedPickle(NEW)
    assert during.decode(before.encode(range(3))) == range(3)
    assert after.decode(during.encode(range(3))) == range(3)
    for reader, writer in ((before, during), (after, before)):
        with pytest.raises(DecodingError, match="not signed"):
            reader.decode(writer.encode(range(3)))


def test_text_key_is_its_utf8() -> None:
    assert SignedPickle("grün" * 8).decode(SignedPickle("grün".encode() * 8).encode(1)) == 1


def test_signature_is_hmac_sha256_over_tag_and_payload(serializer: SignedPickle) -> None:
    data = serializer.encode([1])
    assert data == signed(data[33:])
    assert pickle.loads(data[33:]) == [1]


def nested_deeply() -> Any:
    value: Any = ()
    for _ in range(100_000):
        value = [value]
    return value


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "lock": (threading.Lock, r"value is a _thread\.lock, which cannot be pickled"),
    "lock inside": (lambda: {"a": threading.Lock()}, r"value is a builtins\.dict, .*lock"),
    "function without a name": (lambda: lambda: 1, r"value is a builtins\.function, .*lambda"),
    "type that will not": (Grudging, r"value is a .*Grudging, which cannot be .*not today"),
    "too deep": (nested_deeply, "too deep"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_value_that_cannot_be_pickled_names_itself(
    serializer: SignedPickle, make: Callable[[], Any], message: str
) -> None:
    with pytest.raises(InputTypeError, match=message):
        serializer.encode(make())


def test_value_that_cannot_be_made_again_is_refused(serializer: SignedPickle) -> None:
    """As when its class has changed, or is gone, since it was stored."""
    for payload in (pickle.dumps(Broken(), 5), b"cgone\nThing\n."):
        with pytest.raises(DecodingError, match="stored pickle cannot be read"):
            serializer.decode(signed(payload))


def test_key_is_never_shown(serializer: SignedPickle) -> None:
    with pytest.raises(DecodingError) as caught:
        serializer.decode(signed(bomb(), FOREIGN))
    for text in (repr(serializer), str(caught.value)):
        assert OLD.decode() not in text
