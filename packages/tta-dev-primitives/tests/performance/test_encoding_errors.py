"""Errors come back as they were, or are refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest

from tta_dev_primitives import errors
from tta_dev_primitives.errors import InputTypeError
from tta_dev_primitives.performance.values.encoding import DecodingError, canonical, decode, encode

from .encoded_types import stored_name, tree

# Everything holds with the fast codec and without it.
pytestmark = pytest.mark.usefixtures("codec")


class RefusalError(Exception):
    """Counts how often its code runs."""

    made = 0

    def __new__(cls, *args: Any, **options: Any) -> Self:
        cls.made += 1
        return super().__new__(cls, *args)

    def __init__(self, code: int, *, hint: str) -> None:
        type(self).made += 1
        super().__init__(f"refused with {code}")
        self.code, self.hint = code, hint


class SlottedError(ValueError):
    __slots__ = ("later", "position")

    def __init__(self, position: int | None) -> None:
        super().__init__("bad")
        self.position = position


class MissingFileError(OSError):
    def __init__(self, path: str) -> None:
        super().__init__(2, "no such thing", path)


@dataclass
class CodedError(Exception):
    code: int
    detail: list[str] = field(default_factory=list)


def noted() -> ValueError:
    error = ValueError("bad")
    error.add_note("while reading")
    return error


def raised(call: Callable[[], Any]) -> Exception:
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError


ERRORS: dict[str, Callable[[], Exception]] = {
    "plain": lambda: ValueError("bad", 1, (2.0, b"\xff")),
    "no arguments": RuntimeError,
    "note": noted,
    "key": lambda: KeyError("a"),
    "stop": lambda: StopIteration(7),
    "code of its own": lambda: RefusalError(7, hint="wait"),
    "slots": lambda: SlottedError(7),
    "slot of none": lambda: SlottedError(None),
    "dataclass": lambda: CodedError(7, detail=["a"]),
    "group": lambda: ExceptionGroup("two", [ValueError("a"), RefusalError(1, hint="")]),
    "group in a group": lambda: ExceptionGroup("a", (ExceptionGroup("b", [OSError(2, "c")]),)),
    "syntax": lambda: raised(lambda: compile("a b", "f.py", "exec")),
    "import": lambda: ImportError("no", name="a", path="b"),
    "name": lambda: raised(lambda: eval("unknown_name", {})),
    "os text": lambda: OSError("text"),
    "os number": lambda: OSError(2, "gone"),
    "os file": lambda: raised(lambda: Path("/no/such/file").read_text()),
    "os two files": lambda: OSError(18, "across", "a", None, "b"),
    "os own arguments": lambda: MissingFileError("a.txt"),
    "os blocking": lambda: BlockingIOError(11, "busy", 5),
    "connection": lambda: ConnectionResetError(104, "reset"),
    "stdlib timeout": TimeoutError,
    "decode": lambda: raised(lambda: b"a\xff".decode()),
    "encode": lambda: raised(lambda: "\ud800".encode()),
    "translate": lambda: UnicodeTranslateError("abc", 1, 2, "why"),
    "json": lambda: raised(lambda: json.loads("{")),
    "timeout": lambda: errors.TimeoutError("step", 1.5),
    "route": lambda: errors.RouteNotFoundError("a", ("b",)),
    "extra": lambda: errors.MissingExtraError("redis", "redis"),
    "store": lambda: errors.StoreError("gone"),
    "compensation": lambda: errors.CompensationError("a", ValueError("b"), KeyError("c")),
    "llm": lambda: errors.LLMError("no", provider="openai", status=400, retryable=False),
    "rate limited": lambda: errors.RateLimitedError("slow down", status=429, retry_after=1.5),
    "llm connection": lambda: errors.ProviderConnectionError("gone", model="m"),
    "llm timeout": lambda: errors.LLMTimeoutError("late", request_id="r-1"),
    "content": lambda: errors.ContentFilteredError("refused"),
}


def said(error: BaseException) -> Any:
    """All that an error says, further in too."""
    members = {
        name: getattr(error, name)
        for name in ("errno", "strerror", "filename", "filename2", "characters_written", "name",
                     "path", "msg", "lineno", "offset", "text", "object", "start", "end", "reason",
                     "value", "position", "later")
        if hasattr(error, name)
    }  # fmt: skip
    inner = [said(one) for one in error.exceptions] if isinstance(error, ExceptionGroup) else []
    held = {name: repr(item) for name, item in vars(error).items()}
    return type(error), repr(error.args), str(error), repr(error), members, held, inner


@pytest.mark.parametrize("make", ERRORS.values(), ids=ERRORS)
def test_error_comes_back_as_it_was(make: Callable[[], Exception]) -> None:
    error = make()
    found = decode(encode(error))
    assert said(found) == said(error)
    assert isinstance(found, Exception)


def test_error_can_be_raised_again_and_carries_nothing_else() -> None:
    def fail() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise errors.RateLimitedError("slow down", retry_after=2) from error

    found = decode(encode([raised(fail)]))[0]
    assert (found.__cause__, found.__context__, found.__traceback__) == (None, None, None)
    with pytest.raises(errors.RateLimitedError, match="slow down") as caught:
        raise found
    assert caught.value.retry_after == 2


def test_error_is_rebuilt_without_running_its_code() -> None:
    stored = encode(RefusalError(7, hint="wait"))
    before = RefusalError.made
    found = decode(stored)
    assert (found.code, found.hint, RefusalError.made) == (7, "wait", before)


def test_object_that_lacks_an_attribute_is_left_out() -> None:
    found = decode(encode(raised(lambda: object().nothing)))  # pyright: ignore[reportAttributeAccessIssue] - the mistake is the point
    assert (found.name, found.obj) == ("nothing", None)
    assert "no attribute 'nothing'" in str(found)


def test_error_can_be_a_key() -> None:
    found = [canonical(make()) for make in ERRORS.values()]
    assert len(set(found)) == len(found)
    assert found == [canonical(make()) for make in ERRORS.values()]


def changed_decode_error() -> Exception:
    error = raised(lambda: b"a\xff".decode())
    assert isinstance(error, UnicodeDecodeError)
    error.start = 0
    return error


def with_a_connection() -> Exception:
    error = errors.LLMError("no")
    vars(error)["response"] = object()
    return error


REFUSED_ERRORS: dict[str, tuple[Callable[[], BaseException], str]] = {
    "cancellation": (asyncio.CancelledError, "value is a .*CancelledError, which has no canonical"),
    "interrupt": (KeyboardInterrupt, "value is a builtins.KeyboardInterrupt"),
    "exit": (SystemExit, "value is a builtins.SystemExit"),
    "group with a cancellation": (
        lambda: BaseExceptionGroup("a", [asyncio.CancelledError()]),
        "value is a builtins.BaseExceptionGroup",
    ),
    "argument": (lambda: ValueError(object()), r"value\.args\[0\] is a builtins\.object"),
    "attribute": (with_a_connection, r"value\.response is a builtins\.object"),
    "changed afterwards": (changed_decode_error, "which is not any more what its args say"),
    "in a group": (
        lambda: ExceptionGroup("a", [ValueError(object())]),
        r"value\.args\[1\]\[0\]\.args\[0\] is a builtins\.object",
    ),
}


@pytest.mark.parametrize(("make", "message"), REFUSED_ERRORS.values(), ids=REFUSED_ERRORS)
def test_error_without_a_form_is_refused_with_its_place(
    make: Callable[[], BaseException], message: str
) -> None:
    with pytest.raises(InputTypeError, match=message):
        encode(make())


def test_error_that_only_its_package_can_make_is_refused() -> None:
    pytest.importorskip("pydantic")
    import pydantic

    error = raised(lambda: pydantic.TypeAdapter(int).validate_python("x"))
    with pytest.raises(InputTypeError, match="ValidationError"):
        encode(error)


def forged_error(kind: str, *args: Any, **state: Any) -> bytes:
    return tree({"!": "error", "t": kind, "a": args, "m": {}, "v": {}, **state})


FORGED_ERRORS = {
    "cancellation": (forged_error("asyncio.exceptions:CancelledError"), "which it is not"),
    "exit": (forged_error("builtins:SystemExit"), "which it is not"),
    "no error": (forged_error("builtins:dict"), "which it is not"),
    "position before the text": (
        forged_error(
            "builtins:UnicodeDecodeError", "utf-8", {"!": "bytes", "v": "YQ=="}, -9, -8, "x"
        ),
        "a position is negative",
    ),
    "text for bytes": (
        forged_error("builtins:UnicodeDecodeError", "utf-8", "a", 0, 1, "x"),
        "cannot be read",
    ),
    "object of another type": (
        forged_error(
            "builtins:UnicodeTranslateError", "a", 0, 1, "x", m={"object": 7, "start": -9}
        ),
        "has other fields than UnicodeTranslateError has now: object, start",
    ),
    "no group": (forged_error("builtins:ExceptionGroup", "a", []), "cannot be read"),
    "unknown slot": (
        forged_error(stored_name(SlottedError), "a", m={"gone": 1}),
        "has other fields than SlottedError has now: gone",
    ),
    "class by a number": (forged_error("builtins:OSError", 2, "a"), "FileNotFoundError"),
    "new field of a dataclass": (
        forged_error(stored_name(CodedError), 7, v={"code": 7}),
        "has other fields than CodedError has now: detail",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "message"), FORGED_ERRORS.values(), ids=FORGED_ERRORS)
def test_forged_error_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(DecodingError, match=message):
        decode(data)
