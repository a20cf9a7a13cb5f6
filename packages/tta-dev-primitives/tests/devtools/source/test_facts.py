"""Facts of a file: complete in JSON, small, and gathered in bounded time."""

from __future__ import annotations

import json
import sysconfig
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.source.encoding import decoded, encoded
from tta_dev_primitives.devtools.source.facts import FileFacts
from tta_dev_primitives.devtools.source.source_file import SourceError, read_source
from tta_dev_primitives.devtools.source.values import (
    CallRecord,
    Constant,
    Element,
    Group,
    Made,
    Member,
    Parameter,
    Reference,
    Symbol,
    Unknown,
    Value,
)
from tta_dev_primitives.devtools.source.workspace import Workspace, gather_facts

from .reading import last_expression, read_file

PATH = "app/main.py"
NAMES = st.sampled_from(["a", "openai.OpenAI", "C.m", "é"])
KEYS = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from(["x", "y"]))
LEAVES: st.SearchStrategy[Value] = st.one_of(
    st.builds(Reference, NAMES, st.just(PATH)),
    st.builds(Symbol, st.just(PATH), NAMES),
    st.builds(
        Constant, st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=3))
    ),
    st.builds(Unknown, NAMES),
)


def _bigger(parts: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    records = st.builds(
        CallRecord,
        st.lists(parts, max_size=2).map(tuple),
        st.lists(st.tuples(NAMES, parts), max_size=2).map(tuple),
        st.booleans(),
        st.just(PATH),
        st.integers(1, 9),
    )
    groups = st.lists(st.tuples(parts, KEYS), max_size=3).flatmap(
        lambda items: st.sampled_from(
            [
                Group(tuple(item for item, _ in items)),
                Group(tuple(item for item, _ in items), tuple(key for _, key in items)),
            ]
        )
    )
    return st.one_of(
        st.builds(Member, parts, NAMES),
        st.builds(Made, parts, st.one_of(st.none(), records)),
        st.builds(Element, parts, KEYS),
        st.builds(Parameter, st.just(PATH), NAMES, NAMES, st.one_of(st.none(), parts)),
        groups,
    )


@given(st.recursive(LEAVES, _bigger, max_leaves=12))
def test_value_survives_json(value: Value) -> None:
    """What another process is told of a value is the value."""
    assert decoded(json.loads(json.dumps(encoded(value))), PATH) == value


@given(
    st.recursive(
        st.one_of(st.none(), st.integers(), st.sampled_from(["r", "c", "m", "g", "p", "k"])),
        lambda parts: st.lists(parts, max_size=6),
        max_leaves=20,
    )
)
def test_damaged_value_is_unknown_and_no_error(data: object) -> None:
    """A cache that was cut or edited gives unknown values, not a crash."""
    assert decoded(data, PATH) is not None


def test_answers_are_the_same_from_json() -> None:
    """Facts that come from the cache answer as those just gathered."""
    helper = """
        import openai

        class Holder:
            limit = 5
            def __init__(self, client=None, *, timeout=3):
                self.client = client or openai.OpenAI(timeout=timeout)
            @property
            def chat(self):
                return self.client.chat

        def make(*args, **kwargs):
            return Holder(*args, **kwargs)
    """
    main = read_file(PATH, "from app.llm import Holder\nHolder(timeout=7).chat.completions.create")
    other = gather_facts(read_file("app/llm.py", helper))
    answers: list[object] = []
    for facts in (other, FileFacts(json.loads(json.dumps(other.data)))):
        names = Workspace([gather_facts(main), facts]).names_of(main)
        answers.append(names.values(last_expression(names)))
    assert answers[0] == answers[1]
    assert "OpenAI" in str(answers[0])


def test_facts_are_small() -> None:
    """A file of plain code costs its names, not a copy of itself."""
    text = "\n".join(
        f"def f{n}(a, b):\n    '''Text.'''\n    x = a + b\n    return [x, '{'t' * 200}']"
        for n in range(200)
    )
    facts = gather_facts(read_file(PATH, text))
    assert len(json.dumps(facts.data)) < len(text) / 4


@pytest.mark.parametrize(
    "text",
    [
        "x = 1; " * 25_000,
        "x = f(x); " * 15_000,
        "x = [" + "openai.OpenAI(), " * 10_000 + "]",
        "x = {" + "'k': g(1), " * 12_000 + "}",
        "x = " + " or ".join(["openai.OpenAI(timeout=1)"] * 6_000),
        "import a\n" + "\n".join(f"x{n} = a.f(x{n - 1}, x{n - 1}, x{n - 1})" for n in range(1_500)),
        "class C(C): c = C\n" * 3_000,
        "def f(): return f()\n" * 3_000,
    ],
    ids=["names", "chain", "list", "dict", "or", "doubling", "own-base", "recursion"],
)
def test_huge_files_take_bounded_time(text: str) -> None:
    """A generated file of a megabyte, all on one line, is looked at in seconds."""
    started = time.process_time()
    try:
        file = read_source("a.py", text)
    except SourceError:
        return
    names = Workspace([gather_facts(file)]).names_of(file)
    for call in file.index.calls[:2000]:
        names.values(call)
    assert time.process_time() - started < 8


def test_library_of_the_interpreter_is_read_without_an_error() -> None:
    """Whatever the parser accepts has facts and answers, with every shape of syntax there is."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    paths = [*sorted(folder.glob("*.py"))[::8], *sorted(folder.glob("test/test_*.py"))[::50]]
    assert len(paths) > 10
    for path in paths:
        try:
            file = read_source(path)
        except SourceError:
            continue
        facts = gather_facts(file)
        names = Workspace([facts]).names_of(file)
        assert json.loads(json.dumps(facts.data)) == facts.data
        for call in file.index.calls[:300]:
            names.qualified(call.func)
            names.origin(call)
            file.position(call)
