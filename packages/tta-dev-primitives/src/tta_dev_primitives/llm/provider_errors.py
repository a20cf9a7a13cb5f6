"""Errors of the SDKs, and of what they stand on, mapped to this package's own, once."""

from __future__ import annotations

import builtins
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from tta_dev_primitives.errors import (
    AuthenticationError,
    BadRequestError,
    ContentFilteredError,
    LLMError,
    LLMTimeoutError,
    MalformedResponseError,
    ProviderConnectionError,
    RateLimitedError,
    ServerError,
)

from .error_body import ErrorBody, read_error_body, shown
from .reply import field
from .retry_delay import retry_delay

if TYPE_CHECKING:
    from types import TracebackType

# The SDKs and the libraries below them, by the first part of a module's name.
_PACKAGES = {"openai", "anthropic", "httpx2", "httpcore2", "httpx", "httpcore", "pydantic_core"}
_MALFORMED = {
    "APIResponseValidationError",
    "DecodingError",
    "JSONDecodeError",
    "UnicodeDecodeError",
    "ValidationError",
}
_TIMEOUT = {"APITimeoutError", "TimeoutException", "TimeoutError"}
_CONNECTION = {"APIConnectionError", "TransportError", "ConnectionError"}
# Mistakes in the request or the URL, which look like failed connections.
_NEVER_SENT = {"UnsupportedProtocol", "InvalidURL", "LocalProtocolError"}


class provider_errors:  # noqa: N801 - read like a function, as `contextlib.suppress` is
    """Turn an SDK's errors into this package's, chained to their cause, inside a `with`.

    Other exceptions, cancellation among them, pass unchanged.

    Args:
        provider: Name of the provider.
        model: The model asked for.
        secrets: Keys that no message may show, whatever they look like.
    """

    __slots__ = ("_model", "_provider", "_secrets")

    def __init__(self, provider: str, model: str, secrets: Sequence[str] = ()) -> None:
        self._provider, self._model, self._secrets = provider, model, secrets

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not isinstance(error, Exception) or isinstance(error, LLMError):
            return
        mapped = map_error(error, self._provider, self._model, secrets=self._secrets)
        if mapped is not None:
            raise mapped from error


def map_error(
    error: Exception,
    provider: str,
    model: str | None,
    *,
    secrets: Sequence[str] = (),
    now: float | None = None,
) -> LLMError | None:
    """Return the error of this package that an SDK's *error* means, or None for a stranger.

    Works by attributes and names of classes, so it imports no SDK. 409 is a `ServerError`, since
    both SDKs take it for a passing conflict; 402 is an `AuthenticationError`, since the account
    may not. A header `x-should-retry` decides whether the error is retryable.

    Args:
        error: What the SDK, or the HTTP library under it, raised.
        provider: Name of the provider.
        model: The model asked for.
        secrets: Keys that the message must not show, whatever they look like.
        now: Seconds since 1970, for delays given as moments; the clock's by default.
    """
    if isinstance(error, LLMError):
        return error
    names = _names(error)
    if not _is_theirs(error, names):
        return None
    body = read_error_body(getattr(error, "body", None))
    status = _status(error, body)
    headers = _headers(error)
    kind = _kind(error, names, status, body)
    delay: float | None = None
    if kind is RateLimitedError or kind is ServerError:
        moment = time.time() if now is None else now
        delay = retry_delay(headers, moment, limits=kind is RateLimitedError)
    return kind(
        _text(error, kind, provider, model, status, shown(body.message, secrets)),
        provider=provider,
        model=model,
        status=status,
        request_id=_request_id(error, headers, body),
        retry_after=delay,
        retryable=_retryable(error, kind, headers, body),
    )


