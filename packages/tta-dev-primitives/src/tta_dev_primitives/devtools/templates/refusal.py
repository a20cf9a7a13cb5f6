"""Why nothing is made or changed."""

from __future__ import annotations

from enum import StrEnum

from tta_dev_primitives.errors import ConfigurationError


class Rule(StrEnum):
    """What a refusal is about."""

    BAD_NAME = "bad-name"
    BAD_SUMMARY = "bad-summary"
    COPIER_FAILED = "copier-failed"
    DIRTY_TREE = "dirty-tree"
    EXISTING_TARGET = "existing-target"
    GIT_FAILED = "git-failed"
    INSIDE_WORKSPACE = "inside-workspace"
    NO_GIT = "no-git"
    NO_GIT_STATUS = "no-git-status"
    NO_MEMBER_PATTERN = "no-member-pattern"
    NO_REPOSITORY = "no-repository"
    NO_WORKSPACE = "no-workspace"
    NOT_MADE_HERE = "not-made-here"
    SLOW_GIT = "slow-git"
    TAKEN_NAME = "taken-name"


class TemplateRefusedError(ConfigurationError):
    """Raised before anything is written, with what is in the way.

    Attributes:
        rule: What it offends.
        place: The name, folder or file.
    """

    def __init__(self, rule: Rule, place: str, wrong: str, fix: str) -> None:
        super().__init__(f"{place}: [{rule}] {wrong}; {fix}")
        self.rule, self.place = rule, place
