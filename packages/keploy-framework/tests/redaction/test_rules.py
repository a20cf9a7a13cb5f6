"""The section `redact` of a configuration."""

from __future__ import annotations

import pytest

from keploy_framework.errors import KeployConfigError
from keploy_framework.exchange import Request
from keploy_framework.redaction import (
    RedactionRules,
    Redactor,
    revealed_request,
    secrets_of,
)


def test_named_fields_are_redacted_too():
    """A name of the project's own was not enough."""
    redactor = Redactor(RedactionRules.from_data({"names": ["Tenant-Pin"]}))
    assert redactor.text('{"tenantPin": "0815"}') == '{"tenantPin": "redacted-001"}'
    assert redactor.header("X-Tenant", "a") == "a"
    assert redactor.url("/a?tenant_pin=0815&x=1") == "/a?tenant_pin=redacted-001&x=1"


def test_pattern_keeps_its_group():
    """The kind of a key of the project's own was lost, or the key was kept."""
    rules = RedactionRules.from_data({"patterns": {"acme": "(?P<keep>acme_)[0-9]{4,}"}})
    redactor = Redactor(rules)
    assert redactor.text("use acme_12345") == "use acme_redacted-001"
    assert redactor.counts == {"acme": 1}


def test_listed_patterns_get_names():
    """A list of patterns was refused."""
    redactor = Redactor(RedactionRules.from_data({"patterns": ["zz[0-9]+"]}))
    assert redactor.text("zz11") == "redacted-001"
    assert redactor.counts == {"custom-1": 1}


def test_allowed_name_stays():
    """The password that a test logs in with could not be kept."""
    redactor = Redactor(RedactionRules.from_data({"allow": ["password"]}))
    assert redactor.text('{"password": "p", "secret": "s"}') == (
        '{"password": "p", "secret": "redacted-001"}'
    )


def test_allowed_value_stays_as_a_whole_only():
    """A part of a secret was enough to keep it."""
    redactor = Redactor(RedactionRules.from_data({"allowValues": ["test-.*"]}))
    assert redactor.field("password", "test-user") == "test-user"
    assert redactor.field("password", "x test-user") != "x test-user"


def test_known_key_is_redacted_under_an_allowed_name(planted):
    """Allowing a name let a live key through."""
    redactor = Redactor(RedactionRules(allow=frozenset(("password",))))
    key = planted.keys["stripe"]
    assert key not in redactor.text(f'{{"password": "{key}"}}')


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ({"name": []}, "redact"),
        ({"enabled": "yes"}, "redact.enabled"),
        ({"names": "token"}, "redact.names"),
        ({"patterns": ["("]}, "redact.patterns"),
        ({"patterns": {"a": 1}}, "redact.patterns.a"),
        ({"patterns": {"a": "x*"}}, "redact.patterns.a"),
        ({"allowValues": ["["]}, "redact.allowValues"),
        ([], "redact"),
    ],
    ids=["unknown", "enabled", "names", "pattern", "no-text", "empty-match", "allowed", "list"],
)
def test_wrong_section_names_the_key(section, key):
    """A mistake in the configuration was passed over."""
    with pytest.raises(KeployConfigError) as caught:
        RedactionRules.from_data(section)
    assert caught.value.key == key


def test_command_line_counts_more_than_the_file():
    """--no-redact did not turn redaction off."""
    assert not RedactionRules.from_data({"enabled": True}, enabled=False).enabled
    assert RedactionRules.from_data(None).enabled


def test_real_secret_takes_the_place_of_its_placeholder():
    """A test that logs in could not pass after redaction."""
    environment = {"KEPLOY_SECRET_001": "general", "KEPLOY_SECRET_SHOP_1_001": "special", "A": "x"}
    secrets = secrets_of(environment, "shop-1")
    request = Request("POST", "/?k=redacted-001", (("A", "redacted-002"),), b'"redacted-001"')
    revealed = revealed_request(request, secrets)
    assert (revealed.target, revealed.body) == ("/?k=special", b'"special"')
    assert revealed.headers == request.headers
    assert secrets_of(environment, "other") == {"001": "general"}


def test_placeholder_with_more_digits_is_another_one():
    """redacted-0012 was taken for redacted-001."""
    request = Request("GET", "/?k=redacted-0012")
    assert revealed_request(request, {"001": "x"}) == request
