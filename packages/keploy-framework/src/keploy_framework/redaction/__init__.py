"""Take secrets out of what is recorded and reported."""

from __future__ import annotations

from keploy_framework.redaction.redactor import Redactor
from keploy_framework.redaction.reveal import revealed_request, secrets_of
from keploy_framework.redaction.rules import RedactionRules
from keploy_framework.redaction.sanitize import FileFindings, Sanitised, sanitize_tree

__all__ = [
    "FileFindings",
    "RedactionRules",
    "Redactor",
    "Sanitised",
    "revealed_request",
    "sanitize_tree",
    "secrets_of",
]
