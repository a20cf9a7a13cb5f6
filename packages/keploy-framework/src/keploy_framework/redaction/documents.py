"""Redact documents of recordings: tests, mocks of any kind, and reports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from keploy_framework.errors import KeployError
from keploy_framework.formats.models.headers import bytes_of, text_or_bytes
from keploy_framework.formats.models.test_case import KINDS, TestCase
from keploy_framework.formats.narrow import is_list, is_mapping
from keploy_framework.redaction.bodies import redact_body
from keploy_framework.redaction.data import DataRedactor
from keploy_framework.redaction.urls import redact_url

if TYPE_CHECKING:
    from pathlib import Path

    from keploy_framework.redaction.ledger import Ledger
    from keploy_framework.redaction.redactor import Redactor

# Any: a file may hold anything.
Data: TypeAlias = Any

_WITHOUT_LENGTHS: Final = frozenset(("Http", "gRPC", "Http2"))
_HTTP_PARTS: Final = ("req", "resp")
_LOGIN: Final = re.compile(
    r"(?i)(?P<before>(?:^|\r\n)AUTH\r\n(?:\$[0-9]{1,9}\r\n[^\r\n]{0,500}\r\n(?=\$))?"
    r"\$[0-9]{1,9}\r\n)(?P<value>[^\r\n]{1,500})"
)


def redact_document(
    data: Data, redactor: Redactor, *, file: Path | None = None, root: Path | None = None
) -> Data:
    """Give a document without secrets; one without any is given as it is.

    The command of a test is written anew where its request changed. Lengths that a format
    tells within its texts stay true.

    Args:
        data: What the document says. It is not changed.
        redactor: Replaces the secrets.
        file: The file it came from.
        root: The folder ``keploy`` that the paths of its assets begin in.
    """
    if not redactor.rules.enabled or not is_mapping(data):
        return data
    documents = _DocumentRedactor(redactor)
    if "tests" in data and "kind" not in data:
        return redactor.settled(lambda: documents.report(data))
    clean = redactor.settled(lambda: documents.recorded(data))
    kind = str(data.get("kind"))
    if kind in KINDS and data.get("curl") and clean.get("spec") != data.get("spec"):
        return _with_new_command(clean, file, root)
    return clean


class _DocumentRedactor:
    __slots__ = ("_data", "_texts")

    def __init__(self, redactor: Redactor) -> None:
        self._texts = redactor.texts
        self._data = DataRedactor(redactor.texts)

    def recorded(self, document: dict[Any, Data]) -> dict[Any, Data]:
        """Redact a test or a mock."""
        spec = document.get("spec")
        if not is_mapping(spec):
            return self._data.value(document)
        ledger = self._texts.ledger
        ledger.fits = str(document.get("kind")) not in _WITHOUT_LENGTHS
        try:
            parts = {key: value for key, value in spec.items() if key in _HTTP_PARTS}
            rest = {key: value for key, value in spec.items() if key not in _HTTP_PARTS}
            clean = {key: self.message(value) for key, value in parts.items()}
            clean |= self._data.value(rest)
            if ledger.fits:
                clean = _without_logins(clean, ledger)
            envelope = {key: value for key, value in document.items() if key != "spec"}
            whole = self._data.value(envelope) | {"spec": {key: clean[key] for key in spec}}
        finally:
            ledger.fits = False
        return {key: whole[key] for key in document}

    def report(self, document: dict[Any, Data]) -> dict[Any, Data]:
        """Redact a report of a run."""
        tests = document["tests"]
        clean = {
            key: self._data.value(value) if key != "tests" else tests
            for key, value in document.items()
        }
        if is_list(tests):
            clean["tests"] = [self._reported(test) for test in tests]
        return clean

    def _reported(self, test: Data) -> Data:
        if not is_mapping(test):
            return test
        rest = self._data.value({key: test[key] for key in test if key not in _HTTP_PARTS})
        return {key: self.message(test[key]) if key in _HTTP_PARTS else rest[key] for key in test}

    def message(self, message: Data) -> Data:
        """Redact a request or a response."""
        if not is_mapping(message):
            return self._data.value(message)
        clean = {key: self._part(str(key), value, message) for key, value in message.items()}
        before, after = message.get("body"), clean.get("body")
        if isinstance(before, str) and isinstance(after, str) and before != after:
            _correct_length(clean, len(before.encode()), len(after.encode()))
        return clean

    def _part(self, key: str, value: Data, message: dict[Any, Data]) -> Data:
        texts = self._texts
        if key == "url" and isinstance(value, str):
            return redact_url(value, texts)
        if key == "url_params" and is_mapping(value):
            return {
                name: texts.parameter(str(name), one) if isinstance(one, str) else one
                for name, one in value.items()
            }
        if key == "header" and is_mapping(value):
            return self._data.headers(value)
        if key == "body" and isinstance(value, str | bytes):
            clean = redact_body(bytes_of(value), _content_type(message), texts)
            return value if clean == bytes_of(value) else text_or_bytes(clean)
        if key == "form" and is_list(value):
            return [self._field(entry) for entry in value]
        return self._data.value(value)

    def _field(self, entry: Data) -> Data:
        if not is_mapping(entry):
            return entry
        name, values = str(entry.get("key")), entry.get("values")
        if not is_list(values):
            return entry
        clean = [self._texts.field(name, one) if isinstance(one, str) else one for one in values]
        return entry | {"values": clean}


def _content_type(message: dict[Any, Data]) -> str:
    headers = message.get("header")
    found = (
        value
        for name, value in (headers.items() if is_mapping(headers) else ())
        if str(name).lower() == "content-type"
    )
    return str(next(found, ""))


def _correct_length(message: dict[Any, Data], before: int, after: int) -> None:
    headers = message.get("header")
    if is_mapping(headers):
        for name, value in headers.items():
            if str(name).lower() == "content-length" and str(value) == str(before):
                message["header"] = headers | {name: str(after)}
                return


def _without_logins(value: Data, ledger: Ledger) -> Data:
    """Redact the passwords that clients of Redis log in with."""
    if is_mapping(value):
        return {key: _without_logins(inner, ledger) for key, inner in value.items()}
    if is_list(value):
        return [_without_logins(inner, ledger) for inner in value]
    if not isinstance(value, str) or "AUTH" not in value.upper():
        return value
    return _LOGIN.sub(lambda match: match["before"] + ledger.value(match["value"], "login"), value)


def _with_new_command(data: dict[str, Data], file: Path | None, root: Path | None) -> Data:
    test = TestCase(dict(data), file, root=root)
    try:
        test.refresh_curl()
    except (KeployError, OSError):  # its assets are gone; the redacted text has to do
        return data
    return test.data
