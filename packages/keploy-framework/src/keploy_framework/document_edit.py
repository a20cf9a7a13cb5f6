"""Change values in YAML text and leave the rest, comments included, as it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from keploy_framework.document import parse_mapping
from keploy_framework.errors import KeployConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import TypeGuard

    from yaml.nodes import Node

    from keploy_framework.document import Document

    Edit = tuple[int, int, str]


def dumped(data: Mapping[str, Any], *, indent: int = 2) -> str:
    """Write a mapping as block YAML, in its own order, with short lists on one line."""
    return yaml.dump(
        data,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        indent=indent,
        width=1_000_000,
    )


def edited_text(document: Document, new: Mapping[str, Any]) -> str:
    """Give the document's text, changed to say *new*.

    Only values that differ are written again. Where that cannot be done in place (anchors,
    a top level in braces), the whole mapping is written again below the comments it opens with.
    """
    if new == document.data:
        return document.text
    newline = "\r\n" if "\r\n" in document.text else "\n"
    plain = document.text.replace("\r\n", "\n")
    root = yaml.compose(plain, Loader=yaml.SafeLoader)
    indent = _indent_of(root)
    if _is_open_block(root):
        changed = _applied(plain, _edits(plain, root, document.data, new, indent))
        if _says(changed, document.file, new):
            return changed.replace("\n", newline)
    return (_opening_comments(plain) + dumped(new, indent=indent)).replace("\n", newline)


def _edits(
    text: str, node: yaml.MappingNode, old: Mapping[str, Any], new: Mapping[str, Any], indent: int
) -> Iterable[Edit]:
    """Yield what to replace in a block mapping, inner insertions before outer ones."""
    column = node.value[0][0].start_mark.column
    for key, value in node.value:
        name = key.value
        if name not in new or old.get(name) == new[name]:
            continue
        # Any: as in Document.data.
        before: Any = old.get(name)
        after: Any = new[name]
        if _is_open_block(value) and _grows(before, after):
            yield from _edits(text, value, before, after, indent)
        else:
            end = _content_end(text, value)
            yield key.start_mark.index, end, _entry(name, after, column, indent)
    added = [name for name in new if name not in old]
    if added:
        line_end = text.find("\n", _content_end(text, node))
        place = len(text) if line_end < 0 else line_end
        lines = [_entry(name, new[name], column, indent) for name in added]
        yield place, place, "".join(f"\n{' ' * column}{line}" for line in lines)


def _grows(before: Any, after: Any) -> bool:
    # Any: two values of any kind that YAML can say.
    return isinstance(before, dict) and isinstance(after, dict) and before.keys() <= after.keys()


def _applied(text: str, edits: Iterable[Edit]) -> str:
    pieces: list[str] = []
    position = 0
    for start, end, replacement in sorted(edits, key=lambda edit: edit[:2]):
        pieces += text[position:start], replacement
        position = end
    return "".join([*pieces, text[position:]])


def _says(text: str, file: Path, data: Mapping[str, Any]) -> bool:
    try:
        return parse_mapping(text, file) == data
    except KeployConfigError:
        return False


def _entry(name: str, value: Any, column: int, indent: int) -> str:
    # Any: a value of any kind that YAML can say.
    return dumped({name: value}, indent=indent).rstrip("\n").replace("\n", "\n" + " " * column)


def _is_open_block(node: Node | None) -> TypeGuard[yaml.MappingNode]:
    return isinstance(node, yaml.MappingNode) and bool(node.value) and not node.flow_style


def _content_end(text: str, node: Node) -> int:
    """Find where a value stops; a block's own end mark lies after the comments below it."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return _content_end(text, last[1] if isinstance(node, yaml.MappingNode) else last)
    return len(text[: node.end_mark.index].rstrip())


def _indent_of(root: Node | None) -> int:
    if _is_open_block(root):
        for _, value in root.value:
            if _is_open_block(value):
                return value.value[0][0].start_mark.column
    return 2


def _opening_comments(text: str) -> str:
    kept: list[str] = []
    for line in text.splitlines(keepends=True):
        if line.strip() and not line.startswith("#"):
            break
        kept.append(line)
    return "".join(kept)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _list_node(dumper: yaml.SafeDumper, items: list[Any]) -> Node:
    short = not any(isinstance(item, list | dict) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=short)


def _text_node(_: yaml.SafeDumper, text: str) -> Node:
    # PyYAML's own choice of quotes loses line breaks such as U+0085; double quotes escape them.
    style = None if text.isprintable() else '"'
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(list, _list_node)
_Dumper.add_representer(str, _text_node)
