"""More than one alternative: in order, for certain errors, and for results that will not do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import LambdaPrimitive, WorkflowContext
from tta_dev_primitives.errors import ConfigurationError, LLMError, RateLimitedError
from tta_dev_primitives.recovery.fallback import FallbackPrimitive, NotAcceptedError
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive


def failing(error: Exception, name: str = "failing") -> MockPrimitive:
    return MockPrimitive(name, raise_error=error)


def contexts(error: BaseException | None) -> list[BaseException]:
    """Return *error* and what it happened under."""
    found: list[BaseException] = []
    while error is not None:
        found.append(error)
        error = error.__context__
    return found


async def test_alternatives_run_in_order_until_one_succeeds() -> None:
    """A later alternative ran although an earlier one had an answer, or out of turn."""
    last = MockPrimitive("last")
    second = failing(OSError("second"))
    step = FallbackPrimitive(
        failing(OSError("first")),
        second,
        fallbacks=[MockPrimitive(return_value="third"), last],
    )
    context = WorkflowContext()
    assert await step.execute("x", context) == "third"
    assert second.calls == [("x", context)]
    assert last.call_count == 0


async def test_last_error_is_raised_and_holds_all_earlier_ones_in_turn() -> None:
    """Why the first step failed was lost when the third failed too."""
    errors = [ValueError("first"), KeyError("second"), OSError("third")]
    step = FallbackPrimitive(failing(errors[0]), fallbacks=[failing(error) for error in errors[1:]])
    with pytest.raises(OSError, match="third") as caught:
        await step.execute("x")
    assert contexts(caught.value) == errors[::-1]


async def test_steps_that_raise_the_same_error_object_make_no_circle() -> None:
    """A chain of contexts that leads back to itself hangs whoever prints it."""
    same, other = ValueError("same"), KeyError("other")
    step = FallbackPrimitive(failing(same), fallbacks=[failing(other), failing(same)])
    for _ in range(2):
        with pytest.raises(ValueError, match="same") as caught:
            await step.execute("x")
        assert contexts(caught.value) == [same, other]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RateLimitedError("429"), "smaller model"),
        (LLMError("odd"), "other provider"),
        (OSError("down"), "apology"),
    ],
    ids=["most specific", "base class", "any other"],
)
async def test_step_for_the_most_specific_type_of_the_error_runs(
    error: Exception, expected: str
) -> None:
    """The step for a base class ran although there was one for the class itself."""
    step = FallbackPrimitive(
        failing(error),
        lambda x: "apology",
        on={LLMError: lambda x: "other provider", RateLimitedError: lambda x: "smaller model"},
    )
    assert await step.execute("x") == expected


async def test_error_without_a_step_for_it_is_raised() -> None:
    """An error nobody had named was answered by a step for another one."""
    spare = MockPrimitive()
    with pytest.raises(OSError, match="down"):
        await FallbackPrimitive(failing(OSError("down")), on={LLMError: spare}).execute("x")
    assert spare.call_count == 0


async def test_after_the_step_for_an_error_the_others_follow_in_order() -> None:
    """When the special step failed too, the general ones were not asked."""
    special = failing(OSError("special"))
    step = FallbackPrimitive(
        failing(KeyError("first")), MockPrimitive(return_value="general"), on={KeyError: special}
    )
    assert await step.execute("x") == "general"
    assert special.call_count == 1


async def test_error_of_an_alternative_chooses_the_next_step_as_well() -> None:
    """Only the first error was looked up."""
    step = FallbackPrimitive(
        failing(OSError("first")),
        failing(RateLimitedError("429")),
        fallbacks=[MockPrimitive(return_value="in order")],
        on={RateLimitedError: MockPrimitive(return_value="special")},
    )
    assert await step.execute("x") == "special"


async def test_no_step_runs_twice() -> None:
    """A step that fails with the error it is there for ran for ever."""
    special = failing(RateLimitedError("again"))
    step = FallbackPrimitive(
        failing(RateLimitedError("429")),
        special,
        on={RateLimitedError: special, LLMError: special},
    )
    with pytest.raises(RateLimitedError, match="again"):
        await step.execute("x")
    assert special.call_count == 1


@pytest.mark.parametrize(
    "catch",
    [OSError, (KeyError, OSError), lambda error: isinstance(error, OSError)],
    ids=["type", "types", "function"],
)
async def test_error_that_is_not_to_be_caught_is_raised_at_once(catch: Any) -> None:
    """A mistake in the caller's own code was covered up by the fallback."""
    spare = MockPrimitive(return_value="rescued")
    caught = FallbackPrimitive(failing(ConnectionError("down")), spare, catch=catch)
    assert await caught.execute("x") == "rescued"
    with pytest.raises(TypeError, match="mistake"):
        await FallbackPrimitive(failing(TypeError("mistake")), spare, catch=catch).execute("x")
    assert spare.call_count == 1


async def test_catch_decides_before_the_step_for_an_error() -> None:
    """A type in `on` was answered although `catch` leaves it out."""
    step = FallbackPrimitive(
        failing(KeyError("gone")), on={KeyError: MockPrimitive()}, catch=OSError
    )
    with pytest.raises(KeyError, match="gone"):
        await step.execute("x")


async def test_result_that_will_not_do_goes_on_to_the_next() -> None:
    """An empty answer was returned although another step had a better one."""
    step = FallbackPrimitive(
        MockPrimitive(return_value=""),
        MockPrimitive(return_value=""),
        fallbacks=[MockPrimitive(return_value="an answer")],
        accept=bool,
    )
    assert await step.execute("x") == "an answer"


