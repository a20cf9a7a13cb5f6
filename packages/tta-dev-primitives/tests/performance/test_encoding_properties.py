"""Any value comes back, and any bytes are read or refused."""

from __future__ import annotations

import functools
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives.performance.values import encoding
from tta_dev_primitives.performance.values.encoding import DecodingError, decode, encode

from .encoded_types import Access, Colour, Leaf, Level, Point, stored_name, tree

# Everything holds with the fast codec and without it.
pytestmark = pytest.mark.usefixtures("codec")

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec=None))
    | st.binary()
    | st.complex_numbers(allow_nan=False)
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.dates()
    | st.times()
    | st.datetimes(timezones=st.none() | st.timezones(), allow_imaginary=True)
    | st.timedeltas()
    | st.sampled_from([Colour.RED, Level.HIGH, Access.READ | Access.WRITE])
)

hashable = scalars | st.tuples(scalars, scalars) | st.frozensets(scalars, max_size=2)

values = st.recursive(
    hashable,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3) | st.just("!"), inner, max_size=4)
        | st.dictionaries(hashable, inner, max_size=4)
        | st.tuples(inner, inner)
        | st.sets(hashable, max_size=3)
        | st.builds(Point, inner, inner)
        | st.builds(Leaf, st.text(max_size=3), st.tuples(inner))
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(values)
def test_every_value_comes_back(value: Any) -> None:
    for write in (encode, encoding.encode_json):
        found = decode(write(value))
        assert found == value
        assert type(found) is type(value)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40) | st.from_regex(rb"[jmnt].{0,40}", fullmatch=True))
def test_garbage_is_read_or_refused_but_never_fatal(data: bytes) -> None:
    try:
        decode(data)
    except DecodingError:
        return


nodes = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.fixed_dictionaries(
            {
                "!": st.sampled_from(
                    ["tuple", "set", "dict", "date", "data", "enum", "flag", "error", "plain"]
                )
            },
            optional={
                "t": st.sampled_from(
                    [
                        stored_name(Point),
                        stored_name(Access),
                        "os:system",
                        "",
                        "builtins:OSError",
                        "builtins:UnicodeDecodeError",
                        "builtins:SyntaxError",
                        "builtins:ImportError",
                        "builtins:ExceptionGroup",
                    ]
                ),
                "v": inner | st.just({}),
                "a": st.lists(inner, max_size=5),
                "m": st.dictionaries(
                    st.sampled_from(["errno", "filename", "msg", "text", "lineno", "offset"]),
                    inner,
                    max_size=3,
                ),
            },
        )
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(nodes)
def test_forged_tree_is_read_or_refused_but_never_fatal(node: Any) -> None:
    try:
        found = decode(tree(node))
    except DecodingError:
        return
    assert (str(found), repr(found)) is not None  # C code looks at what it was told to trust


@settings(max_examples=60, deadline=None)
@given(st.lists(values, max_size=3), st.dictionaries(st.text(max_size=4), values, max_size=3))
def test_every_error_comes_back(arguments: list[Any], attributes: dict[str, Any]) -> None:
    error = ValueError(*arguments)
    vars(error).update(attributes)
    found = decode(encode(error))
    assert (type(found), found.args, vars(found)) == (ValueError, tuple(arguments), attributes)


@settings(max_examples=60, deadline=None)
@given(values)
def test_every_value_comes_back_inside_structs_and_models(value: Any) -> None:
    for kind in (some_struct(), some_model()):
        around = kind(inner=value)
        found = decode(encode([around]))[0]
        assert type(found) is kind
        assert found.inner == value
        assert type(found.inner) is type(value)


@functools.cache
def some_struct() -> Any:
    kind = pytest.importorskip("msgspec").defstruct("SomeStruct", ["inner"], module=__name__)
    setattr(sys.modules[__name__], "SomeStruct", kind)  # noqa: B010 - made on demand
    return kind


@functools.cache
def some_model() -> Any:
    pytest.importorskip("pydantic")
    import pydantic

    kind = pydantic.create_model("SomeModel", inner=(Any, None), __module__=__name__)
    setattr(sys.modules[__name__], "SomeModel", kind)  # noqa: B010 - as above
    return kind
