"""Compare the headers of a response with the recorded ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from keploy_framework.matching.differences import Change, Difference
from keploy_framework.matching.json_values import ABSENT

if TYPE_CHECKING:
    from keploy_framework.exchange import Headers
    from keploy_framework.matching.noise_filter import Compat, NoiseFilter

CONTENT_LENGTH: Final = "content-length"

_COMMA: Final = re.compile(r"\s*,\s*")
_PER_REQUEST: Final = frozenset(
    (
        "date",
        "request-id",
        "sentry-trace",
        "traceparent",
        "tracestate",
        "x-amzn-trace-id",
        "x-cloud-trace-context",
        "x-correlation-id",
        "x-request-id",
        "x-runtime",
        "b3",
    )
)
_PER_REQUEST_PREFIXES: Final = ("x-b3-", "b3-", "x-datadog-")
_HOP_BY_HOP: Final = frozenset(
    ("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade")
)
# What upstream's HTTP library takes off before anything is compared.
_TAKEN_OFF: Final = frozenset(("connection", "transfer-encoding"))


def header_differences(
    expected: Headers,
    actual: Headers,
    noise: NoiseFilter,
    compat: Compat,
    *,
    body_matched: bool,
    is_volatile_ignored: bool = True,
) -> list[Difference]:
    """Give the headers that differ, are missing, or were not recorded.

    The case of names does not count, nor do spaces around commas; values of a name that comes
    several times are joined. A difference in ``Content-Length`` counts only where the body differs
    too. Headers of the connection, such as ``Transfer-Encoding``, are not compared.

    Args:
        expected: The recorded headers.
        actual: The headers that came.
        noise: What is ignored.
        compat: Whose rules; upstream compares some headers of the connection.
        body_matched: Whether the bodies are equal.
        is_volatile_ignored: Whether headers that differ in every answer by their nature, such as
            ``Date``, must only be there.
    """
    wanted, given = _joined(expected, compat), _joined(actual, compat)
    found: list[Difference] = []
    for name, (shown, value) in wanted.items():
        came = given.get(name, (shown, ABSENT))[1]
        if came == value or (name == CONTENT_LENGTH and body_matched) or noise.covers(name, came):
            continue
        if came is ABSENT:
            found.append(Difference(f"header.{shown}", Change.REMOVED, value, came))
        elif not (is_volatile_ignored and _is_per_request(name)):
            found.append(Difference(f"header.{shown}", Change.VALUE, value, came))
    for name, (shown, value) in given.items():
        if name in wanted or (name == CONTENT_LENGTH and body_matched):
            continue
        if not noise.covers(name, value):
            found.append(Difference(f"header.{shown}", Change.ADDED, ABSENT, value))
    return found


def _joined(headers: Headers, compat: Compat) -> dict[str, tuple[str, str]]:
    """Give the header's own spelling and its value, by its name in lower case."""
    left_out = _TAKEN_OFF if compat == "keploy" else _HOP_BY_HOP
    joined: dict[str, tuple[str, str]] = {}
    for name, value in headers:
        key, text = name.lower(), _COMMA.sub(",", value.strip())
        if key in left_out or (compat == "strict" and key.startswith("proxy-")):
            continue
        # Some servers say the length twice, which means no more than once.
        if key not in joined or (key == CONTENT_LENGTH and joined[key][1] == text):
            joined[key] = (name, text)
        else:
            joined[key] = (joined[key][0], f"{joined[key][1]},{text}")
    return joined


def _is_per_request(name: str) -> bool:
    return name in _PER_REQUEST or name.startswith(_PER_REQUEST_PREFIXES)
