"""TTA301: synchronous clients in coroutines."""

from __future__ import annotations

import pytest

from .checking import found, sure

HEAD = """
import asyncio
from openai import AsyncOpenAI, OpenAI
client = OpenAI()
aclient = AsyncOpenAI()
"""
ASK = """
async def ask(question):
    reply = await aclient.responses.create(model="gpt-5-mini", input=question)
    return reply.output_text
"""

WRONG = {
    "module-client": """
async def answer(question):
    return client.responses.create(model="gpt-5", input=question).output_text
""",
    "client-of-self": """
class Bot:
    def __init__(self):
        self.client = OpenAI()
    async def answer(self, question):
        reply = self.client.chat.completions.create(model="gpt-5", messages=question)
        return reply
""",
    "anthropic": """
import anthropic
claude = anthropic.Anthropic()
async def answer(question):
    return claude.messages.create(model="claude-haiku-4-5", max_tokens=9, messages=question)
""",
    "litellm": """
import litellm
async def answer(question):
    return litellm.completion(model="gpt-5", messages=question)
""",
    "google": """
from google import genai
gemini = genai.Client()
async def answer(question):
    return gemini.models.generate_content(model="gemini-2.5-flash", contents=question).text
""",
    "stream": """
async def answer(question):
    for chunk in client.chat.completions.create(model="gpt-5", messages=question, stream=True):
        yield chunk
""",
    "made-in-the-function": """
async def answer(question):
    client = OpenAI(timeout=9)
    return client.responses.create(model="gpt-5", input=question)
""",
    "parameter-with-an-annotation": """
async def answer(client: OpenAI, question):
    return client.responses.create(model="gpt-5", input=question)
""",
    "unknown-client-whose-answer-is-read": """
async def answer(self, question):
    reply = self.llm.chat.completions.create(model="gpt-5", messages=question)
    return reply.choices[0].message.content
""",
    "ollama": """
import ollama
async def answer(question):
    return ollama.chat(model="llama3", messages=question)
""",
}
RIGHT = {
    "async-client": ASK,
    "plain-function": "def answer(q):\n    return client.responses.create(model='gpt-5', input=q)",
    "thread": """
async def answer(q):
    return await asyncio.to_thread(client.responses.create, model="gpt-5", input=q)
""",
    "thread-with-a-lambda": """
async def answer(q):
    return await asyncio.to_thread(lambda: client.responses.create(model="gpt-5", input=q))
""",
    "thread-with-a-function": """
async def answer(q):
    def work():
        return client.responses.create(model="gpt-5", input=q)
    return await asyncio.to_thread(work)
""",
    "executor": """
from functools import partial
async def answer(q):
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(
        None, partial(client.responses.create, model="gpt-5", input=q))
""",
    "submitted": """
async def answer(pool, q):
    pool.submit(client.responses.create, model="gpt-5", input=q).add_done_callback(print)
""",
    "awaited-later": """
async def answer(self, q):
    task = asyncio.create_task(self.llm.chat.completions.create(model="gpt-5", messages=q))
    return await task
""",
    "awaited-in-a-gather": """
async def answers(llm, questions):
    calls = [llm.chat.completions.create(model="gpt-5", messages=q) for q in questions]
    return await asyncio.gather(*calls)
""",
    "coroutine-in-a-name": """
async def answer(llm, q):
    call = llm.chat.completions.create(model="gpt-5", messages=q)
    return await call
""",
    "returned-as-it-is": """
async def answer(llm, q):
    return llm.chat.completions.create(model="gpt-5", messages=q)
""",
    "async-with": """
async def answer(llm, q):
    async with llm.messages.stream(model="claude", max_tokens=9, messages=q) as stream:
        return await stream.get_final_text()
""",
    "parameter-of-either-kind": """
async def answer(client: OpenAI | AsyncOpenAI, q):
    reply = client.responses.create(model="gpt-5", input=q)
    return await reply if asyncio.iscoroutine(reply) else reply
""",
    "either-client": """
import os
llm = OpenAI() if os.environ.get("SYNC") else AsyncOpenAI()
async def answer(q):
    return await llm.responses.create(model="gpt-5", input=q)
""",
}


@pytest.mark.parametrize("source", WRONG.values(), ids=WRONG)
def test_a_sync_client_in_a_coroutine_is_reported(source: str) -> None:
    """A synchronous client blocks the event loop and the linter says nothing."""
    assert len(sure("TTA301", HEAD + source)) == 1


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_what_is_awaited_or_runs_in_a_thread_is_left_alone(source: str) -> None:
    """The linter complains about a call that blocks nothing."""
    assert not found("TTA301", HEAD + source)


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("litellm", "use litellm.acompletion"),
        ("google", "use client.aio"),
        ("anthropic", "use AsyncA"),
    ],
    ids=["litellm", "google", "anthropic"],
)
def test_the_message_says_what_to_use(source: str, advice: str) -> None:
    """The message leaves the reader to look for the asynchronous client."""
    (finding,) = found("TTA301", HEAD + WRONG[source])
    assert advice in finding.message


def test_tests_may_block() -> None:
    """A test of a synchronous client is reported."""
    assert not found("TTA301", HEAD + WRONG["module-client"], path="tests/test_app.py")
