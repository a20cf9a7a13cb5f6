"""Noise filters added to a configuration."""

from __future__ import annotations

import pytest

from keploy_framework import KeployConfig, KeployConfigError


@pytest.fixture
def config() -> KeployConfig:
    return KeployConfig(name="shop", app={"command": "make run"})


def test_a_field_is_noise_of_every_test(config: KeployConfig):
    config.add_noise_filter("timestamp")
    assert "timestamp" in config.test.global_noise["global"]["body"]


@pytest.mark.parametrize(
    ("field", "noise"),
    [
        ("timestamp", {"body": {"timestamp": []}}),
        ("user.id", {"body": {"user.id": []}}),
        ("body.user.id", {"body": {"user.id": []}}),
        ("header.Date", {"header": {"Date": []}}),
        ("Header.Date", {"header": {"Date": []}}),
        ("header", {"body": {"header": []}}),
        ("headers.Date", {"body": {"headers.Date": []}}),
        ("body.*", {"body": {"*": ["*"]}}),
        ("*", {"body": {"*": ["*"]}}),
    ],
)
def test_a_prefix_names_the_section(config: KeployConfig, field: str, noise: dict[str, object]):
    config.add_noise_filter(field)
    assert config.test.global_noise == {"global": noise, "test-sets": {}}


def test_another_scope_is_a_test_set(config: KeployConfig):
    config.add_noise_filter("id", scope="test-set-1")
    config.add_noise_filter("header.Date", scope="test-set-1")
    assert config.test.global_noise == {
        "global": {},
        "test-sets": {"test-set-1": {"body": {"id": []}, "header": {"Date": []}}},
    }


def test_patterns_that_are_there_stay():
    noise = {"global": {"body": {"id": ["^x"]}}}
    config = KeployConfig(name="s", app={"command": "c"}, test={"globalNoise": noise})
    config.add_noise_filter("id")
    assert config.test.global_noise["global"]["body"] == {"id": ["^x"]}


@pytest.mark.parametrize(
    ("field", "scope", "message"),
    [
        ("", "global", "a noise field must be text that is not empty, got ''; name the field"),
        (None, "global", "a noise field must be text that is not empty, got None; name the field"),
        ("body.", "global", r"noise field 'body.' names a section only; write 'body.\*' for all"),
        ("id", "", "a noise scope must be 'global' or a test set, got ''; name one"),
        ("id", 3, "a noise scope must be 'global' or a test set, got 3; name one"),
    ],
)
def test_what_names_no_field_or_scope_is_refused(
    config: KeployConfig, field: str, scope: str, message: str
):
    with pytest.raises(KeployConfigError, match=message):
        config.add_noise_filter(field, scope)
    assert config.test.global_noise == {"global": {}, "test-sets": {}}


def test_a_listed_whole_section_gets_the_pattern_keploy_expects():
    noise = {"global": {"body": ["*"]}, "test-sets": None}
    config = KeployConfig(name="s", app={"command": "c"}, test={"globalNoise": noise})
    assert config.test.global_noise == {"global": {"body": {"*": ["*"]}}, "test-sets": {}}
