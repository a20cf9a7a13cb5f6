"""Upstream Keploy's files: read whole, typed, and written so that nothing is lost."""

from __future__ import annotations

from keploy_framework.formats.cache import ParseCache
from keploy_framework.formats.documents import DocumentFile
from keploy_framework.formats.models.mappings import MappedMock, Mappings
from keploy_framework.formats.models.mock import Mock
from keploy_framework.formats.models.run_report import Report, ReportedTest
from keploy_framework.formats.models.set_config import SetConfig
from keploy_framework.formats.models.test_case import TestCase
from keploy_framework.formats.timestamps import format_time, parse_time
from keploy_framework.formats.tree.keploy_tree import KeployTree
from keploy_framework.formats.tree.recorded_set import RecordedSet
from keploy_framework.formats.validation import Problem, TreeCheck, validate_tree
from keploy_framework.formats.yaml_text import PlainText

__all__ = [
    "DocumentFile",
    "KeployTree",
    "MappedMock",
    "Mappings",
    "Mock",
    "ParseCache",
    "PlainText",
    "Problem",
    "RecordedSet",
    "Report",
    "ReportedTest",
    "SetConfig",
    "TestCase",
    "TreeCheck",
    "format_time",
    "parse_time",
    "validate_tree",
]
