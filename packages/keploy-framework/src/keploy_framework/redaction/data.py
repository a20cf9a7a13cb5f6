"""Redact parsed data by the names in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from keploy_framework.formats.narrow import is_list, is_mapping
from keploy_framework.redaction.shapes import looks_random

if TYPE_CHECKING:
    from keploy_framework.redaction.text import TextRedactor

# Any: a file may hold anything.
Data: TypeAlias = Any

_HEADERS = frozenset(("header", "headers", "ordinary_headers", "header_equal"))


class DataRedactor:
    """Replace what is secret in mappings, lists and texts; types and order stay.

    Args:
        texts: Redacts texts.
    """

    __slots__ = ("_texts",)

    def __init__(self, texts: TextRedactor) -> None:
        self._texts = texts

    def value(self, value: Data, name: str = "", *, inside: bool = False) -> Data:
        """Give data without secrets.

        Args:
            value: The data. They are not changed.
            name: The name they stand under.
            inside: Whether they stand below a name of secrets.
        """
        texts = self._texts
        inside = inside or texts.names.field(name) or texts.names.collection(name)
        if is_mapping(value):
            return self._mapping(value, inside=inside)
        if is_list(value):
            return [self._listed(item, name, inside=inside) for item in value]
        if isinstance(value, bytes):
            return texts.ledger.replace_known_bytes(value)
        if isinstance(value, str):
            secret = texts.names.field(name) or (inside and looks_random(value))
            redacted = texts.secret(name, value) if secret else texts.text(value)
            return value if redacted == value else redacted
        return value

    def headers(self, headers: dict[Any, Data]) -> dict[Any, Data]:
        """Give headers by name without secrets."""
        return {name: self._header(str(name), value) for name, value in headers.items()}

    def _mapping(self, mapping: dict[Any, Data], *, inside: bool) -> dict[Any, Data]:
        told = mapping.get("key")
        clean: dict[Any, Data] = {}
        for key, value in mapping.items():
            if isinstance(told, str) and key in ("value", "values"):
                clean[key] = self._header(told, value)
            elif key in _HEADERS and is_mapping(value):
                clean[key] = self.headers(value)
            else:
                clean[key] = self.value(value, str(key), inside=inside)
        return clean

    def _listed(self, item: Data, name: str, *, inside: bool) -> Data:
        """Redact an item of a list: what stands under a secret name may be a message about it."""
        if isinstance(item, str) and self._texts.names.field(name):
            name, inside = "", True
        return self.value(item, name, inside=inside)

    def _header(self, name: str, value: Data) -> Data:
        if is_list(value):
            return [self._header(name, one) for one in value]
        if isinstance(value, str):
            redacted = self._texts.header(name, value)
            return value if redacted == value else redacted
        return self.value(value)
