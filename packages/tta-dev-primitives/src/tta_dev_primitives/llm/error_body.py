"""What an error's body says, whichever provider wrote it, fit for showing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

_FILTERED = {
    "content_filter",
    "content_filtered",
    "content_policy_violation",
    "moderation_blocked",
    "responsibleaipolicyviolation",
}
# Anthropic and older Azure deployments have no code for it, only these words.
_FILTERED_TEXT = ("content filtering policy", "content management policy")
# Errors that waiting does not mend: somebody has to pay first.
_UNPAID = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
# In the middle of a stream there is no status, only one of these names.
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "api_error": 500,
    "server_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_SECRET = re.compile(
    r"""(?ix)
    (?<![a-z0-9]) (?: sk | pk | rk | gsk | xai | pplx | hf | r8 | fw | csk | nvapi ) [-_] [\w*-]{6,}
    | (?<![a-z0-9]) AIza [\w-]{10,}
    | (?<= bearer [ ] ) [^\s"',;]+
    | (?<= key:[ ] ) [^\s"',;]+
    """
)
_MOST_TEXT = 300


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The fields of an error that providers agree on."""

    message: str = ""
    codes: frozenset[str] = frozenset()
    status: int | None = None
    request_id: str | None = None
    moderated: bool = False

    @property
    def filtered(self) -> bool:
        """Whether the provider refused for reasons of content."""
        text = self.message.lower()
        return (
            self.moderated
            or not self.codes.isdisjoint(_FILTERED)
            or any(words in text for words in _FILTERED_TEXT)
        )

    @property
    def unpaid(self) -> bool:
        """Whether it is for want of money."""
        return not self.codes.isdisjoint(_UNPAID)


def read_error_body(body: object) -> ErrorBody:
    """Return what *body* says: parsed JSON of any provider, text, or nothing."""
    if isinstance(body, list) and body:  # Gemini's compatible API wraps its error in a list
        body = cast("list[object]", body)[0]
    if isinstance(body, str):
        return ErrorBody("" if "<" in body else body.strip())
    if not isinstance(body, Mapping):
        return ErrorBody()
    outer = cast("Mapping[str, object]", body)
    inner = outer.get("error")
    fields = cast("Mapping[str, object]", inner) if isinstance(inner, Mapping) else outer
    deeper = fields.get("innererror")
    words = [fields.get("code"), fields.get("type"), fields.get("status")]
    if isinstance(deeper, Mapping):  # Azure
        words.append(cast("Mapping[str, object]", deeper).get("code"))
    codes = frozenset(str(word).lower() for word in words if word is not None)
    metadata = fields.get("metadata")
    found = outer.get("request_id")
    return ErrorBody(
        message=inner if isinstance(inner, str) else _message(fields),
        codes=codes,
        status=_status(codes),
        request_id=found if isinstance(found, str) else None,
        moderated=isinstance(metadata, Mapping) and "reasons" in metadata,
    )


def shown(text: str, secrets: Sequence[str] = ()) -> str:
    """Return *text* short, on one line, and without anything that looks like a key."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = " ".join(_SECRET.sub("***", text).split())
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}..."


def _message(fields: Mapping[str, object]) -> str:
    for key in ("message", "detail", "error_description"):
        value = fields.get(key)
        if isinstance(value, str):
            return value
        if isinstance(value, list):
            return "; ".join(map(_complaint, cast("list[object]", value)))
    return ""


def _complaint(item: object) -> str:
    """Return what a validation error complains of, without the input that it echoes."""
    if not isinstance(item, Mapping):
        return ""
    fields = cast("Mapping[str, Any]", item)  # Any: JSON
    place = fields.get("loc")
    where = ".".join(map(str, cast("list[object]", place))) if isinstance(place, list) else ""
    return f"{where}: {fields.get('msg', '')}"


def _status(codes: frozenset[str]) -> int | None:
    for code in sorted(codes):
        if code.isdecimal() and 400 <= int(code) < 600:
            return int(code)
    return next((_STATUS[code] for code in sorted(codes) if code in _STATUS), None)
