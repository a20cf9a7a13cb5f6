"""TTA201, TTA202, TTA205 and TTA206: what is paid for without need."""

from __future__ import annotations

import importlib.util

import pytest

from tta_dev_primitives.devtools.rules import retired_model

from .checking import found, sure

OPENAI = "from openai import OpenAI\nclient = OpenAI(timeout=30)\n"
CHAT = 'client.chat.completions.create(model="gpt-4o-mini", messages=messages'
EMBED = 'client.embeddings.create(model="text-embedding-3-small", input='


def function(body: str, *, head: str = "", name: str = "ask") -> str:
    return f"{OPENAI}{head}\ndef {name}(messages, text):\n    {body}\n"


REPEATABLE = {
    "temperature-zero": function(f"return {CHAT}, temperature=0)"),
    "temperature-zero-float": function(f"return {CHAT}, temperature=0.0)"),
    "constant": f"TEMPERATURE = 0\n{function(f'return {CHAT}, temperature=TEMPERATURE)')}",
    "embeddings": function(f"return {EMBED}text)"),
    "in-a-loop": f"{OPENAI}for text in texts:\n    print({EMBED}text))\n",
    "method": (
        f"{OPENAI}class Labels:\n    def of(self, messages):\n"
        f"        return {CHAT}, temperature=0)\n"
    ),
    "async": (
        "from openai import AsyncOpenAI\nclient = AsyncOpenAI(timeout=3)\n"
        f"async def ask(messages):\n    return await {CHAT}, temperature=0)\n"
    ),
    "memory-is-no-memo": function(f"return {CHAT}, temperature=0)", name="from_memory"),
}
ONCE_OR_KEPT = {
    "warm": function(f"return {CHAT}, temperature=0.7)"),
    "no-temperature": function(f"return {CHAT})"),
    "variable": function(f"return {CHAT}, temperature=warmth)"),
    "stream": function(f"return {CHAT}, temperature=0, stream=True)"),
    "tools": function(f"return {CHAT}, temperature=0, tools=tools)"),
    "hidden": function(f"return {CHAT}, temperature=0, **options)"),
    "lru-cache": function(f"return {CHAT}, temperature=0)", head="@functools.lru_cache"),
    "memoized": function(f"return {CHAT}, temperature=0)", head="@memoize"),
    "looks-in-a-cache": function(
        f"found = cache.get(text)\n    return found or {CHAT}, temperature=0)"
    ),
    "cached-class": (
        f"{OPENAI}class CachedLabels:\n    def of(self, messages):\n"
        f"        return {CHAT}, temperature=0)\n"
    ),
    "run-once": f"{OPENAI}print({CHAT}, temperature=0))\n",
    "time-inside": function(
        'return client.chat.completions.create(model="m", temperature=0, '
        "messages=[datetime.now()])",
        head="from datetime import datetime",
    ),
}


@pytest.mark.parametrize("source", REPEATABLE.values(), ids=REPEATABLE)
def test_repeatable_call_without_a_cache_is_reported(source: str) -> None:
    """A call that gives the same answer each time went unnoticed."""
    assert [finding.code for finding in sure("TTA201", source)] == ["TTA201"]


@pytest.mark.parametrize("source", ONCE_OR_KEPT.values(), ids=ONCE_OR_KEPT)
def test_call_that_is_kept_or_differs_is_left_alone(source: str) -> None:
    """A call that cannot be kept, or is kept already, was reported."""
    assert found("TTA201", source) == []


def test_cache_elsewhere_in_the_file_makes_the_rule_unsure() -> None:
    """A file that has a cache was reported as if it had none."""
    source = REPEATABLE["embeddings"] + "\ncache = {}\n"
    (finding,) = found("TTA201", source)
    assert finding.confidence == "medium"


@pytest.mark.parametrize(
    ("wrapper", "expected"),
    [("CachePrimitive(ask)", 0), ("RetryPrimitive(ask)", 1)],
    ids=["cache", "no-cache"],
)
def test_cache_primitive_around_the_call_is_seen(wrapper: str, expected: int) -> None:
    """A call inside a CachePrimitive was said to have no cache."""
    source = function(f"return {EMBED}text)") + (
        f"from tta_dev_primitives import CachePrimitive, RetryPrimitive\nstep = {wrapper}\n"
    )
    assert len(found("TTA201", source)) == expected


