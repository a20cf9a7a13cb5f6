"""A connection in replay: every request is answered here, and no socket leads out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keploy_framework.errors import UpstreamError, WireError
from keploy_framework.exchange import Request
from keploy_framework.wire import split_target

from .answers import Answer, checked_answer, plain_response, refuse, send_answer
from .origin import with_host, without_proxy
from .passing import authority_of, host_and_port, passing_rule
from .request_reader import RequestReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from keploy_framework.exchange import Exchange
    from keploy_framework.wire import RequestHead

    from .answers import Answerer
    from .channel import Channel
    from .fetching import Fetcher
    from .limits import ProxyLimits
    from .origin import Origin
    from .passing import PassRule
    from .recording import Reporter

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Answering:
    """Answer the requests of connections.

    Args:
        answerer: Knows the answers.
        rules: What is answered without it, each with an answer of its own.
        limits: How much a client may send, and how slowly.
        reporter: Told what could not be answered.
        fetcher: Asks the real servers for what *answerer* leaves to them; None asks nobody.
        on_fetched: Gets each exchange with a real server.
    """

    def __init__(
        self,
        answerer: Answerer,
        rules: tuple[PassRule, ...],
        limits: ProxyLimits,
        reporter: Reporter,
        fetcher: Fetcher | None = None,
        on_fetched: Callable[[Exchange], None] | None = None,
    ) -> None:
        self._fetcher = fetcher
        self._on_fetched = on_fetched
        self._answerer = answerer
        self._rules = rules
        self._limits = limits
        self._reporter = reporter

    async def serve(
        self,
        channel: Channel,
        meant: Origin,
        *,
        fixed: bool = False,
    ) -> None:
        """Answer the requests that come on a connection, in their order.

        Args:
            channel: The client.
            meant: The server it meant.
            fixed: Whether it meant that one whatever its requests say.

        Raises:
            ConnectionError: The client left.
        """
        reader = RequestReader(channel, self._limits)
        try:
            head = await reader.head()
            while head is not None:
                if not await self.exchange(channel, reader, head, meant, fixed=fixed):
                    break
                reader.proceed()
                head = await reader.head()
        except WireError as error:
            await refuse(channel, error)
        except TimeoutError:
            channel.abort()
        channel.close()

    async def exchange(
        self,
        channel: Channel,
        reader: RequestReader,
        head: RequestHead,
        meant: Origin,
        *,
        fixed: bool = False,
    ) -> bool:
        """Answer one request, and tell whether another may follow; the arguments as for `serve`.

        Raises:
            ConnectionError: The client left.
            WireError: The request is none, or too large.
            TimeoutError: The request came too slowly.
        """
        if head.expects_continue and not reader.body_is_here:
            await channel.send(_CONTINUE)
        pieces: list[bytes] = []
        size = 0
        async for piece in reader.body(self._limits.body_seconds):
            size += len(piece)
            if size > self._limits.request_bytes:
                raise self._too_large(head)
            pieces.append(piece)
        request = request_of(head, b"".join(pieces), meant, fixed=fixed)
        return await send_answer(channel, await self._answer(request), head)

    async def _answer(self, request: Request) -> Answer:
        path = request.target.partition("?")[0]
        rule = passing_rule(self._rules, *host_and_port(request.host, request.scheme), path)
        if rule is not None:
            return Answer(rule.answer())
        try:
            answer = self._answerer.answer(request)
            return checked_answer(await self._fetch(request) if answer is None else answer)
        except UpstreamError as error:
            problem = error.problem
        except WireError as error:
            problem = f"the mock cannot be sent: {error.problem}"
        except Exception as error:  # noqa: BLE001 - the app gets a plain answer whatever fails
            # The text of an error from anywhere may hold what was sent.
            problem = f"choosing the mock failed with {type(error).__name__}"
        self._reporter.report("fault", problem, request.method, path)
        return Answer(plain_response(502, "Bad Gateway", problem))

    async def _fetch(self, request: Request) -> Answer:
        if self._fetcher is None:
            host, port = host_and_port(request.host, request.scheme)
            reason, problem = "closed", f"{host}:{port} is not asked: a replay calls nobody"
            raise UpstreamError(reason, problem, host, port)
        exchange = await self._fetcher.fetch(request)
        if self._on_fetched is not None:
            self._on_fetched(exchange)
        return Answer(exchange.response)

    def _too_large(self, head: RequestHead) -> WireError:
        path = split_target(head.target)[2].partition("?")[0]
        problem = f"the body has more than {self._limits.request_bytes} bytes; raise the limit"
        self._reporter.report("request-too-large", problem, head.method, path)
        return WireError("request-too-large", problem, status=413)


def request_of(head: RequestHead, body: bytes, meant: Origin, *, fixed: bool) -> Request:
    """Make a request of its parts, in the form that the host itself would get."""
    scheme, authority, target = split_target(head.target)
    headers = without_proxy(head.headers)
    if fixed:
        headers = with_host(headers, meant.authority)
        return Request(head.method, target, headers, body, meant.scheme, meant.authority)
    scheme = scheme or meant.scheme
    authority = authority or head.host
    if not authority:
        return Request(head.method, target, headers, body, scheme, meant.authority)
    host = authority_of(*host_and_port(authority, scheme), scheme)
    return Request(head.method, target, headers, body, scheme, host)
