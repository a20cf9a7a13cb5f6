"""A hand-written set of the shapes that recorded traffic has, replayed in the same way."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import yaml


def chat(**fields: Any) -> str:
    """A chat completion as JSON."""
    message = {"role": "assistant", "content": "Grüezi", **fields.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
    return json.dumps(
        {"id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
         "choices": [choice], "usage": usage, **fields},
        ensure_ascii=False,
    )  # fmt: skip


def chat_stream(*, counted_last: bool = True, finish: str | None = "stop", **last: Any) -> str:
    """A chat completion as events, without names, with the padding that servers add."""
    deltas = [{"role": "assistant", "content": ""}, {"content": "Grü"}, {"content": "ezi 🧀"}]
    chunks: list[dict[str, Any]] = [
        {"id": "c2", "model": "gpt-4o", "obfuscation": "xY7", "choices": [{"index": 0, "delta": d}]}
        for d in deltas
    ]
    chunks[0]["prompt_filter_results"] = []
    end = {"index": 0, "delta": {}, "finish_reason": finish}
    chunks.append({"id": "c2", "model": "gpt-4o", "choices": [end], **last})
    if counted_last:
        usage = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
        chunks.append({"id": "c2", "model": "gpt-4o", "choices": [], "usage": usage})
    lines = [f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks]
    return "".join([": keep-alive\n\n", *lines, "data: [DONE]\n\n"])


MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "Grüezi"},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Bern"}},
    ],
    "stop_reason": "tool_use", "stop_sequence": None,
    "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 5},
}  # fmt: skip
MESSAGE_STREAM = """\
event: message_start
data: {"type":"message_start","message":{"id":"msg_2","type":"message","role":"assistant",\
"model":"claude-haiku-4-5","content":[],"stop_reason":null,"stop_sequence":null,\
"usage":{"input_tokens":11,"output_tokens":1}}            }

event: ping
data: {"type": "ping"}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}    }

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grüezi 🧀"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0 }

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},\
"usage":{"output_tokens":9,"cache_read_input_tokens":2}}

event: message_stop
data: {"type":"message_stop"       }

