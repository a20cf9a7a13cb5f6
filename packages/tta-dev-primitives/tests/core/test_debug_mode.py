"""In debug mode blocking steps are found without asking, and in any other nothing is loaded."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap

import pytest

BLOCKING = """
import asyncio, logging, sys, threading, time
from tta_dev_primitives import LambdaPrimitive, ObservabilityPrimitive, WorkflowContext, observe
from tta_dev_primitives.core import observe as hook

class Prints(logging.Handler):
    def emit(self, record):
        print(record.getMessage().partition(" held the event loop")[0])

logging.getLogger("tta_dev_primitives.core.blocking").addHandler(Prints())
logging.getLogger("asyncio").disabled = True

def blocks(x):
    time.sleep(0.15)

step = LambdaPrimitive(blocks)

async def main(name="main"):
    await LambdaPrimitive(blocks, name=name).execute(1)
"""


def printed_by(script: str, *options: str, **variables: str) -> list[str]:
    """Run *script* after the lines above in a fresh interpreter."""
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONASYNCIODEBUG"
    }
    ran = subprocess.run(
        [sys.executable, *options, "-c", BLOCKING + textwrap.dedent(script)],
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_loop_in_debug_mode_is_looked_at_from_its_first_call() -> None:
    """Even where that call was made before the loop began."""
    script = """
    asyncio.run(main(), debug=True)
    asyncio.run(step.execute(1), debug=True)
    asyncio.run((LambdaPrimitive(lambda x: x, name="first") >> step).execute(1), debug=True)
    """
    assert printed_by(script) == ["main (0.main)", "blocks (0.blocks)", "blocks (0/1.blocks)"]


@pytest.mark.parametrize(
    ("options", "variables"),
    [([], {"PYTHONASYNCIODEBUG": "1"}), (["-X", "dev"], {})],
    ids=["variable", "developer mode"],
)
def test_process_in_debug_mode_is_looked_at(options: list[str], variables: dict[str, str]) -> None:
    """Also where the primitive runs the loop itself."""
    assert printed_by("step.run(1)", *options, **variables) == ["blocks (0.blocks)"]


def test_each_loop_is_looked_at_anew() -> None:
    """One that is not in debug mode says nothing about the next, nor the other way round."""
    script = """
    asyncio.run(main("no"))
    asyncio.run(main("yes"), debug=True)
    time.sleep(0.1)
    asyncio.run(main("no"))
    asyncio.run(main("also"), debug=True)
    asyncio.run(main("no"))
    """
    assert printed_by(script) == ["yes (0.yes)", "also (0.also)"]


def test_other_observers_neither_hide_nor_feel_it() -> None:
    """Whether they came before the first call or left before it."""
    script = """
    class Ends(ObservabilityPrimitive):
        def end(self, token, outcome, error):
            print("end", outcome)

    with observe(Ends()):
        asyncio.run(main("a"), debug=True)
    time.sleep(0.1)
    observe(Ends()).remove()
    asyncio.run(main("b"), debug=True)
    """
    assert printed_by(script) == ["a (0.a)", "end ok", "b (0.b)"]


def test_thread_and_observer_end_with_the_loop() -> None:
    """Nothing of debug mode outlives it."""
    script = """
    asyncio.run(main(), debug=True)
    until = time.monotonic() + 10
    while threading.active_count() > 1 and time.monotonic() < until:
        time.sleep(0.01)
    print(threading.active_count(), hook.active)
    """
    assert printed_by(script) == ["main (0.main)", "1 None"]


def test_limit_is_that_of_the_loop() -> None:
    """Asyncio has a setting for it already."""
    script = """
    async def patient(limit):
        asyncio.get_running_loop().slow_callback_duration = limit
        await main(str(limit))

    asyncio.run(patient(9), debug=True)
    asyncio.run(patient(0.02), debug=True)
    """
    assert printed_by(script) == ["0.02 (0.0.02)"]


def test_another_loop_is_looked_at_too() -> None:
    """As long as it says that it is in debug mode."""
    if importlib.util.find_spec("uvloop") is None:
        pytest.skip("no uvloop; uv add 'tta-dev-primitives[fast]'")
    script = """
    import uvloop

    with asyncio.Runner(debug=True, loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    """
    assert printed_by(script) == ["main (0.main)"]


def test_nothing_is_loaded_and_no_value_changes_without_debug_mode() -> None:
    """Later calls find None in a module without a `__getattr__`, which costs what it always did."""
    script = """
    print(hook.active, "active" in vars(hook))

    async def calls():
        await step.execute(1)
        print(vars(hook)["active"], "__getattr__" in vars(hook), threading.active_count())

    asyncio.run(calls())
    print("tta_dev_primitives.core.blocking" in sys.modules)
    """
    assert printed_by(script) == ["None False", "None False 1", "False"]


def test_call_that_is_driven_by_hand_needs_no_loop() -> None:
    """There is nothing to look at."""
    script = """
    try:
        LambdaPrimitive(lambda x: x).execute("value").send(None)
    except StopIteration as end:
        print(end.value, hook.active)
    """
    assert printed_by(script) == ["value None"]


def test_unknown_names_of_the_module_are_still_unknown() -> None:
    """Only one name gets its value late."""
    from tta_dev_primitives.core import observe

    with pytest.raises(AttributeError, match="has no attribute 'aktiv'"):
        _ = observe.aktiv  # pyright: ignore[reportAttributeAccessIssue]
