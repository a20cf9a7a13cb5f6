"""Post with `requests`, seen by no instrumentation."""

from __future__ import annotations

import importlib
import importlib.metadata
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from opentelemetry import context

# Which of the keys below an instrumentation of an HTTP client looks at depends on its age.
from opentelemetry.context import (
    _SUPPRESS_HTTP_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage]
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage]
)

from .delivery_answers import Answer, NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Generator

    from requests import PreparedRequest, Response, Session

    from .delivery_settings import DeliverySettings

_PACKAGE: Final = "tta-observability-integration"
_MOST_OF_AN_ANSWER: Final = 65_536
_SUPPRESSED: Final = (
    _SUPPRESS_INSTRUMENTATION_KEY,
    _SUPPRESS_HTTP_INSTRUMENTATION_KEY,
    "suppress_instrumentation",
)


def load_requests() -> bool:
    """Load `requests`, and tell whether it was there.

    It is loaded early, because modules that are loaded while a program ends hide that Ctrl-C ended
    it: the shell that called it would go on.
    """
    try:
        importlib.import_module("requests")
    except ImportError:
        return False
    return True


class RequestsTransport:
    """Post to one address over connections that are kept; one thread at a time may use it.

    Redirects are not followed, because headers with secrets would go along.

    Args:
        settings: Where to post to, and how.
    """

    def __init__(self, settings: DeliverySettings) -> None:
        import requests

        self._settings = settings
        self._verify: bool | str = settings.certificate or True
        self._session: Session = requests.Session()
        self._session.headers.update(
            {
                "content-type": "application/x-protobuf",
                "user-agent": _user_agent(),
                **({"content-encoding": "gzip"} if settings.compression == "gzip" else {}),
                **settings.headers,
            }
        )
        # Without it `requests` looks into ~/.netrc and overwrites an Authorization header.
        self._session.auth = _as_it_is
        certificate, key = settings.client_certificate, settings.client_key
        if certificate is not None:
            self._session.cert = certificate if key is None else (certificate, key)

    def post(self, body: bytes, timeout_seconds: float) -> Answer:
        """Return what was answered to *body*.

        Raises:
            NoAnswerError: Nobody answered.
            ValueError: The request cannot be made at all.
        """
        import requests

        try:
            with (
                _suppressed_instrumentation(),
                self._session.post(
                    self._settings.url,
                    data=body,
                    timeout=timeout_seconds,
                    verify=self._verify,
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                return Answer(
                    response.status_code,
                    response.headers.get("Retry-After"),
                    _beginning(response),
                )
        except (requests.RequestException, OSError) as error:
            if isinstance(error, ValueError):
                raise  # an address or header that no request can have
            raise NoAnswerError(type(error).__name__) from error

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def _user_agent() -> str:
    try:
        return f"{_PACKAGE}/{importlib.metadata.version(_PACKAGE)}"
    except importlib.metadata.PackageNotFoundError:  # the program brings our source along
        return _PACKAGE


def _beginning(response: Response) -> bytes:
    """Return the answer's body, or nothing where it breaks off: its status has arrived."""
    from urllib3.exceptions import HTTPError

    try:
        return response.raw.read(_MOST_OF_AN_ANSWER, decode_content=True)
    except (HTTPError, OSError):
        return b""


@contextmanager
def _suppressed_instrumentation() -> Generator[None]:
    current = context.get_current()
    for key in _SUPPRESSED:
        current = context.set_value(key, value=True, context=current)
    token = context.attach(current)
    try:
        yield
    finally:
        context.detach(token)


def _as_it_is(request: PreparedRequest) -> PreparedRequest:
    return request
