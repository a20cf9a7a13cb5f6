"""Versions as PEP 440 has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tta_dev_primitives.errors import MissingExtraError

if TYPE_CHECKING:
    from packaging.version import Version


def version_of(text: str) -> Version | None:
    """Return the version that *text* writes, None where it writes none.

    Raises:
        MissingExtraError: packaging is not installed.
    """
    try:
        from packaging.version import InvalidVersion, Version
    except ImportError as error:
        missing = "packaging, which reads versions,"
        raise MissingExtraError(missing, "workspace") from error
    try:
        return Version(text)
    except InvalidVersion:
        return None
