"""Sending an answer: plain or streamed, paced, or spoiled on the way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from tta_dev_primitives.testing.llm_server.faults import (
    Fault,
    MalformedBody,
    SlowChunks,
    StreamAbort,
)
from tta_dev_primitives.testing.llm_server.problems import problem_for_status

if TYPE_CHECKING:
    from tta_dev_primitives.testing.llm_server.answers import Answer, CountTokens
    from tta_dev_primitives.testing.llm_server.connection import Connection, Headers
    from tta_dev_primitives.testing.llm_server.streams import ServedApi

Sleep = Callable[[float], Awaitable[object]]

_JSON = ("content-type", "application/json")
_EVENTS = [("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache")]
_PLAIN_PIECES = 4


async def deliver_plain(
    connection: Connection, body: bytes, headers: Headers, *, fault: Fault | None, sleep: Sleep
) -> None:
    """Send one document, or what *fault* leaves of it."""
    headers = [_JSON, *headers]
    match fault:
        case MalformedBody():
            connection.respond(200, headers, body[: len(body) // 2])
        case StreamAbort():
            connection.start(200, headers, length=len(body))
            await connection.write(body[: len(body) // 2])
            connection.hang_up()
        case SlowChunks():
            connection.start(200, headers, length=len(body))
            size = -(-len(body) // _PLAIN_PIECES)
            for at in range(0, len(body), size):
                await sleep(fault.seconds_per_chunk)
                await connection.write(body[at : at + size])
            connection.finish()
        case _:
            connection.respond(200, headers, body)


class StreamDelivery:
    """Send server-sent events at a pace.

    Args:
        tokens_per_second: None sends every piece at once.
        count_tokens: Measures pieces for the pace.
        sleep: Waits between pieces.
    """

    def __init__(
        self, tokens_per_second: float | None, count_tokens: CountTokens, sleep: Sleep
    ) -> None:
        self._pace, self._count, self._sleep = tokens_per_second, count_tokens, sleep

    async def deliver(
        self,
        connection: Connection,
        api: ServedApi,
        answer: Answer,
        headers: Headers,
        request_id: str,
        fault: Fault | None,
    ) -> None:
        """Stream *answer*, or what *fault* leaves of it."""
        connection.start(200, [*_EVENTS, *headers])
        sent = 0
        for piece in api.pieces(answer):
            if isinstance(fault, StreamAbort) and (
                piece.closes or (piece.content and sent >= fault.after_chunks)
            ):
                await self._break_off(connection, api, request_id, fault)
                return
            if piece.content:
                await self._wait(piece.content, fault, first=sent == 0)
                sent += 1
                if isinstance(fault, MalformedBody):
                    await connection.write(piece.data[: len(piece.data) // 2] + b"\n\n")
                    break
            await connection.write(piece.data)
        connection.finish()

    async def _wait(self, content: str, fault: Fault | None, *, first: bool) -> None:
        if isinstance(fault, SlowChunks):
            await self._sleep(fault.seconds_per_chunk)
        elif self._pace is not None and not first:
            await self._sleep(self._count(content) / self._pace)

    async def _break_off(
        self, connection: Connection, api: ServedApi, request_id: str, fault: StreamAbort
    ) -> None:
        if not fault.error_event:
            connection.hang_up()
            return
        problem = problem_for_status(529 if api.provider == "anthropic" else 500, api.provider)
        await connection.write(api.stream_error(problem.document(api.provider, request_id)))
        connection.finish()
