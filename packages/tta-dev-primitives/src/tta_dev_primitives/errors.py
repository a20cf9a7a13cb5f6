"""Every exception this package raises on purpose, in one tree.

    PrimitiveError
    ├── ConfigurationError (ValueError)     a mistake in how a primitive was built
    │   └── MissingExtraError (ImportError) an optional dependency is not installed
    ├── InputTypeError (TypeError)          a value that has no cache key or no stored form
    ├── RouteNotFoundError (ValueError)     a router had nowhere to send the call
    │   └── CaseNotFoundError               no case of a switch fits
    ├── LoopExhaustedError                  a loop has run as often as it may
    ├── BatchError                          a batch step gave not every caller a result
    ├── NotAcceptedError                    a fallback was left with a result that will not do
    ├── TimeoutError (builtins.TimeoutError)
    │   └── StreamTimeoutError              a stream waited too long for a chunk
    ├── RejectedError                       a policy refused the call before it began
    │   ├── CircuitOpenError                the breaker is open
    │   ├── RateLimitExceededError          the limit is used up
    │   ├── BulkheadFullError               no room, and none in the queue
    │   └── BudgetExceededError             the money or tokens are spent
    ├── CompensationError                   an undo step failed as well
    ├── StoreError (OSError)                a cache store cannot do its work
    └── LLMError                            what a model provider answered, mapped once
        ├── RateLimitedError                429, with the delay the provider asked for
        ├── ServerError                     5xx and 529
        ├── ProviderConnectionError (ConnectionError)
        ├── LLMTimeoutError (builtins.TimeoutError)
        ├── AuthenticationError             401 and 403
        ├── BadRequestError                 400, 404, 413, 422 and the like
        ├── ContentFilteredError            the provider refused to answer
        └── MalformedResponseError          an answer that is not what the API promises

Errors carry data, so that nobody has to parse their text.
"""

from __future__ import annotations

import builtins
import reprlib
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from .recovery.undoing.reports import SagaReport

StreamPart: TypeAlias = Literal["first chunk", "next chunk"]


class PrimitiveError(Exception):
    """Root of everything this package raises on purpose.

    Attributes:
        retryable: Whether trying the same call again can help.
    """

    retryable: bool = True


class ConfigurationError(PrimitiveError, ValueError):
    """Raised at construction when arguments cannot work together."""

    retryable = False


class MissingExtraError(ConfigurationError, ImportError):
    """Raised when a feature needs an optional dependency that is not installed.

    Args:
        feature: What was asked for, for example a package name.
        extra: The extra of `tta-dev-primitives` that installs it.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} is not installed. Try: uv add 'tta-dev-primitives[{extra}]'")
        self.feature, self.extra = feature, extra


class InputTypeError(PrimitiveError, TypeError):
    """Raised when a value cannot become a cache key or a stored entry."""

    retryable = False


class RouteNotFoundError(PrimitiveError, ValueError):
    """Raised when a router chose a route that does not exist and has no default."""

    retryable = False

    def __init__(self, route: object, known: tuple[str, ...]) -> None:
        names = ", ".join(repr(name) for name in known)
        super().__init__(
            f"No route found for {route!r}; known routes: {names}. "
            "Add it to routes= or set default="
        )
        self.route, self.known = route, known


class CaseNotFoundError(RouteNotFoundError):
    """Raised when no case of a switch fits and there is no default.

    Args:
        value: What the selector returned; None for a switch by predicates.
        known: The labels of the cases.
        by_value: Whether there is a selector.
    """

    def __init__(self, value: object, known: tuple[str, ...], *, by_value: bool) -> None:
        cases = ", ".join(known)
        missed = f"no case for {reprlib.repr(value)}" if by_value else "no predicate holds"
        msg = f"{missed}; cases: {cases}. Add one to cases= or set default="
        PrimitiveError.__init__(self, msg)
        self.route, self.known = value, known


class LoopExhaustedError(PrimitiveError):
    """Raised when a loop has run as often as it may and its condition never held.

    Attributes:
        iterations: How often the body ran.
        value: What it returned last, so that the work is not lost.
    """

    retryable = False  # another try would run the body as often again

    def __init__(self, loop: str, iterations: int, value: object) -> None:
        super().__init__(
            f"{loop} was not done after {iterations} iterations; raise max_iterations= or accept "
            "the last value with on_exhausted='return'"
        )
        self.iterations, self.value = iterations, value


class BatchError(PrimitiveError):
    """Raised to the callers of a batch whose step did not give each of them a result."""


class NotAcceptedError(PrimitiveError):
    """Raised when the result of the last step that was left is one that `accept` refuses.

    Args:
        primitive: Name of the step.
        value: Its result, which is not in the text.
    """

    def __init__(self, primitive: str, value: object) -> None:
        super().__init__(f"the result of {primitive} was not accepted")
        self.primitive, self.value = primitive, value


class TimeoutError(PrimitiveError, builtins.TimeoutError):  # noqa: A001 - also caught the stdlib way
    """Raised when a step took longer than its limit.

    Args:
        primitive: Name of what was stopped.
        timeout_seconds: The limit that passed.
    """

    def __init__(self, primitive: str, timeout_seconds: float) -> None:
        super().__init__(f"{primitive} exceeded {timeout_seconds:g}s timeout")
        self.primitive, self.timeout_seconds = primitive, timeout_seconds


class StreamTimeoutError(TimeoutError):
    """Raised when a stream was given up while it was waited for its first or its next chunk.

    Args:
        primitive: Name of what was stopped.
        timeout_seconds: The limit that passed.
        waited_for: Which chunk did not come.
    """

    def __init__(self, primitive: str, timeout_seconds: float, waited_for: StreamPart) -> None:
        super().__init__(primitive, timeout_seconds)
        self.args = (f"{self.args[0]} while waiting for the {waited_for}",)
        self.waited_for: StreamPart = waited_for


class RejectedError(PrimitiveError):
    """Raised when a policy refused a call before it began, so that nothing was done.

    Attributes:
        retry_after: Seconds after which the call may be let through, where that is known.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CircuitOpenError(RejectedError):
    """Raised while a circuit breaker lets nothing through."""


