"""The clients that apps use, each in a child of its own: none of their calls gets out."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from keploy_framework.exchange import Chunk, Response
from keploy_framework.proxy import (
    Answer,
    AnsweredCalls,
    EgressProxy,
    child_environment,
    trust_files,
)

HOST = "api.nowhere.invalid"
JSON = (("Content-Type", "application/json"),)
SSE = (("Content-Type", "text/event-stream"),)

URLLIB = "import urllib.request as u; print(u.urlopen(URL).read().decode())"
URLLIB3 = "import urllib3; print(urllib3.PoolManager().request('GET', URL).data.decode())"
URLLIB3_SIMPLE = "import urllib3; print(urllib3.request('GET', URL).data.decode())"
REQUESTS = "import requests; print(requests.get(URL).text)"
SESSION = """
import requests
session = requests.Session()
print(session.get(URL).text, session.get(URL).status_code)
"""
HTTPX = "import httpx; print(httpx.get(URL).text)"
HTTPX2 = "import httpx2; print(httpx2.get(URL).text)"
AIOHTTP = """
import aiohttp, asyncio
async def main():
    async with aiohttp.ClientSession() as session, session.get(URL) as response:
        print(await response.text())
asyncio.run(main())
"""
BOTO3 = """
import boto3
keys = dict(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
client = boto3.client("s3", endpoint_url=URL.rpartition("/bucket")[0], **keys)
print(client.get_object(Bucket="bucket", Key="key")["Body"].read().decode())
"""
OPENAI = """
import openai
client = openai.OpenAI(api_key="k", base_url=URL.rpartition("/")[0] + "/v1", max_retries=0)
ask = dict(model="m", messages=[{"role": "user", "content": "hi"}])
whole = client.chat.completions.create(**ask)
parts = [c.choices[0].delta.content for c in client.chat.completions.create(**ask, stream=True)]
print(whole.choices[0].message.content, *parts)
"""
ANTHROPIC = """
import anthropic
client = anthropic.Anthropic(api_key="k", base_url=URL.rpartition("/")[0], max_retries=0)
ask = dict(model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}])
with client.messages.stream(**ask) as stream:
    print("mock", *stream.text_stream)
