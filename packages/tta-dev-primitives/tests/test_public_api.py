"""What the package promises: its names, their keywords, and a quick import."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import tta_dev_primitives

SNAPSHOT = Path(__file__).with_name("public_api.txt")
OPTIONAL = {
    "anthropic", "dbos", "genai_prices", "h11", "httpx", "httpx2", "httptools", "msgspec", "openai",
    "opentelemetry", "ray", "redis", "rich", "sentence_transformers", "uvloop",
}  # fmt: skip
# msgspec only speeds the cache up: where it is installed, the cache loads it with itself.
ACCELERATORS = {"msgspec"}

NAMES_OF_0_1 = {
    "CachePrimitive": ["primitive", "cache_key_fn", "ttl_seconds"],
    "ConditionalPrimitive": ["condition", "then_primitive", "else_primitive"],
    "FallbackPrimitive": ["primary", "fallback"],
    "LambdaPrimitive": ["fn"],
    "ObservabilityPrimitive": [],
    "ParallelPrimitive": [],
    "RetryPrimitive": ["primitive", "strategy"],
    "RouterPrimitive": ["routes", "router_fn", "default"],
    "SagaPrimitive": ["forward", "compensation"],
    "SequentialPrimitive": [],
    "TimeoutPrimitive": ["primitive", "timeout_seconds", "fallback", "track_timeouts"],
    "WorkflowContext": [
        "workflow_id", "session_id", "player_id", "metadata", "state", "correlation_id",
        "causation_id", "trace_id", "span_id", "parent_span_id", "baggage", "tags",
    ],
    "WorkflowPrimitive": [],
}  # fmt: skip
HOMES_OF_0_1 = [
    ("core.base", "LambdaPrimitive"),
    ("core.base", "WorkflowContext"),
    ("core.base", "WorkflowPrimitive"),
    ("core.conditional", "ConditionalPrimitive"),
    ("core.parallel", "ParallelPrimitive"),
    ("core.routing", "RouterPrimitive"),
    ("core.sequential", "SequentialPrimitive"),
    ("performance.cache", "CachePrimitive"),
    ("recovery", "FallbackPrimitive"),
    ("recovery", "RetryPrimitive"),
    ("recovery", "RetryStrategy"),
    ("recovery", "SagaPrimitive"),
    ("recovery.compensation", "SagaPrimitive"),
    ("recovery.fallback", "FallbackPrimitive"),
    ("recovery.retry", "RetryPrimitive"),
    ("recovery.retry", "RetryStrategy"),
    ("recovery.timeout", "TimeoutError"),
    ("recovery.timeout", "TimeoutPrimitive"),
    ("testing", "MockPrimitive"),
    ("testing.mocks", "MockPrimitive"),
]
METHODS_OF_0_1 = [
    ("core.base", "WorkflowContext", "checkpoint", ["name"]),
    ("core.base", "WorkflowContext", "elapsed_ms", []),
    ("core.base", "WorkflowContext", "create_child_context", []),
    ("core.base", "WorkflowContext", "to_otel_context", []),
    ("core.observe", "ObservabilityPrimitive", "span", ["name"]),
    ("performance.cache", "CachePrimitive", "get_stats", []),
    ("performance.cache", "CachePrimitive", "clear_cache", []),
    ("performance.cache", "CachePrimitive", "evict_expired", []),
    ("testing.mocks", "MockPrimitive", "reset", []),
]


def test_public_names_are_those_of_the_snapshot() -> None:
    """Widening the API is a decision: it shows up as a change of `public_api.txt`."""
    assert tta_dev_primitives.__all__ == SNAPSHOT.read_text(encoding="utf-8").split()


def test_public_names_are_sorted() -> None:
    """Readers and diffs find them."""
    assert tta_dev_primitives.__all__ == sorted(tta_dev_primitives.__all__)


@pytest.mark.parametrize("name", tta_dev_primitives.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    """Loaded when first used, and the same object ever after."""
    first = getattr(tta_dev_primitives, name)
    assert getattr(tta_dev_primitives, name) is first
    assert name in dir(tta_dev_primitives)


def test_type_checkers_see_the_names_that_exist_at_run_time() -> None:
    """The imports for checkers and the table for the interpreter say the same."""
    tree = ast.parse(Path(inspect.getfile(tta_dev_primitives)).read_text(encoding="utf-8"))
    imported = {
        (alias.name, node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }
    homes: dict[str, str] = vars(tta_dev_primitives)["_HOMES"]
    assert imported == set(homes.items())
    assert sorted(homes) == tta_dev_primitives.__all__


def test_unknown_name_is_an_attribute_error() -> None:
    """As for any module."""
    with pytest.raises(AttributeError, match="module 'tta_dev_primitives' has no attribute 'Nope'"):
        _ = tta_dev_primitives.Nope  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(("name", "keywords"), NAMES_OF_0_1.items(), ids=NAMES_OF_0_1)
def test_names_of_0_1_keep_their_keywords(name: str, keywords: list[str]) -> None:
    """In their order, so that calls by position go on working too."""
    kind = getattr(tta_dev_primitives, name)
    assert name in tta_dev_primitives.__all__
    assert list(inspect.signature(kind).parameters)[: len(keywords)] == keywords


@pytest.mark.parametrize(("module", "name"), HOMES_OF_0_1, ids=map(".".join, HOMES_OF_0_1))
def test_names_of_0_1_stay_where_they_were(module: str, name: str) -> None:
    """Imports written for 0.1 need no change."""
    assert inspect.isclass(getattr(importlib.import_module(f"tta_dev_primitives.{module}"), name))


@pytest.mark.parametrize(("module", "kind", "method", "arguments"), METHODS_OF_0_1)
def test_methods_of_0_1_stay(module: str, kind: str, method: str, arguments: list[str]) -> None:
    """With the arguments they had."""
    owner = getattr(importlib.import_module(f"tta_dev_primitives.{module}"), kind)
    parameters = inspect.signature(getattr(owner, method)).parameters
    assert list(parameters)[1 : 1 + len(arguments)] == arguments
    assert all(p.default is not p.empty for p in list(parameters.values())[1 + len(arguments) :])


def test_mock_and_strategy_of_0_1_keep_their_keywords() -> None:
    """What tests and set-up code written for 0.1 pass by name."""
    from tta_dev_primitives.core.routing import RouterPrimitive
    from tta_dev_primitives.testing import MockPrimitive

    assert list(inspect.signature(MockPrimitive).parameters)[:4] == [
        "name", "return_value", "raise_error", "side_effect",
    ]  # fmt: skip
    assert isinstance(MockPrimitive.call_count, property)
    strategy = inspect.signature(tta_dev_primitives.RetryStrategy).parameters
    assert {"max_retries", "backoff_base"} <= set(strategy)
    assert list(inspect.signature(RouterPrimitive).parameters)[:3] == [
        "routes", "router_fn", "default",
    ]  # fmt: skip


def modules_loaded_by(statements: str) -> set[str]:
    """Return the modules that *statements* load in a fresh interpreter, beyond `asyncio`."""
    code = (
        "import asyncio, json, sys\n"
        "before = set(sys.modules)\n"
        f"{statements}\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_next_to_nothing() -> None:
    """No submodule, and of the standard library nothing that `asyncio` has not loaded."""
    assert modules_loaded_by("import tta_dev_primitives") == {"tta_dev_primitives", "__future__"}


def test_core_needs_no_other_package_and_no_other_room() -> None:
    """Composing and running steps loads `core` and `errors` alone."""
    loaded = modules_loaded_by(
        "from tta_dev_primitives import LambdaPrimitive, ParallelPrimitive, observe\n"
        "(LambdaPrimitive(str) >> str.upper | str.lower).run('a')"
    )
    ours = {name for name in loaded if name.partition(".")[0] == "tta_dev_primitives"}
    assert {name.split(".")[1] for name in ours if "." in name} == {"core", "errors"}
    others = {name.partition(".")[0] for name in loaded - ours} - sys.stdlib_module_names
    assert others == set()


def test_loading_every_name_loads_no_optional_package() -> None:
    """SDKs and clients are loaded by the call that needs them."""
    loaded = modules_loaded_by("from tta_dev_primitives import *")
    assert "tta_dev_primitives.llm.openai" in loaded
    assert {name.partition(".")[0] for name in loaded} & OPTIONAL <= ACCELERATORS
