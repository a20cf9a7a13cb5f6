"""Every key and item of a document has its line, whatever way it is written."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.workspace.toml_positions import Keys, key_lines

DOCUMENT = '''\
title = "a # no comment"  # a comment
[project]   # a table
name = "x"
"quoted key" = 1
'a.b'.c = 2
dependencies = [
    # nothing here
    "one>=1",  # [not a table]
    "two ] , {",
]
text = """
[not.a.table]
key = "no key" \\""" still
"""
[tool.uv.sources]
one = { workspace = true, deep = [ { x = 1 }, 2 ] }
[[tool.uv.index]]
name = "first"
[tool.uv.index.more]
a = 1
[[tool.uv.index]]
name = \'\'\'second\'\'\'
[project.scripts]
run = 'C:\\path\\'
when = 1979-05-27 07:32:00
'''


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("title",), 1),
        (("project",), 2),
        (("project", "name"), 3),
        (("project", "quoted key"), 4),
        (("project", "a.b", "c"), 5),
        (("project", "dependencies"), 6),
        (("project", "dependencies", 0), 8),
        (("project", "dependencies", 1), 9),
        (("project", "text"), 11),
        (("tool", "uv", "sources", "one", "workspace"), 16),
        (("tool", "uv", "sources", "one", "deep", 0, "x"), 16),
        (("tool", "uv", "index", 0, "name"), 18),
        (("tool", "uv", "index", 0, "more", "a"), 20),
        (("tool", "uv", "index", 1), 21),
        (("tool", "uv", "index", 1, "name"), 22),
        (("project", "scripts", "run"), 24),
        (("project", "scripts", "when"), 25),
    ],
)
def test_key_is_found_on_its_line(keys: Keys, line: int) -> None:
    """Headers, dotted and quoted keys, lists, inline tables and lists of tables are understood."""
    assert key_lines(DOCUMENT)[keys] == line


def test_every_key_and_nothing_else_has_a_line() -> None:
    """What looks like a key inside a string or a comment is none."""
    assert set(key_lines(DOCUMENT)) == set(paths(tomllib.loads(DOCUMENT)))


def paths(node: object, path: Keys = ()) -> Iterator[Keys]:
    """List the path of everything below a parsed value."""
    if isinstance(node, dict):
        pairs = list(node.items())
    elif isinstance(node, list):
        pairs = list(enumerate(node))
    else:
        return
    for key, value in pairs:
        yield (*path, key)
        yield from paths(value, (*path, key))


def inline(node: object) -> str:
    """Write a value as TOML."""
    if isinstance(node, dict):
        return "{" + ", ".join(f"{key(k)} = {inline(v)}" for k, v in node.items()) + "}"
    if isinstance(node, list):
        return "[\n # ]\n" + "".join(f" {inline(value)} , # ]\n" for value in node) + "]"
    return text(node) if isinstance(node, str) else json.dumps(node)


def text(value: str) -> str:
    """Write a string in the quotes that fit its content worst."""
    if value and not set(value) & set("'\n\x7f") and value.isprintable():
        return f"'{value}'"
    return json.dumps(value).replace("\x7f", "\\u007f")


def key(name: str) -> str:
    """Write a key."""
    bare = name and all(each.isascii() and (each.isalnum() or each in "-_") for each in name)
    return name if bare else text(name)


names = st.sampled_from(["a", "b", "c-d", "e f", "", "=", "[x]", "#", "é", '"', "\\"])
leaves = st.one_of(
    st.integers(-9, 9),
    st.booleans(),
    st.sampled_from(["", "'", '"""', "]", "}", "#x", "\n[a]\nb = 1\n", "a\\", "=", ", ", "é"]),
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(names, values, max_size=3),
    st.dictionaries(names, st.dictionaries(names, values, max_size=3), max_size=3),
    st.dictionaries(
        names, st.lists(st.dictionaries(names, values, max_size=2), min_size=1, max_size=3)
    ),
)
def test_lines_are_those_of_what_was_parsed(
    plain: dict[str, object], tables: dict[str, object], lists: dict[str, list[dict[str, object]]]
) -> None:
    """Whatever a document holds, the two parsers see the same keys, each on a line that has it."""
    lines = [f"{key(name)} = {inline(value)}" for name, value in plain.items()]
    for name, content in tables.items():
        if name not in plain and isinstance(content, dict):
            lines.append(f"[{key(name)}]")
            lines += [f"{key(inner)} = {inline(value)}" for inner, value in content.items()]
    for name, rows in lists.items():
        if name in plain or name in tables:
            continue
        for row in rows:
            lines.append(f"[[ {key(name)} ]]")
            lines += [f"{key(inner)} = {inline(value)}" for inner, value in row.items()]
    document = "\n".join(lines)
    tree = tomllib.loads(document)
    found = key_lines(document)
    assert set(found) == set(paths(tree))
    written = document.split("\n")
    for path, line in found.items():
        if isinstance(path[-1], str):
            assert key(path[-1]) in written[line - 1]
