"""TTA302: calls in a loop that wait for each other."""

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


def loop(body: str, head: str = "for text in texts:", before: str = "") -> str:
    lines = "\n".join(f"        {line}" for line in body.strip().split("\n"))
    return f"async def answers(texts):\n    results = []\n    {before}\n    {head}\n{lines}\n"


CALL = 'await aclient.responses.create(model="gpt-5", input=text)'
WRONG = {
    "appended": loop(f"reply = {CALL}\nresults.append(reply.output_text)"),
    "appended-at-once": loop(f"results.append({CALL})"),
    "into-a-dict": loop(f"replies[text] = {CALL}", before="replies = {}"),
    "through-a-name": loop(f"text = text.strip()\nresults.append({CALL})"),
    "enumerated": loop(
        f"results.append((number, {CALL}))", "for number, text in enumerate(texts):"
    ),
    "batches": loop(
        "batch = texts[i : i + 9]\n"
        'reply = await aclient.embeddings.create(model="e", input=batch)\n'
        "results.extend(reply.data)",
        "for i in range(0, len(texts), 9):",
    ),
    "comprehension": f"async def answers(texts):\n    return [{CALL} for text in texts]",
    "with-a-log": loop(f"reply = {CALL}\nprint(reply.output_text)"),
    "with-a-guard": loop(f"if not text:\n    continue\nresults.append({CALL})"),
    "with-a-try": loop(
        f"try:\n    reply = {CALL}\nexcept ValueError:\n    continue\nresults.append(reply)"
    ),
    "messages-made-anew": loop(
        'messages = [{"role": "user", "content": text}]\n'
        'reply = await aclient.chat.completions.create(model="m", messages=messages)\n'
        "results.append(reply)"
    ),
    "total": loop(f"reply = {CALL}\ntotal += reply.usage.total_tokens", before="total = 0"),
}
RIGHT = {
    "gathered": ASK
    + """
async def answers(texts):
    return await asyncio.gather(*map(ask, texts))
""",
    "conversation": loop(
        'messages.append({"role": "user", "content": text})\n'
        'reply = await aclient.chat.completions.create(model="m", messages=messages)\n'
        'messages.append({"role": "assistant", "content": reply.text})',
        before="messages = []",
    ),
    "refined": loop(
        'draft = (await aclient.responses.create(model="m", input=draft + text)).output_text',
        before='draft = ""',
    ),
    "previous-answer": loop(
        'reply = await aclient.responses.create(model="m", input=text, previous_response_id=last)\n'
        "last = reply.id",
        before="last = None",
    ),
    "history-of-self": loop(
        'reply = await aclient.responses.create(model="m", input=[*memory.items, text])\n'
        "memory.save(reply)",
    ),
    "handed-to-a-function": loop(
        'reply = await aclient.responses.create(model="m", input=[state, text])\n'
        "remember(state, reply)",
    ),
    "paced": loop(f"results.append({CALL})\nawait asyncio.sleep(1)"),
    "under-a-limit": loop(f"async with limiter:\n    results.append({CALL})"),
    "first-that-works": loop(f"reply = {CALL}\nif reply.output_text:\n    return reply"),
    "left-early": loop(f"reply = {CALL}\nif not reply.output_text:\n    break"),
    "attempts": loop(
        'results.append(await aclient.responses.create(model="m", input=[attempt]))',
        "for attempt in range(5):",
    ),
    "samples": loop(
        'results.append(await aclient.responses.create(model="m", input=texts))',
        "for number in range(5):",
    ),
    "two-items": loop(f"results.append({CALL})", 'for text in ("a", "b"):'),
    "stream-of-inputs": loop(f"results.append({CALL})", "async for text in texts:"),
    "agent": loop(f"results.append({CALL})", "while texts:\n        text = texts.pop()"),
    "generator": loop(f"yield {CALL}"),
    "asks-a-person": loop(f"text = text + input()\nresults.append({CALL})"),
    "sync": """
def answers(texts):
    return [client.responses.create(model='m', input=t) for t in texts]
""",
    "after-a-failure": """
async def answers(texts):
    try:
        return await aclient.embeddings.create(model="e", input=texts)
    except ValueError:
        return [await aclient.embeddings.create(model="e", input=text) for text in texts]
""",
}


@pytest.mark.parametrize("source", WRONG.values(), ids=WRONG)
def test_calls_that_need_nothing_of_each_other_are_reported(source: str) -> None:
    """Independent calls wait for each other and the linter says nothing."""
    assert len(sure("TTA302", HEAD + source)) == 1


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_calls_that_follow_from_each_other_are_left_alone(source: str) -> None:
    """The linter wants calls side by side that follow from each other, or are paced."""
    assert not found("TTA302", HEAD + source)


def test_another_await_in_the_loop_makes_it_unsure() -> None:
    """A loop whose other awaits may want their order is reported as if it were certain."""
    source = loop(f"reply = {CALL}\nawait websocket.send(reply.output_text)")
    assert [finding.confidence for finding in found("TTA302", HEAD + source)] == ["medium"]
