"""What the encoding does without the packages that it could use."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from tta_dev_primitives.performance.values import encoding
from tta_dev_primitives.performance.values.encoding import DecodingError, decode, encode

# Everything holds with the fast codec and without it.
pytestmark = pytest.mark.usefixtures("codec")


def test_msgpack_entry_is_refused_without_its_codec(
    codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when two environments share a folder."""
    assert encode([1])[:1] == (b"m" if codec == "msgspec" else b"j")
    monkeypatch.setattr(encoding, "_unpack", None)
    for tag in (b"m", b"n"):
        with pytest.raises(DecodingError, match="msgspec is not installed"):
            decode(tag + b"\x90")


def test_without_the_fast_codec_everything_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    spec = importlib.util.spec_from_file_location(
        "tta_dev_primitives.performance.values.encoding_of_another_process", encoding.__file__
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.encode([1]) == b"j[1]"
    assert module.canonical({"b": 1, "a": 2}) == b'p{"a":2,"b":1}'


def test_packages_are_not_loaded_to_look_at_a_value() -> None:
    source = (
        "import sys; sys.modules['msgspec'] = None\n"
        "from dataclasses import dataclass\n"
        "from tta_dev_primitives.performance.values.encoding import *\n"
        "from tta_dev_primitives.performance.values import encoding\n"
        "@dataclass\n"
        "class Point:\n    x: tuple\n"
        "assert encoding.decode(encoding.encode(Point((1,)))) == Point((1,))\n"
        "assert 'pydantic' not in sys.modules and sys.modules['msgspec'] is None\n"
    )
    subprocess.run([sys.executable, "-c", source], check=True)
