"""One request on its way to an answer: its record, its headers, its bad ends."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.testing.llm_server import faults
from tta_dev_primitives.testing.llm_server.journal import without_keys
from tta_dev_primitives.testing.llm_server.problems import (
    overloaded,
    problem_for_status,
    rate_limited,
)
from tta_dev_primitives.testing.llm_server.rate_headers import retry_after
from tta_dev_primitives.testing.llm_server.values import ServedRequest
from tta_dev_primitives.testing.llm_server.wire_json import json_bytes

if TYPE_CHECKING:
    from tta_dev_primitives.testing.llm_server.connection import Connection, Headers, HttpRequest
    from tta_dev_primitives.testing.llm_server.delivery import Sleep
    from tta_dev_primitives.testing.llm_server.draws import Draws
    from tta_dev_primitives.testing.llm_server.journal import Journal
    from tta_dev_primitives.testing.llm_server.problems import Problem
    from tta_dev_primitives.testing.llm_server.rate_headers import RateLimits
    from tta_dev_primitives.testing.llm_server.values import JsonObject, Provider


class Exchange:
    """Hold what is known about a request, and answer it.

    Attributes:
        limits: The rate limits of its model, once that is known; they show in the headers.
        draws: Where its ids come from.
    """

    def __init__(
        self,
        http: HttpRequest,
        connection: Connection,
        journal: Journal,
        *,
        provider: Provider,
        received_at: float,
        draws: Draws,
    ) -> None:
        self.http, self.connection = http, connection
        self.provider: Provider = provider
        self.draws, self.received_at = draws, received_at
        self.limits: RateLimits | None = None
        self._journal, self._number = journal, journal.number()
        self._known: dict[str, Any] = {}  # Any: fields of ServedRequest
        self._recorded = False

    def know(self, **fields: Any) -> None:  # Any: fields of ServedRequest
        """Note fields of the record before it is written."""
        self._known.update(fields)

    def record(self, **fields: Any) -> None:  # Any: fields of ServedRequest
        """Write the record, once it is decided how the request ends."""
        self._recorded = True
        self._journal.add(
            ServedRequest(
                number=self._number,
                provider=self.provider,
                method=self.http.method,
                path=self.http.path,
                headers=without_keys(self.http.headers),
                received_at=self.received_at,
                **{**self._known, **fields},
            )
        )

    def finished(self) -> None:
        """Note that everything was sent."""
        self._journal.change(self._number, finished=True)

    def interrupted(self) -> None:
        """Note that the client left, or the server closed, before everything was sent."""
        if not self._recorded:
            self.record()
        self._journal.change(self._number, client_left=self.connection.client_left)

    @property
    def request_id(self) -> str:
        """The id that this request's headers and errors carry."""
        if self.provider == "anthropic":
            return "req_011" + self.draws.hex("request", 21)
        return "req_" + self.draws.hex("request", 32)

    def headers(self, exhausted_for: float | None = None) -> Headers:
        """Give the headers every answer of this provider has."""
        id_header = "request-id" if self.provider == "anthropic" else "x-request-id"
        found = [
            ("date", formatdate(self.received_at, usegmt=True)),
            (id_header, self.request_id),
        ]
        if self.provider == "openai":
            found.append(("openai-version", "2020-10-01"))
        if self.limits is not None:
            found += self.limits.headers(self.provider, self.received_at, exhausted_for)
        return found

    def respond(self, document: JsonObject, **fields: Any) -> None:  # Any: record fields
        """Record success and send a document at once."""
        self.record(status=200, **fields)
        headers = [("content-type", "application/json"), *self.headers()]
        self.connection.respond(200, headers, json_bytes(document))

    def refuse(self, problem: Problem, *, wait: float | None = None) -> None:
        """Record an error and send it at once, asking for a *wait* in seconds if there is one."""
        self.record(status=problem.status)
        self._send_problem(problem, wait)

    async def fail(self, fault: faults.Fault, model: str, sleep: Sleep) -> None:
        """End the request with a fault that leaves no answer."""
        problem, wait = None, None
        match fault:
            case faults.RateLimited():
                wait = fault.retry_after
                problem = rate_limited(
                    self.provider, model, wait=wait, quota_exhausted=fault.quota_exhausted
                )
            case faults.ErrorStatus():
                problem = problem_for_status(fault.status, self.provider, fault.message)
                problem.should_retry = fault.should_retry
            case faults.Overloaded():
                problem = overloaded(self.provider)
            case _:
                pass
        status = None if problem is None else problem.status
        self.record(status=status, fault=fault, latency_seconds=fault.after_seconds)
        if fault.after_seconds > 0:
            await sleep(fault.after_seconds)
        if problem is not None:
            self._send_problem(problem, wait)
        elif isinstance(fault, faults.DroppedConnection):
            self.connection.reset()
        else:
            await asyncio.Event().wait()

    def _send_problem(self, problem: Problem, wait: float | str | None) -> None:
        exhausted_for = None
        if problem.status == 429:
            exhausted_for = float(wait) if isinstance(wait, int | float) else 0.0
        headers = [("content-type", "application/json"), *self.headers(exhausted_for)]
        headers += retry_after(wait, self.provider)
        should_retry = problem.retry_header(self.provider)
        if should_retry is not None:
            headers.append(("x-should-retry", "true" if should_retry else "false"))
        if problem.status == 405:
            headers.append(("allow", "GET" if self.http.method != "GET" else "POST"))
        body = json_bytes(problem.document(self.provider, self.request_id))
        self.connection.respond(problem.status, headers, body)
