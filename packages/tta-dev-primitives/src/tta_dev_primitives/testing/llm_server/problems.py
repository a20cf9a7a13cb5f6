"""Errors in the shape of the provider that is being spoken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tta_dev_primitives.testing.llm_server.values import JsonObject, Provider

ProblemKind = Literal[
    "invalid_request",
    "authentication",
    "billing",
    "permission",
    "not_found",
    "too_large",
    "rate_limit",
    "overloaded",
    "server",
]

_OPENAI_TYPES: dict[str, str] = {
    "billing": "insufficient_quota",
    "rate_limit": "requests",
    "overloaded": "server_error",
    "server": "server_error",
}
_ANTHROPIC_TYPES: dict[str, str] = {
    "invalid_request": "invalid_request_error",
    "authentication": "authentication_error",
    "billing": "billing_error",
    "permission": "permission_error",
    "not_found": "not_found_error",
    "too_large": "request_too_large",
    "rate_limit": "rate_limit_error",
    "overloaded": "overloaded_error",
    "server": "api_error",
}


class Problem(Exception):  # noqa: N818 - never reaches a user, it becomes an answer
    """Stop handling a request and answer with an error.

    Args:
        status: HTTP status.
        kind: What sort of error, in nobody's words; each provider has its own for it.
        message: What the provider would say.
        param: OpenAI's `param`: the field that is wrong.
        code: OpenAI's `code`.
        should_retry: Value of `x-should-retry`; None leaves it to the provider's habit.
    """

    def __init__(
        self,
        status: int,
        kind: ProblemKind,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        should_retry: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message
        self.param, self.code, self.should_retry = param, code, should_retry

    def document(self, provider: Provider, request_id: str) -> JsonObject:
        """Give the error body as *provider* words it."""
        if provider == "anthropic":
            error = {"type": _ANTHROPIC_TYPES[self.kind], "message": self.message}
            return {"type": "error", "error": error, "request_id": request_id}
        return {
            "error": {
                "message": self.message,
                "type": _OPENAI_TYPES.get(self.kind, "invalid_request_error"),
                "param": self.param,
                "code": self.code,
            }
        }

    def retry_header(self, provider: Provider) -> bool | None:
        """Say what `x-should-retry` holds, or None to leave it out."""
        if self.should_retry is not None or provider == "openai":
            return self.should_retry
        return self.status in {408, 409, 429} or self.status >= 500


def problem_for_status(status: int, provider: Provider, message: str | None = None) -> Problem:
    """Make the error a provider gives with *status*, in its usual words."""
    kinds: dict[int, ProblemKind] = {
        401: "authentication",
        402: "billing",
        403: "permission",
        404: "not_found",
        413: "too_large",
        429: "rate_limit",
        529: "overloaded",
    }
    kind = kinds.get(status, "server" if status >= 500 else "invalid_request")
    if message is None:
        if kind == "overloaded":
            message = "Overloaded"
        elif provider == "anthropic" and kind == "server":
            message = "Internal server error"
        elif kind == "server":
            message = (
                "The server had an error while processing your request. Sorry about that! "
                "You can retry your request, or contact us if the error keeps occurring."
            )
        else:
            message = f"The request was answered with status {status}."
    return Problem(status, kind, message)


def overloaded(provider: Provider) -> Problem:
    """Make what an overloaded provider answers: Anthropic's 529, OpenAI's 503."""
    if provider == "anthropic":
        return Problem(529, "overloaded", "Overloaded")
    text = "The engine is currently overloaded, please try again later"
    return Problem(503, "overloaded", text, code="engine_overloaded")


def rate_limited(
    provider: Provider, model: str, *, wait: float | str | None, quota_exhausted: bool
) -> Problem:
    """Make a 429, or what takes its place where the money has run out."""
    if provider == "anthropic":
        if quota_exhausted:
            text = "Your credit balance is too low to access the API. Go to Plans & Billing."
            return Problem(403, "billing", text)
        text = f"This request would exceed the rate limit of your organization for {model}."
        return Problem(429, "rate_limit", text)
    if quota_exhausted:
        text = "You exceeded your current quota, please check your plan and billing details."
        return Problem(429, "billing", text, code="insufficient_quota")
    text = f"Rate limit reached for {model} on requests per min (RPM)."
    if isinstance(wait, int | float):
        text += f" Please try again in {wait:g}s."
    return Problem(429, "rate_limit", text, code="rate_limit_exceeded")
