"""Content encodings: taken off within a limit, put on again, never a bomb."""

from __future__ import annotations

import gzip
import importlib
import sys
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keploy_framework.errors import EncodingError
from keploy_framework.exchange import Headers
from keploy_framework.wire import BodyDecoder, Encoded, decode_body, encode_body, with_encoding

LIMIT = 100_000
# Stored blocks whose first byte looks like the start of the wrapper.
STORED = b"\x08\x03\x00\xfc\xffabc\x01\x00\x00\xff\xff"
TEXT = b'{"name":"book"}' * 40
PACKAGES = {
    "brotli": "Try: uv pip install brotli",
    "brotlicffi": "Try: uv pip install brotlicffi",
    "compression.zstd": "It comes with Python 3.14",
    "backports.zstd": "Try: uv pip install backports.zstd",
    "zstandard": "Try: uv pip install zstandard",
}


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def reason_of(data: bytes, encoding: str, limit: int = LIMIT) -> str:
    with pytest.raises(EncodingError) as error:
        decode_body(data, encoding, limit)
    return error.value.reason


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """One optional package that is installed, alone; gives the encoding it is for."""
    try:
        importlib.import_module(request.param)
    except ImportError:
        pytest.skip(f"{request.param} is not installed. {PACKAGES[request.param]}")
    for other in PACKAGES:
        if other != request.param:
            monkeypatch.setitem(sys.modules, other, None)
    return "br" if "brotli" in request.param else "zstd"


@pytest.fixture
def no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PACKAGES:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT, ""),
        (TEXT, "identity"),
        (gzip.compress(TEXT), "gzip"),
        (gzip.compress(TEXT), " X-GZIP "),
        (gzip.compress(TEXT[:9]) + gzip.compress(b"") + gzip.compress(TEXT[9:]), "gzip"),
        (gzip.compress(TEXT) + b"\0" * 5, "gzip"),
        (zlib.compress(TEXT), "deflate"),
        (raw_deflate(TEXT), "deflate"),
        (gzip.compress(zlib.compress(TEXT)), "deflate, gzip"),
        (gzip.compress(gzip.compress(TEXT)), "gzip,identity,gzip"),
    ],
    ids=[
        *("none", "identity", "gzip", "x-gzip", "members", "padded"),
        *("zlib", "raw", "stacked", "twice"),
    ],
)
def test_an_encoding_is_taken_off_wherever_the_body_is_cut(data: bytes, encoding: str):
    """A raw deflate body, or a second gzip member, came out as damaged or cut."""
    assert decode_body(data, encoding, LIMIT) == TEXT
    for size in (1, 2, 3, 7, 100):
        decoder = BodyDecoder(encoding, LIMIT)
        pieces = [decoder.feed(data[at : at + size]) for at in range(0, len(data), size)]
        decoder.finish()
        assert b"".join(pieces) == TEXT


def test_a_raw_deflate_body_that_looks_wrapped_is_read():
    assert decode_body(STORED, "deflate", LIMIT) == b"abc"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "deflate, gzip", ""])
def test_an_empty_body_has_no_encoding(encoding: str):
    """The answer to HEAD was called damaged, as its header says gzip."""
    assert decode_body(b"", encoding, LIMIT) == b""


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (gzip.compress(TEXT)[:-1], "gzip"),
        (gzip.compress(TEXT)[:1], "gzip"),
        (gzip.compress(TEXT) + b"x", "gzip"),
        (TEXT, "gzip"),
        (zlib.compress(TEXT)[:-1], "deflate"),
        (zlib.compress(TEXT) + b"x", "deflate"),
        (zlib.compress(TEXT)[:1], "deflate"),
        (zlib.compress(TEXT) * 2, "deflate"),
        (raw_deflate(TEXT)[:-3], "deflate"),
        (b"\xff\xff\xff\xff", "deflate"),
        (gzip.compress(TEXT), "gzip, gzip"),
    ],
)
def test_a_damaged_body_is_told_from_a_whole_one(data: bytes, encoding: str):
    assert reason_of(data, encoding) == "damaged"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (gzip.compress(b"\0" * 50_000_000), "gzip"),
        (zlib.compress(b"\0" * 50_000_000), "deflate"),
        (gzip.compress(gzip.compress(b"\0" * 50_000_000)), "gzip, gzip"),
        (b"\0" * (LIMIT + 1), ""),
        (gzip.compress(b"\0" * (LIMIT + 1)), "gzip"),
        (gzip.compress(b"\0" * LIMIT) + gzip.compress(b"\0"), "gzip"),
    ],
    ids=["gzip", "deflate", "stacked", "plain", "one-over", "members"],
)
def test_a_bomb_is_stopped_at_the_limit(data: bytes, encoding: str):
    """A response of 200 KB took all the memory of the recorder."""
    assert reason_of(data, encoding) == "too-large"


