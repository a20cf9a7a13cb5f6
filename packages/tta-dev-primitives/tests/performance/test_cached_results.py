from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.llm.types import LLMResponse, ToolCall, Usage
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.testing.mocks import MockPrimitive

MakeCache = Callable[..., CachePrimitive[Any, Any]]


@dataclass
class Note:
    text: str
    marks: list[int]


@dataclass(frozen=True)
class Reply:
    text: str
    cacheable: bool = True


@dataclass(frozen=True)
class Fetched:
    text: str
    session: Any = field(default=None, compare=False, metadata={"cache": False})


class Opaque:
    """Has no stored form, but can be copied."""

    def __init__(self, label: str) -> None:
        self.label = label


class Unique:
    """Can be neither stored nor copied."""

    def __deepcopy__(self, memo: object) -> Unique:
        msg = "there is only one"
        raise ValueError(msg)


class CopiedOnce:
    """Can be copied, but not a second time."""

    def __init__(self, copies: list[int]) -> None:
        self.copies = copies

    def __deepcopy__(self, memo: object) -> CopiedOnce:
        self.copies.append(1)
        if len(self.copies) == 2:
            msg = "worn out"
            raise ValueError(msg)
        return self


VALUES = {
    "dict": lambda: {"text": "yes", "choices": [{"n": 1}]},
    "list": lambda: [1, [2, 3]],
    "dataclass": lambda: Note("yes", [1, 2]),
    "tuple of lists": lambda: ([1], [2]),
    "set": lambda: {1, 2},
    "shadowed tag": lambda: {"!": "data", "t": "os:system", "v": {}},
}


@pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)
async def test_no_caller_can_change_an_entry(
    make_cache: MakeCache, make: Callable[[], Any]
) -> None:
    """Neither the caller who filled the entry nor one who was answered from it."""
    cache = make_cache(lambda x: make())
    for _ in range(3):
        found = await cache.execute("q")
        assert found == make()
        spoil(found)


def spoil(value: Any) -> None:
    if isinstance(value, Note):
        value.text, value.marks[0] = "no", -1
    elif isinstance(value, tuple):
        value[0].append("spoilt")
    elif isinstance(value, dict):
        value["spoilt"] = value.pop(next(iter(value)))
    elif isinstance(value, list):
        value[-1] = "spoilt"
    else:
        value.add("spoilt")


async def test_immutable_result_is_handed_out_as_it_is(context: WorkflowContext) -> None:
    cache = CachePrimitive(lambda x: Reply("long text"))
    first = await cache.execute("q", context)
    assert await cache.execute("q", context) is first


async def test_share_hands_out_the_very_object() -> None:
    cache = CachePrimitive(lambda x: Opaque("only one"), share=True)
    assert await cache.execute("q") is await cache.execute("q")


async def test_copyable_result_without_a_stored_form_is_copied_in_memory() -> None:
    cache = CachePrimitive(lambda x: {"it": Opaque("a")})
    first = await cache.execute("q")
    first["it"].label = "spoilt"
    second, third = await cache.execute("q"), await cache.execute("q")
    assert second["it"].label == third["it"].label == "a"
    assert second["it"] is not third["it"]