"""
OPENAI = "https://api.openai.com/v1/chat/completions"
ANTHROPIC = "https://api.anthropic.com/v1/messages?beta=true"
SCRUBBED = {
    "Content-Type": ["application/json"],
    "Transfer-Encoding": ["chunked"],
    "Content-Length": ["99999"],
    "vary": ["Accept", "Origin"],
    "x-ratelimit-limit-tokens": ["X-RATELIMIT-LIMIT-TOKENS-XXX"],
    "x-ratelimit-reset-tokens": ["X-RATELIMIT-RESET-TOKENS-XXX"],
}
ASKED = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hoi"}]}
ASKED_STREAM = {**ASKED, "stream": True}
ASKED_CLAUDE = {**ASKED, "model": "claude-haiku-4-5", "max_tokens": 64}


def vcr(
    body: Any, *, url: str = OPENAI, status: int = 200, asked: Any = ASKED, headers: Any = None
) -> Any:
    """An exchange as VCR.py writes it."""
    return {
        "request": {"method": "POST", "uri": url, "headers": {}, "body": json.dumps(asked)},
        "response": {
            "status": {"code": status, "message": "x"},
            "headers": {**SCRUBBED, **(headers or {})},
            "body": {"string": body},
        },
    }


def parsed(body: Any, *, url: str = OPENAI, status: int = 200, asked: Any = None) -> Any:
    """An exchange with parsed bodies."""
    return {
        "request": {"method": "POST", "uri": url, "parsed_body": asked or ASKED},
        "response": {"status": {"code": status}, "headers": SCRUBBED, "parsed_body": body},
    }


def of_old(content: str, *, asked: Any = None) -> Any:
    """An exchange as the first VCR.py for httpx wrote it."""
    headers = {"Content-Encoding": ["gzip"], "Content-Type": ["application/json"]}
    return {
        "request": {"method": "POST", "uri": OPENAI, "body": json.dumps(asked or ASKED)},
        "response": {
            "content": content,
            "headers": headers,
            "http_version": "HTTP/1.1",
            "status_code": 200,
        },
    }


def proxied(body: str) -> Any:
    """A recording of one exchange as a tracing proxy writes it."""
    return {
        "request": {"method": "POST", "url": OPENAI, "body": json.dumps(ASKED)},
        "response": {
            "status": {"code": 200},
            "headers": {"content-encoding": "gzip", "content-type": "application/json"},
            "body": body,
        },
    }


GZIPPED = gzip.compress(chat().encode())
UNAUTHORIZED = {"error": {"message": "bad key", "type": "invalid_request_error", "code": None}}
FILTER = {"error": {"message": "filtered", "code": "content_filter", "status": 400}}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
BUSY = {"error": {"message": "Provider returned error", "code": 429, "metadata": {"raw": "x"}}}
WRITTEN = {
    "text": vcr(chat()),
    "binary": vcr(chat().encode()),
    "binary-gzip": vcr(GZIPPED, headers={"Content-Encoding": ["gzip"]}),
    "header-says-gzip-body-does-not": vcr(chat(), headers={"content-encoding": "gzip"}),
    "parsed": parsed(json.loads(chat())),
    "parsed-anthropic": parsed(MESSAGE, url=ANTHROPIC, asked=ASKED_CLAUDE),
    "old-httpx": of_old(chat()),
    "old-httpx-stream-called-json": of_old(chat_stream(counted_last=False), asked=ASKED_STREAM),
    "proxy": proxied(chat()),
    "several-answers": vcr(
        chat(choices=[
            {"index": 0, "message": {"content": "one"}, "finish_reason": "length"},
            {"index": 1, "message": {"content": "two"}, "finish_reason": "stop"},
        ])
    ),
    "stream": vcr(chat_stream(), asked=ASKED_STREAM),
    "stream-without-usage": vcr(chat_stream(counted_last=False), asked=ASKED_STREAM),
    "stream-without-finish": vcr(chat_stream(finish=None), asked=ASKED_STREAM),
    "stream-of-groq": vcr(
        chat_stream(
            counted_last=False, x_groq={"usage": {"prompt_tokens": 3, "completion_tokens": 4}}
        ),
        asked=ASKED_STREAM,
    ),
    "stream-of-anthropic": vcr(
        MESSAGE_STREAM, url=ANTHROPIC, asked={**ASKED_CLAUDE, "stream": True}
    ),
    "azure": vcr(
        chat(),
        url="https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
    ),
    "gemini": vcr(
        chat(usage={"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 30}),
        url="https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
    ),
    "filtered-with-status-200": parsed(FILTER),
    "unauthorized": parsed(UNAUTHORIZED, status=401),
    "unauthorized-without-body": vcr(None, status=401),
    "proxy-error-in-text": vcr("upstream connect error", status=503),
    "overloaded": parsed(OVERLOADED, url=ANTHROPIC, status=529, asked=ASKED_CLAUDE),
    "busy": parsed(BUSY, url="https://openrouter.ai/api/v1/chat/completions", status=429),
}  # fmt: skip


@pytest.mark.parametrize("interaction", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("size", [1, 5, 4096])
async def test_hand_written_recording_is_read_as_it_was_written(
    interaction: Any, size: int, tmp_path: Path, load_recording: Any, replay: Any
) -> None:
    alone = "url" in interaction["request"]
    path = tmp_path / ("one.json" if alone else "several.yaml")
    document = interaction if alone else {"version": 1, "interactions": [interaction]}
    path.write_text(json.dumps(document) if alone else yaml.safe_dump(document))
    (exchange,) = load_recording(path)
    await replay(exchange, size)


ISTR = """\
version: 1
interactions:
- request:
    uri: https://api.openai.com/v1/chat/completions
    body: '{"model": "m", "messages": [{"role": "user", "content": "x"}]}'
  response:
    status: {code: 401}
    headers:
      ? !!python/object/apply:multidict._multidict.istr
      - Content-Type
      : - application/json
    body: {string: '{"error": {"message": "no"}}'}
"""


def test_loader_takes_case_insensitive_text_and_no_other_object(
    tmp_path: Path, load_recording: Any
) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(ISTR)
    bad.write_text(ISTR.replace("multidict._multidict.istr", "os.system"))
    assert load_recording(good)[0].headers == (("content-type", "application/json"),)
    with pytest.raises(yaml.constructor.ConstructorError, match=r"os\.system"):
        load_recording(bad)


@pytest.mark.parametrize(
    "document",
    [
        [{"direction": "in"}],
        {"version": 1, "interactions": [{"direction": "in", "kind": "text", "data": "x"}]},
        {"request": {}, "response": {"status": {"code": 200}, "headers": {}}},
    ],
    ids=["list", "websocket", "no-body"],
)
def test_loader_refuses_what_holds_no_answers(
    document: Any, tmp_path: Path, load_recording: Any, not_http: type[Exception]
) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(not_http, match=r"odd\.yaml"):
        load_recording(path)
