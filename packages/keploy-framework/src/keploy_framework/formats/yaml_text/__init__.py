"""YAML text as Keploy writes it: read within limits, and written in the same manner."""

from __future__ import annotations

from keploy_framework.formats.yaml_text.reading import read_documents
from keploy_framework.formats.yaml_text.scalars import PlainText
from keploy_framework.formats.yaml_text.writing import write_document

__all__ = ["PlainText", "read_documents", "write_document"]
