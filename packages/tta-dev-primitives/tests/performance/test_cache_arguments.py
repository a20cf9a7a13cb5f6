from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pydantic
import pytest

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import ConfigurationError, InputTypeError
from tta_dev_primitives.llm.types import LLMRequest
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


class Query(msgspec.Struct):
    q: int
    timeout: float


class Search(pydantic.BaseModel):
    q: int
    timeout: float


EXCLUDED = {
    "struct": (Query(1, 5), Query(1, 9), Query(2, 5)),
    "model": (Search(q=1, timeout=5), Search(q=1, timeout=9), Search(q=2, timeout=5)),
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


REQUEST = LLMRequest(({"role": "user", "content": "hi"},), model="small", extra={"top_k": 3})


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"extra": {"top_k": 3, "user": "ada", "timeout": 5, "metadata": {"user_id": "1"}}}, True),
        ({"extra": {"top_k": 4}}, False),
        ({"extra": {"top_k": 3, "a_parameter_of_next_year": 1}}, False),
        ({"extra": {"top_k": 3, "extra_headers": {"beta": "on"}}}, False),
        ({"model": "large"}, False),
        ({"temperature": 0.0}, False),
        ({"seed": 1}, False),
    ],
    ids=["volatile", "other value", "unknown", "headers", "model", "temperature", "seed"],
)
async def test_every_parameter_of_an_llm_request_counts_but_the_volatile(
    make_cache: MakeCache, other: dict[str, Any], same: bool
) -> None:
    step = MockPrimitive()
    cache = make_cache(step)
    await cache.execute(REQUEST)
    await cache.execute(replace(REQUEST, **other))
    assert step.call_count == (1 if same else 2)


async def test_excluded_and_volatile_parameters_go_together(make_cache: MakeCache) -> None:
    step = MockPrimitive()
    cache = make_cache(step, exclude=["seed"])
    for seed, user in ((1, "ada"), (2, "bob")):
        await cache.execute(replace(REQUEST, seed=seed, extra={"user": user}))
    assert step.call_count == 1


async def test_the_step_sees_the_volatile_parameters(make_cache: MakeCache) -> None:
    step = MockPrimitive()
    request = replace(REQUEST, extra={"user": "ada"})
    await make_cache(step).execute(request)
    assert step.calls[0][0] == request


ARGUMENTS = {
    "ttl zero": ({"ttl_seconds": 0}, "ttl_seconds must be positive, or None for no limit, got 0"),
    "ttl negative": ({"ttl_seconds": -1}, "ttl_seconds must be positive"),
    "ttl nan": ({"ttl_seconds": math.nan}, "ttl_seconds must be positive.*got nan"),
    "no entries": ({"max_entries": 0}, "max_entries must be at least 1, got 0"),
    "too few bytes": ({"cache_dir": ".", "max_bytes": 4096}, "at least 1048576 .*got 4096"),
    "entries on disk": ({"cache_dir": ".", "max_entries": 5}, "bound a disk store by max_bytes"),
    "bytes on redis": ({"backend": "redis", "max_bytes": 1 << 30}, "by its maxmemory setting"),
    "no bytes": ({"max_bytes": 0}, "max_bytes must be at least 1, got 0"),
    "jitter of all": ({"ttl_jitter": 1}, "ttl_jitter is a part of the ttl, from 0 to below 1"),
    "jitter negative": ({"ttl_jitter": -0.1}, "ttl_jitter .*got -0.1"),
    "stale negative": ({"stale_while_revalidate": -1}, "stale_while_revalidate must be 0 or more"),
    "stale nan": (
        {"stale_if_error": math.nan},
        "stale_if_error must be 0 or more seconds, got nan",
    ),
    "negative zero": ({"negative_ttl": 0}, "negative_ttl must be a positive number of seconds"),
    "negative for ever": ({"negative_ttl": math.inf}, "negative_ttl must be .*got inf"),
    "no errors": ({"negative_errors": [int]}, "takes kinds of Exception, got <class 'int'>"),
    "cancellation": ({"negative_errors": KeyboardInterrupt}, "takes kinds of Exception"),
    "tags is text": ({"tags": "user"}, "tags takes .*'user'; put it in a list"),
    "nul in the namespace": ({"namespace": "a\0b"}, "must not contain NUL"),
    "unknown pace": ({"pace": "slow"}, "pace must be 'instant' or 'recorded', got 'slow'"),
    "unknown flight": ({"single_flight": "world"}, "must be 'process' or 'cluster', got 'world'"),
    "cluster in memory": ({"single_flight": "cluster"}, "needs a store that many machines share"),
    "redis url for disk": (
        {"backend": "disk", "cache_dir": ".", "redis_url": "redis://h"},
        "does not talk to redis_url; use backend='redis'",
    ),
    "pickle without a key": ({"serializer": "pickle"}, "signing_key"),
    "two keys": (
        {"cache_key_fn": lambda x, context: x, "exclude": ["a"]},
        "cache_key_fn and exclude contradict each other",
    ),
    "exclude is text": ({"exclude": "timeout"}, "got the text 'timeout'; put it in a list"),
    "unknown backend": ({"backend": "floppy"}, "backend must be .*got 'floppy'"),
    "no store": (
        {"backend": 42},
        "backend must be 'memory', 'disk', 'redis' or a store object, got 42",
    ),
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
