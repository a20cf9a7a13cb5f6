"""The pages of an index: PEP 503 in HTML and PEP 691 in JSON, from the same distributions."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from tta_dev_primitives.devtools.lockfile.versions import order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .distribution import Distribution

API_VERSION: Final = "1.1"
# Says that a folder is ours to write; keys with an underscore are left to whoever makes the index.
GENERATOR: Final = {"_generator": "tta index build"}

_META: Final = {"api-version": API_VERSION, **GENERATOR}


def root_html(projects: Iterable[str]) -> bytes:
    """Return the page that lists the projects."""
    return _html("Projects", [f'<a href="{quote(each)}/">{escape(each)}</a>' for each in projects])


def root_json(projects: Iterable[str]) -> bytes:
    """Return the list of projects for programs."""
    return _json({"meta": _META, "projects": [{"name": each} for each in projects]})


def project_html(project: str, distributions: Sequence[Distribution]) -> bytes:
    """Return the page that links to a project's files, each with its hash."""
    return _html(f"Files of {project}", [_link(each) for each in in_order(distributions)])


def project_json(project: str, distributions: Sequence[Distribution]) -> bytes:
    """Return a project's files for programs, with hashes and sizes."""
    ordered = in_order(distributions)
    versions = list(dict.fromkeys(each.version for each in ordered))
    files = [_row(each) for each in ordered]
    return _json({"meta": _META, "name": project, "versions": versions, "files": files})


def in_order(distributions: Iterable[Distribution]) -> list[Distribution]:
    """Sort distributions by project, version and file name."""
    return sorted(
        distributions, key=lambda each: (each.project, order(each.version), each.path.name)
    )


def _link(each: Distribution) -> str:
    attributes = {"href": f"{quote(each.file_name)}#sha256={each.sha256}"}
    if each.requires_python is not None:
        attributes["data-requires-python"] = each.requires_python
    if each.metadata is not None:
        # The second spelling is the one that older installers know.
        for name in ("data-core-metadata", "data-dist-info-metadata"):
            attributes[name] = f"sha256={each.metadata_sha256}"
    written = " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items())
    return f"<a {written}>{escape(each.file_name)}</a>"


def _row(each: Distribution) -> dict[str, Any]:  # Any: JSON
    row: dict[str, Any] = {
        "filename": each.file_name,
        "url": quote(each.file_name),
        "hashes": {"sha256": each.sha256},
        "size": each.size_bytes,
    }
    if each.requires_python is not None:
        row["requires-python"] = each.requires_python
    if each.metadata is not None:
        row["core-metadata"] = row["dist-info-metadata"] = {"sha256": each.metadata_sha256}
    return row


def _html(title: str, links: Iterable[str]) -> bytes:
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta name="pypi:repository-version" content="{API_VERSION}">',
        f"<title>{escape(title)}</title>",
        "</head>",
        "<body>",
        *(f"{link}<br>" for link in links),
        "</body>",
        "</html>",
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _json(content: dict[str, Any]) -> bytes:  # Any: JSON
    return (json.dumps(content, indent=2) + "\n").encode()
