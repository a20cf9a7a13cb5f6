"""Names: how they are spelt, and which are refused."""

from __future__ import annotations

import ast
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.templates.names import (
    check_module_is_free,
    check_name,
    check_summary,
)
from tta_dev_primitives.devtools.templates.refusal import Rule, TemplateRefusedError


@pytest.mark.parametrize(
    ("name", "module", "class_name"),
    [
        ("acme", "acme", "AcmePrimitive"),
        ("acme-shout2", "acme_shout2", "AcmeShout2Primitive"),
        ("acme-primitive", "acme_primitive", "AcmePrimitive"),
        ("a" * 32, "a" * 32, "A" + "a" * 31 + "Primitive"),
    ],
    ids=["word", "words", "says-primitive", "longest"],
)
def test_name_is_spelt_in_three_ways(name: str, module: str, class_name: str) -> None:
    """One name is given, and everything else follows."""
    names = check_name(name)
    assert (names.module, names.class_name) == (module, class_name)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Acme_Shout", "try acme-shout"),
        ("acme.shout", "try acme-shout"),
        ("2nd-acme", "try nd-acme"),
        ("-acme", "try acme"),
        ("acme--shout", "try acme-shout"),
        ("../acme", "try acme"),
        ("acme/shout", "try acme-shout"),
        ("C:\\acme", "try c-acme"),
        ("acme\n", "try acme"),
        ("", "try another"),
        ("ünï", "try n"),
        ("{{ acme }}", "try acme"),
        ("a" * 33, "has 33 characters, and 32 are the most"),
        ("class", "try my-class"),
        ("json", "try my-json"),
        ("tests", "try my-tests"),
    ],
)
def test_bad_name_is_refused_with_a_better_one(name: str, told: str) -> None:
    """The reason and the next try stand in the message."""
    with pytest.raises(TemplateRefusedError) as caught:
        check_name(name)
    assert caught.value.rule is Rule.BAD_NAME
    assert told in str(caught.value)


def test_import_name_of_something_installed_is_taken() -> None:
    """A package that hides pytest would break every test of its workspace."""
    with pytest.raises(TemplateRefusedError, match="pytest can be imported here already") as caught:
        check_module_is_free(check_name("pytest"))
    assert caught.value.rule is Rule.TAKEN_NAME
    check_module_is_free(check_name("acme-that-nobody-has"))


@pytest.mark.parametrize(
    ("summary", "sentence"),
    [("Shout", "Shout."), (" Shout! ", "Shout!"), ("It's `here`.", "It's `here`.")],
)
def test_summary_is_one_sentence(summary: str, sentence: str) -> None:
    """It stands in a docstring, which ends like a sentence."""
    assert check_summary(summary) == sentence


@pytest.mark.parametrize(
    "summary", ["", "  ", "x" * 78, 'a "b"', "a\nb", "a\\", "{{ 7 * 7 }}", "<b>"]
)
def test_summary_that_breaks_a_file_is_refused(summary: str) -> None:
    """Nothing but a sentence gets into the generated files."""
    with pytest.raises(TemplateRefusedError) as caught:
        check_summary(summary)
    assert caught.value.rule is Rule.BAD_SUMMARY


@given(st.text(max_size=90))
def test_accepted_summary_stands_in_toml_and_in_python_as_it_is(summary: str) -> None:
    """Whatever gets through can be read back from both."""
    try:
        sentence = check_summary(summary)
    except TemplateRefusedError:
        return
    assert tomllib.loads(f'x = "{sentence}"')["x"] == sentence
    assert ast.get_docstring(ast.parse(f'"""{sentence}"""'), clean=False) == sentence
