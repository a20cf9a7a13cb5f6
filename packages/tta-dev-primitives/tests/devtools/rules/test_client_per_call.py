"""TTA304: clients that are made again and again."""

from __future__ import annotations

import pytest

from .checking import found, sure

HEAD = """
import asyncio
from openai import AsyncOpenAI, OpenAI
client = OpenAI()
aclient = AsyncOpenAI()
"""
WRONG = {
    "in-a-loop": """
def answers(texts):
    for text in texts:
        llm = OpenAI(timeout=9)
        print(llm.responses.create(model="gpt-5", input=text))
""",
    "in-a-comprehension": """
def answers(texts):
    return [OpenAI().responses.create(model="gpt-5", input=text) for text in texts]
""",
    "in-a-loop-of-a-script": """
for text in open("texts.txt"):
    llm = OpenAI()
    llm.responses.create(model="gpt-5", input=text)
""",
    "called-in-a-loop": """
def answer(text):
    llm = OpenAI()
    return llm.responses.create(model="gpt-5", input=text)
def answers(texts):
    return [answer(text) for text in texts]
""",
    "gathered": """
async def answer(text):
    llm = AsyncOpenAI(api_key="EMPTY")
    return await llm.responses.create(model="gpt-5", input=text)
async def answers(texts):
    return await asyncio.gather(*(answer(text) for text in texts))
""",
    "request": """
from fastapi import FastAPI
app = FastAPI()
@app.post("/ask")
async def answer(question: str):
    llm = AsyncOpenAI()
    return await llm.responses.create(model="gpt-5", input=question)
""",
    "primitive": """
from tta_dev_primitives import WorkflowPrimitive
class Answer(WorkflowPrimitive):
    async def execute(self, input_data, context):
        llm = AsyncOpenAI()
        return await llm.responses.create(model="gpt-5", input=input_data)
""",
    "step": """
from tta_dev_primitives import RetryPrimitive
async def answer(question):
    llm = AsyncOpenAI()
    return await llm.responses.create(model="gpt-5", input=question)
step = RetryPrimitive(answer)
""",
    "anthropic": """
import anthropic
def answers(texts):
    for text in texts:
        claude = anthropic.Anthropic()
        claude.messages.create(model="claude-haiku-4-5", max_tokens=9, messages=text)
""",
    "bedrock": """
import boto3
def answers(texts):
    for text in texts:
        bedrock = boto3.client("bedrock-runtime")
        bedrock.converse(modelId="amazon.nova-lite-v1:0", messages=text)
""",
}
RIGHT = {
    "module": "def answer(text):\n    return client.responses.create(model='gpt-5', input=text)",
    "init": """
class Bot:
    def __init__(self):
        llm = OpenAI()
        self.models = llm.responses.create(model="gpt-5", input="hello")
""",
    "main": """
def main():
    llm = OpenAI()
    llm.responses.create(model="gpt-5", input="hello")
for _ in range(9):
    main()
""",
    "factory": """
def make():
    llm = OpenAI()
    llm.responses.create(model="gpt-5", input="warm up")
    return llm
makers = [make() for _ in range(9)]
""",
    "cached": """
from functools import cache
@cache
def answer(text):
    llm = OpenAI()
    return llm.responses.create(model="gpt-5", input=text)
answers = [answer(text) for text in "abc"]
""",
    "closed": """
def answers(texts):
    for text in texts:
        with OpenAI() as llm:
            llm.responses.create(model="gpt-5", input=text)
""",
    "key-of-the-customer": """
def answer(key, text):
    llm = OpenAI(api_key=key)
    return llm.responses.create(model="gpt-5", input=text)
answers = [answer(key, "x") for key in ("a", "b", "c")]
""",
    "key-of-the-item": """
def answers(servers):
    for server in servers:
        llm = OpenAI(base_url=server)
        llm.responses.create(model="gpt-5", input="hello")
""",
    "one-of-two": """
def answer(text, fast):
    llm = OpenAI()
    if fast:
        llm = OpenAI(base_url="https://fast.example/v1")
    return llm.responses.create(model="gpt-5", input=text)
answers = [answer(text, True) for text in "abc"]
""",
    "kept": """
def answers(texts, clients):
    for text in texts:
        llm = OpenAI()
        clients.append(llm)
        llm.responses.create(model="gpt-5", input=text)
""",
    "global": """
llm = None
def answer(text):
    global llm
    llm = OpenAI()
    return llm.responses.create(model="gpt-5", input=text)
answers = [answer(text) for text in "abc"]
""",
    "attempts": """
for attempt in range(3):
    try:
        llm = OpenAI()
        reply = llm.responses.create(model="gpt-5", input="x")
        break
    except ValueError:
        pass
""",
    "attempts-to-the-end": """
for attempt in range(3):
    llm = OpenAI()
    llm.responses.create(model="gpt-5", input="x")
""",
    "no-connections": """
import google.generativeai as genai
def answers(texts):
    for text in texts:
        model = genai.GenerativeModel("gemini-2.5-flash")
        model.generate_content(text)
""",
}


@pytest.mark.parametrize("source", WRONG.values(), ids=WRONG)
def test_a_client_made_again_and_again_is_reported(source: str) -> None:
    """A client is made for each call and the linter says nothing."""
    assert len(sure("TTA304", HEAD + source)) == 1


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_a_client_made_once_or_on_purpose_is_left_alone(source: str) -> None:
    """The linter complains about a client that is made once, or has to be made each time."""
    assert not found("TTA304", HEAD + source)


def test_a_function_that_nobody_calls_here_is_not_sure() -> None:
    """A function of which nobody knows how often it runs is reported as if it ran often."""
    source = (
        HEAD
        + """
def answer(text):
    llm = OpenAI()
    return llm.responses.create(model="gpt-5", input=text)
"""
    )
    assert [finding.confidence for finding in found("TTA304", source)] == ["medium"]
