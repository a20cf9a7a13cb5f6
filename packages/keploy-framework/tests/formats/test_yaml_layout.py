"""How documents are laid out."""

from __future__ import annotations

import pytest

from keploy_framework import KeployError
from keploy_framework.formats.same import same_data
from keploy_framework.formats.yaml_text import read_documents, write_document

NESTED = {
    "spec": {
        "form": [{"key": "file", "values": ["a", "b"]}, {"key": "x", "more": {"deep": [[1], []]}}],
        "body": "one\n two\n",
        "data": bytes(range(60)),
    },
    "curl": "curl \\\n  --url x",
}

IN_TWO = """\
spec:
  form:
    - key: file
      values:
        - a
        - b
    - key: x
      more:
        deep:
          - - 1
          - []
  body: |
    one
     two
  data: !!binary |
    AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMz
    Q1Njc4OTo7
curl: |-
  curl \\
    --url x
"""

IN_FOUR = """\
spec:
    form:
        - key: file
          values:
            - a
            - b
        - key: x
          more:
            deep:
                - - 1
                - []
    body: |
        one
         two
    data: !!binary |
        AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMz
        Q1Njc4OTo7
curl: |-
    curl \\
      --url x
"""


@pytest.mark.parametrize(("indent", "text"), [(2, IN_TWO), (4, IN_FOUR)], ids=["two", "four"])
def test_document_is_indented_as_upstream_indents_it(indent: int, text: str):
    """A rewritten file had every line changed, only for its indentation."""
    assert write_document(NESTED, indent=indent) == text
    assert [one.data for one in read_documents(text)] == [NESTED]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\nb", "|-\n  a\n  b"),
        ("a\nb\n", "|\n  a\n  b"),
        ("a\n\n", "|+\n  a\n"),
        ("a\n\n\nb\n\n\n", "|+\n  a\n\n\n  b\n\n"),
        (" a\nb", "|2-\n   a\n  b"),
        ("\na", "|2-\n\n  a"),
        ("\n", "|2+\n"),
        ("\ta\n\tb\n", "|2\n  \ta\n  \tb"),
        ("# a\n--- b\n", "|\n  # a\n  --- b"),
    ],
    ids=["no-end", "end", "two-ends", "empty-lines", "space", "break", "only", "tabs", "marks"],
)
def test_text_of_several_lines_is_a_literal_block(value: str, text: str):
    """A body lost or gained a newline when it was written as a block."""
    written = write_document({"key": value, "next": 1})
    assert written == f"key: {text}\nnext: 1\n"
    assert [one.data for one in read_documents(written)] == [{"key": value, "next": 1}]


@pytest.mark.parametrize("indent", range(2, 10))
@pytest.mark.parametrize("text", [" a\nb", "\n\n a", "  \nx"], ids=["space", "breaks", "blank"])
def test_block_that_begins_with_space_is_read_back_at_any_depth(indent: int, text: str):
    """A block in a list had a wrong indentation indicator, and lost its first spaces."""
    data = {"a": [text, {"b": text, "c": [[text], {"d": {"e": text}}]}], "f": {"g": [text]}}
    (document,) = read_documents(write_document(data, indent=indent))
    assert same_data(document.data, data)
    (scalar,) = read_documents(write_document(text, indent=indent))
    assert scalar.data == text


@pytest.mark.parametrize(
    "key",
    ["k" * 129, "k" * 2000, "two\nlines", " ", "", "null", "a: b", 5, 1.5, True, None,
     b"\xff" * 200],
    ids=["129", "2000", "lines", "space", "empty", "null", "colon", "int", "float", "bool",
         "none", "bytes"],
)  # fmt: skip
def test_any_scalar_can_be_a_key(key: object):
    """A header or a JSON field with an unusual name broke the file."""
    data = {"outer": {key: {"inner": [1]}, "last": "x"}}
    (document,) = read_documents(write_document(data))
    assert same_data(document.data, data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"key": object()}, "cannot write a object"),
        ({"key": "\ud800"}, "half of a surrogate pair, U+D800"),
        ({"key": 10**5000}, "more digits than Python shows"),
        ({("a",): 1}, "cannot write a tuple as a key"),
    ],
    ids=["type", "surrogate", "digits", "key"],
)
def test_what_cannot_be_written_is_refused(data: object, reason: str):
    """Something without a form in YAML was written in a way no reader takes."""
    with pytest.raises(KeployError, match=reason.replace("+", r"\+")):
        write_document(data)


def test_data_that_hold_themselves_are_refused():
    """Writing data with a cycle never ended."""
    data: dict[str, object] = {}
    data["self"] = data
    with pytest.raises(KeployError, match="more than 100 levels"):
        write_document(data)


def test_dashes_divide_documents_and_lists_have_none_of_their_own():
    """Two mocks were read as one."""
    text = write_document([1, [2]]) + "---\n" + write_document("x")
    assert text == "- 1\n- - 2\n---\nx\n"
    assert [one.data for one in read_documents(text)] == [[1, [2]], "x"]
