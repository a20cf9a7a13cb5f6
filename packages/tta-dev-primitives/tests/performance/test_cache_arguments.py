from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import ConfigurationError, InputTypeError
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.performance.stores.disk import DiskStore
from tta_dev_primitives.testing.mocks import MockPrimitive

MakeCache = Callable[..., CachePrimitive[Any, Any]]


@dataclass
class Note:
    text: str
    marks: list[int]


class Opaque:
    """Has no stored form, but can be copied."""

    def __init__(self, label: str) -> None:
        self.label = label


async def test_key_function_sees_input_and_context(make_cache: MakeCache) -> None:
    step = MockPrimitive(side_effect=lambda x, context: x["q"])
    cache = make_cache(step, lambda x, context: (x["q"], context.player_id))
    ada, bob = WorkflowContext(player_id="ada"), WorkflowContext(player_id="bob")
    for context in (ada, ada, bob):
        await cache.execute({"q": "hi", "noise": object()}, context)
    assert step.call_count == 2


async def test_key_function_without_a_context_gets_a_new_one_that_the_step_sees(
    make_cache: MakeCache,
) -> None:
    def key(x: str, context: WorkflowContext) -> str:
        context.state["seen"] = x
        return x

    step = MockPrimitive()
    await make_cache(step, key).execute("q")
    [(_, context)] = step.calls
    assert context.state["seen"] == "q"


@pytest.mark.parametrize("watched", [False, True], ids=["alone", "watched"])
async def test_unhashable_key_is_refused_with_its_type(
    make_cache: MakeCache, request: pytest.FixtureRequest, watched: bool
) -> None:
    if watched:
        request.getfixturevalue("watcher")
    step = MockPrimitive()
    cache = make_cache(step, lambda x, context: [x])
    with pytest.raises(InputTypeError, match="cache_key_fn returned a list, which is not hashable"):
        await cache.execute("q")
    assert step.call_count == 0


async def test_key_that_means_nothing_outside_the_process_is_refused_on_disk(
    tmp_path: Path,
) -> None:
    unknown = Opaque("a")
    cache = CachePrimitive(lambda x: x, lambda x, context: unknown, cache_dir=tmp_path)
    with pytest.raises(InputTypeError, match="only the memory backend can use as a key"):
        await cache.execute("q")


async def test_input_without_a_canonical_form_is_refused_with_its_place(
    make_cache: MakeCache,
) -> None:
    cache = make_cache(lambda x: x)
    with pytest.raises(InputTypeError, match=r"value\['a'\]\[1\] is a .*Opaque.*cache_key_fn="):
        await cache.execute({"a": [1, Opaque("b")]})


@pytest.mark.parametrize(
    "key",
    [1, 2.5, True, None, ("a", 1), b"bytes", "text", frozenset({1}), "\ud800"],
    ids=repr,
)
async def test_hashable_data_serves_as_key(make_cache: MakeCache, key: object) -> None:
    step = MockPrimitive()
    cache = make_cache(step, lambda x, context: key)
    await cache.execute("a")
    await cache.execute("b")
    assert step.call_count == 1


EXCLUDED = {
    "mapping": ({"q": 1, "timeout": 5}, {"timeout": 9, "q": 1}, {"q": 2, "timeout": 5}),
    "dataclass": (Note("a", [1]), Note("a", [2]), Note("b", [1])),
    "text": ("same", "same", "other"),
}


@pytest.mark.parametrize(("first", "same", "other"), EXCLUDED.values(), ids=EXCLUDED)
async def test_excluded_names_do_not_count(
    make_cache: MakeCache, first: object, same: object, other: object
) -> None:
    step = MockPrimitive()
    cache = make_cache(step, exclude=["timeout", "marks"])
    for x in (first, same, other):
        await cache.execute(x)
    assert step.call_count == 2


ARGUMENTS = {
    "ttl zero": ({"ttl_seconds": 0}, "ttl_seconds must be positive, or None for no limit, got 0"),
    "ttl negative": ({"ttl_seconds": -1}, "ttl_seconds must be positive"),
    "ttl nan": ({"ttl_seconds": math.nan}, "ttl_seconds must be positive.*got nan"),
    "no entries": ({"max_entries": 0}, "max_entries must be at least 1, got 0"),
    "too few bytes": ({"cache_dir": ".", "max_bytes": 4096}, "at least 1048576 .*got 4096"),
    "two keys": (
        {"cache_key_fn": lambda x, context: x, "exclude": ["a"]},
        "cache_key_fn and exclude contradict each other",
    ),
    "exclude is text": ({"exclude": "timeout"}, "got the text 'timeout'; put it in a list"),
    "unknown backend": ({"backend": "floppy"}, "backend must be .*got 'floppy'"),
    "no store": ({"backend": 42}, "backend must be 'memory', 'disk' or a store object, got 42"),
    "disk without a folder": ({"backend": "disk"}, "backend='disk' needs cache_dir="),
    "memory with a folder": (
        {"backend": "memory", "cache_dir": "here"},
        "keeps nothing in cache_dir='here'; use backend='disk'",
    ),
    "store and folder": (
        {"backend": DiskStore("."), "cache_dir": "here"},
        "give a store object or cache_dir, not both",
    ),
    "shared on disk": ({"cache_dir": ".", "share": True}, "needs the memory backend"),
}


@pytest.mark.parametrize(("options", "message"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_mistakes_are_told_at_construction(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        CachePrimitive(lambda x: x, **options)