def asks(*models: str) -> str:
    calls = [
        f"client.chat.completions.create(model={model}, messages=[{{'content': '{number}'}}])"
        for number, model in enumerate(models)
    ]
    return OPENAI + "\n".join(calls) + "\n"


PREMIUM = {
    name: asks(f"'{name}'", f"'{name}'")
    for name in (
        "gpt-4",
        "gpt-4-turbo",
        "gpt-4-0613",
        "gpt-4o",
        "gpt-4o-2024-08-06",
        "gpt-5",
        "o1",
        "o3",
    )
}
CHOSEN = {
    "mini": asks("'gpt-4o-mini'", "'gpt-4o-mini'"),
    "nano": asks("'gpt-5-nano'", "'gpt-5-nano'"),
    "old-and-small": asks("'gpt-3.5-turbo'", "'gpt-3.5-turbo'"),
    "one-call": asks("'gpt-4o'"),
    "two-models": asks("'gpt-4o'", "'gpt-4o-mini'"),
    "variable": asks("'gpt-4o'", "model"),
    "router": "from tta_dev_primitives import RouterPrimitive\n" + asks("'gpt-4o'", "'gpt-4o'"),
    "embeddings-beside": asks("'gpt-4o'") + f"{EMBED}'x')\n",
    "small-o": asks("'o3-mini'", "'o3-mini'"),
}


@pytest.mark.parametrize("source", PREMIUM.values(), ids=PREMIUM)
def test_file_of_one_premium_model_is_reported_once(source: str) -> None:
    """A file that asks the dearest model for everything went unnoticed."""
    (finding,) = sure("TTA202", source)
    assert finding.level == "info"


@pytest.mark.parametrize("source", CHOSEN.values(), ids=CHOSEN)
def test_file_with_a_choice_is_left_alone(source: str) -> None:
    """A file that chooses its models, or names a small one, was reported."""
    assert found("TTA202", source) == []


PER_ITEM = {
    "first-of-the-answer": (
        f"{OPENAI}for text in texts:\n    answer = {EMBED}text)\n"
        "    vectors.append(answer.data[0].embedding)\n"
    ),
    "list-of-one": f"{OPENAI}for text in texts:\n    use({EMBED}[text]))\n",
    "attribute": f"{OPENAI}for row in rows:\n    use({EMBED}[row.text]))\n",
    "subscript": f"{OPENAI}for row in rows:\n    use({EMBED}[row['text']]))\n",
    "comprehension": f"{OPENAI}vectors = [{EMBED}text).data[0].embedding for text in texts]\n",
    "enumerate": f"{OPENAI}for i, text in enumerate(texts):\n    use({EMBED}text).data[0])\n",
    "stripped": f"{OPENAI}for text in texts:\n    use({EMBED}text.strip()).data[0])\n",
    "cohere": (
        "import cohere\nclient = cohere.Client()\n"
        "for text in texts:\n    use(client.embed(texts=[text], model='m'))\n"
    ),
    "awaited": (
        "from openai import AsyncOpenAI\nclient = AsyncOpenAI(timeout=3)\nasync def f(texts):\n"
        f"    for text in texts:\n        answer = await {EMBED}text)\n"
        "        yield answer.data[0].embedding\n"
    ),
}
TOGETHER = {
    "all-at-once": f"{OPENAI}use({EMBED}texts))\n",
    "batches": f"{OPENAI}for batch in batches(texts):\n    use({EMBED}batch).data[0])\n",
    "slices": (
        f"{OPENAI}for start in range(0, 900, 100):\n    use({EMBED}texts[start:start + 100]))\n"
    ),
    "maybe-a-list": f"{OPENAI}for group in groups:\n    use({EMBED}group))\n",
    "attempts": f"{OPENAI}for attempt in range(3):\n    use({EMBED}[text]))\n",
    "while": f"{OPENAI}while texts:\n    use({EMBED}[texts.pop()]))\n",
    "same-text": f"{OPENAI}for model in models:\n    use({EMBED}[text]))\n",
    "starred": f"{OPENAI}for group in groups:\n    use({EMBED}[*group]))\n",
    "two-texts": f"{OPENAI}for pair in pairs:\n    use({EMBED}[pair.left, pair.right]))\n",
    "whole-answer": (
        f"{OPENAI}for group in groups:\n    answer = {EMBED}group)\n"
        "    use(answer.data[0], answer.data)\n"
    ),
    "after-the-list-failed": (
        f"{OPENAI}try:\n    use({EMBED}texts))\nexcept Exception:\n    for text in texts:\n"
        f"        use({EMBED}[text]))\n"
    ),
    "chat": f"{OPENAI}for messages in all_of_them:\n    use({CHAT}))\n",
    "hidden": f"{OPENAI}for text in texts:\n    use({EMBED}[text], **options))\n",
}


