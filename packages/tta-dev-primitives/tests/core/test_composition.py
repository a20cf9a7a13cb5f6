"""Composition is data: it can be flattened, walked, drawn and compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives import (
    ConditionalPrimitive,
    FallbackPrimitive,
    LambdaPrimitive,
    ParallelPrimitive,
    RetryPrimitive,
    SequentialPrimitive,
    TimeoutPrimitive,
    TransformPrimitive,
    WorkflowContext,
    WorkflowPrimitive,
)
from tta_dev_primitives.core.base import FRESH
from tta_dev_primitives.core.observe import ObservabilityPrimitive, observe
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.core.routing import RouterPrimitive
from tta_dev_primitives.errors import ConfigurationError

Node = WorkflowPrimitive[Any, Any]


def step(name: str) -> LambdaPrimitive[str, str]:
    return LambdaPrimitive(lambda text: text + name, name=name)


def names(node: Node) -> list[str]:
    return [child.name for _, child in node.children()]


def bracketed(steps: list[Node], joined: Callable[[Node, Node], Node], draw: st.DataObject) -> Node:
    """Join *steps* by a binary operator, in brackets that are drawn at random."""
    if len(steps) == 1:
        return steps[0]
    cut = draw.draw(st.integers(1, len(steps) - 1), label="cut")
    return joined(bracketed(steps[:cut], joined, draw), bracketed(steps[cut:], joined, draw))


@given(count=st.integers(2, 7), draw=st.data())
def test_any_bracketing_of_a_sequence_is_the_same_sequence(count: int, draw: st.DataObject) -> None:
    """`>>` is associative: the same flat steps, and the same result."""
    steps: list[Node] = [step(letter) for letter in "abcdefg"[:count]]
    workflow = bracketed(steps, lambda left, right: left >> right, draw)
    assert [child for _, child in workflow.children()] == steps
    assert workflow.run("") == "abcdefg"[:count]


@given(count=st.integers(2, 7), draw=st.data())
def test_any_bracketing_of_branches_is_the_same_node(count: int, draw: st.DataObject) -> None:
    """`|` is associative: the same flat branches, and the same list."""
    steps: list[Node] = [step(letter) for letter in "abcdefg"[:count]]
    workflow = bracketed(steps, lambda left, right: left | right, draw)
    assert [child for _, child in workflow.children()] == steps
    assert workflow.run("-") == [f"-{letter}" for letter in "abcdefg"[:count]]


def upper(text: str) -> str:
    return text.upper()


async def twice(text: str, context: WorkflowContext) -> str:
    return text * 2


@pytest.mark.parametrize(
    ("workflow", "expected"),
    [
        (step("a") >> upper, "XA"),
        (upper >> step("a"), "Xa"),
        (twice >> step("a") >> upper, "XXA"),
        (step("a") | upper, ["xa", "X"]),
        (upper | step("a"), ["X", "xa"]),
        (twice | step("a") | upper, ["xx", "xa", "X"]),
        (str.upper >> step("a"), "Xa"),
        (list | step("a"), [["x"], "xa"]),
    ],
    ids=["p>>f", "f>>p", "f>>p>>f", "p|f", "f|p", "f|p|f", "builtin>>p", "class|p"],
)
async def test_plain_functions_stand_on_either_side(workflow: Node, expected: object) -> None:
    """A function need not be wrapped to be composed."""
    assert await workflow.execute("x") == expected


@pytest.mark.parametrize("other", [None, 3, "text", {"a": 1}], ids=repr)
def test_what_is_no_step_cannot_be_composed(other: Any) -> None:
    """Python says so itself, on either side of either operator."""
    with pytest.raises(TypeError, match="unsupported operand"):
        _ = step("a") >> other
    with pytest.raises(TypeError, match="unsupported operand"):
        _ = other >> step("a")
    with pytest.raises(TypeError, match="unsupported operand"):
        _ = step("a") | other
    with pytest.raises(TypeError, match="unsupported operand"):
        _ = other | step("a")


def test_named_nodes_are_not_taken_apart() -> None:
    """A name says: this is one thing."""
    sequence = SequentialPrimitive([step("a"), step("b")], name="inner")
    assert names(sequence >> step("c")) == ["inner", "c"]
    assert names(step("c") >> sequence) == ["c", "inner"]
    branches = ParallelPrimitive([step("a"), step("b")], name="inner")
    assert names(branches | step("c")) == ["inner", "c"]


def test_branches_with_keys_are_not_taken_apart() -> None:
    """Their results are a dict, which stands in the list as one element."""
    keyed = ParallelPrimitive({"a": step("a"), "b": step("b")})
    workflow = keyed | step("c")
    assert workflow.run("") == [{"a": "a", "b": "b"}, "c"]


def test_subclass_is_not_taken_apart() -> None:
    """Its own behaviour would be lost."""

    class Mine(SequentialPrimitive[Any, Any]):
        pass

    class Ours(ParallelPrimitive[Any, Any]):
        pass

    mine, ours = Mine([step("a"), step("b")]), Ours([step("a")])
    assert next(child for _, child in (mine >> step("c")).children()) is mine
    assert next(child for _, child in (ours | step("c")).children()) is ours


@pytest.mark.parametrize(
    "make",
    [lambda: SequentialPrimitive([]), lambda: ParallelPrimitive([])],
    ids=["sequence", "parallel"],
)
def test_nothing_cannot_be_composed(make: Callable[[], Node]) -> None:
    """An empty workflow is a mistake, found at construction."""
    with pytest.raises(ConfigurationError, match=r"at least one .*, got none"):
        make()


async def test_a_sequence_runs_in_order_and_ends_at_the_first_error() -> None:
    """Later steps do not run."""
    ran: list[str] = []

    def fails(text: str) -> str:
        raise LookupError(text)

    workflow = step("a") >> fails >> (lambda text: ran.append("never"))
    with pytest.raises(LookupError, match="xa"):
        await workflow.execute("x")
    assert ran == []


def everything() -> Node:
    """A workflow with one node of each kind of the core, all of which run."""
    chosen = ConditionalPrimitive(lambda text, context: True, step("then"), step("other"))
    routed = RouterPrimitive({"one": step("one"), "two": step("two")}, lambda text, context: "two")
    branches = ParallelPrimitive({"left": step("l") >> step("l2"), "right": step("r")}, name="both")
    limited = TimeoutPrimitive(RetryPrimitive(step("deep"), name="again"), 5)
    return step("first") >> chosen >> limited >> routed >> branches


def test_walk_yields_every_node_with_its_path_parents_first() -> None:
    """Paths are made of positions and names, from the root on."""
    assert [path for path, _ in everything().walk()] == [
        "0",
        "0/0.first",
        "0/1",
        "0/1/0.then",
        "0/1/1.other",
        "0/2",
        "0/2/0.again",
        "0/2/0.again/0.deep",
        "0/3",
        "0/3/0.one",
        "0/3/1.two",
        "0/4.both",
        "0/4.both/0",
        "0/4.both/0/0.l",
        "0/4.both/0/1.l2",
        "0/4.both/1.r",
    ]


async def test_observers_see_the_paths_that_walk_yields() -> None:
    """What is seen in a trace can be found in the workflow."""
    seen: list[tuple[str, Node]] = []

    class Paths(ObservabilityPrimitive):
        def start(self, primitive: Node, path: str, context: WorkflowContext) -> object:
            seen.append((path, primitive))
            return None

    workflow = everything()
    with observe(Paths()):
        await workflow.execute("x")
    nodes = list(workflow.walk())
    not_taken = {"0/1/1.other", "0/3/0.one"}
    assert sorted(path for path, _ in seen) == sorted({path for path, _ in nodes} - not_taken)
    assert set(seen) <= set(nodes)


def test_a_node_that_is_no_child_has_its_label_for_a_path() -> None:
    """Steps that a step makes up while it runs are still told apart."""
    assert step("a").segment_of(step("b")) == "b"


GOLDEN = """\
flowchart TD
    n0["first"]
    n1["Conditional"]
    n2["then"]
    n1 -. "then" .-> n2
    n3["other"]
    n1 -. "else" .-> n3
    n0 --> n1
    n4["Timeout"]
    n5["Retry: again"]
    n6["deep"]
    n5 -.-> n6
    n4 -.-> n5
    n1 --> n4
    n7["Router"]
    n8["one"]
    n7 -. "one" .-> n8
    n9["two"]
    n7 -. "two" .-> n9
    n4 --> n7
    n10["Parallel: both"]
    n11["l"]
    n12["l2"]
    n11 --> n12
    n10 -. "left" .-> n11
    n13["r"]
    n10 -. "right" .-> n13
    n7 --> n10"""

FALLBACK = """\
flowchart TD
    n0["Fallback"]
    n1["a"]
    n0 -. "primary" .-> n1
    n2["b"]
    n0 -. "fallback" .-> n2"""


@pytest.mark.parametrize(
    ("workflow", "expected"),
    [
        (everything(), GOLDEN),
        (step("a"), 'flowchart TD\n    n0["a"]'),
        (LambdaPrimitive(lambda x: x), 'flowchart TD\n    n0["Lambda"]'),
        (step('<a> & "#1"'), 'flowchart TD\n    n0["#lt;a#gt; #amp; #quot;#35;1#quot;"]'),
        (
            FallbackPrimitive(step("a"), step("b")),
            FALLBACK,
        ),
        (
            TransformPrimitive(lambda chunks: chunks, name="t"),  # pyright: ignore[reportArgumentType]
            'flowchart TD\n    n0["Transform: t"]',
        ),
    ],
    ids=["everything", "step", "lambda", "escaped", "fallback", "transform"],
)
def test_workflow_can_be_drawn(workflow: Node, expected: str) -> None:
    """A solid arrow leads to the next step, a dotted one inside."""
    assert workflow.to_mermaid() == expected


class Shouting(PolicyPrimitive[Any, Any]):
    """A policy with state of its own."""

    def __init__(self, primitive: Any = None, *, name: str = "") -> None:
        super().__init__(primitive, name=name)
        self.heard: list[str] = []

    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        result = await self.primitive.execute(input_data, context)
        self.heard.append(result)
        return f"{result}!"


async def test_policy_wraps_a_step() -> None:
    """The first way: around one step."""
    policy = Shouting(step("a"), name="loud")
    assert await policy.execute("x") == "xa!"
    assert names(policy) == ["a"]


async def test_policy_decorates_a_function() -> None:
    """The second way: `@Policy(...)`, with and without arguments of its own."""

    @Shouting()
    async def bare(text: str) -> str:
        return text

    @Shouting(name="loud")
    def named(text: str) -> str:
        return text

    assert await (bare >> named).execute("x") == "x!!"
    assert named.name == "loud"


async def test_policy_is_shared_by_what_it_wraps() -> None:
    """The third way: one policy, several steps, one state; the policy itself stays empty."""
    policy = Shouting()
    first, second = policy.wrap(step("a")), policy.wrap(step("b"))
    assert await first.execute("x") == "xa!"
    assert await second.execute("x") == "xb!"
    assert policy.heard == ["xa", "xb"]
    assert list(policy.children()) == []
    assert type(first) is Shouting


async def test_policy_without_a_step_says_how_to_use_it() -> None:
    """The message names both ways."""
    expected = r"this Shouting wraps nothing yet; use Shouting\(step, \.\.\.\) or \.wrap\(step\)"
    with pytest.raises(ConfigurationError, match=expected):
        await Shouting().execute("x")
