"""Change entries of YAML text and leave the rest, comments included, as it was written."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeGuard

    from yaml.nodes import Node

    # Any, here and below: a value of any kind that YAML can say.
    Data = Mapping[str, Any]


def changed_text(text: str, old: Data, new: Data) -> str:
    """Change *text*, which says *old*, so that it says *new*.

    What comes out is read again and compared with *new*. Where an edit in place does not pass
    (anchors, a top level in braces, entries that go away), the whole of *new* is written afresh:
    correct, but without comments.

    Args:
        text: YAML with one mapping, or nothing; its lines end with a newline character.
        old: What the text says.
        new: What it shall say. Entries equal to the old ones are not touched.
    """
    if new == old:
        return text
    try:
        changed = _edited(text, old, new)
        fits = yaml.safe_load(changed) == new
    except (yaml.YAMLError, RecursionError):  # an anchor was edited away, or holds itself
        return _dumped(new)
    return changed if fits else _dumped(new)


def _edited(text: str, old: Data, new: Data) -> str:
    changed = text if text.endswith("\n") else f"{text}\n"
    root = yaml.compose(changed, Loader=yaml.SafeLoader)
    if _is_block(root):
        indent = next((value.start_mark.column for _, value in root.value if _is_block(value)), 2)
        for start, end, entry in _edits(changed, root, old, new, indent):
            changed = changed[:start] + entry + changed[end:]
    return changed


def _edits(
    text: str, node: yaml.MappingNode, old: Data, new: Data, indent: int
) -> Iterator[tuple[int, int, str]]:
    """Yield what to put where, from the end on, so that no edit moves the next one's place."""
    margin = " " * node.start_mark.column
    written = {key.value for key, _ in node.value}
    added = {name: new[name] for name in new if name not in written and old.get(name) != new[name]}
    if added:
        below = text.index("\n", _end(text, node)) + 1
        yield below, below, textwrap.indent(_dumped(added, indent), margin)
    for key, value in reversed(node.value):
        name = key.value
        if name not in new or old.get(name) == new[name]:
            continue
        if _is_block(value) and isinstance(new[name], dict):
            yield from _edits(text, value, old[name], new[name], indent)
        else:
            entry = textwrap.indent(_dumped({name: new[name]}, indent), margin)
            yield key.start_mark.index, _end(text, value), entry.strip()


def _end(text: str, node: Node) -> int:
    """Find where a value's own text ends; a block's mark lies below the comments after it."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(node, yaml.MappingNode) else last)
    return len(text[: node.end_mark.index].rstrip())


def _is_block(node: Node | None) -> TypeGuard[yaml.MappingNode]:
    return isinstance(node, yaml.MappingNode) and not node.flow_style


def _dumped(data: Data, indent: int = 2) -> str:
    return yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, indent=indent, width=1_000_000
    )


class _Dumper(yaml.SafeDumper):
    """Quote what PyYAML would lose: it writes line breaks such as U+0085 as they are."""


def _text_node(_: yaml.SafeDumper, text: str) -> Node:
    style = None if text.isprintable() else '"'
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text_node)
