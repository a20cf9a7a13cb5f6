"""The calls that the Python apps make, one function a client library.

Each function asks the plain server and the one with TLS, and gives both answers. Libraries are
imported by the function that needs them, so an app loads those it uses.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

# Any: whatever JSON the servers answer.
Answers: TypeAlias = list[Any]

TIMEOUT_SECONDS = 10.0


def plain_url() -> str:
    """Where an order is sent as JSON."""
    return f"{os.environ['PLAIN_URL']}/orders"


def secure_url(client: str) -> str:
    """Where a rate is asked for, over TLS."""
    return f"{os.environ['SECURE_URL']}/rates?client={client}"


def headers() -> dict[str, str]:
    """Give the headers of each call; the token is a secret."""
    return {"Authorization": f"Bearer {os.environ['SHOP_TOKEN']}"}


def curl() -> Answers:
    """Ask with the program, as scripts do."""
    common = [
        "curl",
        "-sS",
        "--max-time",
        "10",
        "-H",
        f"Authorization: {headers()['Authorization']}",
    ]
    order = ["-H", "Content-Type: application/json", "-d", '{"client":"curl"}', plain_url()]
    asked = [[*common, *order], [*common, secure_url("curl")]]
    return [json.loads(subprocess.check_output(words)) for words in asked]


def requests() -> Answers:
    """Ask with requests."""
    import requests as library

    session = library.Session()
    session.headers.update(headers())
    order = session.post(plain_url(), json={"client": "requests"}, timeout=TIMEOUT_SECONDS)
    return [order.json(), session.get(secure_url("requests"), timeout=TIMEOUT_SECONDS).json()]


def urllib3() -> Answers:
    """Ask with a plain pool manager, which reads no proxy variables."""
    import urllib3 as library

    pool = library.PoolManager(headers=headers(), timeout=TIMEOUT_SECONDS, retries=False)
    order = pool.request("POST", plain_url(), json={"client": "urllib3"})
    return [order.json(), pool.request("GET", secure_url("urllib3")).json()]


def httpx() -> Answers:
    """Ask with httpx."""
    import httpx as library

    with library.Client(headers=headers(), timeout=TIMEOUT_SECONDS) as client:
        order = client.post(plain_url(), json={"client": "httpx"})
        return [order.json(), client.get(secure_url("httpx")).json()]


def httpx2() -> Answers:
    """Ask with httpx2."""
    import httpx2 as library

    with library.Client(headers=headers(), timeout=TIMEOUT_SECONDS) as client:
        order = client.post(plain_url(), json={"client": "httpx2"})
        return [order.json(), client.get(secure_url("httpx2")).json()]


def openai() -> Answers:
    """Ask a model, then once more as a stream."""
    import openai as library

    client = library.OpenAI(timeout=TIMEOUT_SECONDS)
    said = client.chat.completions.create(
        model="small", messages=[{"role": "user", "content": "name a fruit"}]
    )
    stream = client.chat.completions.create(
        model="small", messages=[{"role": "user", "content": "name a tree"}], stream=True
    )
    parts = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    return [said.choices[0].message.content, "".join(parts)]


def anthropic() -> Answers:
    """Ask the other model, then once more as a stream."""
    import anthropic as library

    client = library.Anthropic(timeout=TIMEOUT_SECONDS)
    said = client.messages.create(
        model="small", max_tokens=40, messages=[{"role": "user", "content": "name a fruit"}]
    )
    with client.messages.stream(
        model="small", max_tokens=40, messages=[{"role": "user", "content": "name a tree"}]
    ) as stream:
        parts = list(stream.text_stream)
    return [said.to_dict()["content"], "".join(parts)]


async def aiohttp() -> Answers:
    """Ask with aiohttp, told nothing about proxies."""
    import aiohttp as library

    limit = library.ClientTimeout(TIMEOUT_SECONDS)
    async with library.ClientSession(headers=headers(), timeout=limit) as session:
        async with session.post(plain_url(), json={"client": "aiohttp"}) as order:
            first = await order.json()
        async with session.get(secure_url("aiohttp")) as rate:
            return [first, await rate.json()]


async def httpx_async() -> Answers:
    """Ask with httpx, both calls at once."""
    import asyncio

    import httpx as library

    async with library.AsyncClient(headers=headers(), timeout=TIMEOUT_SECONDS) as client:
        both = await asyncio.gather(
            client.post(plain_url(), json={"client": "httpx-async"}),
            client.get(secure_url("httpx-async")),
        )
        return [answer.json() for answer in both]


async def openai_async() -> Answers:
    """Ask a model from a loop."""
    import openai as library

    async with library.AsyncOpenAI(timeout=TIMEOUT_SECONDS) as client:
        said = await client.chat.completions.create(
            model="small", messages=[{"role": "user", "content": "name a river"}]
        )
        return [said.choices[0].message.content]


BLOCKING: dict[str, Callable[[], Answers]] = {
    call.__name__: call for call in (curl, requests, urllib3, httpx, httpx2, openai, anthropic)
}
ASYNC: dict[str, Callable[[], Coroutine[Any, Any, Answers]]] = {
    "aiohttp": aiohttp,
    "httpx-async": httpx_async,
    "openai-async": openai_async,
}