@pytest.mark.parametrize("source", PER_ITEM.values(), ids=PER_ITEM)
def test_embedding_of_one_item_at_a_time_is_reported(source: str) -> None:
    """A loop that could be one request went unnoticed."""
    assert [finding.code for finding in sure("TTA205", source)] == ["TTA205"]


@pytest.mark.parametrize("source", TOGETHER.values(), ids=TOGETHER)
def test_batches_and_other_loops_are_left_alone(source: str) -> None:
    """A loop over batches, or over something else than texts, was reported."""
    assert found("TTA205", source) == []


@pytest.fixture
def price_list() -> None:
    """The price list, or a skip where it is not installed."""
    pytest.importorskip("genai_prices", reason="uv sync --extra llm installs genai-prices")


def model(name: str, client: str = "OpenAI(timeout=3)") -> str:
    return (
        f"from openai import AzureOpenAI, OpenAI\nclient = {client}\n"
        f"client.chat.completions.create(model={name!r}, messages=[])\n"
    )


def mistral(name: str) -> str:
    return (
        "from mistralai import Mistral\nclient = Mistral()\n"
        f"client.chat.complete(model={name!r}, messages=[])\n"
    )


SLIPS = ("gpt-4o-mimi", "gpt-4o-minni", "gpt-4.1-mimi", "gpt-5-minl", "gpt-4o-mnii")
NO_SLIPS = {
    "known": model("gpt-4o-mini"),
    "known-with-a-date": model("gpt-4o-2024-08-06"),
    "fine-tuned": model("ft:gpt-4o-mini-2024-07-18:acme::abc"),
    "base-url": model("gpt-4o-mimi", "OpenAI(base_url='http://localhost:8000/v1')"),
    "azure": model("gpt-4o-mimi", "AzureOpenAI(api_version='1')"),
    "hidden": model("gpt-4o-mimi", "OpenAI(**settings)"),
    "elsewhere": "def f(client):\n    client.chat.completions.create(model='gpt-4o-mimi')\n",
    "not-a-literal": model("gpt-4o-mini").replace("'gpt-4o-mini'", "chosen"),
}


@pytest.mark.parametrize("name", SLIPS)
def test_misspelt_model_is_told_with_the_right_one(price_list: None, name: str) -> None:
    """A slip of the finger in the name of a model went unnoticed."""
    (finding,) = found("TTA206", model(name))
    assert finding.confidence == "medium"
    assert f"{name} is not in genai-prices" in finding.message
    assert finding.message.endswith(" is")


@pytest.mark.parametrize("source", NO_SLIPS.values(), ids=NO_SLIPS)
def test_known_or_private_model_is_left_alone(price_list: None, source: str) -> None:
    """A model that is known, or that only its owner knows, was reported."""
    assert found("TTA206", source) == []


def test_newer_version_is_not_taken_for_a_slip(price_list: None) -> None:
    """A model that is newer than the list was said to be misspelt."""
    (finding,) = found("TTA206", model("gpt-4o-mini-9"))
    assert finding.confidence == "low"


def test_retired_model_is_reported(price_list: None) -> None:
    """A model that the list marks as retired went unnoticed."""
    from genai_prices import data

    retired = [
        entry.id
        for provider in data.providers
        if provider.id == "mistral"
        for entry in provider.models
        if entry.deprecated
    ]
    if not retired:
        pytest.skip("this price list marks no model of Mistral as retired")
    (finding,) = sure("TTA206", mistral(retired[0]))
    assert "marked as retired" in finding.message


def test_rule_says_why_it_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the price list the rule found nothing, and nobody knew why."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "uv add" in (retired_model.silent_because() or "")
    assert found("TTA206", model("gpt-4o-mimi")) == []
