"""Limits and errors of reading YAML."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from keploy_framework.errors import KeployFormatError
from keploy_framework.formats.yaml_text import read_documents


def read(text: str):
    (document,) = read_documents(text)
    return document.data


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a: 1\nb: [1\n", 3, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("a: 1\nb: 2\na: 3\n", 3, "has the key 'a' twice"),
        ("a:\n  <<: {x: 1}\n  <<: {y: 1}\n", 3, "has the key '<<' twice"),
        ("a: 1\n? [x]\n: 2\n", 2, "a mapping or a list as a key"),
        ("a: &x [1]\n*x : 2\n", 2, "a mapping or a list as a key"),
        ("a: 1\nb: *x\n", 2, "the alias *x without"),
        ("a: &x [1, *x]\n", 1, "the alias *x without"),
        ("a: 1\nb: !!python/name:os.system x\n", 2, "has the tag"),
        ("a: !reset {}\n", 1, "has the tag '!reset'"),
        ("a: !!set {x}\n", 1, "has the tag"),
        ("a: !!binary '*'\n", 1, "!!binary that is not base64"),
        ("a: !!int x\n", 1, "!!int that is none, 'x'"),
        ("a:\n  <<: 5\n", 2, "'<<' that names no mapping"),
        ("a: 1\nb: \x01\n", 2, "not valid YAML"),
        ("a: 1\nb: \ud800\n", 2, "half of a surrogate pair"),
        ("a: 1\nb: " + "[" * 200_000, 2, "more than 100 levels"),
        ("a: 1\nb: " + "{a: " * 200_000, 2, "more than 100 levels"),
        ("- " * 200_000 + "a", 1, "more than 100 levels"),
    ],
    ids=["open", "tab", "twice", "merge-twice", "complex-key", "alias-key", "no-anchor", "cycle",
         "python", "tag", "set", "base64", "int", "merge", "control", "surrogate", "lists",
         "mappings", "dashes"],
)  # fmt: skip
def test_damage_is_named_with_its_file_and_line(text: str, line: int, reason: str):
    """A broken file was reported without saying where, or ended the process."""
    with pytest.raises(KeployFormatError) as caught:
        list(read_documents(text, file=Path("x.yaml")))
    assert reason in caught.value.reason
    assert caught.value.line == line
    assert str(caught.value).startswith(f"x.yaml:{line}: ")


def test_tags_of_plain_types_are_understood():
    """A file with explicit types of the standard was refused."""
    text = "{a: !!str 5, b: !!float 5, c: !!int '5', d: !!binary aGk=, e: !!null ''}"
    text = f"!!map {text}"
    assert read(text) == {"a": "5", "b": 5.0, "c": 5, "d": b"hi", "e": None}


def test_alias_is_a_copy():
    """Changing one test changed another one, which had used an alias."""
    data = read("a: &x {list: [1]}\nb: *x\nc: *x\n")
    data["b"]["list"].append(2)
    assert data == {"a": {"list": [1]}, "b": {"list": [1, 2]}, "c": {"list": [1]}}


def test_anchor_of_one_document_is_unknown_in_the_next():
    """An alias took its value from another mock."""
    with pytest.raises(KeployFormatError, match=r"the alias \*x"):
        list(read_documents("a: &x 1\n---\nb: *x\n"))


def test_aliases_cannot_fill_the_memory():
    """A file of a few hundred bytes took gigabytes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(KeployFormatError, match="more than 100000 values"):
        list(read_documents("\n".join(lines)))


def test_own_keys_win_over_merged_ones_and_the_first_source_over_the_next():
    """A merged default replaced what the file says itself."""
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {z: 3, <<: [*a, *b]}\nd: {'<<': 4}\n"
    data = read(text)
    assert data["c"] == {"x": 1, "y": 1, "z": 3}
    assert data["d"] == {"<<": 4}


def test_documents_before_the_damage_are_given():
    """One broken mock hid those before it."""
    documents = read_documents("a: 1\n---\nb: [\n")
    assert next(documents).data == {"a": 1}
    with pytest.raises(KeployFormatError):
        next(documents)


def test_reading_works_without_the_c_library():
    """On a system without libyaml every recording failed to load."""
    script = """
import sys
sys.modules["yaml._yaml"] = None
from pathlib import Path
from keploy_framework.formats import validate_tree
from keploy_framework.formats.yaml_text import events
assert events.open_stream.__module__ == events.__name__
check = validate_tree(Path(sys.argv[1]))
print(check.files, check.equal, check.problems)
"""
    folder = Path(__file__).parent / "recordings"
    command = [sys.executable, "-W", "error", "-c", script, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "13 13 []\n"


def test_reading_works_when_yaml_is_imported_a_second_time():
    """Under coverage, which imports packages twice, reading never ended."""
    script = """
import sys
import yaml
for name in [name for name in sys.modules if name.startswith("yaml") and name != "yaml._yaml"]:
    del sys.modules[name]
from keploy_framework.formats import DocumentFile
print(DocumentFile.parse("a: 1").data, len(DocumentFile.parse("a: [").damaged))
print(len(DocumentFile.parse("a: \\x01").damaged))
"""
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[{'a': 1}] 1\n1\n"
