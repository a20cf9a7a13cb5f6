"""What is built of primitives, as the source tells it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from textwrap import dedent

import pytest

from tta_dev_primitives.devtools.calls.composition import (
    Composition,
    find_compositions,
    primitive_classes,
)
from tta_dev_primitives.devtools.calls.layers import chains, roots
from tta_dev_primitives.devtools.source.source_file import SourceFile, read_source
from tta_dev_primitives.devtools.source.workspace import Workspace, gather_facts

HEAD = """
from functools import partial
from tta_dev_primitives import (
    CachePrimitive, ConditionalPrimitive, FallbackPrimitive, LambdaPrimitive, OpenAIPrimitive,
    ParallelPrimitive, RetryPrimitive, RouterPrimitive, SequentialPrimitive, SwitchPrimitive,
    TimeoutPrimitive, WorkflowPrimitive, resilient,
)
async def a(x): ...
async def b(x): ...
async def c(x): ...
"""


def compositions(
    source: str, others: Mapping[str, str] | None = None
) -> tuple[SourceFile, list[Composition]]:
    texts = {"app/main.py": source, **(others or {})}
    files = {
        path: read_source(path, dedent(text), module_name=path[:-3].replace("/", "."))
        for path, text in texts.items()
    }
    workspace = Workspace([gather_facts(file) for file in files.values()])
    file = files["app/main.py"]
    return file, find_compositions(file, workspace.names_of(file))


def drawn(source: str, others: Mapping[str, str] | None = None) -> list[str]:
    """Each way through what is built, from the outside in."""
    _, made = compositions(source, others)
    return sorted(
        " > ".join(
            [*(layer.kind.removesuffix("Primitive") for layer in chain.layers), leaf(chain.leaf)]
        )
        for root in roots(made)
        for chain in chains(root)
    )


def leaf(target: object) -> str:
    if isinstance(target, Composition):
        return "model"
    if isinstance(target, ast.Lambda):
        return "lambda"
    if isinstance(target, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return target.name
    return f"<{ast.unparse(target)}>" if isinstance(target, ast.AST) else "?"


BUILT = {
    "constructor": ("s = CachePrimitive(a)", ["Cache > a"]),
    "keyword": ("s = CachePrimitive(ttl_seconds=9, primitive=a)", ["Cache > a"]),
    "nested": ("s = CachePrimitive(RetryPrimitive(a))", ["Cache > Retry > a"]),
    "through-a-name": ("r = RetryPrimitive(a)\ns = CachePrimitive(r)", ["Cache > Retry > a"]),
    "reassigned": ("s = a\ns = RetryPrimitive(s)\ns = CachePrimitive(s)", ["Cache > Retry > a"]),
    "decorator": ("@CachePrimitive(ttl_seconds=9)\nasync def d(x): ...", ["Cache > d"]),
    "bare-decorator": ("@CachePrimitive\nasync def d(x): ...", ["Cache > d"]),
    "decorators": (
        "@CachePrimitive(ttl_seconds=9)\n@RetryPrimitive()\nasync def d(x): ...",
        ["Cache > Retry > d"],
    ),
    "decorated-function-as-a-step": (
        "@RetryPrimitive()\nasync def d(x): ...\ns = CachePrimitive(d)",
        ["Cache > Retry > d"],
    ),
    "policy": ("p = RetryPrimitive()\ns = p.wrap(a)\nt = p.wrap(b)", ["Retry > a", "Retry > b"]),
    "policy-as-a-decorator": ("p = RetryPrimitive()\n@p\nasync def d(x): ...", ["Retry > d"]),
    "policy-called": ("s = RetryPrimitive()(a)", ["Retry > a"]),
    "policy-wrap-as-a-decorator": (
        "p = RetryPrimitive()\n@p.wrap\nasync def d(x): ...",
        ["Retry > d"],
    ),
    "sequence": (
        "s = LambdaPrimitive(a) >> b >> RetryPrimitive(c)",
        ["Sequential > Retry > c", "Sequential > a", "Sequential > b"],
    ),
    "sequence-by-hand": (
        "s = SequentialPrimitive([a, CachePrimitive(b)])",
        ["Sequential > Cache > b", "Sequential > a"],
    ),
    "parallel": ("s = CachePrimitive(a) | b", ["Parallel > Cache > a", "Parallel > b"]),
    "parallel-by-name": (
        'steps = {"one": a, "two": b}\ns = ParallelPrimitive(steps)',
        ["Parallel > a", "Parallel > b"],
    ),
    "router": (
        'ROUTES = {"x": RetryPrimitive(a), "y": b}\ns = RouterPrimitive(routes=ROUTES)',
        ["Router > Retry > a", "Router > b"],
    ),
    "conditional": (
        "s = ConditionalPrimitive(f, a, else_primitive=b)",
        ["Conditional > a", "Conditional > b"],
    ),
    "switch": (
        "s = SwitchPrimitive(cases=[(f, a), (g, b)], default=c)",
        ["Switch > a", "Switch > b", "Switch > c"],
    ),
    "fallback": (
        "s = FallbackPrimitive(a, fallbacks=[b, c])",
        ["Fallback > a", "Fallback > b", "Fallback > c"],
    ),
    "fallback-of-a-timeout-has-no-limit": (
        "s = TimeoutPrimitive(a, 9, fallback=b)",
        ["Timeout > a", "b"],
    ),
    "resilient": ("s = resilient(a)", ["Timeout > Retry > a"]),
    "resilient-with-more": (
        "s = resilient(a, cache=60, timeout=None, breaker=0.5)",
        ["Cache > Retry > CircuitBreaker > a"],
    ),
    "resilient-with-a-fallback": (
        "s = resilient(a, fallback=b, retry=None)",
        ["Fallback > Timeout > a", "Fallback > b"],
    ),
    "resilient-with-a-policy": (
        "p = RetryPrimitive()\ns = resilient(a, retry=p, timeout=None)",
        ["Retry > a"],
    ),
    "resilient-as-a-decorator": (
        "@resilient(timeout=9)\nasync def d(x): ...",
        ["Timeout > Retry > d"],
    ),
    "lambda": ("s = RetryPrimitive(lambda x, c: x)", ["Retry > lambda"]),
    "partial": ("s = RetryPrimitive(partial(a, 1))", ["Retry > a"]),
    "method": (
        (
            "class B:\n    async def ask(self, x): ...\n    def make(self):\n"
            "        self.step = RetryPrimitive(self.ask)"
        ),
        ["Retry > ask"],
    ),
    "attribute": (
        (
            "class B:\n    def __init__(self):\n        self.r = RetryPrimitive(a)\n"
            "        self.s = CachePrimitive(self.r)"
        ),
        ["Cache > Retry > a"],
    ),
    "own-primitive": (
        "class Ask(WorkflowPrimitive[str, str]):\n    ...\ns = RetryPrimitive(Ask())",
        ["Retry > Ask"],
    ),
    "own-primitive-in-a-sequence": (
        "class Ask(WorkflowPrimitive):\n    ...\ns = Ask() >> a",
        ["Sequential > Ask", "Sequential > a"],
    ),
    "factory": (
        "def make():\n    return RetryPrimitive(a)\ns = CachePrimitive(make())",
        ["Cache > Retry > a"],
    ),
    "adapter": ('s = CachePrimitive(OpenAIPrimitive("gpt-5"))', ["Cache > OpenAI > model"]),
    "subscripted": ("s = CachePrimitive[str, str](a)", ["Cache > a"]),
    "elsewhere": ("from app.calls import ask\ns = CachePrimitive(ask)", ["Cache > <ask>"]),
    "imported-as": (
        "import tta_dev_primitives as tta\ns = tta.CachePrimitive(tta.RetryPrimitive(a))",
        ["Cache > Retry > a"],
    ),
    "numbers-are-no-steps": ("n = 1 | 2\nm = 8 >> 1\nt = int | str", []),
    "a-policy-alone": ("p = RetryPrimitive()", []),
    "hidden-steps": ("s = CachePrimitive(*steps)", []),
}


@pytest.mark.parametrize(("source", "ways"), BUILT.values(), ids=BUILT)
def test_what_is_built_is_seen(source: str, ways: list[str]) -> None:
    """A way of putting primitives together is not understood."""
    assert drawn(HEAD + source) == ways


def test_a_policy_of_another_module_is_known_by_its_name() -> None:
    """A shared policy of the project is not seen where it is used."""
    others = {
        "app/policies.py": "from tta_dev_primitives import CachePrimitive\n"
        "cached = CachePrimitive(ttl_seconds=60)\n"
    }
    source = """
    from app.policies import cached
    @cached
    async def one(x): ...
    async def two(x): ...
    step = cached.wrap(two)
    """
    assert drawn(source, others) == ["Cache > one", "Cache > two"]
    _, made = compositions(source, others)
    assert [ast.unparse(each.arguments["ttl_seconds"]) for each in made] == ["60", "60"]


def test_steps_keep_what_they_were_given() -> None:
    """Two steps of one factory cannot be told from each other."""
    _, made = compositions(f"{HEAD}s = FallbackPrimitive(partial(a, 1), partial(a, 2))")
    first, second = made[0].steps
    assert first.target is second.target
    assert ast.unparse(first.given) != ast.unparse(second.given)


def test_arguments_stand_for_what_they_were_given() -> None:
    """An argument that is a name is not followed to its value."""
    _, made = compositions(f"{HEAD}SECONDS = 9\ns = TimeoutPrimitive(a, SECONDS)")
    value = made[0].values["timeout_seconds"]
    assert isinstance(value, ast.Constant)
    assert value.value == 9


def test_hidden_arguments_are_told() -> None:
    """Arguments hidden by `**options` are taken for the defaults."""
    _, made = compositions(f"{HEAD}s = TimeoutPrimitive(a, **options)\nt = TimeoutPrimitive(a)")
    assert [each.is_complete for each in made] == [False, True]


def test_what_refers_to_itself_ends() -> None:
    """A name that is built of itself is followed for ever."""
    source = """
