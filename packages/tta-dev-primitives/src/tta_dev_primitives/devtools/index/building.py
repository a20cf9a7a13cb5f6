"""Build the static index: read every file, refuse the bad ones, and write what is new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .distribution import Distribution, read_distribution
from .existing import FOLDER, PAGE, PAGE_FOR_PROGRAMS, project_folders, read_promises
from .file_names import is_distribution
from .finding import Finding, PackageIndexError, RefusedFileError, Rule
from .pages import in_order, project_html, project_json, root_html, root_json
from .writing import copy_atomically, write_atomically

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a build did.

    Args:
        index: The folder that installers are given the address of.
        distributions: Everything the index serves, by project and version.
        added: The names of files that were not there before.
        removed: The names of files that it no longer serves.
        passed_over: Files that are no distributions.
        findings: Why nothing was written; empty when all is well.
    """

    index: Path
    distributions: tuple[Distribution, ...]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def build_index(sources: Sequence[Path], site: Path, *, prune: bool = False) -> IndexReport:
    """Write a static index of the distributions in *sources* below *site*.

    A file is replaced at once, and a page only names files that are there, so a site may be
    served while it is built. The same files give the same bytes. If one file is bad, nothing is
    written. A file name keeps its bytes while it is served: other bytes under the same name are
    refused.

    Args:
        sources: Folders with wheels and source distributions, or such files.
        site: The index goes into its folder `simple`; nothing else in it is touched.
        prune: Drop files that are not in *sources*. Otherwise what was served stays served.

    Raises:
        PackageIndexError: A source is missing or empty, or the folder is not an index of ours.
        OSError: A file cannot be written.
    """
    index = site / FOLDER
    promises = read_promises(index)
    paths, passed_over = _files_of(sources, index)
    kept = [] if prune else _served(index, promises)
    found, findings = _read_all(paths, kept, promises)
    if findings:
        return IndexReport(index, (), passed_over=passed_over, findings=findings)
    if not found:
        listed = ", ".join(map(str, sources))
        msg = f"no wheel and no .tar.gz in {listed}; build some first, as with: uv build"
        raise PackageIndexError(msg)
    ordered = tuple(in_order(found.values()))
    _write(index, ordered)
    removed = _remove_others(index, ordered)
    added = tuple(each.file_name for each in ordered if each.file_name not in promises)
    return IndexReport(index, ordered, added, removed, passed_over)


def _files_of(sources: Sequence[Path], index: Path) -> tuple[list[Path], tuple[str, ...]]:
    paths: list[Path] = []
    passed_over: list[str] = []
    for source in sources:
        if not source.exists():
            msg = f"{source} is not there; build it first, as with: uv build --all-packages"
            raise PackageIndexError(msg)
        if source.resolve().is_relative_to(index.resolve()):
            msg = f"{source} lies in the index itself; name the folder with what was built"
            raise PackageIndexError(msg)
        for path in sorted(source.iterdir()) if source.is_dir() else [source]:
            if is_distribution(path.name):
                paths.append(path)
            elif not path.name.startswith("."):
                passed_over.append(str(path))
    return paths, tuple(passed_over)


def _served(index: Path, promises: dict[str, str]) -> list[Path]:
    folders = project_folders(index) if promises else []
    return [
        path for folder in folders for path in sorted(folder.iterdir()) if path.name in promises
    ]


def _read_all(
    paths: Sequence[Path], kept: Sequence[Path], promises: dict[str, str]
) -> tuple[dict[str, Distribution], tuple[Finding, ...]]:
    found: dict[str, Distribution] = {}
    findings: list[Finding] = []
    for path in (*paths, *kept):
        try:
            distribution = read_distribution(path)
        except RefusedFileError as refused:
            findings.append(refused.at(str(path)))
            continue
        before = found.get(path.name)
        promised = promises.get(path.name) or (before and before.sha256)
        if promised not in (None, distribution.sha256):
            blame = _altered if path in kept else _other_bytes
            findings.append(blame(distribution, str(promised)))
        found.setdefault(path.name, distribution)
    return found, tuple(findings)


def _other_bytes(distribution: Distribution, promised: str) -> Finding:
    message = f"its SHA-256 is {distribution.sha256}, and {promised} was promised under this name"
    fix = "raise the version and build again; locks that hold the first hash would break"
    return Finding(Rule.OTHER_BYTES, str(distribution.path), message, fix)


def _altered(distribution: Distribution, promised: str) -> Finding:
    message = f"its SHA-256 is {distribution.sha256}, and its page promises {promised}"
    fix = "somebody changed it on the server; restore it from what was released"
    return Finding(Rule.ALTERED_FILE, str(distribution.path), message, fix)


def _write(index: Path, distributions: Sequence[Distribution]) -> None:
    projects: dict[str, list[Distribution]] = {}
    for each in distributions:
        projects.setdefault(each.project, []).append(each)
    for project, files in projects.items():
        folder = index / project
        folder.mkdir(parents=True, exist_ok=True)
        for each in files:
            if each.metadata is not None:
                write_atomically(folder / f"{each.file_name}.metadata", each.metadata)
            copy_atomically(each.path, folder / each.file_name, each.sha256)
        write_atomically(folder / PAGE, project_html(project, files))
        write_atomically(folder / PAGE_FOR_PROGRAMS, project_json(project, files))
    write_atomically(index / PAGE, root_html(projects))
    write_atomically(index / PAGE_FOR_PROGRAMS, root_json(projects))


def _remove_others(index: Path, distributions: Sequence[Distribution]) -> tuple[str, ...]:
    # Last, when no page names them any more.
    removed: list[str] = []
    served = {each.file_name for each in distributions}
    projects = {each.project for each in distributions}
    for folder in project_folders(index):
        for path in sorted(folder.iterdir()):
            if is_distribution(path.name) and path.name not in served:
                path.unlink()
                path.with_name(f"{path.name}.metadata").unlink(missing_ok=True)
                removed.append(path.name)
        if folder.name not in projects:
            (folder / PAGE).unlink(missing_ok=True)
            (folder / PAGE_FOR_PROGRAMS).unlink(missing_ok=True)
            if not any(folder.iterdir()):
                folder.rmdir()
    return tuple(removed)
