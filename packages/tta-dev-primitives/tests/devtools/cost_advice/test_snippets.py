"""Every line of code that is advised compiles, and names what the library has."""

from __future__ import annotations

import ast
import importlib
import inspect

import pytest

from tta_dev_primitives.devtools.cost_advice.advice import Lever
from tta_dev_primitives.devtools.cost_advice.snippets import adapter_line

from .test_cheaper_models import scored
from .test_near_repeats import asking
from .test_shared_prefixes import asked
from .traffic_here import request, told

LEVERS: list[Lever] = [
    lever
    for traffic in (
        [request(n, ts=n, key=b"k", error="boom" if n == 5 else None) for n in range(6)],
        asking(),
        scored(100, 100),
        [asked(n, ts=n) for n in range(3)],
        [asked(n, ts=n, model="claude-large") for n in range(3)],
        [request(n, ts=n, tokens=(1, n)) for n in range(200)],
        [request(n, ts=n, model="claude-large", tokens=(1, n)) for n in range(200)],
    )
    for lever in told(traffic, ttl_seconds=7_200, max_entries=500).levers
]
SNIPPETS = sorted({lever.code for lever in LEVERS})


def test_each_lever_has_a_snippet() -> None:
    """A lever is advised without telling how to pull it."""
    assert {lever.name for lever in LEVERS} == {
        "exact repeats",
        "near repeats",
        "cheaper model",
        "prompt caching",
        "shorter outputs",
        "wasted retries",
    }
    assert all(SNIPPETS)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_snippet_names_what_is_there(snippet: str) -> None:
    """The advised line raises an ImportError or a TypeError."""
    tree = ast.parse(snippet)
    names: dict[str, object] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module is not None
            module = importlib.import_module(node.module)
            names |= {alias.name: getattr(module, alias.name) for alias in node.names}
    called = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            called += 1
            target = names[node.func.id]
            assert callable(target)
            keywords = {keyword.arg: None for keyword in node.keywords if keyword.arg is not None}
            inspect.signature(target).bind(*[None for _ in node.args], **keywords)
    assert called


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_snippet_runs(snippet: str) -> None:
    """The advised line is refused by what it makes."""

    async def step(text: str) -> str:
        return text

    exec(snippet, {"ask": step, "instructions": "...", "question": {"role": "user"}})


@pytest.mark.parametrize(
    "name",
    ["gpt-4o", "it's", 'say "hi"', "a\nb", "a\\b", "\u202e", "'\""],
    ids=["plain", "apostrophe", "quotes", "line", "backslash", "direction", "both"],
)
def test_name_of_a_model_stays_a_literal(name: str) -> None:
    """The name of a model ends its literal, or the line."""
    line = adapter_line(name).splitlines()[1]
    assert len(adapter_line(name).splitlines()) == 2
    call = ast.parse(line).body[0].value  # type: ignore[attr-defined]
    assert ast.literal_eval(call.args[0]) == name
