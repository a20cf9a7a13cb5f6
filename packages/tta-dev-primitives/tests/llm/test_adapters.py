"""What both adapters promise: clients, keys, time, closing, prices, observers."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from tta_dev_primitives import WorkflowContext
from tta_dev_primitives.core import observe
from tta_dev_primitives.core.clock import SystemClock
from tta_dev_primitives.core.identity import identity
from tta_dev_primitives.errors import (
    AuthenticationError,
    ConfigurationError,
    LLMTimeoutError,
    ServerError,
)
from tta_dev_primitives.llm import pricing
from tta_dev_primitives.llm.anthropic import AnthropicPrimitive
from tta_dev_primitives.llm.openai import OpenAIPrimitive

BOTH = pytest.mark.parametrize("kind", ["openai", "anthropic"])
CLASSES: dict[str, Any] = {"openai": OpenAIPrimitive, "anthropic": AnthropicPrimitive}
MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5"}
ANSWERS: dict[str, dict[str, Any]] = {
    "openai": {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello"},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13},
    },
    "anthropic": {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 3},
    },
}
STREAMS: dict[str, list[dict[str, Any]]] = {
    "openai": [
        {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"content": "Hel"}}]},
        {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"content": "lo"}}]},
        {"id": "c1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"id": "c1", "choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 3}},
    ],
    "anthropic": [
        {"type": "message_start", "message": {**ANSWERS["anthropic"], "content": []}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": "Hel"},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 3},
        },
        {"type": "message_stop"},
    ],
}


@pytest.fixture
def make(make_openai: Any, make_anthropic: Any) -> Callable[..., Any]:
    """An adapter of the given kind whose requests go to the wire."""
    makers = {"openai": make_openai, "anthropic": make_anthropic}
    return lambda kind, **options: makers[kind](MODELS[kind], **options)


class StoppedClock(SystemClock):
    """Shows the time it is told."""

    def __init__(self, now: float) -> None:
        self.now = now

    def monotonic(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.now


def hanging(began: asyncio.Event) -> httpx2.AsyncClient:
    """A client whose server never answers."""

    async def hang(request: httpx2.Request) -> httpx2.Response:
        began.set()
        return await asyncio.Future[httpx2.Response]()

    return httpx2.AsyncClient(transport=httpx2.MockTransport(hang))


@BOTH
@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"model": ""}, "name of a model"),
        ({"timeout_seconds": 0}, "timeout_seconds must be positive"),
        ({"timeout_seconds": -1.0}, "-1.0"),
        ({"timeout_seconds": float("nan")}, "nan"),
        ({"max_tokens": 0}, "max_tokens must be at least 1, got 0"),
        ({"client": object(), "api_key": "k", "base_url": "u"}, "own api_key, base_url"),
    ],
    ids=["no-model", "no-time", "negative-time", "nan", "no-tokens", "two-sources"],
)
def test_mistakes_are_told_at_construction(kind, options, complaint) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        CLASSES[kind](**{"model": "m", **options})


def test_sync_client_is_refused() -> None:
    with openai.OpenAI(api_key="k") as client, pytest.raises(ConfigurationError, match="AsyncOp"):
        OpenAIPrimitive("m", client=client)
    with anthropic.Anthropic(api_key="k") as client, pytest.raises(ConfigurationError):
        AnthropicPrimitive("m", client=client)


def test_without_the_sdks_the_error_is_the_line_that_installs_them() -> None:
    """Construction needs no SDK and imports none; the first request does."""
    code = """
import asyncio, sys
from tta_dev_primitives.llm.anthropic import AnthropicPrimitive
from tta_dev_primitives.llm.openai import OpenAIPrimitive
adapters = [OpenAIPrimitive("m", api_key="k"), AnthropicPrimitive("m", api_key="k")]
assert not {"openai", "anthropic", "httpx2", "genai_prices"} & set(sys.modules)
sys.modules["openai"] = sys.modules["anthropic"] = None
for adapter in adapters:
    try:
        adapter.run("Hi")
    except ImportError as error:
        print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        f"MissingExtraError {name} is not installed. Try: uv add 'tta-dev-primitives[{name}]'"
        for name in ("openai", "anthropic")
    ]


@BOTH
async def test_missing_key_names_its_variable(kind, make, wire) -> None:
    adapter = make(kind, api_key=None)
    with pytest.raises(AuthenticationError, match=f"{kind.upper()}_API_KEY") as caught:
        await adapter.execute("Hi")
    assert not caught.value.retryable
    assert wire.requests == []