def test_a_body_at_the_limit_is_taken():
    assert decode_body(gzip.compress(b"a" * 50), "gzip", 50) == b"a" * 50
    assert reason_of(gzip.compress(b"a" * 50), "gzip", 49) == "too-large"
    assert decode_body(b"a", "", 1) == b"a"


def test_a_limit_holds_over_all_pieces():
    decoder = BodyDecoder("", 5)
    assert decoder.feed(b"abc") == b"abc"
    with pytest.raises(EncodingError, match="larger than 5 bytes"):
        decoder.feed(b"def")


def test_tiny_members_without_end_do_not_stop_the_recorder():
    """Twenty thousand empty gzip members were copied again and again."""
    assert decode_body(gzip.compress(b"") * 20_000, "gzip", LIMIT) == b""


@pytest.mark.parametrize("encoding", ["compress", "gzip, snappy", ",".join(["gzip"] * 5)])
def test_an_unknown_encoding_is_named(encoding: str):
    assert reason_of(b"x", encoding) == "unknown"


@pytest.mark.parametrize("encoding", ["br", "zstd"])
@pytest.mark.usefixtures("no_packages")
def test_a_missing_package_is_named_with_what_to_do(encoding: str):
    with pytest.raises(EncodingError, match="uv add") as error:
        decode_body(b"x", encoding, LIMIT)
    assert (error.value.encoding, error.value.reason) == (encoding, "not-installed")


@pytest.mark.parametrize("encoding", ["br", "gzip, zstd", "snappy"])
@pytest.mark.usefixtures("no_packages")
def test_what_cannot_be_encoded_stays_as_it_is_and_says_so(encoding: str):
    """A body went out plain while its header promised brotli."""
    assert encode_body(TEXT, encoding) == Encoded(TEXT, "")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "deflate, gzip"])
@given(data=st.binary(max_size=500))
def test_decoding_undoes_encoding(data: bytes, encoding: str):
    encoded = encode_body(data, encoding)
    assert encoded.encoding == encoding
    assert decode_body(encoded.data, encoding, 500) == data
    assert encode_body(data, encoding) == encoded


@pytest.mark.parametrize("encoding", ["", "identity"])
def test_identity_needs_no_header(encoding: str):
    assert encode_body(TEXT, encoding) == Encoded(TEXT, "")


@pytest.mark.parametrize(
    ("headers", "encoding", "expected"),
    [
        ((("A", "b"),), "gzip", (("A", "b"), ("Content-Encoding", "gzip"))),
        (
            (("content-encoding", "br"), ("A", "b")),
            "gzip",
            (("content-encoding", "gzip"), ("A", "b")),
        ),
        ((("content-encoding", "br"), ("A", "b")), "", (("A", "b"),)),
        (
            (("A", "b"), ("Content-Encoding", "br"), ("C", "d"), ("Content-Encoding", "gzip")),
            "br, gzip",
            (("A", "b"), ("Content-Encoding", "br, gzip"), ("C", "d")),
        ),
        ((), "", ()),
    ],
    ids=["added", "changed", "taken-away", "joined", "none"],
)
def test_headers_say_the_encoding_that_was_used(headers: Headers, encoding: str, expected: Headers):
    assert with_encoding(headers, encoding) == expected


@pytest.mark.parametrize("size", [0, 1, 600, 90_000])
def test_every_installed_package_undoes_its_own_encoding(package: str, size: int):
    data = (TEXT * 200)[:size]
    encoded = encode_body(data, f"{package}, gzip")
    assert encoded.encoding == f"{package}, gzip"
    assert decode_body(encoded.data, encoded.encoding, LIMIT) == data
    alone = encode_body(data, package).data
    decoder = BodyDecoder(package, LIMIT)
    pieces = [decoder.feed(alone[at : at + 7]) for at in range(0, len(alone), 7)]
    decoder.finish()
    assert b"".join(pieces) == data


def test_every_installed_package_finds_damage(package: str):
    whole = encode_body(TEXT, package).data
    for damaged in (whole[:-1], whole + b"\x01", whole[: len(whole) // 2], b"\xff" * 30):
        assert reason_of(damaged, package) == "damaged"


def test_every_installed_package_stops_a_bomb(package: str):
    bomb = encode_body(b"\0" * 50_000_000, package).data
    assert reason_of(bomb, package) == "too-large"
