"""What is found in text of any kind, and what is left alone."""

from __future__ import annotations

import base64
import json

import pytest

from keploy_framework.redaction import Redactor


@pytest.mark.parametrize(
    "kind",
    [
        "openai",
        "openai-old",
        "anthropic",
        "aws",
        "github",
        "github-oauth",
        "github-fine",
        "slack",
        "google",
        "stripe",
        "stripe-restricted",
        "twilio",
        "hugging-face",
    ],
)
@pytest.mark.parametrize(
    "text",
    ["{}", "use {}, then", '{{"note": "it is {}"}}', "a\n{}\nb", '["{}"]', "k={};"],
    ids=["alone", "prose", "json", "lines", "array", "assigned"],
)
def test_key_of_a_known_service_is_found_anywhere(redactor: Redactor, planted, kind, text):
    """A key of a well known service was kept because nothing named it."""
    key = planted.keys[kind]
    assert key not in redactor.text(text.format(key))


PLACES = {
    "json": '{{"user": {{"password": "{}"}}}}',
    "json-camel": '{{"apiKey": "{}"}}',
    "json-joined": '{{"accesstoken": "{}"}}',
    "json-confirmed": '{{"password_confirmation": "{}", "password1": "x"}}',
    "json-listed-headers": '{{"headers": [{{"name": "X-Api-Key", "value": "{}"}}]}}',
    "json-collection": '{{"secrets": {{"mail": "{}"}}}}',
    "json-in-json": '{{"q": "{{\\"client_secret\\": \\"{}\\"}}"}}',
    "json-escaped": '{{"\\u0070assword": "{}"}}',
    "json-object-below": '{{"token": {{"raw": "{}"}}}}',
    "event": 'event: a\ndata: {{"access_token": "{}"}}\n\n',
    "lines-of-json": '{{"a": 1}}\n{{"secret": "{}"}}\n',
    "graphql": '{{"query": "mutation {{ login(password: \\"{}\\") }}"}}',
    "xml": "<login><ns:password kind='a'>{}</ns:password></login>",
    "yaml": "user: bob\npassword: {}\n",
    "environment": "export AWS_SECRET_ACCESS_KEY={}",
    "connection": "postgres://bob:{}@db.example:5432/shop",
    "connection-without-user": "redis://:{}@cache/0",
    "connection-in-json": '{{"url": "amqp:\\/\\/bob:{}@queue"}}',
    "azure": "DefaultEndpointsProtocol=https;AccountKey={};EndpointSuffix=x",
    "url": "see https://api.example/a?page=2&api_key={}&x=1",
    "signed-url": "https://b.example/o?X-Amz-Signature={}",
    "user-of-url": "https://{}@git.example/r",
    "bearer": "sent 'Bearer {}'",
    "header-line": "GET / HTTP/1.1\r\nX-Api-Key: {}\r\n",
    "curl-header": "curl -H 'X-Auth-Token: {}' http://h/",
    "curl-header-double": 'curl --header "Authorization: Bearer {}"',
    "curl-user": "curl -u bob:{} http://h/",
    "curl-cookie": "curl --cookie 'sid={}' http://h/",
    "curl-data": 'curl --data "{{\\"password\\":\\"{}\\"}}" http://h/',
}


@pytest.mark.parametrize("text", PLACES.values(), ids=PLACES)
def test_value_is_secret_because_its_name_says_so(redactor: Redactor, planted, text):
    """A secret was kept although its name said what it was."""
    redacted = redactor.text(text.format(planted.opaque))
    assert planted.opaque not in redacted
    assert "redacted-" in redacted


@pytest.mark.parametrize("text", PLACES.values(), ids=PLACES)
def test_redacting_twice_changes_nothing_more(planted, text):
    """A placeholder was taken for a secret, so files changed with every run."""
    once = Redactor().text(text.format(planted.opaque))
    assert Redactor().text(once) == once


HARMLESS = {
    "counted-tokens": '{"token_count": 12, "max_tokens": 5, "usage": {"prompt_tokens": 9}}',
    "more-tokens": '{"completion_tokens_details": {"reasoning_tokens": 1}, "tokens": ["a", "b"]}',
    "page-token": '{"next_page_token": "CAUQAA", "nextToken": "x", "pageToken": "y"}',
    "model-token": '{"eos_token": "</s>", "pad_token": "<pad>", "time_to_first_token": 0.2}',
    "log-probability": '{"content": [{"token": "Hello", "logprob": -0.1, "bytes": [72]}]}',
    "uuid": '{"id": "36fca053-e494-4497-8113-b92670c25561"}',
    "commit": '{"sha": "32e08c8ccc0d2f1b0e4d7a5f6c9b8a7d6e5f4c3b"}',
    "keyboard": '{"keyboard": "qwerty", "monkey": "x", "key": "value", "primary_key": "id"}',
    "public-key": '{"publicKey": "abc", "cache_key": "k1", "idempotency_key": "i"}',
    "errors": '{"errors": {"password": ["This field is required."]}}',
    "schema": '{"properties": {"password": {"type": "string", "minLength": 8}}}',
    "switch": '{"has_password": true, "password": null, "token": ""}',
    "number-of-token": '{"token": 128001}',
    "template": '{"token": "{{string .token}}", "secret": "${SECRET}"}',
    "masked": '{"password": "********"}',
    "model-ids": '{"id": "chatcmpl-9xYz123456789abcdefABC", "model": "gpt-4o-2024-08-06"}',
    "style": '<i class="sk-fading-circle-of-the-long-animation"></i> task-list-item-check-a1b2c3',
    "prose": "the bearer authentication scheme; Basic information; a password is needed",
    "time": "at 12:30, http://host:8080/path?email=a@b.example",
    "mail": "write to bob@example.com",
    "design": '{"design": "x", "signal": "y", "assign": "z", "tokenizer": "bpe", "author": "me"}',
    "base64": '{"image": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAA"}',
    "thinking": '{"type": "thinking", "signature": "EqQBCkYIARgCKkAb3cd4fG"}',
}


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_what_is_no_secret_stays(redactor: Redactor, text):
    """An answer became useless because ordinary fields were redacted."""
    assert redactor.text(text) == text