async def test_result_that_will_do_is_returned() -> None:
    """A good answer was thrown away."""
    spare = MockPrimitive()
    step = FallbackPrimitive(MockPrimitive(return_value="good"), spare, accept=bool)
    assert await step.execute("x") == "good"
    assert spare.call_count == 0


async def test_when_no_result_will_do_the_last_one_is_in_the_error() -> None:
    """A result that was refused came out all the same, or its text got into the logs."""
    step = FallbackPrimitive(
        MockPrimitive("first", return_value="secret 1"),
        MockPrimitive("second", return_value="secret 2"),
        accept=lambda result: False,
    )
    with pytest.raises(NotAcceptedError) as caught:
        await step.execute("x")
    assert (caught.value.primitive, caught.value.value) == ("second", "secret 2")
    assert str(caught.value) == "the result of second was not accepted"
    earlier = caught.value.__context__
    assert isinstance(earlier, NotAcceptedError)
    assert earlier.primitive == "first"


async def test_refused_result_can_have_a_step_of_its_own() -> None:
    """A refused result could not be told from a failure."""
    step = FallbackPrimitive(
        MockPrimitive(return_value=""),
        MockPrimitive(return_value="general"),
        on={NotAcceptedError: MockPrimitive(return_value="special")},
        accept=bool,
    )
    assert await step.execute("x") == "special"


async def test_predicate_that_raises_counts_as_a_failure() -> None:
    """An answer that could not even be judged was returned."""
    step = FallbackPrimitive(
        MockPrimitive(return_value=None),
        MockPrimitive(return_value={"ok": True}),
        accept=lambda result: result["ok"],
    )
    assert await step.execute("x") == {"ok": True}


async def test_observer_sees_each_alternative_with_its_number(watcher: Any) -> None:
    """Which of several fallbacks ran could not be seen."""
    step = FallbackPrimitive(
        failing(OSError("1"), "main"),
        failing(KeyError("2"), "first"),
        fallbacks=[failing(OSError("3"), "second")],
        on={KeyError: MockPrimitive("special", return_value=1)},
    )
    assert await step.execute("x") == 1
    assert watcher.records == [
        ("0", observe.FallbackRecord("first", 1, "OSError")),
        ("0", observe.FallbackRecord("special", 3, "KeyError")),
    ]
    assert watcher.outcomes == {
        "0/0.main": "error",
        "0/1.first": "error",
        "0/3.special": "ok",
        "0": "fallback",
    }


async def test_cancellation_while_an_alternative_runs_ends_the_chain(clock: FakeClock) -> None:
    """A caller who gave up set the next alternative off."""
    last = MockPrimitive("last")
    step = FallbackPrimitive(
        failing(OSError()), LambdaPrimitive(lambda x: clock.sleep(60)), fallbacks=[last]
    )
    task = asyncio.ensure_future(step.execute("x"))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert last.call_count == 0


async def test_policy_gives_every_step_the_same_alternatives() -> None:
    """Without a primary there was no way to share a chain."""
    policy = FallbackPrimitive(fallback=MockPrimitive(return_value="spare"), name="rescue")

    @policy
    async def broken(x: str) -> str:
        raise OSError

    assert await broken.execute("x") == "spare"
    assert await policy.wrap(MockPrimitive(return_value="own")).execute("x") == "own"
    with pytest.raises(ConfigurationError, match="wraps nothing yet"):
        await policy.execute("x")


def test_children_are_the_primary_and_every_alternative_once() -> None:
    """A diagram showed a step twice, or left one out."""
    primary, first, second, special = (MockPrimitive(name) for name in "abcd")
    step = FallbackPrimitive(
        primary,
        first,
        fallbacks=[second],
        on={KeyError: special, OSError: special, LookupError: second},
    )
    assert step.children() == [
        ("primary", primary),
        ("fallback 1", first),
        ("fallback 2", second),
        ("on KeyError, OSError", special),
    ]
    assert (step.primary, step.fallback) == (primary, first)
    assert step.fallbacks == (first, second, special)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "there is nothing to fall back to"),
        ({"on": {}}, "there is nothing to fall back to"),
        ({"on": {"KeyError": str}}, "a key of on must be a subclass of Exception, got 'KeyError'"),
        ({"on": {BaseException: str}}, "a key of on must be a subclass of Exception"),
        (
            {"fallback": str, "catch": asyncio.CancelledError},
            "catch must be a subclass of Exception",
        ),
        ({"fallback": str, "catch": (OSError, 3)}, "catch must be a subclass of Exception, got 3"),
        ({"fallback": str, "midstream": "resume"}, "must be 'fail', 'restart' or 'splice'"),
        ({"fallback": str, "midstream": "splice"}, "give continue_with="),
        ({"fallback": str, "continue_with": str}, "give continue_with="),
        ({"fallback": str, "accept": bool, "midstream": "restart"}, "use one of the two"),
    ],
    ids=[
        "no alternative",
        "empty on",
        "name for a type",
        "too wide a type",
        "cancellation",
        "number for a type",
        "unknown policy",
        "splice without continuation",
        "continuation without splice",
        "judged restart",
    ],
)
def test_arguments_that_cannot_work_are_refused(arguments: dict[str, Any], message: str) -> None:
    """A mistake was found at the first failure, when it mattered."""
    with pytest.raises(ConfigurationError, match=message):
        FallbackPrimitive(str, **arguments)
