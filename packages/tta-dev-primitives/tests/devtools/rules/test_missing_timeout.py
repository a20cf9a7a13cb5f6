"""TTA101 and TTA102: who waits for how long."""

from __future__ import annotations

import pytest

from .checking import fixed, found, sure

OPENAI = """
from openai import OpenAI, AsyncOpenAI
{client}
answer = client.chat.completions.create(model="gpt-5-mini", messages=[])
"""


def openai(client: str) -> str:
    return OPENAI.format(client=client)


WRONG = {
    "openai": openai("client = OpenAI()"),
    "with-a-key": openai('client = OpenAI(api_key="EMPTY", base_url="http://localhost:8000/v1")'),
    "none-is-for-ever": openai("client = OpenAI(timeout=None)"),
    "retries-off": openai("client = OpenAI(max_retries=0)"),
    "azure": """
        from openai import AzureOpenAI
        client = AzureOpenAI(azure_endpoint="https://example.openai.azure.com", api_version="1")
        client.chat.completions.create(model="mine", messages=[])
    """,
    "anthropic": """
        import anthropic
        client = anthropic.Anthropic()
        client.messages.create(model="claude-sonnet-4-5", max_tokens=9, messages=[])
    """,
    "cached-and-not-limited": """
        from openai import AsyncOpenAI
        from tta_dev_primitives import CachePrimitive
        client = AsyncOpenAI()
        async def ask(text):
            return await client.responses.create(model="gpt-5", input=text)
        step = CachePrimitive(ask)
    """,
    "attribute-of-self": """
        from openai import OpenAI
        class Bot:
            def __init__(self):
                self.client = OpenAI()
            def ask(self):
                return self.client.responses.create(model="gpt-5", input="x")
    """,
    "async-in-a-function": """
        from openai import AsyncOpenAI
        client = AsyncOpenAI()
        async def ask():
            return await client.chat.completions.create(model="gpt-5-mini", messages=[])
    """,
    "embeddings": """
        from openai import OpenAI
        client = OpenAI()
        client.embeddings.create(model="text-embedding-3-small", input="x")
    """,
    "other-branch-unknown": """
        from openai import OpenAI
        from somewhere import special
        client = OpenAI() if plain else special()
        client.chat.completions.create(model="gpt-5-mini", messages=[])
    """,
    "from-a-factory": """
        from openai import OpenAI
        def make():
            return OpenAI()
        make().responses.create(model="gpt-5", input="x")
    """,
    "ollama-module": """
        import ollama
        ollama.chat(model="llama3", messages=[])
    """,
    "cohere": """
        import cohere
        client = cohere.ClientV2("COHERE")
        client.chat(model="command-r", messages=[])
    """,
    "google-with-settings": """
        from google import genai
        client = genai.Client()
        client.models.generate_content(model="m", contents="x", config={"temperature": 0})
    """,
    "google": """
        from google import genai
        client = genai.Client()
        client.models.generate_content(model="gemini-2.5-flash", contents="x")
    """,
}
RIGHT = {
    "on-the-client": openai("client = OpenAI(timeout=30)"),
    "on-the-call": """
        from openai import OpenAI
        client = OpenAI()
        client.chat.completions.create(model="gpt-5-mini", messages=[], timeout=20)
    """,
    "with-options": """
        from openai import OpenAI
        client = OpenAI()
        client.with_options(timeout=20).chat.completions.create(model="gpt-5-mini", messages=[])
    """,
    "own-http-client": """
        import httpx
        from openai import OpenAI
        client = OpenAI(http_client=httpx.Client(timeout=20))
        client.chat.completions.create(model="gpt-5-mini", messages=[])
    """,
    "hidden-by-keywords": openai("client = OpenAI(**settings)"),
    "hidden-on-the-call": """
        from openai import OpenAI
        client = OpenAI()
        client.chat.completions.create(model="gpt-5-mini", messages=[], **options)
    """,
    "hidden-on-a-call-that-does-not-stream": """
        from openai import OpenAI
        client = OpenAI()
        client.chat.completions.create(model="m", messages=[], stream=False, **options)
    """,
    "http-client-from-elsewhere": openai("client = OpenAI(http_client=http_client)"),
    "client-from-elsewhere": """
        from somewhere import client
        client.chat.completions.create(model="gpt-5-mini", messages=[])
    """,
    "parameter": """
        def ask(client):
            return client.chat.completions.create(model="gpt-5-mini", messages=[])
    """,
    "asyncio-timeout": """
        import asyncio
        from openai import AsyncOpenAI
        client = AsyncOpenAI()
        async def ask():
            async with asyncio.timeout(20):
                return await client.chat.completions.create(model="gpt-5-mini", messages=[])
    """,
    "wait-for": """
        import asyncio
        from openai import AsyncOpenAI
        client = AsyncOpenAI()
        async def ask():
            return await asyncio.wait_for(
                client.chat.completions.create(model="gpt-5-mini", messages=[]), 20
            )
    """,
    "timeout-primitive": """
        from openai import AsyncOpenAI
        from tta_dev_primitives import TimeoutPrimitive
        client = AsyncOpenAI()
        async def ask(text):
            return await client.responses.create(model="gpt-5", input=text)
        step = TimeoutPrimitive(ask, 20)
    """,
    "resilient": """
        from openai import AsyncOpenAI
        from tta_dev_primitives import resilient
        client = AsyncOpenAI()
        async def ask(text):
            return await client.responses.create(model="gpt-5", input=text)
        step = resilient(ask)
    """,
    "boto3-has-sixty-seconds": """
        import boto3
        client = boto3.client("bedrock-runtime")
        client.converse(modelId="anthropic.claude", messages=[])
    """,
    "groq-has-sixty-seconds": """
        from groq import Groq
        client = Groq()
        client.chat.completions.create(model="llama", messages=[])
    """,
    "stream": """
        from openai import OpenAI
        client = OpenAI()
        client.chat.completions.create(model="gpt-5-mini", messages=[], stream=True)
    """,
    "google-settings-with-a-timeout": """
        from google import genai
        client = genai.Client()
        settings = {"http_options": {"timeout": 9000}}
        client.models.generate_content(model="m", contents="x", config=settings)
    """,
    "google-settings-from-elsewhere": """
        from google import genai
        client = genai.Client()
        def ask(settings):
            client.models.generate_content(model="m", contents="x", config=settings)
    """,
    "no-model-is-called": """
        from openai import OpenAI
        client = OpenAI()
        client.files.list()
    """,
    "same-name-other-package": """
        from acme import OpenAI
        client = OpenAI()
        client.chat.completions.create(model="gpt-5-mini", messages=[])
    """,
}


