"""A recorded answer of a dependency, of any kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keploy_framework.exchange import header
from keploy_framework.formats.models.messages import (
    request_from,
    request_to_data,
    response_from,
    response_to_data,
)
from keploy_framework.formats.models.record import VERSION, Record, Section
from keploy_framework.formats.timestamps import NANOSECONDS, format_time

if TYPE_CHECKING:
    from typing import Self

    from keploy_framework.exchange import Exchange, Request, Response


@dataclass(slots=True)
class Mock(Record):
    """A mock as its file keeps it. Those of kind ``Http`` can be answered from; all are kept."""

    @classmethod
    def from_exchange(
        cls,
        exchange: Exchange,
        *,
        name: str,
        request_body: bytes | None = None,
        response_body: bytes | None = None,
    ) -> Self:
        """Make the mock of a recorded exchange with a dependency.

        A response that was streamed keeps the pieces of its body with their times, unless
        *response_body* is given. Bodies are kept whole, however long.

        Args:
            exchange: The exchange.
            name: The name of the mock.
            request_body: The request's body with its content encoding taken off; ``None`` for
                the body as it is.
            response_body: The response's body with its content encoding taken off; ``None``
                for the body as it is.
        """
        request = exchange.request
        body = request.body if request_body is None else request_body
        metadata = {
            "connID": exchange.connection,
            "name": "Http",
            "operation": request.method,
            "scheme": request.scheme,
            "type": "HTTP_CLIENT",
        }
        asked = request_to_data(request, body, url=request.target, at=None)
        if request.host and header(request.headers, "host") is None:
            asked["header"] = {"Host": request.host, **asked["header"]}
        spec: Section = {
            "metadata": metadata,
            "req": asked,
            "resp": response_to_data(exchange.response, response_body, at=None, largest=None),
            "objects": [],
            "created": exchange.began // NANOSECONDS,
            "reqTimestampMock": format_time(exchange.began),
            "resTimestampMock": format_time(exchange.ended),
        }
        return cls({"version": VERSION, "kind": "Http", "name": name, "spec": spec})

    @property
    def is_http(self) -> bool:
        """Whether it can be answered from."""
        return self.kind == "Http"

    @property
    def type(self) -> str:
        """Such as ``HTTP_CLIENT`` for one use, or ``config`` for any number of uses."""
        return self.text_at("spec.metadata.type")

    @property
    def connection(self) -> str:
        """Tells the connections of a recording apart; empty where it is not told."""
        named = self.section("spec.metadata").get("connID", self.data.get("connectionId"))
        return "" if named is None else str(named)

    @property
    def scheme(self) -> str:
        """``http`` or ``https``; empty where the recording does not tell."""
        told, separator, _ = self.text_at("spec.req.url").partition("://")
        return told.lower() if separator else self.text_at("spec.metadata.scheme")

    @property
    def host(self) -> str:
        """The host that was asked, with its port; empty where the recording does not tell."""
        return self.request.host

    @property
    def request(self) -> Request:
        """The request, its body decoded. Its scheme is ``http`` where `scheme` is empty.

        Raises:
            KeployFormatError: It is not of kind ``Http``, or a value has the wrong type.
        """
        self._check_http()
        return request_from(self, "spec.req", scheme=self.scheme or "http")

    @property
    def response(self) -> Response:
        """The response, its body decoded; chunks with times where it was streamed.

        Raises:
            KeployFormatError: It is not of kind ``Http``, or a value has the wrong type.
        """
        self._check_http()
        return response_from(self, "spec.resp")

    @property
    def began(self) -> int | None:
        """When the request was sent, in nanoseconds since 1970; ``None`` where no time is set."""
        return self._time("reqTimestampMock")

    @property
    def ended(self) -> int | None:
        """When the response ended, in nanoseconds since 1970; ``None`` where no time is set."""
        return self._time("resTimestampMock")

    @property
    def noise(self) -> Section:
        """What matching ignores: ``req`` lists paths, ``value`` patterns."""
        return self.section("noise")

    def _time(self, name: str) -> int | None:
        spec = self.section("spec")
        return self.time_at(f"spec.{name if name in spec else name.lower()}")

    def _check_http(self) -> None:
        if not self.is_http:
            raise self.wrong(self.kind, "kind", "Http to be answered from")
