"""What a word without quotes means, and what is written for a value."""

from __future__ import annotations

import math

import pytest

from keploy_framework.formats.yaml_text import PlainText, read_documents, write_document


def read(text: str):
    (document,) = read_documents(text)
    return document.data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("NULL", None),
        ("true", True),
        ("FALSE", False),
        ("0", 0),
        ("-12", -12),
        ("+5", 5),
        ("1_000", 1000),
        ("0x1F", 31),
        ("-0x1f", -31),
        ("0b101", 5),
        ("017", 15),
        ("18446744073709551616", 18446744073709551616),
        ("1.5", 1.5),
        ("-2.", -2.0),
        (".5", 0.5),
        ("6.8523015e+5", 685230.15),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("word", "word"),
        ("nullable", "nullable"),
        ("1.2.3", "1.2.3"),
        ("127.0.0.1:5000", "127.0.0.1:5000"),
        ("2023-06-01-preview", "2023-06-01-preview"),
    ],
)
def test_plain_word_has_the_value_both_yaml_libraries_give_it(text: str, value: object):
    """A number, a boolean or a null of a recording came in as something else."""
    found = read(f"key: {text}\n")["key"]
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-22T16:24:02.7012879+05:30",
        "0001-01-01T00:00:00Z",
        "0000-00-00T00:00:00Z",
        "2026-01-22",
        "2026-01-22 16:24:02",
        "yes",
        "Off",
        "y",
        "1:30",
        "190:20:30.15",
        "1e3",
        "1.5e3",
        "-.5",
        "0o17",
        "0X1F",
        "08",
        "0x_",
        "1.0e+999",
        "=",
        "9" * 5000,
    ],
    ids=lambda text: text[:20],
)
def test_word_the_libraries_disagree_about_stays_text_without_quotes(text: str):
    """A time lost its nanoseconds, or the year 0 stopped the whole file."""
    found = read(f"key: {text}\n")["key"]
    assert (type(found), found) == (PlainText, text)
    assert write_document({"key": found}) == f"key: {text}\n"


def test_nan_survives():
    """A recorded .nan came back as text."""
    assert math.isnan(read("key: .nan\n")["key"])
    assert write_document({"key": math.nan}) == "key: .nan\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", '""'),
        ("28", '"28"'),
        ("1e3", '"1e3"'),
        ("true", '"true"'),
        ("yes", '"yes"'),
        ("null", '"null"'),
        ("2026-01-22T16:24:02Z", '"2026-01-22T16:24:02Z"'),
        ("1:30", '"1:30"'),
        ("<<", '"<<"'),
        ("*/*", "'*/*'"),
        ("a: b", "'a: b'"),
        ("it's: b", "'it''s: b'"),
        ("ends with:", "'ends with:'"),
        ("a #b", "'a #b'"),
        (" lead", "' lead'"),
        ("trail ", "'trail '"),
        ("- item", "'- item'"),
        ("-item", "-item"),
        ("?", "'?'"),
        ("--- x", "'--- x'"),
        ("{x}", "'{x}'"),
        ("http://x/y?a=b#c", "http://x/y?a=b#c"),
        ("tab\there", '"tab\\there"'),
        ("bell\a\x1b\x7f", '"bell\\a\\e\\x7F"'),
        ("café ü", "café ü"),
        ("👍", '"\\U0001F44D"'),
        ("\ufeff", '"\\uFEFF"'),
        ("a\u2028b", '"a\\Lb"'),
        ("cr\r\nlf", '"cr\\r\\nlf"'),
        ("trailing \nspace", '"trailing \\nspace"'),
        (1.0, "1.0"),
        (1e16, "1.0e+16"),
        (1e-7, "1.0e-07"),
        (-math.inf, "-.inf"),
        (None, "null"),
        (False, "false"),
        (b"", '!!binary ""'),
        (b"\xff\x00", "!!binary /wA="),
        ({}, "{}"),
        ([], "[]"),
    ],
)
def test_value_is_written_as_upstream_writes_it(value: object, text: str):
    """A rewritten file differs from what upstream would have written, or reads differently."""
    written = write_document({"key": value})
    assert written == f"key: {text}\n"
    found = read(written)["key"]
    assert (type(found), found) == (type(value), value)


def test_text_called_plain_without_need_is_quoted_like_any_other():
    """Text with a colon was written without quotes and broke the file."""
    assert write_document({"key": PlainText("a: b")}) == "key: 'a: b'\n"
    assert write_document({PlainText("<<"): 1}) == '"<<": 1\n'
