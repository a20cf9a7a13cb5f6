"""Requests that real apps sent to real providers, sent to the server instead."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tta_dev_primitives.testing.llm_server import LLMServer

DATA = os.environ.get("TTA_TEST_DATA")
OPENAI = {"authorization": "Bearer k"}
ANTHROPIC = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
PATHS = {
    "/chat/completions": OPENAI,
    "/responses": OPENAI,
    "/embeddings": OPENAI,
    "/messages": ANTHROPIC,
}
# One choice, and conversations brought whole, are what the server is for.
LEFT_OUT = ("n", "previous_response_id", "conversation")


def recordings(folder: Path) -> Iterator[dict[str, Any]]:
    import yaml

    class Loader(yaml.CSafeLoader):
        """Reads the string subclass some recorders leave in header names."""

    Loader.add_multi_constructor(
        "tag:yaml.org,2002:python/object/apply:",
        lambda loader, _, node: loader.construct_sequence(node)[0],
    )
    for line in (folder / "INDEX.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if not {"openai", "anthropic"}.isdisjoint(entry["provider"]) and entry["status"] == [200]:
            document = yaml.load((folder / entry["file"]).read_bytes(), Loader)
            yield from document.get("interactions") or [document]


def request_of(interaction: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    sent = interaction["request"]
    url = str(sent.get("uri") or sent.get("url")).partition("?")[0]
    if "/v1/" not in url or "/threads/" in url:
        return None
    path = "/" + url.partition("/v1/")[2]
    body = sent.get("parsed_body") or sent.get("body")
    if path not in PATHS or not body:
        return None
    return path, body if isinstance(body, dict) else json.loads(body)


@pytest.mark.skipif(DATA is None, reason="set TTA_TEST_DATA to a folder with llm-traffic")
async def test_recorded_requests_are_understood() -> None:
    """What the real APIs answered with 200 is answered with 200 here, plain or streamed."""
    asked = 0
    refused: list[str] = []
    async with LLMServer() as server, httpx2.AsyncClient() as http:
        for interaction in recordings(Path(DATA or "") / "llm-traffic"):
            found = request_of(interaction)
            if found is None or any(found[1].get(name) not in (None, 1) for name in LEFT_OUT):
                continue
            path, body = found
            url = server.openai_base_url + path
            answer = await http.post(url, json=body, headers=PATHS[path])
            asked += 1
            streams = answer.headers["content-type"].startswith("text/event-stream")
            if answer.status_code != 200 or streams != bool(body.get("stream")):
                refused.append(f"{path}: {answer.text[:200]}")
    assert refused == []
    assert asked > 50
