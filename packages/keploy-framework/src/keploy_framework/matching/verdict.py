"""The verdict on a response: whether it passed, what differs, and how grave that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from keploy_framework.matching.differences import Change

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keploy_framework.matching.differences import Difference


class Risk(StrEnum):
    """How likely a difference breaks the clients of an app."""

    NONE = "NONE"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


class Category(StrEnum):
    """What kind of change a failure is."""

    STATUS_CODE_CHANGED = "STATUS_CODE_CHANGED"
    HEADER_CHANGED = "HEADER_CHANGED"
    SCHEMA_BROKEN = "SCHEMA_BROKEN"
    SCHEMA_ADDED = "SCHEMA_ADDED"
    SCHEMA_UNCHANGED = "SCHEMA_UNCHANGED"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of comparing a response with the recorded one.

    Args:
        status: The difference of the status, at most one.
        headers: The differences of the headers.
        body: The differences of the body.
        assertions: The assertions that do not hold. Where a test has any, only they are checked.
        body_kind: How the bodies were compared: ``json``, ``text``, ``stream``, ``size``, or
            ``skipped`` for not at all.
        warnings: What the reader should know, such as noise that names nothing.
    """

    status: tuple[Difference, ...] = ()
    headers: tuple[Difference, ...] = ()
    body: tuple[Difference, ...] = ()
    assertions: tuple[Difference, ...] = ()
    body_kind: str = "skipped"
    warnings: tuple[str, ...] = ()

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Every difference: of the status, the headers, the body, then failed assertions."""
        return (*self.status, *self.headers, *self.body, *self.assertions)

    @property
    def passed(self) -> bool:
        """Whether nothing differs."""
        return not (self.status or self.headers or self.body or self.assertions)

    @property
    def risk(self) -> Risk:
        """The gravest risk of any difference."""
        risks = (risk_of(one) for one in self.differences)
        return max(risks, key=list(Risk).index, default=Risk.NONE)

    @property
    def categories(self) -> tuple[Category, ...]:
        """What kinds of change there are; of the body's schema at most one."""
        found: list[Category] = []
        if self.status:
            found.append(Category.STATUS_CODE_CHANGED)
        if self.headers:
            found.append(Category.HEADER_CHANGED)
        if self.body:
            found.append(_schema(self.body))
        return tuple(found)

    def changed(self, *changes: Change) -> tuple[str, ...]:
        """Give the paths in the body that changed in one of these ways, each once."""
        return tuple(dict.fromkeys(one.path for one in self.body if one.change in changes))


def risk_of(difference: Difference) -> Risk:
    """Tell how likely a difference breaks clients.

    High are another status, another type, a field that is missing and another content type;
    low is a field of the body that was added; all else is medium.
    """
    part = difference.path.partition(".")[0]
    if part == "status":
        return Risk.HIGH
    if part == "header":
        is_type = difference.path.lower() == "header.content-type"
        return Risk.HIGH if is_type else Risk.MEDIUM
    if difference.change in (Change.TYPE, Change.REMOVED):
        return Risk.HIGH
    return Risk.LOW if difference.change is Change.ADDED else Risk.MEDIUM


def _schema(differences: Iterable[Difference]) -> Category:
    changes = {one.change for one in differences}
    if changes & {Change.TYPE, Change.REMOVED}:
        return Category.SCHEMA_BROKEN
    return Category.SCHEMA_ADDED if changes == {Change.ADDED} else Category.SCHEMA_UNCHANGED
