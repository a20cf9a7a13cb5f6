"""The rules of `tta groups check`, by their codes."""

from __future__ import annotations

from enum import StrEnum


class Rule(StrEnum):
    """What a finding about groups and extras is about."""

    BAD_GROUP = "bad-group"
    DIFFERENT_FLOOR = "different-floor"
    GROUP_CYCLE = "group-cycle"
    GROUP_NAME_COLLISION = "group-name-collision"
    GROUP_UNRESOLVED = "group-unresolved"
    STALE_LOCK = "stale-lock"
    TOOL_IN_PROJECT = "tool-in-project"
    UNKNOWN_DEFAULT_GROUP = "unknown-default-group"
    UNKNOWN_EXTRA = "unknown-extra"
    UNKNOWN_GROUP = "unknown-group"
    UNKNOWN_INCLUDE = "unknown-include"
    UNKNOWN_PACKAGE = "unknown-package"
    UNUSED_GROUP = "unused-group"
