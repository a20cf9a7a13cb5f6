"""What is told of a call: streaming, timeout, limit, mode, loop, model, hidden arguments."""

from __future__ import annotations

import pytest

from .finding import only_site, sites_in

OPENAI = "import asyncio, openai\nc = openai.OpenAI()\na = openai.AsyncOpenAI()\n"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("c.responses.create()", "no"),
        ("c.responses.create(stream=True)", "yes"),
        ("c.responses.create(stream=False)", "no"),
        ("c.responses.create(stream=None)", "no"),
        ("c.responses.create(stream=openai.NOT_GIVEN)", "no"),
        ("c.responses.create(stream=wanted)", "unknown"),
        ("c.responses.create(**options)", "unknown"),
        ("c.responses.create(stream=True, **options)", "yes"),
        ("c.responses.stream()", "yes"),
        ("STREAM = True\nc.responses.create(stream=STREAM)", "yes"),
    ],
)
def test_streaming(call: str, expected: str) -> None:
    """Streaming is told by the method or a constant, and unknown where something may hide it."""
    assert only_site(OPENAI + call).streaming == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("c.responses.create()", "no"),
        ("c.responses.create(max_output_tokens=5)", "yes"),
        ("c.chat.completions.create(max_tokens=limit)", "yes"),
        ("c.chat.completions.create(max_completion_tokens=5)", "yes"),
        ("c.chat.completions.create(max_tokens=None)", "no"),
        ("c.chat.completions.create(max_tokens=openai.NOT_GIVEN)", "no"),
        ("c.chat.completions.create(**options)", "unknown"),
        ("c.chat.completions.create(max_tokens=5, **options)", "yes"),
        ("c.chat.completions.create(*arguments)", "unknown"),
        ("c.chat.completions.create(extra_body={'max_tokens': 5})", "yes"),
        ("c.chat.completions.create(extra_body={'top_k': 5})", "no"),
        ("c.chat.completions.create(extra_body=body)", "unknown"),
        ("import ollama\nollama.chat(options={'num_predict': 5})", "yes"),
        ("import ollama\nollama.chat(options={'temperature': 0})", "no"),
        (
            (
                "import google.generativeai as g\n"
                "from google.generativeai import GenerationConfig\n"
                "g.GenerativeModel('m').generate_content('x', generation_config=GenerationConfig("
                "max_output_tokens=5))"
            ),
            "yes",
        ),
        (
            (
                "from google import genai\nfrom google.genai import types\n"
                "genai.Client().models.generate_content(config=types.Config(top_k=1))"
            ),
            "no",
        ),
        ("import boto3\nboto3.client('b').converse(inferenceConfig={'maxTokens': 5})", "yes"),
        ("import boto3\nboto3.client('b').invoke_model(body=text)", "unknown"),
    ],
)
def test_limit_of_the_answer(call: str, expected: str) -> None:
    """A limit may stand in a holder of settings, and is unknown where a holder is not seen."""
    assert only_site(OPENAI + call).max_tokens == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("c.responses.create()", "sync"),
        ("async def f():\n    await a.responses.create()", "async"),
        ("async def f():\n    a.responses.create()", "async"),
        (
            "async def f():\n    async for x in other.responses.create(model='m', input='i'): ...",
            "async",
        ),
        (
            "async def f():\n    async with other.messages.stream(model='m', messages=[]): ...",
            "async",
        ),
        (
            "def f(o):\n    asyncio.gather(*[o.responses.create(model='m', input=i) for i in x])",
            "async",
        ),
        ("def f(o):\n    o.responses.create(model='m', input='i')", "sync"),
        ("def f(async_client):\n    async_client.chat.completions.create()", "async"),
        ("import litellm\nlitellm.acompletion()", "async"),
        ("import openai\nopenai.ChatCompletion.acreate()", "async"),
        ("from google import genai\ngenai.Client().aio.models.generate_content()", "async"),
        ("b = a if openai.x else c\nb.responses.create()", "sync"),
        ("async def f():\n    (await other.responses.create(model='m', input='i')).text", "async"),
    ],
)
def test_mode(call: str, expected: str) -> None:
    """A call is asynchronous by its client, by its name, or by being awaited."""
    assert only_site(OPENAI + call).mode == expected