def test_same_secret_has_same_placeholder(redactor: Redactor, planted):
    """An app could not log in again with the token it had been given."""
    given = json.loads(redactor.text(json.dumps({"access_token": planted.opaque})))
    used = redactor.header("Authorization", f"Bearer {planted.opaque}")
    assert used == f"Bearer {given['access_token']}"


def test_different_secrets_stay_different(redactor: Redactor):
    """Two users became one."""
    first, second = (redactor.field("password", word) for word in ("hunter2", "hunter3"))
    assert first != second


def test_placeholder_says_nothing_about_the_secret():
    """Short secrets could be guessed from what stood for them."""
    one, other = (Redactor().field("password", word) for word in ("hunter2", "another"))
    assert one == other


def test_placeholders_of_an_older_recording_are_not_given_again():
    """A new secret got the placeholder that another one had in the same file."""
    redacted = Redactor().text('{"password": "redacted-007", "secret": "new one"}')
    assert json.loads(redacted)["secret"] == "redacted-008"


def test_token_keeps_its_claims_and_can_be_decoded(redactor: Redactor, planted):
    """An app that reads the claims of a token failed on the placeholder."""
    token = json.loads(redactor.text(json.dumps({"token": planted.token})))["token"]
    head, claims, signature = token.split(".")
    assert f"{head}.{claims}" == planted.claims
    assert signature != planted.signature
    base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))


def test_encrypted_token_goes_whole(redactor: Redactor, planted):
    """A token that only its owner can read was kept in parts."""
    token = f"{planted.claims.partition('.')[0]}.key.iv.text.{planted.signature}"
    assert redactor.text(f"sent {token}.") == "sent redacted-001."


def test_basic_credentials_can_still_be_decoded(redactor: Redactor):
    """An app that reads the user of Basic failed on the placeholder."""
    sent = base64.b64encode(b"bob:hunter2").decode()
    value = redactor.header("Authorization", f"Basic {sent}").removeprefix("Basic ")
    user, _, password = base64.b64decode(value).decode().partition(":")
    assert user == "bob"
    assert password != "hunter2"


def test_private_key_keeps_its_border(redactor: Redactor, planted):
    """A private key was kept, whole or in part."""
    for text in (planted.private_key, json.dumps({"pem": planted.private_key})):
        redacted = redactor.text(text)
        assert planted.key_line not in redacted
        assert "BEGIN RSA PRIVATE KEY" in redacted
        assert Redactor().text(redacted) == redacted


def test_json_keeps_its_very_characters(redactor: Redactor):
    """Numbers, spaces or names that came twice changed beside a secret."""
    text = '{ "a":1.50,\n "a": 12345678901234567890, "password" : "p", "e": "\\u00e9\\/" }'
    expected = text.replace('"p"', '"redacted-001"')
    assert redactor.text(text) == expected


def test_number_stays_a_number(redactor: Redactor):
    """A number became text, and a strict client refused it."""
    value = json.loads(redactor.text('{"password": 4711}'))["password"]
    assert isinstance(value, int)
    assert value != 4711


def test_strong_secret_is_found_where_nothing_tells_it(redactor: Redactor, planted):
    """A key was redacted in one field and kept in another."""
    text = json.dumps({"echo": f"you sent {planted.opaque}", "api_key": planted.opaque})
    assert planted.opaque not in redactor.text(text)


def test_weak_secret_is_not_looked_for_elsewhere(redactor: Redactor):
    """A user whose password is a word lost that word everywhere."""
    text = '{"user": "admin", "password": "admin", "role": "admin"}'
    assert json.loads(redactor.text(text))["role"] == "admin"


def test_damaged_json_is_redacted_as_text(redactor: Redactor, planted):
    """A body that was cut short kept its secrets."""
    assert planted.opaque not in redactor.text('{"password": "' + planted.opaque + '", "a": [1')


@pytest.mark.parametrize("text", ["[" * 5000, '{"a":' * 300 + '"secret": 1', '"' + "\\" * 999])
def test_strange_text_is_survived(redactor: Redactor, text):
    """A nested body ended the recording."""
    redactor.text(text)


def test_a_text_is_looked_at_again_when_another_secret_is_known():
    """A header that was clean before its secret was found elsewhere went into the files."""
    secret = "Zq7Rw2Xn9Kp4Lm8Vt3Bc"
    redactor = Redactor()
    assert redactor.header("X-Trace", f"run {secret}") == f"run {secret}"
    redactor.header("Authorization", f"Bearer {secret}")
    assert secret not in redactor.header("X-Trace", f"run {secret}")


def test_as_many_texts_as_there_may_be_are_remembered():
    """A long recording of texts that are all new took ever more memory."""
    redactor = Redactor()
    for number in range(10_000):
        redactor.header("X-Trace", f"run {number}")
    assert len(redactor.texts._clean) <= 4096
