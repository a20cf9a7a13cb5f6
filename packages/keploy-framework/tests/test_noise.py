"""Noise filters, given and added."""

from __future__ import annotations

from typing import Any

import pytest

from keploy_framework import KeployConfig, KeployConfigError


@pytest.mark.parametrize("field", ["timestamp", "user.id", "header.Date", "x y", "0"])
def test_a_field_is_noise_of_every_test(field: str):
    config = KeployConfig(name="shop")
    config.add_noise_filter(field)
    assert field in config.test.global_noise["global"]["body"]
    assert config.test.global_noise == {"global": {"body": {field: []}}, "test-sets": {}}


def test_a_star_is_a_whole_section_as_keploy_spells_it():
    config = KeployConfig()
    config.add_noise_filter("*", section="header")
    assert config.test.global_noise["global"] == {"header": {"*": ["*"]}}


def test_another_scope_is_a_test_set():
    config = KeployConfig()
    config.add_noise_filter("id", "test-set-1")
    config.add_noise_filter("Date", scope="test-set-1", section="header")
    assert config.test.global_noise == {
        "global": {},
        "test-sets": {"test-set-1": {"body": {"id": []}, "header": {"Date": []}}},
    }


def test_patterns_that_are_there_stay():
    config = KeployConfig(test={"globalNoise": {"global": {"body": {"id": ["^x"]}}}})
    config.add_noise_filter("id")
    assert config.test.global_noise["global"]["body"] == {"id": ["^x"]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"field": ""}, "field must not be empty, got ''; name one"),
        ({"field": None}, "field must be text, got None; put it in quotes"),
        ({"scope": ""}, "scope must not be empty, got ''; name one"),
        ({"scope": 3}, "scope must be text, got 3; put it in quotes"),
        ({"section": "headers"}, "section must be 'body' or 'header', got 'headers'; name one of"),
    ],
    ids=str,
)
def test_what_names_no_field_scope_or_section_is_refused(arguments: dict[str, Any], message: str):
    config = KeployConfig()
    given: dict[str, Any] = {"field": "id", **arguments}
    with pytest.raises(KeployConfigError) as caught:
        config.add_noise_filter(**given)
    assert str(caught.value).startswith(message)
    assert config == KeployConfig()


@pytest.mark.parametrize(
    ("noise", "expected"),
    [
        (None, {}),
        ({"global": None}, {}),
        ({"global": {"body": None}}, {"body": {}}),
        ({"global": {"body": {"id": None}}}, {"body": {"id": []}}),
        ({"global": {"body": ["id", "user.name"]}}, {"body": {"id": [], "user.name": []}}),
        ({"global": {"body": ["*"]}}, {"body": {"*": ["*"]}}),
    ],
    ids=["none", "empty-level", "empty-section", "no-patterns", "list", "list-of-star"],
)
def test_noise_is_read_in_every_form(noise: object, expected: dict[str, object]):
    config = KeployConfig(test={"globalNoise": noise})
    assert config.test.global_noise == {"global": expected, "test-sets": {}}


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        ("x", " must be a mapping, got 'x'; write 'key: value' lines"),
        ({"body": {}}, " has no level 'body'; put it below 'global' or below 'test-sets'"),
        ({"global": {"body": {"id": "x"}}}, ".global.body.id must be a list, got 'x'; write []"),
        ({"global": {"body": {True: []}}}, ".global.body holds True, which is not text; put it"),
        ({"test-sets": {"s": {"body": [1]}}}, ".test-sets.s.body holds 1, which is not text; put"),
    ],
    ids=["noise", "level", "patterns", "field", "listed-field"],
)
def test_noise_of_the_wrong_type_is_refused_with_its_place(noise: object, message: str):
    with pytest.raises(KeployConfigError) as caught:
        KeployConfig(test={"globalNoise": noise})
    assert str(caught.value).startswith(f"test.globalNoise{message}")
