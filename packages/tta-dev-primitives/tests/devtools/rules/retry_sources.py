"""Pieces of source with a retry around a call of a model."""

from __future__ import annotations

from textwrap import indent

HEAD = """
import time
import backoff, openai, stamina, tenacity
from openai import OpenAI
from retry import retry as again
from retrying import retry
"""
CLIENT = "client = OpenAI(timeout=30)\n"
CALL = 'client.chat.completions.create(model="gpt-5-mini", messages=messages)'


def looped(body: str) -> str:
    body = body.replace("CALL", CALL)
    return HEAD + CLIENT + "def ask(messages):\n" + indent(body, "    ") + "\n"


def decorated(decorator: str, client: str = CLIENT) -> str:
    return f"{HEAD}{client}\n{decorator}\ndef ask(messages):\n    return {CALL}\n"
