"""The rules of `tta workspace check`, by their codes."""

from __future__ import annotations

from enum import StrEnum


class Rule(StrEnum):
    """What a finding about a workspace is about."""

    DIFFERENT_PYTHON = "different-python"
    DUPLICATE_MEMBER = "duplicate-member"
    EMPTY_MEMBER = "empty-member"
    ENVIRONMENT_DIFFERS = "environment-differs"
    LEGACY_DEV_DEPENDENCIES = "legacy-dev-dependencies"
    LOST_MEMBER = "lost-member"
    MEMBER_WITHOUT_PROJECT = "member-without-project"
    MEMBER_WITHOUT_PYPROJECT = "member-without-pyproject"
    MISSING_LOCK = "missing-lock"
    MISSING_MEMBER = "missing-member"
    MISSING_PYTHON = "missing-python"
    MISSING_SOURCE = "missing-source"
    PATH_SOURCE = "path-source"
    PYTHON_CAP = "python-cap"
    PYTHON_OUT_OF_RANGE = "python-out-of-range"
    ROOT_BUILDS = "root-builds"
    SOURCE_OUTSIDE = "source-outside"
    STALE_LOCK = "stale-lock"
    UNLISTED_PACKAGE = "unlisted-package"
    UNSEEN_MEMBER = "unseen-member"
    UV_REFUSES = "uv-refuses"