def answered_error(
    answer: object, provider: str, model: str, secrets: Sequence[str] = ()
) -> LLMError:
    """Return the error for an answer that came with status 200 and still is none.

    Some servers, and proxies in front of others, report their errors that way.
    """
    body = read_error_body(field(answer, "error"))
    if body == ErrorBody():
        msg = f"{provider} ({model}) answered without an answer in it: {type(answer).__name__}"
        return MalformedResponseError(msg, provider=provider, model=model)
    kind = ContentFilteredError if body.filtered else ServerError
    if body.status is not None and kind is ServerError:
        kind = _kind_of_status(body.status)
    return kind(
        f"{provider} ({model}) failed: {shown(body.message, secrets) or body.status}",
        provider=provider,
        model=model,
        status=body.status,
        retryable=False if body.unpaid else None,
    )


def _kind(error: Exception, names: set[str], status: int | None, body: ErrorBody) -> type[LLMError]:
    if body.filtered or "ContentFilterFinishReasonError" in names:
        return ContentFilteredError
    if (names | _names(error.__cause__)) & _MALFORMED:
        return MalformedResponseError
    if names & _TIMEOUT or status == 408:
        return LLMTimeoutError
    if names & _CONNECTION:
        return ProviderConnectionError
    if status is None:
        # An error event without a known name: the provider gave up in the middle of a stream.
        return ServerError if "APIError" in names else LLMError
    return _kind_of_status(status)


def _kind_of_status(status: int) -> type[LLMError]:
    if status == 429:
        return RateLimitedError
    if status in (401, 402, 403):
        return AuthenticationError
    # 425 is "too early"; Groq says 498 where it has no capacity left.
    if status in (409, 425, 498) or status >= 500:
        return ServerError
    return BadRequestError


def _text(
    error: Exception,
    kind: type[LLMError],
    provider: str,
    model: str | None,
    status: int | None,
    said: str,
) -> str:
    whom = f"{provider} ({model})" if model else provider
    cause = error.__cause__ or error
    if kind is LLMTimeoutError and status is None:
        return f"{whom} did not answer in time; raise timeout_seconds if it needs longer"
    if kind is ProviderConnectionError:
        why = f"{type(cause).__name__}: {shown(str(cause))}" if str(cause) else type(cause).__name__
        return f"connection to {whom} failed: {why}"
    if kind is MalformedResponseError:
        return f"{whom} answered something that cannot be read: {type(cause).__name__}"
    if status is None:
        return f"{whom} failed: {said or shown(type(error).__name__)}"
    move = "; check the API key and what it may do" if kind is AuthenticationError else ""
    return f"{whom} answered {status}{': ' if said else ''}{said}{move}"


def _retryable(
    error: Exception, kind: type[LLMError], headers: Mapping[str, str], body: ErrorBody
) -> bool | None:
    """Return what overrides the default of *kind*, or None."""
    advice = headers.get("x-should-retry", "").strip().lower()
    if advice in ("true", "false"):
        return advice == "true"
    if body.unpaid or kind is LLMError:
        return False
    if kind is ProviderConnectionError:
        return False if (_names(error) | _names(error.__cause__)) & _NEVER_SENT else None
    return None


def _names(error: BaseException | None) -> set[str]:
    return set() if error is None else {base.__name__ for base in type(error).__mro__}


def _is_theirs(error: Exception, names: set[str]) -> bool:
    if isinstance(error, builtins.TimeoutError | ConnectionError):
        return True
    if names & {"JSONDecodeError", "UnicodeDecodeError"}:
        return True
    return any(base.__module__.partition(".")[0] in _PACKAGES for base in type(error).__mro__)


def _status(error: Exception, body: ErrorBody) -> int | None:
    """Return the status of the answer, or the one that an error inside a stream stands for."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status >= 400:
        return status
    return body.status


def _headers(error: Exception) -> Mapping[str, str]:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return cast("Mapping[str, str]", headers) if isinstance(headers, Mapping) else {}


def _request_id(error: Exception, headers: Mapping[str, str], body: ErrorBody) -> str | None:
    own = getattr(error, "request_id", None)
    return (
        (own if isinstance(own, str) else None)
        or headers.get("x-request-id")
        or headers.get("request-id")
        or body.request_id
    )
