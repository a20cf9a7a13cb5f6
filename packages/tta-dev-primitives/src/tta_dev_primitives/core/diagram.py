"""A workflow as a Mermaid flowchart: composition is data, so it can be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .sequential import SequentialPrimitive

if TYPE_CHECKING:
    from .base import WorkflowPrimitive


def mermaid(root: WorkflowPrimitive[Any, Any]) -> str:
    """Return *root* and everything inside it as a Mermaid flowchart, top to bottom.

    A solid arrow leads to the next step of a sequence, a dotted one to what a node contains.
    """
    lines = ["flowchart TD"]
    _draw(root, lines, [0])
    return "\n".join(lines)


def _draw(
    node: WorkflowPrimitive[Any, Any], lines: list[str], counter: list[int]
) -> tuple[str, str]:
    """Append *node* to *lines* and return the ids of its first and last box."""
    if isinstance(node, SequentialPrimitive):
        first = last = ""
        for step in node.steps:
            entry, leaving = _draw(step, lines, counter)
            if last:
                lines.append(f"    {last} --> {entry}")
            first, last = first or entry, leaving
        return first, last
    box = f"n{counter[0]}"
    counter[0] += 1
    lines.append(f'    {box}["{_text(node)}"]')
    for label, child in node.children():
        entry, _ = _draw(child, lines, counter)
        arrow = f'-. "{_escape(label)}" .->' if label else "-.->"
        lines.append(f"    {box} {arrow} {entry}")
    return box, box


def _text(node: WorkflowPrimitive[Any, Any]) -> str:
    kind = type(node).__name__.removesuffix("Primitive")
    return _escape(f"{kind}: {node.name}" if node.name and kind != "Lambda" else node.label)


def _escape(text: str) -> str:
    for character, entity in (("#", "35"), ("&", "amp"), ('"', "quot"), ("<", "lt"), (">", "gt")):
        text = text.replace(character, f"#{entity};")
    return text
