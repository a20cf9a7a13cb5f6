"""TTA401: keys that tell every question from every other."""

from __future__ import annotations

import pytest

from .checking import found, sure

HEAD = """
import hashlib, json, re, string
from openai import AsyncOpenAI
from tta_dev_primitives import (
    CachePrimitive, OpenAIPrimitive, RetryPrimitive, UVCachePrimitive, WorkflowPrimitive, resilient,
)
client = AsyncOpenAI()
async def plain(question):
    return await client.responses.create(model="gpt-5-mini", input=question)
async def full(x, context):
    model = x["model"]
    options = {"temperature": x.get("temperature", 0)}
    return await client.chat.completions.create(
        model=model, messages=x["messages"], timeout=x["timeout"], user=x["user"], **options
    )
async def tenant(x, context):
    system = f"You work for {context.metadata['tenant']}."
    return await client.responses.create(model="gpt-5", instructions=system, input=x)
async def typed(request):
    return await client.responses.create(model=request.model, input=request.prompt)
class Ask(WorkflowPrimitive):
    async def execute(self, input_data, context):
        return await self.client.complete(prompt=input_data["prompt"], model=input_data["model"])
class Sdk(WorkflowPrimitive):
    def __init__(self, model):
        self.model = model
    async def execute(self, input_data, context):
        return await client.responses.create(model=self.model, input=input_data)
"""

WRONG = {
    "lower": "ask = CachePrimitive(plain, cache_key_fn=lambda x, context: x.lower())",
    "lower-after-strip": "ask = CachePrimitive(plain, lambda x, context: x.strip().casefold())",
    "lower-of-the-prompt": """
ask = CachePrimitive(typed, lambda x, context: (x.model, x.prompt.lower()))
""",
    "no-punctuation": r"""
ask = CachePrimitive(plain, lambda x, c: re.sub(r"[^\w\s]", "", x))
""",
    "no-punctuation-by-translate": """
ask = CachePrimitive(plain, lambda x, c: x.translate(str.maketrans("", "", string.punctuation)))
""",
    "no-punctuation-by-letters": """
def key(question, context):
    return "".join(letter for letter in question if letter.isalnum())
ask = CachePrimitive(plain, cache_key_fn=key)
""",
    "no-plus-signs": 'ask = CachePrimitive(plain, lambda x, c: x.replace("+", ""))',
    "words": r'ask = CachePrimitive(plain, lambda x, c: tuple(re.findall(r"\w+", x)))',
    "sorted-words": 'ask = CachePrimitive(plain, lambda x, c: " ".join(sorted(x.split())))',
    "set-of-words": "ask = CachePrimitive(plain, lambda x, c: frozenset(x.split()))",
    "beginning": "ask = CachePrimitive(plain, lambda x, c: x[:200])",
    "length": "ask = CachePrimitive(plain, lambda x, c: len(x))",
    "constant": 'ask = CachePrimitive(plain, lambda x, c: "answer")',
    "without-the-model": """
ask = CachePrimitive(typed, cache_key_fn=lambda request, context: request.prompt)
""",
    "without-the-temperature": """
ask = CachePrimitive(full, lambda x, c: json.dumps([x["model"], x["messages"]]))
""",
    "without-the-messages-but-the-last": """
ask = CachePrimitive(
    full, lambda x, c: (x["model"], x["temperature"], x["messages"][-1]["content"])
)
""",
    "without-the-tenant": "ask = CachePrimitive(tenant, lambda x, context: x)",
    "without-the-model-of-a-primitive": """
ask = CachePrimitive(Ask(), lambda x, context: x["prompt"])
""",
    "through-a-retry": """
ask = CachePrimitive(RetryPrimitive(typed), lambda x, context: x.prompt)
""",
    "as-a-decorator": """
@CachePrimitive(cache_key_fn=lambda x, context: x["prompt"])
async def ask(x):
    return await client.responses.create(model=x["model"], input=x["prompt"])
""",
    "as-a-policy": """
cache = CachePrimitive(cache_key_fn=lambda x, context: x.prompt)
ask = cache.wrap(typed)
""",
    "uv-cache": """
ask = UVCachePrimitive(typed, depends_on=["openai"], cache_key_fn=lambda x, context: x.prompt)
""",
    "resilient": """
ask = resilient(plain, cache=CachePrimitive(cache_key_fn=lambda x, c: x.lower()))
""",
    "excluded": 'ask = CachePrimitive(full, exclude=("model", "timeout"))',
    "hashed": """
def key(x, context):
    text = x["messages"]
    return hashlib.sha256(json.dumps(text).encode()).hexdigest()
ask = CachePrimitive(full, key)
""",
    "last-of-the-messages-of-an-adapter": """
ask = CachePrimitive(OpenAIPrimitive("gpt-5"), lambda x, c: x[-1]["content"])
""",
}

