"""The rules of `tta release check`, by their codes."""

from __future__ import annotations

from enum import StrEnum


class Rule(StrEnum):
    """What a finding about a release is about."""

    BAD_VERSION = "bad-version"
    BUILDER_FROM_WORKSPACE = "builder-from-workspace"
    COMPARISON_LINK = "comparison-link"
    DIRTY_TREE = "dirty-tree"
    EMPTY_SECTION = "empty-section"
    LEFT_IN_UNRELEASED = "left-in-unreleased"
    MISSING_CHANGELOG = "missing-changelog"
    MISSING_NOTES = "missing-notes"
    MISSING_README = "missing-readme"
    MISSING_SECTION = "missing-section"
    MISSING_UNRELEASED = "missing-unreleased"
    MISSING_VERSION = "missing-version"
    NOT_NEWER = "not-newer"
    NO_LICENCE = "no-licence"
    OTHER_ATTRIBUTE = "other-attribute"
    OTHER_VERSION = "other-version"
    PYTHON_NOT_CLASSIFIED = "python-not-classified"
    PYTHON_NOT_TESTED = "python-not-tested"
    README_TYPE = "readme-type"
    SECTION_ORDER = "section-order"
    SIBLING_OUT_OF_RANGE = "sibling-out-of-range"
    SIBLING_WITHOUT_RANGE = "sibling-without-range"
    TAG_ELSEWHERE = "tag-elsewhere"
    UNDATED_SECTION = "undated-section"
    UNFINISHED_VERSION = "unfinished-version"
    UNTYPED_PACKAGE = "untyped-package"