CREATE = "c.responses.create()"
TIMEOUTS = [
    pytest.param(CREATE, "no", id="sdk-default"),
    pytest.param("c.responses.create(timeout=3)", "yes", id="call"),
    pytest.param("c.responses.create(timeout=None)", "no", id="call-without-limit"),
    pytest.param("c.responses.create(**options)", "unknown", id="hidden"),
    pytest.param("c.with_options(timeout=3).responses.create()", "yes", id="with-options"),
    pytest.param("c.with_options(max_retries=3).responses.create()", "no", id="other-option"),
    pytest.param("c = openai.OpenAI(timeout=3)\n" + CREATE, "yes", id="client"),
    pytest.param("c = openai.OpenAI(timeout=None)\n" + CREATE, "no", id="client-without-limit"),
    pytest.param("c = openai.OpenAI(timeout=wanted)\n" + CREATE, "yes", id="client-by-variable"),
    pytest.param("c = openai.OpenAI(**options)\n" + CREATE, "unknown", id="client-hidden"),
    pytest.param(
        "import httpx\nc = openai.OpenAI(http_client=httpx.Client(timeout=3))\n" + CREATE,
        "yes",
        id="http-client",
    ),
    pytest.param(
        "c = openai.OpenAI(http_client=h)\n" + CREATE, "unknown", id="http-client-unknown"
    ),
    pytest.param("def f(c: openai.OpenAI):\n    " + CREATE, "unknown", id="passed-in"),
    pytest.param(
        "def f(c=None):\n    c = c or openai.OpenAI()\n    " + CREATE,
        "unknown",
        id="perhaps-passed-in",
    ),
    pytest.param("def f(c):\n    c.chat.completions.create()", "unknown", id="unknown-client"),
    pytest.param(
        "async def f():\n    async with asyncio.timeout(3):\n        await a.responses.create()",
        "yes",
        id="asyncio-timeout",
    ),
    pytest.param(
        "async def f():\n    async with asyncio.timeout(None):\n        await a.responses.create()",
        "no",
        id="asyncio-timeout-none",
    ),
    pytest.param(
        "async def f():\n    await asyncio.wait_for(a.responses.create(), 3)", "yes", id="wait-for"
    ),
    pytest.param(
        "async def f():\n    await asyncio.wait_for(a.responses.create(), None)",
        "no",
        id="wait-for-ever",
    ),
    pytest.param(
        "from anyio import fail_after\nasync def f():\n    with fail_after(3):\n"
        "        await a.responses.create()",
        "yes",
        id="anyio",
    ),
    pytest.param(
        "async def f():\n    async with asyncio.timeout(3):\n        async def g():\n"
        "            await a.responses.create()",
        "no",
        id="function-defined-inside",
    ),
    pytest.param(
        "import boto3\nfrom botocore.config import Config\n"
        "b = boto3.client('bedrock-runtime', config=Config(read_timeout=3))\nb.converse()",
        "yes",
        id="bedrock-config",
    ),
    pytest.param("import litellm\nlitellm.completion(model='m')", "no", id="module-function"),
    pytest.param(
        "import requests\nrequests.post('https://api.openai.com/v1/responses')", "no", id="requests"
    ),
    pytest.param(
        "import httpx\nhttpx.post('https://api.openai.com/v1/responses')", "yes", id="httpx-default"
    ),
    pytest.param(
        "import httpx\nhttpx.Client(timeout=None).post('https://api.openai.com/v1/responses')",
        "no",
        id="httpx-switched-off",
    ),
]


@pytest.mark.parametrize(("source", "expected"), TIMEOUTS)
def test_timeout(source: str, expected: str) -> None:
    """A timeout of the call, of its client or of what encloses it counts; a hidden one may be."""
    assert only_site(OPENAI + source).timeout == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("c.responses.create()", False),
        ("for x in y:\n    c.responses.create()", True),
        ("while c.responses.create(): ...", True),
        ("[c.responses.create() for x in y]", True),
        ("for event in c.responses.create(stream=True): ...", True),
        ("for x in y:\n    def f():\n        c.responses.create()", False),
    ],
)
def test_in_loop(source: str, expected: bool) -> None:
    """A call in a loop of its own function is in a loop, the head of the loop included."""
    assert only_site(OPENAI + source).in_loop is expected


@pytest.mark.parametrize(
    ("source", "model"),
    [
        ("c.responses.create(model='m')", "m"),
        ("MODEL = 'm'\nc.responses.create(model=MODEL)", "m"),
        ("c.responses.create(model=model)", None),
        ("c.responses.create()", None),
        ("import litellm\nlitellm.completion('m', [])", "m"),
        ("import boto3\nboto3.client('b').converse(modelId='m')", "m"),
        ("openai.ChatCompletion.create(engine='m')", "m"),
    ],
)
def test_model(source: str, model: str | None) -> None:
    """The model is told where it is written out or a constant, else nothing is."""
    assert only_site(OPENAI + source).model == model


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [("model='m'", False), ("*x", True), ("**x", True), ("model='m', **x", True)],
)
def test_hidden_arguments(arguments: str, expected: bool) -> None:
    """`**options` may bring anything, which rules must know before they speak."""
    assert only_site(f"{OPENAI}c.responses.create({arguments})").has_unknown_arguments is expected


def test_client_is_the_constructor_and_not_what_came_after() -> None:
    """`with_options` changes a client, and the constructor is still where a fix goes."""
    site = only_site(OPENAI + "c.with_options(timeout=1).responses.create()")
    assert site.client is not None
    assert (site.client.qualified, site.client.line) == ("openai.OpenAI", 2)


def test_notebook_calls_are_found_in_their_cells() -> None:
    """A client made in one cell is the client of the next."""
    cells = ["import openai\nc = openai.OpenAI()", "!ls\nc.responses.create()"]
    text = {"cells": [{"cell_type": "code", "source": cell} for cell in cells], "metadata": {}}
    import json

    site = sites_in(json.dumps(text), path="a.ipynb")[0]
    position = site.file.position(site.node)
    assert (position.cell, position.line) == (1, 2)