"""

PYTHON = {
    "urllib": ("urllib", URLLIB),
    "urllib3": ("urllib3", URLLIB3),
    "urllib3-simple": ("urllib3", URLLIB3_SIMPLE),
    "requests": ("requests", REQUESTS),
    "requests-session": ("requests", SESSION),
    "httpx": ("httpx", HTTPX),
    "httpx2": ("httpx2", HTTPX2),
    "aiohttp": ("aiohttp", AIOHTTP),
    "boto3": ("boto3", BOTO3),
}

NODE_GET = """
require(SCHEME).get(URL, (response) => {
  response.on('data', (data) => process.stdout.write(data));
}).on('error', (error) => process.stdout.write(String(error)));
"""
NODE_AGENT = """
const library = require(SCHEME);
class Own extends library.Agent {
  createConnection(options, callback) { return super.createConnection(options, callback); }
}
const agent = new Own({ keepAlive: true, maxSockets: 1 });
const get = (next) => library.get(URL, { agent }, (response) => {
  response.on('data', (data) => process.stdout.write(data));
  response.on('end', next);
}).on('error', (error) => process.stdout.write(String(error)));
get(() => get(() => agent.destroy()));
"""
NODE_FETCH = """
(async () => {
  const both = await Promise.all([fetch(URL_), fetch(new Request(URL_))]);
  for (const response of both) process.stdout.write(await response.text());
})().catch((error) => process.stdout.write(`${error} ${error.cause}`));
"""
NODE = {
    "get": (NODE_GET, "mock"),
    "agent": (NODE_AGENT, "mockmock"),
    "fetch": (NODE_FETCH, "mockmock"),
}


def event(**fields: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (str(fields["type"]).encode(), json.dumps(fields).encode())


class Service:
    """Answer like the services whose libraries are tried."""

    def __init__(self) -> None:
        self.urls: list[str] = []

    def answer(self, request) -> Answer:
        self.urls.append(request.url)
        if request.target.endswith("/chat/completions"):
            return self._openai(json.loads(request.body).get("stream", False))
        if request.target.endswith("/messages"):
            return self._anthropic()
        return Answer(Response(200, "OK", (), b"mock", body_size=4))

    def _openai(self, stream: bool) -> Answer:
        def choice(key: str, text: str) -> bytes:
            part = {
                "index": 0,
                key: {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
            head = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
            return json.dumps({**head, "choices": [part]}).encode()

        if not stream:
            body = choice("message", "mock")
            return Answer(Response(200, "OK", JSON, body, body_size=len(body)))
        frames = [b"data: %b\n\n" % choice("delta", text) for text in ("one", "two")]
        return self._stream([*frames, b"data: [DONE]\n\n"])

    def _anthropic(self) -> Answer:
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {"id": "m", "type": "message", "role": "assistant", "content": [], "model": "m"}
        message |= {"stop_reason": None, "stop_sequence": None, "usage": usage}
        text = {"type": "text", "text": ""}
        frames = [
            event(type="message_start", message=message),
            event(type="content_block_start", index=0, content_block=text),
            *(
                event(
                    type="content_block_delta", index=0, delta={"type": "text_delta", "text": part}
                )
                for part in ("one", "two")
            ),
            event(type="content_block_stop", index=0),
            event(type="message_delta", delta={"stop_reason": "end_turn"}, usage=usage),
            event(type="message_stop"),
        ]
        return self._stream(frames)

    def _stream(self, frames: list[bytes]) -> Answer:
        body = b"".join(frames)
        chunks = tuple(Chunk(0, frame) for frame in frames)
        return Answer(Response(200, "OK", SSE, body, chunks, len(body)), gaps=(0, 0.01, 0.01))


PLACES = [("https", False), ("http", True)]
PLACE_NAMES = ["https-elsewhere", "http-here"]

Run = Callable[..., Awaitable[tuple[str, list[str]]]]


@pytest.fixture
def run(authority) -> Run:
    """Run a command as a child of a replay; give what it printed and what it asked."""

    async def run(*command: str, **variables: str) -> tuple[str, list[str]]:
        service = Service()
        calls = AnsweredCalls(service, authority)
        with trust_files(authority.pem, os.environ) as trust:
            async with EgressProxy(calls) as proxy:
                base = {**os.environ, **variables}
                child = child_environment(base, proxy_url=proxy.url, trust=trust)
                process = await asyncio.create_subprocess_exec(
                    *command,
                    env=child,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                )
                try:
                    async with asyncio.timeout(30):
                        out, error = await process.communicate()
                finally:
                    if process.returncode is None:
                        process.kill()
                        await process.wait()
        assert process.returncode == 0, error.decode()
        return out.decode().strip(), service.urls

    return run


def url_of(scheme: str, local: bool = False) -> str:
    return f"{scheme}://{'localhost:47999' if local else HOST}/bucket/key"


@pytest.mark.parametrize(
    ("client", "scheme", "local"),
    # Those that go here by http as well are the ones that a file of ours leads.
    [(client, "https", False) for client in PYTHON]
    + [(client, "http", True) for client in ("urllib", "urllib3", "requests", "aiohttp")],
)
async def test_a_python_client_is_answered(run: Run, client: str, scheme: str, local: bool) -> None:
    """A client of Python went past the proxy, or did not trust it."""
    package, code = PYTHON[client]
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed. Try: uv add --dev {package}")
    url = url_of(scheme, local)
    out, asked = await run(sys.executable, "-c", f"URL = {url!r}\n{code}")
    assert out.startswith("mock")
    assert set(asked) == {url}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "code"), [("openai", OPENAI), ("anthropic", ANTHROPIC)], ids=["openai", "anthropic"]
)
async def test_a_library_of_a_service_reads_its_answers(run: Run, package: str, code: str) -> None:
    """The library of a model provider could not read a replayed stream."""
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed. Try: uv add --dev {package}")
    out, asked = await run(sys.executable, "-c", f"URL = 'https://{HOST}/x'\n{code}")
    assert out == "mock one two"
    assert asked


@pytest.mark.parametrize(("scheme", "local"), PLACES, ids=PLACE_NAMES)
async def test_curl_is_answered(run: Run, scheme: str, local: bool) -> None:
    """curl went past the proxy, or did not trust it."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not on this machine")
    out, asked = await run("curl", "-sS", url_of(scheme, local))
    assert (out, asked) == ("mock", [url_of(scheme, local)])


def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not on this machine")
    return found


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("local", [False, True], ids=["elsewhere", "here"])
@pytest.mark.parametrize("client", list(NODE))
async def test_a_node_client_is_answered(run: Run, client: str, scheme: str, local: bool) -> None:
    """A client of Node went past the proxy, or did not trust it."""
    code, expected = NODE[client]
    url = url_of(scheme, local)
    script = (
        code.replace("SCHEME", repr(scheme)).replace("URL_", repr(url)).replace("URL", repr(url))
    )
    out, asked = await run(node(), "-e", script)
    assert out == expected
    assert set(asked) == {url}


async def test_a_node_app_without_calls_is_left_alone(run: Run) -> None:
    """Node loaded its clients, or printed something, only because of our file."""
    loaded = "process.moduleLoadList.filter((name) => /undici|NativeModule tls$/.test(name)).length"
    out, asked = await run(node(), "-e", f"console.log({loaded} < 3)")
    assert (out, asked) == ("true", [])


async def test_a_node_server_and_its_own_clients_still_work(run: Run, tmp_path: Path) -> None:
    """A Node app that listens on a socket of the file system could not be called any more."""
    if sys.platform == "win32":
        pytest.skip("Windows has pipes instead")
    script = """
const http = require('http');
const path = process.argv[1];
const server = http.createServer((_, response) => response.end('own')).listen(path, () => {
  http.get({ socketPath: path, path: '/' }, (response) => {
    response.on('data', (data) => process.stdout.write(data));
    response.on('end', () => server.close());
  });
});
"""
    out, asked = await run(node(), "-e", script, str(tmp_path / "s"))
    assert (out, asked) == ("own", [])
