"""Which calls are nobody's dependency: rules by host, port and path, and the usual telemetry."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from keploy_framework.errors import TargetError
from keploy_framework.exchange import Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keploy_framework.exchange import Headers

_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:]*)(?::([0-9]{1,5}))?")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def _compiled(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression, re.IGNORECASE)
    except re.error as error:
        msg = f"{expression!r} is no regular expression ({error}); mend it"
        raise TargetError(msg) from error


@dataclass(frozen=True, slots=True)
class PassRule:
    """Name calls that are passed on unrecorded, and answered without a mock in replay.

    A call matches where everything that is given matches. A rule without *path* passes whole
    connections, without reading them.

    Args:
        host: A regular expression found in the host, in any case; empty for any host.
        port: The TCP port; 0 for any.
        path: A regular expression found in the path, without the query; empty for any.
        status: The status of the answer in replay.
        headers: The headers of the answer in replay.
        body: The body of the answer in replay.

    Raises:
        TargetError: An expression is none, or nothing is given.
    """

    host: str = ""
    port: int = 0
    path: str = ""
    status: int = 200
    headers: Headers = ()
    body: bytes = b""
    _host: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _path: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (self.host or self.port or self.path):
            msg = "a rule names no host, port or path; give one of them"
            raise TargetError(msg)
        object.__setattr__(self, "_host", _compiled(self.host))
        object.__setattr__(self, "_path", _compiled(self.path))

    def covers(self, host: str, port: int, path: str | None) -> bool:
        """Tell whether a call matches; without a path, whether every call there does."""
        if (self.port and self.port != port) or not self._host.search(host):
            return False
        return not self.path or (path is not None and self._path.search(path) is not None)

    def answer(self) -> Response:
        """Give the answer in replay."""
        return Response(self.status, "", self.headers, self.body, body_size=len(self.body))


_JSON: Final[Headers] = (("Content-Type", "application/json"),)

TELEMETRY: Final = (
    PassRule(port=4317),
    PassRule(port=4318, path=r"^/v1/(?:traces|metrics|logs)$"),
    PassRule(host=r"(?:^|\.)posthog\.com$", headers=_JSON, body=b'{"status":1}'),
    PassRule(host=r"(?:^|\.)sentry\.io$", headers=_JSON, body=b"{}"),
    PassRule(path=r"^/api/[0-9]+/(?:envelope|store)/$", headers=_JSON, body=b"{}"),
    PassRule(
        host=r"(?:^|\.)langfuse\.com$",
        path=r"^/api/public/(?:ingestion|otel/)",
        status=207,
        headers=_JSON,
        body=b'{"successes":[],"errors":[]}',
    ),
    PassRule(host=r"(?:^|\.)huggingface\.co$", path=r"^/api/telemetry/"),
)
"""OpenTelemetry, PostHog, Sentry, Langfuse and Hugging Face: what they send, not what they give."""


def passing_rule(
    rules: Iterable[PassRule], host: str, port: int, path: str | None = None
) -> PassRule | None:
    """Find the first rule that a call matches, or that every call there matches."""
    for rule in rules:
        if rule.covers(host, port, path):
            return rule
    return None


def host_and_port(authority: str, scheme: str = "") -> tuple[str, int]:
    """Split ``host:port`` into a lower-case host without brackets and its port.

    Args:
        authority: As in a URL or a ``Host`` header.
        scheme: Says the port where the authority does not; 0 where it does not either.
    """
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        return authority.lower(), _DEFAULT_PORTS.get(scheme, 0)
    port = int(found[2]) if found[2] else _DEFAULT_PORTS.get(scheme, 0)
    return found[1].strip("[]").lower(), port


def authority_of(host: str, port: int, scheme: str = "") -> str:
    """Join host and port as a URL has them; without the port where it is the scheme's own."""
    name = f"[{host}]" if ":" in host else host
    return name if _DEFAULT_PORTS.get(scheme) == port else f"{name}:{port}"
