"""Which incoming calls become tests."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from keploy_framework.checks import checked_mapping
from keploy_framework.errors import KeployConfigError
from keploy_framework.exchange import header
from keploy_framework.formats.narrow import is_list
from keploy_framework.proxy.passing import PassRule, host_and_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    from keploy_framework.exchange import Request

Policy: TypeAlias = Literal["include", "exclude"]


@dataclass(frozen=True, slots=True)
class Filter:
    """A rule about requests, as ``record.filters`` of a configuration has them.

    Args:
        path: Found in the path; ``None`` for any.
        host: Found in the host; ``None`` for any.
        port: The port of the URL; 0 for any.
        methods: The methods; none for any.
        headers: Patterns by the name of the header.
        needs_all: Whether all that is given must match, or one of it.
        policy: Whether what matches is the only thing recorded, or is not recorded.
    """

    path: re.Pattern[str] | None = None
    host: re.Pattern[str] | None = None
    port: int = 0
    methods: frozenset[str] = frozenset()
    headers: Mapping[str, re.Pattern[str]] = field(default_factory=dict[str, "re.Pattern[str]"])
    needs_all: bool = False
    policy: Policy = "exclude"

    @classmethod
    def from_data(cls, data: object, key: str) -> Self:
        """Read a rule.

        Raises:
            KeployConfigError: A value has the wrong type, or is no regular expression.
        """
        rule = checked_mapping(data, key)
        policy = str(rule.get("filterPolicy") or "exclude").lower()
        if policy not in ("include", "exclude"):
            problem = f"must be include or exclude, got {policy!r}; write one of them"
            raise KeployConfigError(problem, key=f"{key}.filterPolicy", value=policy)
        methods = rule.get("urlMethods")
        if methods is not None and not is_list(methods):
            problem = f"must be a list of methods, got {methods!r}; write it like [GET, POST]"
            raise KeployConfigError(problem, key=f"{key}.urlMethods", value=methods)
        named = checked_mapping(rule.get("headers"), f"{key}.headers")
        headers = {name: pattern(text, f"{key}.headers.{name}") for name, text in named.items()}
        return cls(
            path=pattern(rule.get("path"), f"{key}.path"),
            host=pattern(rule.get("host"), f"{key}.host"),
            port=port_of(rule.get("port"), f"{key}.port"),
            methods=frozenset(str(one).upper() for one in methods or ()),
            headers={name: found for name, found in headers.items() if found is not None},
            needs_all=str(rule.get("matchType") or "OR").upper() == "AND",
            policy=policy,
        )

    def matches(self, request: Request) -> bool:
        """Tell whether a request is one that the rule is about."""
        found = list(self._found(request))
        return bool(found) and (all(found) if self.needs_all else any(found))

    def _found(self, request: Request) -> Iterator[bool]:
        host, port = host_and_port(request.host, request.scheme)
        if self.path is not None:
            yield self.path.search(request.target.partition("?")[0]) is not None
        if self.host is not None:
            yield self.host.search(host) is not None
        if self.port:
            yield self.port == port
        if self.methods:
            yield request.method.upper() in self.methods
        for name, wanted in self.headers.items():
            value = header(request.headers, name)
            yield value is not None and wanted.search(value) is not None


def is_recorded(request: Request, filters: tuple[Filter, ...]) -> bool:
    """Tell whether a request becomes a test.

    What a rule excludes is left out; where any rule includes, the rest is left out too.
    """
    if any(one.policy == "exclude" and one.matches(request) for one in filters):
        return False
    includes = [one for one in filters if one.policy == "include"]
    return not includes or any(one.matches(request) for one in includes)


def pass_rule(data: object, key: str) -> PassRule:
    """Read a rule of ``bypassRules``, ``passThroughPorts`` or ``passThroughHosts``.

    Raises:
        KeployConfigError: A value has the wrong type.
        TargetError: It names nothing, or an expression is none.
    """
    rule = checked_mapping(data, key)
    host, path = str(rule.get("host") or ""), str(rule.get("path") or "")
    return PassRule(host=host, port=port_of(rule.get("port"), f"{key}.port"), path=path)


def port_of(value: object, key: str) -> int:
    """Read a port; nothing stands for 0.

    Raises:
        KeployConfigError: It is no port.
    """
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if value is None or value == "":
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 65_535:
        problem = f"must be a port from 0 to 65535, got {value!r}; write a whole number"
        raise KeployConfigError(problem, key=key, value=value)
    return value


def pattern(text: object, key: str) -> re.Pattern[str] | None:
    """Compile a regular expression; nothing, or an empty one, gives ``None``.

    Raises:
        KeployConfigError: It is none.
    """
    if text is None or text == "":
        return None
    try:
        return re.compile(str(text))
    except re.error as error:
        problem = f"is no regular expression, {text!r} ({error}); correct it"
        raise KeployConfigError(problem, key=key, value=text) from error
