"""Rules for calls that are nobody's dependency."""

from __future__ import annotations

import pytest

from keploy_framework.errors import TargetError
from keploy_framework.proxy import TELEMETRY, PassRule
from keploy_framework.proxy.origin import Origin, is_loopback, origin_of_url
from keploy_framework.proxy.passing import authority_of, host_and_port, passing_rule


@pytest.mark.parametrize(
    ("host", "port", "path", "passed"),
    [
        ("collector.example.com", 4317, None, True),
        ("localhost", 4318, "/v1/traces", True),
        ("localhost", 4318, "/v1/users", False),
        ("localhost", 8000, "/v1/traces", False),
        ("us.i.posthog.com", 443, "/batch/", True),
        ("US.I.PostHog.com", 443, None, True),
        ("notposthog.com", 443, "/batch/", False),
        ("posthog.com.evil.example", 443, "/batch/", False),
        ("o1.ingest.sentry.io", 443, "/api/1/envelope/", True),
        ("sentry.example.com", 443, "/api/42/store/", True),
        ("shop.example.com", 443, "/api/42/store/7", False),
        ("cloud.langfuse.com", 443, "/api/public/ingestion", True),
        ("cloud.langfuse.com", 443, "/api/public/v2/prompts/x", False),
        ("cloud.langfuse.com", 443, None, False),
        ("huggingface.co", 443, "/api/telemetry/x", True),
        ("huggingface.co", 443, "/api/models/x", False),
        ("api.openai.com", 443, "/v1/chat/completions", False),
    ],
)
def test_telemetry_is_told_from_dependencies(
    host: str, port: int, path: str | None, passed: bool
) -> None:
    """A dependency was taken for telemetry, or telemetry for a dependency."""
    assert (passing_rule(TELEMETRY, host, port, path) is not None) is passed


@pytest.mark.parametrize(
    ("rule", "passed"),
    [
        (PassRule(host="example"), True),
        (PassRule(host="EXAMPLE"), True),
        (PassRule(host="other"), False),
        (PassRule(port=443), True),
        (PassRule(port=80), False),
        (PassRule(path="^/a"), True),
        (PassRule(path="^/b"), False),
        (PassRule(host="example", port=443, path="/a"), True),
        (PassRule(host="example", port=80, path="/a"), False),
    ],
)
def test_all_that_a_rule_names_must_match(rule: PassRule, passed: bool) -> None:
    """A rule passed a call that it names only in part."""
    assert (passing_rule([rule], "api.example.com", 443, "/a/b") is not None) is passed


@pytest.mark.parametrize(("host", "path"), [("", ""), ("(", ""), ("", "[")])
def test_a_rule_that_means_nothing_is_refused(host: str, path: str) -> None:
    """A rule that cannot match, or matches everything, was taken."""
    with pytest.raises(TargetError):
        PassRule(host=host, path=path)


@pytest.mark.parametrize(
    ("authority", "scheme", "expected"),
    [
        ("a.example", "http", ("a.example", 80)),
        ("A.example:81", "http", ("a.example", 81)),
        ("a.example", "https", ("a.example", 443)),
        ("a.example", "", ("a.example", 0)),
        ("[::1]:8080", "http", ("::1", 8080)),
        ("[::1]", "https", ("::1", 443)),
        ("", "http", ("", 80)),
    ],
)
def test_a_host_and_its_port_are_told_apart(
    authority: str, scheme: str, expected: tuple[str, int]
) -> None:
    """A call went to the wrong port."""
    host, port = host_and_port(authority, scheme)
    assert (host, port) == expected
    if host:
        assert host_and_port(authority_of(host, port, scheme), scheme) == expected


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.openai.com/v1", Origin("https", "api.openai.com", 443)),
        ("http://127.0.0.1:8080", Origin("http", "127.0.0.1", 8080)),
        ("http://[::1]:8080/v1", Origin("http", "::1", 8080)),
    ],
)
def test_a_target_names_its_server(url: str, origin: Origin) -> None:
    """A dependency's calls went elsewhere."""
    assert origin_of_url(url) == origin


@pytest.mark.parametrize(
    "url",
    ["", "api.openai.com", "redis://h/0", "https://", "http://h:x/", "http://h:99999/", "http://["],
)
def test_a_target_that_is_no_url_is_refused(url: str) -> None:
    """A dependency that cannot be reached was found out only by its first call."""
    with pytest.raises(TargetError):
        origin_of_url(url)


def test_a_password_in_a_target_is_refused_and_not_shown() -> None:
    """A password was dropped in silence, or shown."""
    with pytest.raises(TargetError) as caught:
        origin_of_url("https://user:hunter2@api.example.com/v1")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("a.localhost", True), ("127.9.9.9", True), ("::1", True)]
    + [(host, False) for host in ("localhost.example", "10.0.0.1", "0.0.0.0", "")],
)
def test_this_machine_is_told_by_its_name(host: str, expected: bool) -> None:
    """Another machine was taken for this one."""
    assert is_loopback(host) is expected