s = CachePrimitive(s)
def f():
    return g()
def g():
    return f()
t = CachePrimitive(f())
"""
    assert len(compositions(HEAD + source)[1]) == 2


def test_names_that_make_each_other_end() -> None:
    """Objects that are made of each other by their methods are followed without end."""
    lines = ["h = start()", *("h = h.set(1).get(h).copy()" for _ in range(60))]
    ring = "class R:\n    def m(self):\n        self.x = self.y.z\n        self.y = self.x.z"
    source = (
        f"{HEAD}{chr(10).join(lines)}\n{ring}\ns = CachePrimitive(h)\nt = CachePrimitive(R().x)"
    )
    assert len(compositions(source)[1]) == 2


def test_a_long_chain_takes_no_recursion() -> None:
    """A workflow of many steps brings the linter down."""
    source = HEAD + "s = LambdaPrimitive(a)" + " >> a" * 800
    (made,) = [each for each in compositions(source)[1] if each.kind == "SequentialPrimitive"]
    assert len(made.steps) == 801


def test_a_step_used_everywhere_has_a_bounded_number_of_ways() -> None:
    """Steps that double at each line make the linter run out of memory."""
    lines = ["s0 = CachePrimitive(a)", *(f"s{n} = s{n - 1} | s{n - 1} | b" for n in range(1, 40))]
    _, made = compositions(HEAD + "\n".join(lines))
    (root,) = roots(made)
    assert len(chains(root)) == 200


def test_own_primitives_are_found_by_their_base() -> None:
    """A primitive of one's own is not recognised."""
    source = f"""{HEAD}
class Base(WorkflowPrimitive[str, str]): ...
class Ask(Base): ...
class Plain: ...
class Other(Plain): ...
"""
    file = read_source("app.py", source)
    names = Workspace([gather_facts(file)]).names_of(file)
    assert [each.name for each in primitive_classes(file, names)] == ["Base", "Ask"]


def test_a_file_without_the_package_has_none() -> None:
    """Code that has nothing to do with the package is looked into."""
    source = "@property\ndef f(): ...\ns = CachePrimitive(f)\nt = a.wrap(f)\nn = 1 >> 2"
    assert compositions(source)[1] == []