@BOTH
async def test_key_and_url_come_from_the_environment(kind, make, wire, monkeypatch) -> None:
    monkeypatch.setenv(f"{kind.upper()}_API_KEY", "sk-from-environment")
    monkeypatch.setenv(f"{kind.upper()}_BASE_URL", "https://llm.example.com/v1")
    wire.reply(ANSWERS[kind])
    await make(kind, api_key=None).execute("Hi")
    request = wire.requests[0]
    assert request.url.host == "llm.example.com"
    assert "sk-from-environment" in str(dict(request.headers))


@BOTH
@pytest.mark.parametrize(
    "base_url",
    ["http://localhost:11434/v1", "http://127.0.0.1:8080", "http://[::1]:80", "http://llm:8000"],
)
async def test_server_at_home_needs_no_key(kind, make, wire, base_url) -> None:
    wire.reply(ANSWERS[kind])
    assert (await make(kind, api_key=None, base_url=base_url).execute("Hi")).text == "Hello"


@BOTH
async def test_sdk_never_retries(kind, make, wire) -> None:
    wire.reply({"error": {"message": "busy"}}, 500)
    with pytest.raises(ServerError):
        await make(kind).execute("Hi")
    assert len(wire.requests) == 1


@BOTH
async def test_client_of_the_user_is_used_without_retries_and_left_open(kind, wire) -> None:
    sdk_class: Any = {"openai": openai.AsyncOpenAI, "anthropic": anthropic.AsyncAnthropic}[kind]
    client = sdk_class(api_key="sk-mine", max_retries=5, http_client=wire.http)
    wire.reply({"error": {"message": "busy"}}, 500)
    wire.reply(ANSWERS[kind])
    async with CLASSES[kind](MODELS[kind], client=client) as adapter:
        with pytest.raises(ServerError):
            await adapter.execute("Hi")
        assert (await adapter.execute("Hi")).text == "Hello"
    assert len(wire.requests) == 2
    assert client.max_retries == 5
    assert not client.is_closed()


@BOTH
async def test_http_client_of_the_user_is_left_open(kind, make, wire) -> None:
    wire.reply(ANSWERS[kind])
    async with make(kind) as adapter:
        await adapter.execute("Hi")
    assert not wire.http.is_closed


