"""Lines of code that do what is advised, with names that this library has."""

from __future__ import annotations


def adapter_line(model: str, max_tokens: int | None = None) -> str:
    """Return code that makes an adapter of *model*, with an output limit where one is given."""
    adapter = "AnthropicPrimitive" if is_anthropic(model) else "OpenAIPrimitive"
    limit = "" if max_tokens is None else f", max_tokens={max_tokens}"
    return f"from tta_dev_primitives import {adapter}\nask = {adapter}({_quoted(model)}{limit})"


def is_anthropic(model: str, provider: str | None = None) -> bool:
    """Tell whether Anthropic's own API serves *model*, by the names."""
    return model.startswith("claude") or (provider or "").startswith("anthropic")


def _quoted(text: str) -> str:
    """Return a literal in one line, in double quotes where that needs no escapes."""
    literal = repr(text)
    return literal if '"' in literal else f'"{literal[1:-1]}"'
