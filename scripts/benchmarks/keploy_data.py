"""Recordings made up for the benchmark: mocks, the same as a cassette, and tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml
from keploy_upstream import BODY

from keploy_framework.exchange import Exchange, Request, Response
from keploy_framework.formats import KeployTree, Mock, TestCase

if TYPE_CHECKING:
    from pathlib import Path

HOST = "api.llm.example"
TEST_SET = "test-set-0"
SECOND = 1_000_000_000
BEGAN = 1_760_000_000 * SECOND
JSON_HEADERS = (("Content-Type", "application/json"),)
WORDS = "the quick brown fox jumps over the lazy dog and reads a book about testing "


def call(number: int, *, one_path: bool) -> tuple[str, bytes, bytes]:
    """Return path, request body and response body of a call to a chat model, about 1 KB."""
    path = "/v1/chat/completions" if one_path else f"/v1/threads/{number}/completions"
    messages = [
        {"role": "system", "content": "You answer in one short sentence."},
        {"role": "user", "content": f"Question {number}: {WORDS * 2}"},
    ]
    asked = {"model": "small-1", "messages": messages, "temperature": 0.2, "max_tokens": 200}
    message = {"role": "assistant", "content": f"Answer {number}: {WORDS}"}
    answered = {
        "id": f"chatcmpl-{number:024d}",
        "object": "chat.completion",
        "created": 1_760_000_000 + number,
        "model": "small-1",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 60, "completion_tokens": 20, "total_tokens": 80},
    }
    return path, json.dumps(asked).encode(), json.dumps(answered).encode()


def write_mocks(root: Path, count: int, *, one_path: bool = False) -> Path:
    """Write a set of *count* mocks below *root* and return its file."""
    mocks: list[Mock] = []
    for number in range(count):
        path, asked, answered = call(number, one_path=one_path)
        headers = (
            ("Host", HOST),
            *JSON_HEADERS,
            ("Authorization", "Bearer none"),
            ("Content-Length", str(len(asked))),
        )
        request = Request("POST", path, headers, asked, "http", HOST)
        length = ("Content-Length", str(len(answered)))
        response = Response(200, "OK", (*JSON_HEADERS, length), answered, (), len(answered))
        began = BEGAN + number * SECOND
        exchange = Exchange(request, response, began, began + SECOND // 2, "1")
        mocks.append(Mock.from_exchange(exchange, name=f"mock-{number}"))
    return KeployTree(root).test_set(TEST_SET).write_mocks(mocks)


def write_cassette(file: Path, count: int, *, one_path: bool = False) -> None:
    """Write the same calls as VCR.py records them."""
    interactions: list[dict[str, Any]] = []  # Any: JSON values
    for number in range(count):
        path, asked, answered = call(number, one_path=one_path)
        request = {
            "body": asked.decode(),
            "headers": {
                "Content-Type": ["application/json"],
                "Authorization": ["Bearer none"],
                "Content-Length": [str(len(asked))],
            },
            "method": "POST",
            "uri": f"http://{HOST}{path}",
        }
        response = {
            "body": {"string": answered.decode()},
            "headers": {
                "Content-Type": ["application/json"],
                "Content-Length": [str(len(answered))],
            },
            "status": {"code": 200, "message": "OK"},
        }
        interactions.append({"request": request, "response": response})
    text = yaml.dump({"interactions": interactions, "version": 1}, Dumper=yaml.CSafeDumper)
    file.write_text(text)


def write_tests(root: Path, count: int, port: int, body: bytes = BODY) -> Path:
    """Write *count* tests of the fast app on *port* and return their folder."""
    recorded = KeployTree(root).test_set(TEST_SET)
    host = f"127.0.0.1:{port}"
    headers = (("Host", host), ("Accept", "application/json"), ("User-Agent", "client/1"))
    length = ("Content-Length", str(len(body)))
    response = Response(200, "OK", (*JSON_HEADERS, ("Server", "fast"), length), body, (), len(body))
    for number in range(count):
        request = Request("GET", f"/items/{number}", headers, host=host)
        began = BEGAN + number * SECOND
        exchange = Exchange(request, response, began, began + SECOND // 100, "1")
        name = f"test-{number + 1}"
        recorded.write_test(
            TestCase.from_exchange(exchange, name=name, test_set=TEST_SET, app_port=port)
        )
    return recorded.folder / "tests"