def counted_clients(kind: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect the clients that the SDK makes from now on."""
    made: list[Any] = []
    sdk: Any = sys.modules[kind]
    name = {"openai": "AsyncOpenAI", "anthropic": "AsyncAnthropic"}[kind]

    class Counted(getattr(sdk, name)):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            made.append(self)

    monkeypatch.setattr(sdk, name, Counted)
    return made


@asynccontextmanager
async def home_server(kind: str) -> AsyncGenerator[int, None]:
    """A server that gives the same answer to everyone; yields its port."""
    body = json.dumps(ANSWERS[kind]).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while header := await reader.readuntil(b"\r\n\r\n"):
                length = header.lower().partition(b"content-length:")[2].partition(b"\r")[0]
                await reader.readexactly(int(length))
                writer.write(head.encode() + b"\r\n\r\n" + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()  # without waiting: from 3.12 on that would wait for clients that outlive it


@BOTH
async def test_first_requests_side_by_side_share_one_client(kind, monkeypatch) -> None:
    made = counted_clients(kind, monkeypatch)
    async with home_server(kind) as port:
        async with CLASSES[kind](MODELS[kind], base_url=f"http://127.0.0.1:{port}") as adapter:
            answers = await asyncio.gather(*(adapter.execute("Hi") for _ in range(8)))
            assert {answer.text for answer in answers} == {"Hello"}
            assert len(made) == 1
            assert not made[0].is_closed()
        assert made[0].is_closed()
        await adapter.execute("closed is not dead: the next request opens a client again")
        await adapter.aclose()
        await adapter.aclose()
    assert len(made) == 2


@BOTH
def test_client_is_closed_with_its_loop_and_each_loop_has_its_own(kind, monkeypatch) -> None:
    """`asyncio.run` twice with one adapter works, and leaves no socket behind."""
    made = counted_clients(kind, monkeypatch)
    monkeypatch.setenv(f"{kind.upper()}_API_KEY", "sk-test")
    adapter = CLASSES[kind](MODELS[kind])

    async def ask() -> str:
        async with home_server(kind) as port:
            url = f"http://127.0.0.1:{port}"
            monkeypatch.setenv(f"{kind.upper()}_BASE_URL", url)
            return (await adapter.execute("Hi")).text

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert [asyncio.run(ask()), asyncio.run(ask())] == ["Hello", "Hello"]
        assert [client.is_closed() for client in made] == [True, True]
        gc.collect()
    assert [str(warning.message) for warning in seen] == []


@BOTH
@pytest.mark.parametrize(
    ("deadline", "limit"),
    [(None, 20.0), (1050.0, 20.0), (1005.5, 5.5)],
    ids=["none", "far", "near"],
)
async def test_deadline_caps_the_timeout_of_the_sdk(kind, make, wire, deadline, limit) -> None:
    wire.reply(ANSWERS[kind])
    adapter = make(kind, timeout_seconds=20.0, clock=StoppedClock(1000.0))
    await adapter.execute("Hi", WorkflowContext(deadline=deadline))
    assert set(wire.requests[0].extensions["timeout"].values()) == {limit}


@BOTH
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_nothing_is_sent_after_the_deadline(kind, make, wire, streamed) -> None:
    adapter, context = make(kind, clock=StoppedClock(1000.0)), WorkflowContext(deadline=999.0)
    with pytest.raises(LLMTimeoutError, match="deadline"):
        await (anext(adapter.stream("Hi", context)) if streamed else adapter.execute("Hi", context))
    assert wire.requests == []


@BOTH
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_answer_that_does_not_come_times_out(kind, make, streamed) -> None:
    async with hanging(asyncio.Event()) as http:
        adapter = make(kind, http_client=http, timeout_seconds=0.01)
        with pytest.raises(LLMTimeoutError, match="did not answer in time") as caught:
            await (anext(adapter.stream("Hi")) if streamed else adapter.execute("Hi"))
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.retryable


class Stalled(httpx2.AsyncByteStream):
    """Sends one piece and then nothing, until it is closed or cancelled."""

    def __init__(self, first: bytes) -> None:
        self.first, self.closed = first, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.first
        await asyncio.Future()

    async def aclose(self) -> None:
        self.closed = True


@BOTH
async def test_stream_that_stalls_times_out_and_is_closed(kind, make, wire, sse) -> None:
    begun = STREAMS[kind][: 2 if kind == "anthropic" else 1]
    body = Stalled(sse(*begun, named=kind == "anthropic"))
    sent = {"content-type": "text/event-stream"}
    wire.answers.append(lambda request: httpx2.Response(200, headers=sent, stream=body))
    stream = make(kind, timeout_seconds=0.05).stream("Hi")
    assert (await anext(stream)).text == "Hel"
    with pytest.raises(LLMTimeoutError, match="in time"):
        await anext(stream)
    assert body.closed


@BOTH
async def test_cancellation_goes_through(kind, make) -> None:
    began = asyncio.Event()
    async with hanging(began) as http:
        call = asyncio.ensure_future(make(kind, http_client=http).execute("Hi"))
        await began.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


@BOTH
async def test_leaving_a_stream_early_closes_it_at_once(kind, make, wire, sse) -> None:
    named = kind == "anthropic"
    pieces = [sse(document, named=named) for document in STREAMS[kind]]
    body = wire.stream(pieces)
    async with aclosing(make(kind).stream("Hi")) as stream:
        async for piece in stream:
            assert piece.text == "Hel"
            assert not body.closed
            break
    assert body.closed
    assert body.sent < len(pieces)


@BOTH
async def test_execute_and_stream_agree(kind, make, wire, sse) -> None:
    wire.reply(ANSWERS[kind])
    wire.stream([sse(*STREAMS[kind], named=kind == "anthropic")])
    adapter = make(kind)
    whole = await adapter.execute("Hi")
    streamed = [piece async for piece in adapter.stream("Hi")][-1].response
    for field in ("text", "usage", "finish_reason", "tool_calls", "provider"):
        assert getattr(streamed, field) == getattr(whole, field)


@BOTH
async def test_prices_of_the_adapter_go_before_all_others(kind, make, wire) -> None:
    pricing.set_price(MODELS[kind], input_per_million=9, output_per_million=9)
    wire.reply(ANSWERS[kind])
    answer = await make(kind, prices=pricing.Rates(input=0.1, output=1.0)).execute("Hi")
    assert answer.cost == pytest.approx(4.0)


@BOTH
async def test_price_set_for_the_name_that_was_asked_for_holds(kind, make, wire) -> None:
    """A deployment's name is priced though the answer bears another."""
    pricing.set_price("my-deployment", input_per_million=1, output_per_million=2)
    wire.reply(ANSWERS[kind])
    adapter = CLASSES[kind]("my-deployment", api_key="sk-x", http_client=wire.http)
    assert (await adapter.execute("Hi")).cost == pytest.approx(16e-6)


@BOTH
async def test_unknown_price_is_none_and_not_zero(kind, wire) -> None:
    wire.reply({**ANSWERS[kind], "model": "house-model-3"})
    adapter = CLASSES[kind]("house-model-3", api_key="sk-x", http_client=wire.http)
    assert (await adapter.execute("Hi")).cost is None


async def test_strangers_server_is_priced_by_what_it_says_it_ran(wire, make_openai) -> None:
    """Asked for gpt-4o-mini, a proxy answered with a model of its own."""
    for model in ("house-model-3", "deepseek-r1:7b"):
        wire.reply({**ANSWERS["openai"], "model": model})
        answer = await make_openai(base_url="https://llm.example.com/v1").execute("Hi")
        assert answer.cost is None


class Notes(observe.ObservabilityPrimitive):
    """Keeps every record."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    def event(self, token: object, record: object) -> None:
        self.records.append(record)


@BOTH
async def test_observers_hear_of_each_answer_once(kind, make, wire, sse) -> None:
    wire.reply(ANSWERS[kind])
    wire.stream([sse(*STREAMS[kind], named=kind == "anthropic")])
    wire.reply({"error": {"message": "no"}}, 400)
    adapter, notes = make(kind), Notes()
    with observe.observe(notes):
        answer = await adapter.execute("Hi")
        [piece async for piece in adapter.stream("Hi")]
        with pytest.raises(Exception, match="400"):
            await adapter.execute("Hi")
    answers: list[Any] = [note for note in notes.records if isinstance(note, observe.LLMRecord)]
    whole, streamed = answers
    assert (whole.operation, whole.provider, whole.finish_reason) == ("chat", kind, "stop")
    assert (whole.input_tokens, whole.output_tokens, whole.cost) == (10, 3, answer.cost)
    assert (whole.request_model, whole.response_id) == (MODELS[kind], answer.response_id)
    assert whole.time_to_first_chunk is None
    assert 0 <= streamed.time_to_first_chunk <= streamed.duration


COLD_START = """
import asyncio, gc, json, sys, threading, time
import httpx2
from tta_dev_primitives import WorkflowContext
from tta_dev_primitives.llm.openai import OpenAIPrimitive

assert "openai" not in sys.modules
wanted = threading.Event()

async def main():
    asked, all_asked = [], asyncio.Event()

    def answer(request):
        asked.append(request)
        if len(asked) == 8:
            all_asked.set()
        return httpx2.Response(200, json=json.loads(sys.argv[1]))

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        adapter = OpenAIPrimitive("gpt-4o-mini", api_key="sk-test", http_client=http)
        patient = [asyncio.ensure_future(adapter.execute("Hi")) for _ in range(8)]
        await all_asked.wait()
        context = WorkflowContext(deadline=time.monotonic() + 0.5)
        hurried = await adapter.execute("Hi", context)
        waiting = sum(not answer.done() for answer in patient)
        wanted.set()
        costs = {(await answer).cost for answer in patient}
    import openai
    clients = [found for found in gc.get_objects() if type(found) is openai.AsyncOpenAI]
    print(hurried.text, hurried.cost, waiting, costs, len(clients))

asyncio.run(main())
"""
SLOW_PRICES = """
import __main__
__main__.wanted.wait(60)
raise ImportError("no prices today")
"""


def test_cold_start_makes_one_client_and_no_answer_waits_for_prices_past_its_deadline(
    tmp_path: Path,
) -> None:
    """Nothing is imported yet; eight requests come at once, then one in a hurry."""
    (tmp_path / "genai_prices.py").write_text(SLOW_PRICES)
    (tmp_path / "cold_start.py").write_text(COLD_START)  # its folder goes first in the path
    done = subprocess.run(
        [sys.executable, str(tmp_path / "cold_start.py"), json.dumps(ANSWERS["openai"])],
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.stdout.split() == ["Hello", "None", "8", "{None}", "1"], done.stderr


@BOTH
def test_adapters_for_other_models_servers_or_defaults_are_not_the_same_step(kind) -> None:
    """Caches must not hand the answer of one to the other."""
    make = CLASSES[kind]
    sdk_class: Any = {"openai": openai.AsyncOpenAI, "anthropic": anthropic.AsyncAnthropic}[kind]
    variants = [
        make("m"),
        make("n"),
        make("m", base_url="http://localhost:1"),
        make("m", client=sdk_class(api_key="k", base_url="http://localhost:2")),
        make("m", max_tokens=7),
        make("m", temperature=0.5),
    ]
    assert len({identity(adapter) for adapter in variants}) == len(variants)
    assert identity(make("m")) == identity(make("m"))