async def test_copyable_result_without_a_stored_form_is_not_cached_on_disk(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    step = MockPrimitive(side_effect=lambda x, context: Opaque("a"))
    cache = CachePrimitive(step, cache_dir=tmp_path, name="notes")
    for _ in range(3):
        await cache.execute("q")
    assert step.call_count == 3
    [record] = caplog.records
    assert record.getMessage() == (
        "notes: a Opaque cannot be kept, so it is not cached; return data (JSON values, "
        "dataclasses of a module), or pass share=True with the memory backend"
    )


async def test_result_that_cannot_be_kept_is_passed_on(
    make_cache: MakeCache, caplog: pytest.LogCaptureFixture
) -> None:
    step = MockPrimitive(side_effect=lambda x, context: Unique())
    cache = make_cache(step)
    assert isinstance(await cache.execute("q"), Unique)
    await cache.execute("q")
    assert step.call_count == 2
    assert len(caplog.records) == 1


async def test_result_that_holds_itself_does_not_end_the_call(make_cache: MakeCache) -> None:
    loop: list[Any] = []
    loop.append(loop)
    cache = make_cache(lambda x: loop)
    assert await cache.execute("q") is loop


async def test_result_that_is_too_deep_does_not_end_the_call(make_cache: MakeCache) -> None:
    deep: Any = ()
    for _ in range(5000):
        deep = (deep,)
    cache = make_cache(lambda x: deep)
    assert await cache.execute("q") is deep


@pytest.mark.parametrize("given", [True, False], ids=["with context", "without"])
@pytest.mark.parametrize("wrapped", [True, False], ids=["wrapped", "alone"])
async def test_entry_that_cannot_be_restored_is_a_miss(
    caplog: pytest.LogCaptureFixture, wrapped: bool, given: bool
) -> None:
    copies: list[int] = []
    step = MockPrimitive(side_effect=lambda x, context: CopiedOnce(copies))
    cache = CachePrimitive(lambda x: x).wrap(step) if wrapped else CachePrimitive(step)
    contexts = [WorkflowContext()] if given else []
    for _ in range(2):
        assert isinstance(await cache.execute("q", *contexts), CopiedOnce)
    assert step.call_count == 2
    assert (cache.get_stats()["hits"], cache.get_stats()["misses"]) == (0, 2)
    assert [context.state.get("cache_hits", 0) for context in contexts] == [0] * len(contexts)
    [record] = caplog.records
    assert "an entry was passed over: ValueError('worn out')" in record.getMessage()


async def test_answer_that_says_so_is_not_cached(make_cache: MakeCache) -> None:
    step = MockPrimitive(side_effect=[Reply("cut o", cacheable=False), Reply("whole")])
    cache = make_cache(step)
    assert [(await cache.execute("q")).text for _ in range(3)] == ["cut o", "whole", "whole"]


CALL = ToolCall("1", "search", "{}")


ANSWERS = {
    "whole": (LLMResponse("yes"), True),
    "cut off": (LLMResponse("ye", finish_reason="length"), False),
    "filtered": (LLMResponse("", finish_reason="content_filter"), False),
    "waits for a tool": (LLMResponse("", (CALL,), finish_reason="tool_calls"), False),
    "forced tool": (LLMResponse("", (CALL,), finish_reason="stop"), False),
    "unknown end": (LLMResponse("yes", finish_reason="paused"), False),
}


@pytest.mark.parametrize(("answer", "expected"), ANSWERS.values(), ids=ANSWERS)
async def test_only_whole_llm_answers_are_cached(
    make_cache: MakeCache, answer: LLMResponse, expected: bool
) -> None:
    step = MockPrimitive(return_value=answer)
    cache = make_cache(step)
    assert await cache.execute("q") == await cache.execute("q") == answer
    assert step.call_count == (1 if expected else 2)


@pytest.mark.parametrize("session", [object(), "text"], ids=["object", "text"])
async def test_uncached_field_reaches_the_first_caller_only(
    make_cache: MakeCache, session: object
) -> None:
    cache = make_cache(lambda x: Fetched("page", session))
    first, second = await cache.execute("q"), await cache.execute("q")
    assert first.session is session
    assert second == first
    assert second.session is None


async def test_callers_who_join_a_call_under_way_saved_its_price(watcher: Any) -> None:
    """Each of them was spared the money and the tokens, as by a hit."""
    answer = LLMResponse("yes", usage=Usage(10, 5), cost=0.25)

    async def ask(_: str) -> LLMResponse:
        await asyncio.sleep(0)
        return answer

    cache = CachePrimitive(ask)
    await asyncio.gather(*(cache.execute("same") for _ in range(3)))
    assert [(r.result, r.saved_cost, r.saved_input_tokens) for r in watcher.records] == [
        ("miss", None, None),
        ("coalesced", 0.25, 10),
        ("coalesced", 0.25, 10),
    ]