RIGHT = {
    "no-function": "ask = CachePrimitive(full)",
    "the-input": "ask = CachePrimitive(plain, cache_key_fn=lambda x, context: x)",
    "stripped": "ask = CachePrimitive(plain, lambda x, context: x.strip())",
    "spaces": 'ask = CachePrimitive(plain, lambda x, context: " ".join(x.split()))',
    "everything-that-counts": """
ask = CachePrimitive(
    full, lambda x, c: (x["model"], x.get("temperature"), json.dumps(x["messages"]))
)
""",
    "the-whole-as-text": "ask = CachePrimitive(full, lambda x, c: json.dumps(x, sort_keys=True))",
    "fields-of-the-whole": """
ask = CachePrimitive(full, lambda x, c: tuple(sorted(x.items())))
""",
    "with-the-tenant": """
ask = CachePrimitive(tenant, lambda x, context: (context.metadata["tenant"], x))
""",
    "with-the-context": "ask = CachePrimitive(tenant, lambda x, context: (repr(context), x))",
    "constant-model": "ask = CachePrimitive(plain, lambda question, context: question)",
    "model-of-the-step": 'ask = CachePrimitive(Sdk("gpt-5"), lambda x, context: x)',
    "code-of-a-language": """
async def translate(x):
    return await client.responses.create(model="gpt-5", instructions=x["language"], input=x["text"])
ask = CachePrimitive(translate, lambda x, c: (x["language"].lower(), x["text"]))
""",
    "folded-before-asking": """
async def lowered(x):
    return await client.responses.create(model="gpt-5", input=x.lower())
ask = CachePrimitive(lowered, lambda x, c: x.lower())
""",
    "step-of-elsewhere": """
from app.calls import ask
cached = CachePrimitive(ask, lambda x, c: x["prompt"])
""",
    "function-of-elsewhere": """
from app.keys import key
ask = CachePrimitive(full, cache_key_fn=key)
""",
    "excluded-time-limit": 'ask = CachePrimitive(full, exclude=("timeout", "user"))',
    "hash-and-beginning": """
ask = CachePrimitive(plain, lambda x, c: x[:40] + hashlib.sha256(x.encode()).hexdigest())
""",
    "part-that-the-step-narrows-too": """
async def first(x):
    return await client.responses.create(model="gpt-5", input=x["texts"][0])
ask = CachePrimitive(first, lambda x, c: x["texts"][0])
""",
    "identifier": """
async def by_identifier(x):
    return await client.responses.create(model="gpt-5", input=load(x["document"]))
ask = CachePrimitive(by_identifier, lambda x, c: x["document"])
""",
    "logged-only": """
async def logged(x):
    print(x["request_id"], x["tenant"])
    return await client.responses.create(model="gpt-5", input=x["prompt"])
ask = CachePrimitive(logged, lambda x, c: x["prompt"])
""",
    "what-another-service-may-not-look-at": """
async def opaque(x):
    return await gateway.complete(prompt=x["prompt"], note=x["comment"])
ask = CachePrimitive(opaque, lambda x, c: x["prompt"])
""",
    "sorted-tools": """
async def tools(x):
    return await client.responses.create(model="gpt-5", input=x["prompt"], tools=x["tools"])
ask = CachePrimitive(tools, lambda x, c: (x["prompt"], tuple(sorted(x["tools"]))))
""",
    "computed-in-another-function": """
def normal(question):
    return question.strip()
ask = CachePrimitive(plain, lambda x, c: normal(x))
""",
}


@pytest.mark.parametrize("source", WRONG.values(), ids=WRONG)
def test_a_key_that_questions_share_is_reported(source: str) -> None:
    """Two questions get one answer and the linter says nothing."""
    assert sure("TTA401", HEAD + source)


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_a_key_that_tells_questions_apart_is_left_alone(source: str) -> None:
    """The linter complains about a complete key, or one it cannot see into."""
    assert not found("TTA401", HEAD + source)


def test_the_message_tells_the_context_from_the_input() -> None:
    """The message sends the reader to the input for what stands in the context."""
    (finding,) = found("TTA401", HEAD + WRONG["without-the-tenant"])
    assert finding.message == "the cache key leaves out `context tenant`, and the step uses it"


def test_the_message_names_what_is_left_out() -> None:
    """The message does not say what the key lacks."""
    source = f'{HEAD}ask = CachePrimitive(full, lambda x, c: json.dumps(x["messages"]))'
    (finding,) = found("TTA401", source)
    assert finding.message == (
        "the cache key leaves out `model` and `temperature`, and the step uses them"
    )
