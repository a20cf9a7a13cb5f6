"""One of many steps, by a value or by the first predicate that holds."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tta_dev_primitives import WorkflowContext
from tta_dev_primitives.core.identity import identity
from tta_dev_primitives.core.switch import SwitchPrimitive
from tta_dev_primitives.errors import (
    CaseNotFoundError,
    ConfigurationError,
    InputTypeError,
    RouteNotFoundError,
)


class Colour(enum.Enum):
    RED = 1


class Size(enum.StrEnum):
    LARGE = "large"


def told(word: str) -> Any:
    return lambda x: word


def itself(x: object, context: WorkflowContext) -> Any:
    return x


def first_letter(x: str, context: WorkflowContext) -> str:
    return x[0]


def is_negative(x: int, context: WorkflowContext) -> bool:
    return x < 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "text"),
        (2, "number"),
        (2.0, "number"),
        (None, "nothing"),
        (Colour.RED, "member"),
        ("large", "text member"),
        (int, "type"),
        (("a", 2), "pair"),
        ("b", "default"),
        (3, "default"),
    ],
    ids=repr,
)
async def test_case_of_an_equal_value_runs(value: object, expected: str) -> None:
    """Keys are compared as in a dict, of whatever types they are."""
    switch = SwitchPrimitive(
        selector=itself,
        cases={
            "a": told("text"),
            2: told("number"),
            None: told("nothing"),
            Colour.RED: told("member"),
            Size.LARGE: told("text member"),
            int: told("type"),
            ("a", 2): told("pair"),
        },
        default=told("default"),
    )
    assert await switch.execute(value) == expected
    assert [chunk async for chunk in switch.stream(value)] == [expected]


@pytest.mark.parametrize(("x", "expected"), [(-1, "negative"), (20, "large"), (5, "rest")])
async def test_first_predicate_that_holds_decides(x: int, expected: str) -> None:
    """In the order given."""
    switch = SwitchPrimitive(
        cases=[
            (is_negative, told("negative")),
            (lambda x, context: x > 10, told("large")),
            (lambda x, context: x > 15, told("never")),
        ],
        default=told("rest"),
    )
    assert await switch.execute(x) == expected


async def test_predicates_after_the_first_that_holds_are_not_asked() -> None:
    """They may be costly."""
    asked: list[str] = []

    def asks(name: str, answer: bool) -> Any:
        def predicate(x: object, context: WorkflowContext) -> bool:
            asked.append(name)
            return answer

        return predicate

    steps = [
        (asks("a", False), told("a")),
        (asks("b", True), told("b")),
        (asks("c", True), told("c")),
    ]
    assert await SwitchPrimitive(cases=steps).execute("x") == "b"
    assert asked == ["a", "b"]


async def test_selector_sees_the_context() -> None:
    """It may decide by the state of the run."""
    switch: SwitchPrimitive[Any, str] = SwitchPrimitive(
        lambda x, context: context.state["tier"], {"gold": told("gold")}
    )
    assert await switch.execute("x", WorkflowContext(state={"tier": "gold"})) == "gold"


async def test_value_without_a_case_is_an_error_that_names_the_cases() -> None:
    """A ValueError like that of the router, with the value as data."""
    switch = SwitchPrimitive(itself, {"a": told("a"), Colour.RED: told("r"), int: told("i")})
    with pytest.raises(CaseNotFoundError) as caught:
        await switch.execute("z")
    assert str(caught.value) == (
        "no case for 'z'; cases: a, Colour.RED, int. Add one to cases= or set default="
    )
    assert isinstance(caught.value, RouteNotFoundError | ValueError)
    assert (caught.value.route, caught.value.known) == ("z", ("a", "Colour.RED", "int"))
    assert not caught.value.retryable


async def test_value_in_the_error_text_is_kept_short() -> None:
    """A selector that returns a whole document does not fill the log with it."""
    with pytest.raises(CaseNotFoundError) as caught:
        await SwitchPrimitive(itself, {"a": told("a")}).execute("z" * 10_000)
    assert len(str(caught.value)) < 200


async def test_no_predicate_holds_and_no_default_is_an_error() -> None:
    """It does not claim that None was looked for."""
    switch = SwitchPrimitive(
        cases=[(is_negative, told("n")), (lambda x, context: False, told("f"))]
    )
    with pytest.raises(CaseNotFoundError, match=r"^no predicate holds; cases: is_negative, 1"):
        await switch.execute(1)


async def test_value_that_is_not_hashable_is_an_error_that_says_so() -> None:
    """Not a bare TypeError from inside a dict."""
    switch = SwitchPrimitive(itself, {"a": told("a")}, told("default"))
    with pytest.raises(InputTypeError, match="selector returned a list, which is not hashable"):
        await switch.execute(["a"])


async def test_error_of_the_selector_ends_the_call() -> None:
    """Not even the default runs."""
    ran: list[object] = []

    def broken(x: object, context: WorkflowContext) -> str:
        raise LookupError("broken")

    switch = SwitchPrimitive(broken, {"a": ran.append}, ran.append)
    with pytest.raises(LookupError, match="broken"):
        await switch.execute("x")
    with pytest.raises(LookupError, match="broken"):
        await anext(switch.stream("x"))
    assert ran == []


async def test_case_streams_its_chunks_and_is_closed_with_the_stream() -> None:
    """The case has cleaned up when `aclose()` returns."""
    closed: list[bool] = []

    async def endless(text: str) -> AsyncIterator[str]:
        try:
            while True:
                yield text
        finally:
            closed.append(True)

    stream = SwitchPrimitive(itself, {"a": endless}).stream("a")
    assert [await anext(stream), await anext(stream)] == ["a", "a"]
    await stream.aclose()
    assert closed == [True]


async def later(x: object, context: WorkflowContext) -> str:
    return "a"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"selector": itself, "cases": {}}, "cases is empty"),
        ({"cases": []}, "cases is empty"),
        ({"selector": itself, "cases": [(is_negative, str)]}, "a selector needs cases= as a map"),
        ({"cases": {"a": str}}, "a mapping of cases needs a selector="),
        ({"selector": later, "cases": {"a": str}}, "selector must be a plain function"),
        ({"selector": "a", "cases": {"a": str}}, "selector must be a plain function"),
        ({"cases": [(later, str)]}, "a predicate must be a plain function"),
        ({"cases": [(int, str)]}, r"a predicate must be .* test for types with isinstance\(\)"),
    ],
    ids=[
        "no values",
        "no predicates",
        "selector and predicates",
        "values without selector",
        "async selector",
        "selector is a value",
        "async predicate",
        "predicate is a type",
    ],
)
def test_switch_that_cannot_work_is_refused_at_construction(
    arguments: dict[str, Any], message: str
) -> None:
    """With what to do instead."""
    with pytest.raises(ConfigurationError, match=message):
        SwitchPrimitive(**arguments)


def test_cases_are_labelled_by_their_values_or_predicates() -> None:
    """So that a diagram says which is which."""
    by_value = SwitchPrimitive(itself, {"a": str, 2: str, Colour.RED: str, int: str}, str)
    assert [label for label, _ in by_value.children()] == ["a", "2", "Colour.RED", "int", "default"]
    by_predicate = SwitchPrimitive(cases=[(is_negative, str), (lambda x, context: True, str)])
    assert [label for label, _ in by_predicate.children()] == ["is_negative", "1"]


async def test_case_taken_is_reported(recorder: Any) -> None:
    """By its label."""
    switch = SwitchPrimitive(itself, {Colour.RED: told("r")}, told("default"), name="s")
    await switch.execute(Colour.RED)
    await switch.execute("x")
    events = [line for line in recorder.log if line.startswith("event")]
    assert events == [
        "event 0.s BranchRecord(taken='Colour.RED')",
        "event 0.s BranchRecord(taken='default')",
    ]


def test_identity_changes_with_what_decides() -> None:
    """Two switches over the same steps are not the same step to a cache."""
    switches = [
        SwitchPrimitive(itself, {"a": str}),
        SwitchPrimitive(first_letter, {"a": str}),
        SwitchPrimitive(itself, {"b": str}),
        SwitchPrimitive(cases=[(is_negative, str)]),
        SwitchPrimitive(cases=[(lambda x, context: x < 0, str)]),
    ]
    assert len({identity(switch) for switch in switches}) == len(switches)
