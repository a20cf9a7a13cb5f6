"""The set that both tools install: what the development group of this workspace needs."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9][\w.-]*)\s*(\[(?P<extras>[^]]*)\])?")


def direct_requirements(root: Path, group: str = "dev") -> list[str]:
    """Return what *group* of the workspace at *root* asks of others, members taken apart.

    A member is replaced by its own dependencies and by those of the extras that are named, since
    pip would look for it on an index.

    Args:
        root: The folder of the workspace's `pyproject.toml`.
        group: A key of its `[dependency-groups]`.
    """
    members = {
        project["name"]: project
        for path in sorted(root.glob("packages/*/pyproject.toml"))
        for project in [_read(path)["project"]]
    }
    groups = _read(root / "pyproject.toml")["dependency-groups"]
    waiting: list[Any] = list(groups[group])  # Any: a requirement, or a table that includes a group
    found: set[str] = set()
    seen: set[str] = set()
    while waiting:
        entry = waiting.pop()
        if not isinstance(entry, str):
            waiting += groups[entry["include-group"]]
            continue
        matched = _REQUIREMENT.match(entry)
        member = members.get(matched["name"]) if matched else None
        if matched is None or member is None:
            found.add(entry)
        elif entry not in seen:
            seen.add(entry)
            waiting += member.get("dependencies", [])
            for extra in re.findall(r"[\w-]+", matched["extras"] or ""):
                waiting += member["optional-dependencies"][extra]
    return sorted(found)


def _read(path: Path) -> dict[str, Any]:  # Any: TOML, of which a few keys are looked at
    return tomllib.loads(path.read_text(encoding="utf-8"))


def export_command(to: Path) -> list[str]:
    """Return the command that writes the locked versions of the group to the file *to*."""
    command = "uv export --quiet --frozen --only-group dev --no-emit-workspace --no-hashes"
    formed = "--no-header --no-annotate --format requirements-txt"
    return [*command.split(), *formed.split(), "--output-file", str(to)]


def keep_only(pinned: Path, names: frozenset[str]) -> None:
    """Leave out of the requirements file *pinned* all but *names*."""
    lines = pinned.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.partition("==")[0] in names]
    pinned.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def committed_tree(root: Path) -> bytes:
    """Return the last commit of the workspace at *root* as a tar archive."""
    command = ["git", "-C", str(root), "archive", "--format=tar", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout


def unpack(archive: bytes, folder: Path) -> None:
    """Write what `committed_tree` gave into *folder*."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tree:
        tree.extractall(folder, filter="data")
