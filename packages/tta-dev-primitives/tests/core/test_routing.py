from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from tta_dev_primitives.core.base import FRESH, WorkflowContext, WorkflowPrimitive
from tta_dev_primitives.core.observe import ObservabilityPrimitive, RouteRecord, observe
from tta_dev_primitives.core.routing import RouterPrimitive
from tta_dev_primitives.errors import BadRequestError, ConfigurationError, RouteNotFoundError


def by_key(x: dict[str, str], context: WorkflowContext) -> str:
    return x["to"]


async def upper(x: dict[str, str]) -> str:
    return x["text"].upper()


def lower(x: dict[str, str]) -> str:
    return x["text"].lower()


def failing(error: Exception):
    async def step(x: object) -> str:
        raise error

    return step


class Chunked(WorkflowPrimitive[object, str]):
    """Streams its chunks, then raises its error, and tells whether it was closed."""

    def __init__(self, *chunks: str, error: Exception | None = None) -> None:
        self.chunks, self.error, self.closed = chunks, error, False

    async def stream(
        self, input_data: object, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[str, None]:
        try:
            for chunk in self.chunks:
                yield chunk
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True


async def test_the_route_that_the_function_names_runs() -> None:
    router = RouterPrimitive({"up": upper, "down": lower}, by_key)
    context = WorkflowContext()
    assert await router.execute({"to": "up", "text": "Hi"}, context) == "HI"
    assert await router.execute({"to": "down", "text": "Hi"}, context) == "hi"
    assert context.state["routing_history"] == ["up", "down"]


async def test_unknown_name_without_default_is_a_value_error_that_says_so() -> None:
    router = RouterPrimitive(routes={"up": upper}, router_fn=by_key)
    with pytest.raises(ValueError, match=r"^No route found for 'left'; known routes: 'up'") as info:
        await router.execute({"to": "left", "text": ""})
    assert isinstance(info.value, RouteNotFoundError)
    assert info.value.route == "left"
    assert info.value.known == ("up",)


async def test_unknown_name_goes_to_the_default() -> None:
    router = RouterPrimitive({"up": upper, "down": lower}, by_key, default="down")
    context = WorkflowContext()
    assert await router.execute({"to": "left", "text": "Hi"}, context) == "hi"
    assert context.state["routing_history"] == ["down"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({}, by_key), "routes is empty"),
        (({"up": upper}, by_key, "left"), "default 'left' is no route; known routes: 'up'"),
        (({"up": upper}, "up"), "router_fn must be a plain function"),
        (({"up": upper}, upper), "router_fn must be a plain function"),
    ],
    ids=["no-routes", "default-is-no-route", "not-a-function", "async-function"],
)
def test_a_router_that_cannot_work_is_refused_at_construction(arguments, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as info:
        RouterPrimitive(*arguments)
    assert "\n" not in str(info.value)


async def test_no_other_route_is_tried_unless_asked() -> None:
    router = RouterPrimitive(
        {"bad": failing(OSError("down")), "up": upper}, lambda x, context: "bad"
    )
    with pytest.raises(OSError, match="down"):
        await router.execute({"text": "a"})


async def test_failover_goes_through_the_other_routes_in_order() -> None:
    router = RouterPrimitive(
        {"c": upper, "a": failing(OSError("a")), "b": failing(OSError("b"))},
        lambda x, context: "b",
        failover=True,
    )
    context = WorkflowContext()
    assert await router.execute({"text": "x"}, context) == "X"
    assert context.state["routing_history"] == ["b", "c"]


async def test_the_last_error_is_raised_when_every_route_fails() -> None:
    router = RouterPrimitive(
        {"a": failing(OSError("a")), "b": failing(OSError("b"))},
        lambda x, context: "a",
        failover=True,
    )
    with pytest.raises(OSError, match="b"):
        await router.execute("x")


async def test_an_error_that_no_try_can_mend_is_not_failed_over() -> None:
    router = RouterPrimitive(
        {"bad": failing(BadRequestError("no")), "up": upper},
        lambda x, context: "bad",
        failover=True,
    )
    with pytest.raises(BadRequestError):
        await router.execute({"text": "a"})


async def test_cancellation_is_not_failed_over() -> None:
    started = asyncio.Event()
    second: list[object] = []

    async def hang(x: object) -> None:
        started.set()
        await asyncio.Event().wait()

    router = RouterPrimitive(
        {"hang": hang, "other": second.append}, lambda x, context: "hang", failover=True
    )
    task = asyncio.create_task(router.execute("x"))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert second == []


async def test_a_stream_fails_over_before_its_first_chunk() -> None:
    broken, whole = Chunked(error=OSError("down")), Chunked("a", "b")
    router = RouterPrimitive(
        {"broken": broken, "whole": whole}, lambda x, context: "broken", failover=True
    )
    context = WorkflowContext()
    assert [chunk async for chunk in router.stream("x", context)] == ["a", "b"]
    assert context.state["routing_history"] == ["broken", "whole"]
    assert broken.closed
    assert whole.closed


async def test_a_stream_that_has_begun_is_not_failed_over() -> None:
    router = RouterPrimitive(
        {"broken": Chunked("a", error=OSError("down")), "whole": Chunked("b")},
        lambda x, context: "broken",
        failover=True,
    )
    chunks = router.stream("x")
    assert await anext(chunks) == "a"
    with pytest.raises(OSError, match="down"):
        await anext(chunks)


async def test_closing_the_stream_closes_the_route() -> None:
    route = Chunked("a", "b")
    chunks = RouterPrimitive({"only": route}, lambda x, context: "only").stream("x")
    assert await anext(chunks) == "a"
    await chunks.aclose()
    assert route.closed


async def test_an_empty_stream_is_a_success() -> None:
    other = Chunked("b")
    router = RouterPrimitive(
        {"empty": Chunked(), "other": other}, lambda x, context: "empty", failover=True
    )
    assert [chunk async for chunk in router.stream("x")] == []


class Watcher(ObservabilityPrimitive):
    """Keeps what routers report."""

    def __init__(self) -> None:
        self.records: list[RouteRecord] = []

    def event(self, token: object, record: object) -> None:
        if isinstance(record, RouteRecord):
            self.records.append(record)


@pytest.mark.parametrize(
    ("wanted", "default", "taken", "told"),
    [
        ("up", None, "down", ("up", "shadow, not taken: router_fn")),
        ("up", "other", "other", ("up", "shadow, not taken: router_fn")),
        ("nowhere", None, "down", ("nowhere", "shadow, not taken: no route found")),
    ],
    ids=["first-route", "default", "no-such-route"],
)
async def test_a_shadow_decides_and_reports_but_does_not_act(
    wanted: str, default: str | None, taken: str, told: tuple[str, str]
) -> None:
    """A new rule can be watched on live traffic before it is trusted."""
    routes = {"down": lower, "up": upper, "other": lambda x: "other"}
    router = RouterPrimitive(routes, lambda x, context: wanted, default, shadow=True)
    context, watcher = WorkflowContext(), Watcher()
    with observe(watcher):
        said = await router.execute({"text": "Hi"}, context)
        streamed = [chunk async for chunk in router.stream({"text": "Hi"}, context)]
    assert said == streamed[0] == ("other" if taken == "other" else "hi")
    assert context.state["routing_history"] == [taken, taken]
    assert [(r.selected, r.reason) for r in watcher.records] == [told, (taken, "shadow")] * 2


async def test_each_route_tried_is_reported_with_the_reason() -> None:
    watcher = Watcher()
    router = RouterPrimitive(
        {"bad": failing(OSError("down")), "up": upper}, lambda x, context: "bad", failover=True
    )
    with observe(watcher):
        await router.execute({"text": "a"})
    assert watcher.records == [
        RouteRecord("bad", ("bad", "up"), "router_fn", "function"),
        RouteRecord("up", ("bad", "up"), "failover from bad: OSError", "function"),
    ]


def test_routes_are_the_children_by_name() -> None:
    router = RouterPrimitive({"up": upper, "down": lower}, by_key)
    assert [label for label, _ in router.children()] == ["up", "down"]
