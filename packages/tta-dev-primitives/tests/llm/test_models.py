from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.llm.models import (
    PROVIDERS,
    Model,
    discover_models,
    is_installed,
    known_model,
)

KEYS = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}


def everything(distribution: str, module: str) -> bool:
    return True


def nothing(distribution: str, module: str) -> bool:
    return False


def of(provider: str, catalog) -> list[Model]:
    return [model for model in catalog.models if model.provider == provider]


def test_with_sdk_and_key_the_well_known_models_are_available() -> None:
    catalog = discover_models(KEYS, installed=everything)
    assert catalog.available == catalog.models
    assert [model.tier for model in of("openai", catalog)][:3] == ["small", "medium", "large"]
    assert catalog.models[0].reason == "anthropic and ANTHROPIC_API_KEY found"
    assert catalog.missing == ""


def test_a_missing_sdk_is_named_with_the_line_that_installs_it() -> None:
    catalog = discover_models(KEYS, installed=nothing)
    assert catalog.available == ()
    reasons = {model.reason for model in of("openai", catalog)}
    assert reasons == {"openai is not installed. Try: uv add 'tta-dev-primitives[openai]'"}
    assert "uv add 'tta-dev-primitives[anthropic]'" in catalog.missing
    assert catalog.missing.count("uv add") == 2


@pytest.mark.parametrize("environ", [{}, {"OPENAI_API_KEY": ""}], ids=["key-unset", "key-empty"])
def test_a_missing_key_is_named(environ: dict[str, str]) -> None:
    catalog = discover_models(environ, installed=everything)
    assert {model.reason for model in of("openai", catalog)} == {
        "no key for openai; set OPENAI_API_KEY"
    }
    assert not any(model.available for model in catalog.models)


def test_any_of_a_providers_keys_will_do() -> None:
    catalog = discover_models({"ANTHROPIC_AUTH_TOKEN": "t"}, installed=everything)
    assert [model.provider for model in catalog.available] == ["anthropic"] * 4


def test_another_base_url_makes_the_well_known_models_unverified() -> None:
    environ = {"OPENAI_BASE_URL": "http://127.0.0.1:8080/v1"}
    models = of("openai", discover_models(environ, installed=everything))
    assert all(model.available for model in models)
    assert {model.reason for model in models} == {
        "unverified: OPENAI_BASE_URL is set; list what it serves in TTA_MODELS"
    }


def test_a_server_elsewhere_needs_a_key() -> None:
    environ = {"OPENAI_BASE_URL": "https://models.example.com/v1"}
    models = of("openai", discover_models(environ, installed=everything))
    assert {model.reason for model in models} == {"no key for openai; set OPENAI_API_KEY"}
    models = of("openai", discover_models(KEYS | environ, installed=everything))
    assert all(model.available and "unverified" in model.reason for model in models)


def test_another_base_url_serves_only_what_is_listed() -> None:
    environ = {
        "OPENAI_BASE_URL": "http://127.0.0.1:8080/v1",
        "TTA_MODELS": "openai:smollm2:360m",
    }
    catalog = discover_models(environ, installed=everything)
    assert [model.name for model in catalog.available] == ["openai:smollm2:360m"]
    others = [model for model in of("openai", catalog) if not model.available]
    assert len(others) == len(PROVIDERS["openai"].models)
    assert "TTA_MODELS does not list it" in others[0].reason


def test_the_providers_own_base_url_changes_nothing() -> None:
    environ = {"OPENAI_BASE_URL": "https://api.openai.com/v1"}
    assert not any(
        model.available for model in discover_models(environ, installed=everything).models
    )


def test_listed_models_are_added_with_nothing_assumed_about_them() -> None:
    environ = {**KEYS, "TTA_MODELS": " openai:new-one , openai:new-one, openai:gpt-6-luna"}
    models = of("openai", discover_models(environ, installed=everything))
    added = [model for model in models if model.id == "new-one"]
    assert len(added) == 1
    assert (added[0].tier, added[0].context_window, added[0].features) == (None, None, None)
    assert [model.id for model in models].count("gpt-6-luna") == 1


@pytest.mark.parametrize("text", ["gpt-6-luna", "openai:", "acme:one", ":x"])
def test_a_listed_model_without_a_known_provider_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="TTA_MODELS holds") as info:
        discover_models({"TTA_MODELS": text}, installed=everything)
    assert repr(text) in str(info.value)
    assert "\n" not in str(info.value)


@settings(deadline=None)
@given(
    names=st.permutations(["openai:a", "openai:b", "anthropic:c", "anthropic:a"]),
    keys=st.permutations(["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "PATH"]),
)
def test_discovery_does_not_depend_on_any_order(names: list[str], keys: list[str]) -> None:
    environ = dict.fromkeys(keys, "x") | {"TTA_MODELS": ",".join(names)}
    ordered = dict.fromkeys(sorted(keys), "x") | {"TTA_MODELS": ",".join(sorted(names))}
    assert discover_models(environ, installed=everything) == discover_models(
        ordered, installed=everything
    )


def test_installed_means_metadata_and_module() -> None:
    assert is_installed("pytest", "pytest")
    assert not is_installed("no-such-distribution-here", "pytest")
    assert not is_installed("pytest", "no_such_module_here")


def test_discovery_imports_no_sdk_and_no_price_list() -> None:
    code = (
        "import sys\n"
        "from tta_dev_primitives.llm.models import discover_models\n"
        "discover_models({'OPENAI_API_KEY': 'k', 'ANTHROPIC_API_KEY': 'k'})\n"
        "print(sorted({'openai', 'anthropic', 'genai_prices'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "model",
    [model for provider in PROVIDERS.values() for model in provider.models],
    ids=lambda model: model.id,
)
def test_every_well_known_model_has_a_price_and_the_listed_window(model: Model) -> None:
    snapshot = pytest.importorskip("genai_prices.data_snapshot").get_snapshot()
    assert model.input_price is not None
    assert model.output_price is not None
    assert 0 < model.input_price < model.output_price
    _, listed = snapshot.find_provider_model(model.id, None, model.provider, None)
    assert listed.id == model.id
    assert listed.context_window == model.context_window


def test_an_unknown_model_is_unpriced() -> None:
    model = Model("openai", "no-such-model-at-all")
    assert model.input_price is None
    assert model.output_price is None


def test_a_well_known_model_is_found_by_id_alone() -> None:
    assert known_model("claude-opus-5-5").provider == "anthropic"
    assert known_model("nobodys-model").name == "nobodys-model"
    assert known_model("claude-opus-5-5", "openai") == Model("openai", "claude-opus-5-5")
