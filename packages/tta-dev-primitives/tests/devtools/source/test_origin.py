"""Which call made an object, and with what."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest

from tta_dev_primitives.devtools.source.names import NOT_CONSTANT, Origin

from .reading import last_expression, names_in


def origin_of(source: str, others: dict[str, str] | None = None) -> Origin | None:
    names = names_in(source, others)
    return names.origin(last_expression(names))


MADE_WITH_TIMEOUT = [
    pytest.param(
        """
        c = OpenAI(timeout=3)
        c
        """,
        id="variable",
    ),
    pytest.param(
        """
        async def f():
            async with OpenAI(timeout=3) as c:
                c
        """,
        id="with",
    ),
    pytest.param(
        """
        class A:
            c = OpenAI(timeout=3)
            def f(self):
                self.c
        """,
        id="class-attribute",
    ),
    pytest.param(
        """
        class A:
            def __init__(self):
                self.c = OpenAI(timeout=3)
            def f(self):
                self.c
        """,
        id="self-attribute",
    ),
    pytest.param(
        """
        def make(limit):
            return OpenAI(timeout=limit)
        make(3)
        """,
        id="factory-argument",
    ),
    pytest.param(
        """
        def make(*, limit=9):
            return OpenAI(timeout=limit)
        make(limit=3)
        """,
        id="factory-keyword",
    ),
    pytest.param(
        """
        def make(limit=3):
            return OpenAI(timeout=limit)
        make()
        """,
        id="factory-default",
    ),
    pytest.param(
        """
        LIMIT = 3
        def f(c=OpenAI(timeout=LIMIT)):
            c
        """,
        id="default",
    ),
    pytest.param(
        """
        from functools import partial
        make = partial(OpenAI, timeout=3)
        make()
        """,
        id="partial",
    ),
    pytest.param(
        """
        from functools import lru_cache
        @lru_cache
        def make():
            return OpenAI(timeout=3)
        make()
        """,
        id="cached-factory",
    ),
    pytest.param(
        """
        async def make():
            return OpenAI(timeout=3)
        async def f():
            await make()
        """,
        id="async-factory",
    ),
    pytest.param(
        """
        from fastapi import Depends
        def make():
            return OpenAI(timeout=3)
        def f(c=Depends(make)):
            c
        """,
        id="depends",
    ),
    pytest.param(
        """
        from contextlib import contextmanager
        @contextmanager
        def make():
            yield OpenAI(timeout=3)
        def f():
            with make() as c:
                c
        """,
        id="context-manager",
    ),
    pytest.param(
        """
        from dataclasses import dataclass
        @dataclass
        class A:
            c: OpenAI
        A(c=OpenAI(timeout=3)).c
        """,
        id="dataclass-field",
    ),
    pytest.param(
        """
        cs = [OpenAI(timeout=3) for _ in 'ab']
        cs[0]
        """,
        id="list",
    ),
]


@pytest.mark.parametrize("source", MADE_WITH_TIMEOUT)
def test_object_is_traced_to_its_constructor(source: str) -> None:
    """However an object reaches a name, the call that made it is known with its arguments."""
    origin = origin_of("from openai import OpenAI\n" + dedent(source))
    assert origin is not None
    assert origin.qualified == "openai.OpenAI"
    assert origin.arguments["timeout"] == 3
    assert origin.path == "app/main.py"
    assert origin.line > 0


def test_annotation_tells_the_class_and_not_the_arguments() -> None:
    """A parameter of a known class was made somewhere else: nothing is said of how."""
    origin = origin_of("import openai\ndef f(c: 'openai.OpenAI | None' = None):\n    c")
    assert origin == Origin("openai.OpenAI", {}, is_complete=False, path="", line=0)


@pytest.mark.parametrize(
    "source",
    ["def f(c):\n    c", "nowhere", "import a\na.b", "f'{1}'", "[1]", "import a\na.b or a.c()\nx"],
    ids=["parameter", "unbound", "name", "text", "list", "other-name"],
)
def test_unknown_object_has_no_origin(source: str) -> None:
    """Where nothing made the object in sight, there is no origin rather than a guess."""
    assert origin_of(source) is None


def test_starred_arguments_leave_the_origin_incomplete() -> None:
    """`**options` may hold a timeout, so the arguments in sight are not all."""
    origin = origin_of("import openai\ndef f(**o):\n    openai.OpenAI(max_retries=0, **o)")
    assert origin is not None
    assert not origin.is_complete
    assert origin.arguments == {"max_retries": 0}


def test_two_makers_agree_on_what_both_say() -> None:
    """Of two constructors of one class only the shared arguments are told, and not as all."""
    origin = origin_of(
        """
        import openai
        if openai.x:
            c = openai.OpenAI(timeout=3, max_retries=1)
        else:
            c = openai.OpenAI(timeout=3, max_retries=2)
        c
        """
    )
    assert origin is not None
    assert origin.arguments == {"timeout": 3, "max_retries": NOT_CONSTANT}
    assert not origin.is_complete


def test_two_classes_have_no_one_origin() -> None:
    """An object of one of two classes has no origin; claiming either would be a guess."""
    assert origin_of("import openai as o\nc = o.OpenAI() if o.x else o.AzureOpenAI()\nc") is None


def test_unknown_alternative_leaves_the_origin_incomplete() -> None:
    """`client or OpenAI()` may be the client that was passed, with a timeout of its own."""
    origin = origin_of("import openai\ndef f(c=None):\n    c = c or openai.OpenAI()\n    c")
    assert origin is not None
    assert not origin.is_complete


def test_origin_goes_to_json() -> None:
    """Records of call sites carry origins, so they must be JSON as they are."""
    origin = origin_of("import openai\ndef f(k):\n    openai.OpenAI(1, key=k)")
    assert origin is not None
    told = json.loads(json.dumps(origin.to_json()))
    assert told["arguments"] == {"0": 1, "key": {"unknown": True}}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("3", 3),
        ("60 * 5", 300),
        ("-1.5", -1.5),
        ("MINUTE * 2", 120),
        ("'a'", "a"),
        ("None", None),
        ("True", True),
        ("settings.LIMIT", NOT_CONSTANT),
        ("int('3')", NOT_CONSTANT),
        ("1 / 0", NOT_CONSTANT),
        ("f'{MINUTE}'", NOT_CONSTANT),
        ("a if b else c", NOT_CONSTANT),
        ("9 ** 9 ** 9", NOT_CONSTANT),
    ],
)
def test_constant(expression: str, expected: object) -> None:
    """A constant is known through names and simple sums, and nothing is computed beyond them."""
    names = names_in(f"import settings\nMINUTE = 60\n{expression}")
    assert names.constant(last_expression(names)) is expected or (
        names.constant(last_expression(names)) == expected
    )


def test_constant_of_another_file() -> None:
    """A limit kept in the settings module is as good as one written at the call."""
    names = names_in("from app.settings import LIMIT\nLIMIT", {"app/settings.py": "LIMIT = 7"})
    assert names.constant(last_expression(names)) == 7