@pytest.mark.parametrize("source", WRONG.values(), ids=WRONG)
def test_call_without_a_timeout_is_reported_once(source: str) -> None:
    """A call that may hang for minutes went unnoticed, or was told twice."""
    assert [finding.code for finding in sure("TTA101", source)] == ["TTA101"]


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_limited_or_unknown_call_is_left_alone(source: str) -> None:
    """A call with a limit, or of which nothing is known, was reported."""
    assert found("TTA101", source) == []


def test_message_tells_how_long_a_call_takes_with_its_retries() -> None:
    """The message spoke of 600 s where the client tries three times."""
    (finding,) = sure("TTA101", openai("client = OpenAI()"))
    assert finding.message == (
        "OpenAI() has no timeout, so a call may take 600 s, and 1800 s with its 2 retries"
    )
    assert finding.position.line == 3


def test_explicit_none_is_for_ever() -> None:
    """A client told to wait without a limit was said to wait 600 s."""
    (finding,) = sure("TTA101", openai("client = OpenAI(timeout=None)"))
    assert finding.message.endswith("may wait for ever")


def test_many_calls_of_one_client_are_one_finding() -> None:
    """A file with fifty calls got fifty findings for one missing argument."""
    calls = 'client.responses.create(model="gpt-5", input="x")\n' * 3
    source = "from openai import OpenAI\nclient = OpenAI()\n" + calls
    assert len(sure("TTA101", source)) == 1


def test_each_of_two_possible_clients_is_reported() -> None:
    """A client made in the branches of an `if` was taken for unknown, or one branch was missed."""
    source = """
        from openai import AzureOpenAI, OpenAI
        if azure:
            client = AzureOpenAI(api_version="1")
        else:
            client = OpenAI()
        client.responses.create(model="gpt-5", input="x")
    """
    assert [finding.position.line for finding in sure("TTA101", source)] == [4, 6]


