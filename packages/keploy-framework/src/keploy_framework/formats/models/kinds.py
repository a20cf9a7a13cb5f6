"""What a document is, told by what is in it and where it lies."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, cast

from keploy_framework.formats.models.mappings import KIND as MAPPINGS_KIND
from keploy_framework.formats.models.test_case import KINDS as TEST_KINDS

if TYPE_CHECKING:
    from pathlib import PurePath

    from keploy_framework.formats.models.record import Section


class DocumentKind(StrEnum):
    """What a document is."""

    TEST = "test"
    MOCK = "mock"
    MAPPINGS = "mappings"
    REPORT = "report"
    OTHER = "other"


_MOCK_FOLDERS: Final = frozenset(("mocks", "mock"))
_CLIENT_TIMES: Final = frozenset(("reqTimestampMock", "reqtimestampmock"))


# Any: other tools write the files too.
def kind_of(data: Any, path: PurePath) -> DocumentKind:
    """Tell what a document of the file at *path* is.

    Requests to the app and requests to a dependency have the same shape. Those of a
    dependency lie in ``mocks.yaml`` or a folder of mocks, or carry a type or times of mocks.
    """
    if not isinstance(data, dict):
        return DocumentKind.OTHER
    document = cast("Section", data)
    kind, spec = document.get("kind"), document.get("spec")
    if kind == MAPPINGS_KIND:
        return DocumentKind.MAPPINGS
    if isinstance(kind, str) and isinstance(spec, dict):
        is_test = kind in TEST_KINDS and not _is_mock(cast("Section", spec), path)
        return DocumentKind.TEST if is_test else DocumentKind.MOCK
    if kind is None and {"success", "failure", "total"} <= document.keys():
        return DocumentKind.REPORT
    return DocumentKind.OTHER


def _is_mock(spec: Section, path: PurePath) -> bool:
    metadata = spec.get("metadata")
    typed = isinstance(metadata, dict) and bool(cast("Section", metadata).get("type"))
    return (
        path.stem == "mocks"
        or path.parent.name in _MOCK_FOLDERS
        or typed
        or not _CLIENT_TIMES.isdisjoint(spec)
    )