class RateLimitExceededError(RejectedError):
    """Raised when a rate limit is used up and the call may not wait, or not long enough."""


class BulkheadFullError(RejectedError):
    """Raised when as many calls run and wait as may."""


class BudgetExceededError(RejectedError):
    """Raised when the money or tokens of a scope are spent."""

    retryable = False


class CompensationError(PrimitiveError):
    """Raised when a step failed and undoing it, or a step before it, failed as well.

    Attributes:
        step: The step that failed.
        error: Why it failed.
        compensation_error: Why undoing failed: the one error, or a group of several.
        report: What became of each step, where a saga raised this.
    """

    retryable = False

    def __init__(
        self,
        step: str,
        error: BaseException,
        compensation_error: BaseException,
        *,
        report: SagaReport | None = None,
    ) -> None:
        left = (step,) if report is None else report.not_undone
        what = "its compensation" if left == (step,) else f"undoing {', '.join(left)}"
        super().__init__(
            f"{step} failed ({error!r}) and {what} failed too ({compensation_error!r}); "
            "what it changed may still be there"
        )
        self.step, self.error, self.compensation_error = step, error, compensation_error
        self.report = report


class StoreError(PrimitiveError, OSError):
    """Raised when a cache store cannot be opened or written.

    Attributes:
        reported: Whether the store has logged it already, once for all calls that failed by it.
    """

    def __init__(self, message: str, *, reported: bool = False) -> None:
        super().__init__(message)
        self.reported = reported


class LLMError(PrimitiveError):
    """Root of what model providers answer instead of text.

    Args:
        message: What happened.
        provider: Name of the provider, for example `openai`.
        model: The model asked for, where known.
        status: HTTP status, where there was one.
        request_id: The provider's id of the request, for its support.
        retry_after: Seconds the provider asked to wait, where it said so.
        retryable: Overrides the class's default.
    """

    def __init__(
        self,
        message: str,
        *,
        provider: str = "",
        model: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.provider, self.model, self.status = provider, model, status
        self.request_id, self.retry_after = request_id, retry_after
        if retryable is not None:
            self.retryable = retryable


class RateLimitedError(LLMError):
    """Raised when the provider says: too many requests."""


class ServerError(LLMError):
    """Raised when the provider failed or is overloaded."""


class ProviderConnectionError(LLMError, ConnectionError):
    """Raised when the provider could not be reached or hung up."""


class LLMTimeoutError(LLMError, builtins.TimeoutError):
    """Raised when the provider did not answer within the SDK's own limit."""


class AuthenticationError(LLMError):
    """Raised when the key is missing, wrong, or not allowed to do this."""

    retryable = False


class BadRequestError(LLMError):
    """Raised when the provider will refuse this request however often it is sent."""

    retryable = False


class ContentFilteredError(LLMError):
    """Raised when the provider refused to answer for reasons of content."""

    retryable = False


class MalformedResponseError(LLMError):
    """Raised when an answer arrived that is not what the API promises."""
