"""What holds for any data and for any text."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from keploy_framework.formats import DocumentFile, PlainText
from keploy_framework.formats.same import same_data
from keploy_framework.formats.yaml_text import read_documents, write_document

UNCERTAIN = [
    "",
    "~",
    "null",
    "yes",
    "1:30",
    "1e3",
    "0o7",
    "2026-01-22",
    "<<",
    "=",
    "-",
    ".nan",
    "0x",
]
CASES = 100_000 if os.environ.get("TTA_LONG") == "1" else 2_000

text = st.text() | st.sampled_from(UNCERTAIN) | st.text("ab :#-\n\t'\"{}[],&*!|>%@`?.0~\\é\u2028👍")
scalars = st.none() | st.booleans() | st.integers() | st.floats() | text | st.binary(max_size=120)
keys = text | st.integers() | st.booleans() | st.none() | st.binary(max_size=20)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@given(documents, st.integers(2, 9))
@example({"a": ["\n", {" \n": "\n\n"}]}, 2)
def test_reading_what_was_written_gives_equal_data_with_types(data: object, indent: int):
    """Some value changed when a recording was written and read again."""
    written = write_document(data, indent=indent)
    (document,) = read_documents(written)
    assert same_data(document.data, data)
    assert write_document(document.data, indent=indent) == written


class OtherLoader(yaml.SafeLoader):
    """PyYAML's own reader, whose timestamps stay text."""


OtherLoader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: PlainText(node.value))


@given(documents, st.integers(2, 9))
def test_another_library_reads_the_same(data: object, indent: int):
    """A file we wrote could be read by nobody else, or said something else to them."""
    found = yaml.load(write_document(data, indent=indent), OtherLoader)
    assert same_data(found, data)


@given(st.lists(documents, min_size=1, max_size=4))
def test_stream_of_documents_keeps_their_number_and_order(several: list[object]):
    """A text with dashes in a mock made two mocks of it."""
    joined = "---\n".join(write_document(data) for data in several)
    assert same_data([one.data for one in read_documents(joined)], several)


@given(st.text() | st.text("ab:-?#&*!|>%@`'\"[]{},~<= \n\t0\\.", max_size=60) | st.binary())
def test_any_text_is_read_or_named_as_damaged(content: str | bytes):
    """A strange file stopped the run with an unknown error."""
    file = DocumentFile.parse(content)
    assert same_data(DocumentFile.parse(file.rewritten()).data, file.data)


SAMPLES = sorted((Path(__file__).parent / "recordings").rglob("*.y*ml"))
PIECES = ["\n", "\n---\n", "<<<<<<< HEAD\n", ": ", "- ", "  ", "\t", '"', "'", "|", ">",
          "&a ", "*a", "!!binary ", "!x ", "{", "}", "[", "]", "#", "?", ",", "%", "\0", "é", "\r",
          "null", "<<"]  # fmt: skip


def changed(text: str, source: random.Random) -> str:
    """Damage a text in a few places."""
    for _ in range(source.randint(1, 4)):
        at = source.randrange(len(text) + 1)
        end = min(len(text), at + source.choice((0, 0, 1, 3, 30)))
        inserted = source.choice((source.choice(PIECES), text[at:end] * 2, ""))
        text = text[:at] + inserted + text[end:]
    return text


@pytest.mark.parametrize("part", range(4))
def test_damaged_recordings_are_read_as_far_as_they_go(part: int):
    """A recording with a few wrong bytes stopped the run, or was read back as something else."""
    source = random.Random(f"recordings {part}")
    texts = [path.read_text(encoding="utf-8") for path in SAMPLES]
    for _ in range(CASES // 4):
        content = changed(source.choice(texts), source)
        file = DocumentFile.parse(content)
        if not file.damaged and None not in file.data and "\r" not in content:
            assert file.text() == content
        again = DocumentFile.parse(file.rewritten())
        assert same_data(again.data, file.data), content
