"""Bytes that are no entry, or none any more: refused, with nothing run and nothing imported."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from tta_dev_primitives.performance.values.encoding import DecodingError, decode

from .encoded_types import Colour, Point, stored_name, tree

# Everything holds with the fast codec and without it.
pytestmark = pytest.mark.usefixtures("codec")

UNREADABLE = {
    "nothing": (b"", "unknown tag b''"),
    "unknown tag": (b"x{}", "unknown tag b'x'"),
    "no json": (b"j{", "cannot be read"),
    "no msgpack": (b"m\xc1", "msgspec is not installed|cannot be read"),
    "no bytes": (7, "cannot be read"),
    "function": (tree({"!": "data", "t": "os:system", "v": {}}), "'os:system', which is not"),
    "module": (tree({"!": "data", "t": "os:path", "v": {}}), "'os:path', which is not loaded"),
    "not loaded": (
        tree({"!": "data", "t": "xmlrpc.server:Fault", "v": {}}),
        "'xmlrpc.server:Fault', which is not loaded",
    ),
    "no dataclass": (tree({"!": "data", "t": "builtins:dict", "v": {}}), "which it is not"),
    "no enum": (tree({"!": "enum", "t": "builtins:int", "v": "x"}), "which it is not"),
    "no flag": (tree({"!": "flag", "t": "builtins:int", "v": 7}), "which it is not"),
    "unknown kind": (tree({"!": "call", "t": "builtins:int", "v": 7}), "which it is not"),
    "no kind": (tree({"!": "data", "v": {}}), "cannot be read: 't'"),
    "no date": (tree({"!": "date", "v": "yesterday"}), "cannot be read"),
    "no fields": (tree({"!": "data", "t": stored_name(Point), "v": [1]}), "cannot be read"),
    "no struct": (tree({"!": "struct", "t": stored_name(Point), "v": {}}), "which it is not"),
    "no model": (tree({"!": "model", "t": stored_name(Point), "v": {}}), "which it is not"),
    "no error": (tree({"!": "error", "t": stored_name(Point), "v": {}}), "which it is not"),
    "no packed tree": (b"n\xc1", "msgspec is not installed|cannot be read"),
    "no zone": (tree({"!": "datetime", "v": "2024-01-01T00:00:00[Mars/Base]0"}), "cannot be read"),
}


@pytest.mark.parametrize(("data", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_bytes_that_are_no_entry_are_refused(data: Any, message: str) -> None:
    with pytest.raises(DecodingError, match=message):
        decode(data)


def test_reading_imports_nothing() -> None:
    assert "xmlrpc.server" not in sys.modules
    with pytest.raises(DecodingError):
        decode(tree({"!": "data", "t": "xmlrpc.server:SimpleXMLRPCServer", "v": {}}))
    assert "xmlrpc.server" not in sys.modules


def test_reading_runs_no_module_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module's `__getattr__` may import half the world."""
    asked: list[str] = []
    lazy = types.ModuleType("lazy")
    vars(lazy)["__getattr__"] = lambda name: asked.append(name)
    monkeypatch.setitem(sys.modules, "lazy", lazy)
    with pytest.raises(DecodingError, match="which is not loaded"):
        decode(tree({"!": "data", "t": "lazy:Model", "v": {}}))
    assert asked == []


def test_entry_of_an_enum_without_the_member_is_refused() -> None:
    stored = tree({"!": "enum", "t": stored_name(Colour), "v": "GREEN"})
    with pytest.raises(DecodingError, match="cannot be read: 'GREEN'"):
        decode(stored)
