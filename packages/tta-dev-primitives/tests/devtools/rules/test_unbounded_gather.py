"""TTA303: as many calls as a list is long."""

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
    "generator": """
async def all_of(texts):
    return await asyncio.gather(*(ask(t) for t in texts))
""",
    "list": "async def all_of(texts):\n    return await asyncio.gather(*[ask(t) for t in texts])",
    "name": """
async def all_of(texts):
    calls = [ask(text) for text in texts]
    return await asyncio.gather(*calls, return_exceptions=True)
""",
    "tasks": """
async def all_of(texts):
    tasks = [asyncio.create_task(ask(text)) for text in texts]
    for done in asyncio.as_completed(tasks):
        print(await done)
""",
    "appended": """
async def all_of(texts):
    tasks = []
    for text in texts:
        tasks.append(ask(text))
    return await asyncio.gather(*tasks)
""",
    "sdk-call": """
async def all_of(texts):
    return await asyncio.gather(
        *[aclient.responses.create(model="gpt-5", input=text) for text in texts])
""",
    "task-group": """
async def all_of(texts):
    async with asyncio.TaskGroup() as group:
        for text in texts:
            group.create_task(ask(text))
""",
    "through-another-function": """
async def one(text):
    return (await ask(text)).strip()
async def all_of(texts):
    return await asyncio.gather(*(one(text) for text in texts))
""",
    "method": """
class Bot:
    async def one(self, text):
        return await aclient.responses.create(model="gpt-5", input=text)
    async def all_of(self, texts):
        return await asyncio.gather(*(self.one(text) for text in texts))
""",
    "function-inside": """
async def all_of(texts):
    async def one(text):
        return await ask(text)
    return await asyncio.gather(*(one(text) for text in texts))
""",
    "lines-of-a-file": """
LINES = open("questions.txt").readlines()
async def all_of():
    return await asyncio.gather(*(ask(line) for line in LINES))
""",
    "a-thousand-numbers": """
async def all_of():
    return await asyncio.gather(*(ask(str(number)) for number in range(1000)))
""",
    "wait": """
async def all_of(texts):
    return await asyncio.wait([asyncio.ensure_future(ask(text)) for text in texts])
""",
}
RIGHT = {
    "semaphore": """
limit = asyncio.Semaphore(10)
async def one(text):
    async with limit:
        return await ask(text)
async def all_of(texts):
    return await asyncio.gather(*(one(text) for text in texts))
""",
    "semaphore-inside": """
async def all_of(texts):
    gate = asyncio.Semaphore(10)
    async def one(text):
        async with gate:
            return await ask(text)
    return await asyncio.gather(*(one(text) for text in texts))
""",
    "semaphore-handed-on": """
async def one(slots, text):
    async with slots:
        return await ask(text)
async def all_of(texts):
    slots = asyncio.Semaphore(10)
    return await asyncio.gather(*(one(slots, text) for text in texts))
""",
    "decorated": """
from aiolimiter import limited
@limited(10)
async def one(text):
    return await ask(text)
async def all_of(texts):
    return await asyncio.gather(*(one(text) for text in texts))
""",
    "batches": """
async def all_of(texts):
    for start in range(0, len(texts), 10):
        await asyncio.gather(*(ask(text) for text in texts[start : start + 10]))
""",
    "batches-by-name": """
async def all_of(batch):
    await asyncio.gather(*(ask(text) for text in batch))
""",
    "two-calls": "async def both():\n    return await asyncio.gather(ask('a'), ask('b'))",
    "written-out": """
async def all_of():
    return await asyncio.gather(*(ask(text) for text in ["a", "b", "c"]))
""",
    "constant-list": """
LANGUAGES = ("de", "fr", "it")
async def all_of():
    return await asyncio.gather(*(ask(language) for language in LANGUAGES))
""",
    "split-text": """
LINES = map(str.strip, "a\\nb\\nc".split("\\n"))
async def all_of():
    return await asyncio.gather(*(ask(line) for line in LINES))
""",
    "a-few-numbers": """
async def all_of():
    return await asyncio.gather(*(ask(str(number)) for number in range(5)))
""",
    "first-ten": """
async def all_of(texts):
    return await asyncio.gather(*(ask(text) for text in texts[:10]))
""",
    "own-transport": """
import httpx
few = AsyncOpenAI(http_client=httpx.AsyncClient(limits=httpx.Limits(max_connections=10)))
async def one(text):
    return await few.responses.create(model="gpt-5", input=text)
async def all_of(texts):
    return await asyncio.gather(*(one(text) for text in texts))
""",
    "asks-no-model": """
async def read(path):
    return path
async def all_of(paths):
    return await asyncio.gather(*(read(path) for path in paths))
""",
    "function-of-elsewhere": """
from app.calls import ask as remote
async def all_of(texts):
    return await asyncio.gather(*(remote(text) for text in texts))
""",
    "other-gather": """
from app.limits import gather
async def all_of(texts):
    return await gather(*(ask(text) for text in texts))
""",
    "under-a-limit": """
async def all_of(texts, rate_limiter):
    async with rate_limiter:
        return await asyncio.gather(*(ask(text) for text in texts))
""",
}


@pytest.mark.parametrize("source", WRONG.values(), ids=WRONG)
def test_as_many_calls_as_the_list_is_long_are_reported(source: str) -> None:
    """A long list asks everything at once and the linter says nothing."""
    assert len(sure("TTA303", HEAD + ASK + source)) == 1


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_what_is_bounded_or_not_known_is_left_alone(source: str) -> None:
    """The linter complains although something bounds the calls."""
    assert not found("TTA303", HEAD + ASK + source)
