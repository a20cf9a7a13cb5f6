"""TTA405: steps that keep the event loop."""

from __future__ import annotations

import pytest

from .checking import found, sure

HEAD = """
import asyncio, subprocess, time, urllib.request
import httpx, requests
from openai import AsyncOpenAI, OpenAI
from tta_dev_primitives import (
    CachePrimitive, HedgePrimitive, LambdaPrimitive, RetryPrimitive, TimeoutPrimitive,
    WorkflowPrimitive, resilient,
)
blocking = OpenAI()
client = AsyncOpenAI()
"""


def execute(body: str, *, before: str = "") -> str:
    return f"""
{before}
class Ask(WorkflowPrimitive[str, str]):
    async def execute(self, input_data, context):
        {body}
"""


WRONG = {
    "sleep": execute("time.sleep(1)"),
    "requests": execute("return requests.post('https://example.org', timeout=9).text"),
    "session": execute("return requests.Session().get('https://example.org', timeout=9).text"),
    "httpx": execute("return httpx.get('https://example.org').text"),
    "httpx-client": execute("return http.get('/').text", before="http = httpx.Client()"),
    "urllib": execute("return urllib.request.urlopen('https://example.org').read()"),
    "subprocess": execute("return subprocess.run(['ls'], check=True)"),
    "client-of-a-model": execute(
        "return blocking.responses.create(model='gpt-5', input=input_data).output_text"
    ),
    "client-of-self": """
class Ask(WorkflowPrimitive):
    def __init__(self):
        self.client = OpenAI()
    async def execute(self, input_data, context):
        return self.client.responses.create(model="gpt-5", input=input_data)
""",
    "stream": """
class Ask(WorkflowPrimitive):
    async def stream(self, input_data, context):
        for word in input_data.split():
            time.sleep(0.1)
            yield word
""",
    "imported-by-name": execute("sleep(1)", before="from time import sleep"),
    "in-a-method": """
class Ask(WorkflowPrimitive):
    def fetch(self, url):
        return requests.get(url, timeout=9).text
    async def execute(self, input_data, context):
        return self.fetch(input_data)
""",
    "in-a-function": execute(
        "return fetch(input_data)",
        before="""
def fetch(url):
    return requests.get(url, timeout=9).text
""",
    ),
    "subclass-of-a-subclass": """
class Base(WorkflowPrimitive):
    pass
class Ask(Base):
    async def execute(self, input_data, context):
        time.sleep(1)
""",
    "async-function-as-a-step": """
async def ask(question):
    time.sleep(1)
    return question
step = RetryPrimitive(ask)
""",
    "async-function-decorated": """
@CachePrimitive(ttl_seconds=60)
async def ask(question):
    return blocking.responses.create(model="gpt-5", input=question).output_text
""",
    "sync-function-under-a-limit": """
def ask(question):
    return blocking.responses.create(model="gpt-5", input=question).output_text
step = TimeoutPrimitive(ask, 10)
""",
    "sync-function-under-resilient": """
def ask(question):
    return requests.get(question, timeout=9).text
step = resilient(ask)
""",
    "sync-function-beside-another": """
def ask(question):
    return requests.get(question, timeout=9).text
step = LambdaPrimitive(ask) | LambdaPrimitive(ask)
""",
    "lambda-under-a-limit": """
step = TimeoutPrimitive(lambda x, c: requests.get(x, timeout=9).text, 10)
""",
}

RIGHT = {
    "async-sleep": execute("await asyncio.sleep(1)"),
    "async-client": execute(
        "return await client.responses.create(model='gpt-5', input=input_data)"
    ),
    "async-http": execute("return await http.get('/')", before="http = httpx.AsyncClient()"),
    "thread": execute("return await asyncio.to_thread(time.sleep, 1)"),
    "thread-with-a-lambda": execute("return await asyncio.to_thread(lambda: time.sleep(1))"),
    "thread-with-a-function": execute(
        "return await asyncio.to_thread(fetch, 'x')",
        before="""
def fetch(url):
    return requests.get(url, timeout=9).text
""",
    ),
    "executor": execute(
        "return await asyncio.get_running_loop().run_in_executor(None, requests.get, 'x')"
    ),
    "function-inside": """
class Ask(WorkflowPrimitive):
    async def execute(self, input_data, context):
        def work():
            time.sleep(1)
        return await asyncio.to_thread(work)
""",
    "own-sleep": execute("clock.sleep(1)", before="clock = object()"),
    "another-kind-of-class": """
class Job:
    async def execute(self, input_data, context):
        time.sleep(1)
""",
    "another-method": """
class Ask(WorkflowPrimitive):
    def warm_up(self):
        time.sleep(1)
    async def execute(self, input_data, context):
        return input_data
""",
    "unknown-client": execute("return self.client.post('/')"),
    "not-a-step": "def wait():\n    time.sleep(1)\nwait()",
    "handed-over-unknown": "def ask(x):\n    time.sleep(1)\npolicies.wrap(ask)",
    "coroutine-made-for-later": execute(
        "return await asyncio.wait_for(self.client.responses.create(model='m', input='x'), 5)"
    ),
    "generator": execute(
        "return rows(input_data)",
        before="""
def rows(url):
    yield requests.get(url, timeout=9)
""",
    ),
    "only-called-when-imported": "answer = requests.get('https://example.org', timeout=9)",
    "step-that-waits": """
async def ask(question):
    await asyncio.sleep(1)
    return question
step = RetryPrimitive(ask)
""",
}


@pytest.mark.parametrize("source", WRONG.values(), ids=WRONG)
def test_what_blocks_in_a_step_is_reported(source: str) -> None:
    """A step blocks the event loop and the linter says nothing."""
    assert sure("TTA405", HEAD + source)


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_what_waits_or_runs_elsewhere_is_left_alone(source: str) -> None:
    """The linter complains about code that does not block, or that is no step."""
    assert not found("TTA405", HEAD + source)


def test_a_sync_step_of_a_script_is_not_sure() -> None:
    """A script that does one thing at a time is told that it blocks."""
    source = """
def ask(question):
    return requests.get(question, timeout=9).text
step = CachePrimitive(RetryPrimitive(ask))
"""
    assert [finding.confidence for finding in found("TTA405", HEAD + source)] == ["medium"]


def test_one_blocking_call_is_one_finding() -> None:
    """A synchronous client in a step is reported under two codes."""
    source = HEAD + WRONG["client-of-a-model"]
    assert len(found("TTA405", source)) == 1
    assert not found("TTA301", source)
