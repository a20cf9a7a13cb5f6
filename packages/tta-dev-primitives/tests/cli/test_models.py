from __future__ import annotations

import json
from typing import Any

import pytest

from tta_dev_primitives.cli.models import describe
from tta_dev_primitives.llm.models import MODELS_VARIABLE, Model


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_BASE_URL")) or name == MODELS_VARIABLE:
            monkeypatch.delenv(name)


def test_model_without_a_key_says_what_is_missing(tta: Any) -> None:
    ended = tta("models", "--json")
    assert ended.code == 0
    found = [entry for entry in json.loads(ended.out) if entry["provider"] == "openai"]
    assert found
    assert not any(entry["available"] for entry in found)
    assert all("OPENAI_API_KEY" in entry["reason"] for entry in found)


def test_model_with_a_key_is_ready(tta: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-key")
    ended = tta("models")
    assert ended.code == 0
    ready = [line for line in ended.out.splitlines() if line.rstrip().endswith("ready")]
    assert ready
    assert all(line.lstrip().startswith("openai:") for line in ready)
    assert "not-a-real-key" not in ended.out


def test_what_is_not_known_of_a_model_is_null() -> None:
    described = describe(Model("local", "some-model"))
    assert {key: value for key, value in described.items() if value is None} == {
        "tier": None,
        "context_window": None,
        "features": None,
        "input_usd_per_million": None,
        "output_usd_per_million": None,
    }


def test_models_named_in_the_environment_are_shown_with_dashes_for_the_unknown(
    tta: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-key")
    monkeypatch.setenv(MODELS_VARIABLE, "openai:some-new-model")
    line = next(x for x in tta("models").out.splitlines() if "some-new-model" in x)
    assert line.split() == ["openai:some-new-model", "-", "unpriced", "unpriced", "-", "ready"]


def test_mistake_in_the_environment_is_misuse(tta: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, "nobody:some-model")
    ended = tta("models")
    assert ended.code == 2
    assert "nobody" in ended.complaint