def test_client_of_another_file_is_named_by_its_place() -> None:
    """A client that is made in another module was taken for unknown."""
    source = """
        from clients import client
        client.responses.create(model="gpt-5", input="x")
        client.responses.create(model="gpt-5", input="y")
    """
    others = {"clients.py": "from openai import OpenAI\n\nclient = OpenAI()\n"}
    (finding,) = sure("TTA101", source, others=others)
    assert "OpenAI() of clients.py:3 has no timeout" in finding.message
    assert finding.position.line == 3


def test_call_of_two_clients_from_elsewhere_is_reported_once() -> None:
    """One call got a finding for each of the clients that a factory may return."""
    source = """
        from clients import make
        make(azure).responses.create(model="gpt-5", input="x")
    """
    factory = """
        from openai import AzureOpenAI, OpenAI
        def make(azure):
            if azure:
                return AzureOpenAI(api_version="1")
            return OpenAI()
    """
    assert len(sure("TTA101", source, others={"clients.py": factory})) == 1


def test_tests_and_notebooks_are_not_told_by_default() -> None:
    """A team was asked to add timeouts to its tests."""
    (finding,) = found("TTA101", openai("client = OpenAI()"), path="tests/test_app.py")
    assert finding.confidence == "low"


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ("OpenAI()", "OpenAI(timeout=120)"),
        ("OpenAI(api_key=key)", "OpenAI(api_key=key, timeout=120)"),
        ("OpenAI(api_key=(key))", "OpenAI(api_key=(key), timeout=120)"),
        ("OpenAI(api_key='ü')", "OpenAI(api_key='ü', timeout=120)"),
        ("OpenAI(\n    api_key=key,\n)", "OpenAI(\n    api_key=key, timeout=120,\n)"),
    ],
    ids=["empty", "keyword", "brackets", "not-ascii", "trailing-comma"],
)
def test_fix_adds_the_argument(client: str, expected: str) -> None:
    """The fix broke the call, or put the argument in the wrong place."""
    source = openai(f"client = {client}")
    (finding,) = sure("TTA101", source)
    assert finding.fix is not None
    assert finding.fix.is_safe
    after = fixed(source, finding.fix)
    assert f"client = {expected}" in after
    assert found("TTA101", after) == []


@pytest.mark.parametrize(
    "client",
    ["OpenAI(\n    api_key=key  # of the team\n)", "OpenAI(timeout=None)"],
    ids=["behind-a-comment", "already-there"],
)
def test_no_fix_where_it_cannot_be_placed(client: str) -> None:
    """The fix put the argument into a comment, or gave it twice."""
    (finding,) = sure("TTA101", openai(f"client = {client}"))
    assert finding.fix is None


HANDED_OUT = {
    "returned": "from openai import OpenAI\ndef make():\n    return OpenAI()\n",
    "module-level": "import anthropic\nclient = anthropic.AsyncAnthropic()\n",
    "ollama": "import ollama\nclient = ollama.Client(host='h')\n",
}
SETTLED = {
    "timeout": "from openai import OpenAI\nclient = OpenAI(timeout=3)\n",
    "http-client": "from openai import OpenAI\nclient = OpenAI(http_client=h)\n",
    "keywords": "from openai import OpenAI\nclient = OpenAI(**k)\n",
    "short-by-itself": "from groq import Groq\nclient = Groq()\n",
    "called-here": openai("client = OpenAI()"),
}


@pytest.mark.parametrize("source", HANDED_OUT.values(), ids=HANDED_OUT)
def test_client_handed_out_with_the_default_is_told_on_request(source: str) -> None:
    """A client factory without a timeout was not told by TTA102."""
    (finding,) = sure("TTA102", source)
    assert finding.level == "info"
    assert found("TTA101", source) == []


@pytest.mark.parametrize("source", SETTLED.values(), ids=SETTLED)
def test_settled_client_is_left_alone(source: str) -> None:
    """TTA102 reported a client with a limit, or repeated TTA101."""
    assert found("TTA102", source) == []
