"""What is taken out of texts before they are kept."""

from __future__ import annotations

import time

import pytest

from observability_integration.spans.redaction import (
    names_a_secret,
    redact_secrets,
    redact_secrets_and_emails,
)

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("use sk-proj-abcDEF0123456789abcDEF now", "use [redacted] now"),
        ("sk-ant-api03-abcDEF_0123456789-abc", "[redacted]"),
        ("sk_live_" + "a1B2" * 6, "[redacted]"),
        ("token ghp_" + "a" * 36, "token [redacted]"),
        ("github_pat_" + "a1_" * 20, "[redacted]"),
        ("glpat-" + "a" * 20, "[redacted]"),
        ("gsk_" + "a" * 40, "[redacted]"),
        ("xoxb-1234567890-abcdef", "[redacted]"),
        ("AKIAIOSFODNN7EXAMPLE", "[redacted]"),
        ("AIza" + "S" * 35, "[redacted]"),
        (f"a {JWT} b", "a [redacted] b"),
        ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer [redacted]"),
        ("basic dXNlcjpwYXNzd29yZA==", "basic [redacted]"),
        ("postgres://ada:hunter2@db/app", "postgres://[redacted]@db/app"),
        ("redis://:hunter2@db", "redis://[redacted]@db"),
        ("password: hunter2, then", "password: [redacted], then"),
        ("PASSWORD=hunter2", "PASSWORD=[redacted]"),
        ('{"api_key": "abc def"}', '{"api_key": [redacted]}'),
        ("client-secret = 's3cr3t!'", "client-secret = [redacted]"),
        ("access token: abcd1234", "access token: [redacted]"),
        (f"key:\n{PEM}\nend", "key:\n[redacted]\nend"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", "[redacted]"),
    ],
    ids=lambda value: value[:14].strip(),
)
def test_a_secret_of_a_known_shape_goes(text: str, expected: str) -> None:
    """And the words around it stay."""
    assert redact_secrets(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "What is the weather in Bern?",
        "sk-8 is a bus line",
        "ask-me-anything-about-the-roadmap",
        "the bearer of this letter",
        "https://example.com:8080/path?x=1",
        "my password is not in here",
        "the secret of success",
        "max_tokens: 4096",
        "a@b.example is an address",
    ],
    ids=lambda text: text[:14],
)
def test_plain_words_stay(text: str) -> None:
    assert redact_secrets(text) == text


def test_addresses_go_only_where_that_is_asked_for() -> None:
    text = "write to ada.lovelace+x@mail.example.org, or to bob"
    assert redact_secrets(text) == text
    assert redact_secrets_and_emails(text) == "write to [redacted], or to bob"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("password", True),
        ("X-Api-Key", True),
        ("client_secret", True),
        ("refreshToken", True),
        ("token", True),
        ("Set-Cookie", True),
        ("tokens", False),
        ("max_tokens", False),
        ("author", False),
        ("x" * 200 + "password", False),
    ],
)
def test_a_field_that_says_it_is_secret_is_known(name: str, secret: bool) -> None:
    assert names_a_secret(name) is secret


@pytest.mark.parametrize(
    "piece",
    ["a" * 64, "password ", "password=", "://", "eyJ", "sk-", "bearer ", "-----BEGIN ", "a@", "."],
    ids=lambda piece: piece[:10].strip(),
)
def test_a_long_text_costs_no_more_than_its_length(piece: str) -> None:
    """Texts come from users and models: none may hold up the export."""

    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        best = float("inf")
        for _ in range(3):
            began = time.thread_time()
            redact_secrets_and_emails(text)
            best = min(best, time.thread_time() - began)
        return best

    assert seconds(160_000) < 12 * seconds(40_000) + 0.01
