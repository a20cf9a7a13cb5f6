"""Find a root that tries to be a package, and keys that uv only reads out of habit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .finding import Finding
from .rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .members import Workspace

# Said of members only; about a virtual root uv is silent.
_DEPRECATED: Final = (
    "warning: The `tool.uv.dev-dependencies` field (used in `{}`) is deprecated and will be "
    "removed in a future release; use `dependency-groups.dev` instead"
)


def find_building_root(workspace: Workspace) -> Iterator[Finding]:
    """Judge whether the root can be built, and does not say that it wants to be.

    A root that is a package on purpose says so with `[tool.uv] package = true`.
    """
    root = workspace.pyproject
    package = root.at("tool", "uv", "package")
    if "build-system" not in root.tree or isinstance(package, bool):
        return
    name = root.text("project", "name") or "the root"
    module = name.replace("-", "_")
    backend = root.text("build-system", "build-backend") or "setuptools"
    homes = (workspace.root / "src" / module, workspace.root / module)
    has_code = any(home.is_dir() for home in homes)
    fails = "" if has_code else f", and there is no folder {module} to build it from"
    uv_says = ""
    if backend.startswith("hatchling") and not has_code and "project" in root.tree:
        uv_says = (
            f"error: Failed to build `{name} @ file://{workspace.root.as_posix()}`\n"
            "ValueError: Unable to determine which files to ship inside the wheel using the "
            "following heuristics"
        )
    yield Finding(
        Rule.ROOT_BUILDS,
        root.place("build-system"),
        f"the root has a [build-system], so uv builds {name} with {backend}{fails}",
        "take [build-system] and [project] out of the root, or say [tool.uv] package = true",
        uv_says,
    )


def find_legacy_keys(workspace: Workspace) -> Iterator[Finding]:
    """Find the key that dependency groups have replaced."""
    keys = ("tool", "uv", "dev-dependencies")
    for pyproject in workspace.files:
        if "dev-dependencies" in pyproject.table(*keys[:2]):
            count = len(pyproject.items(*keys))
            yield Finding(
                Rule.LEGACY_DEV_DEPENDENCIES,
                pyproject.place(*keys),
                f"tool.uv.dev-dependencies has {count} requirements that only uv reads",
                "move them to [dependency-groups] dev, which pip reads too, and drop the key",
                _DEPRECATED.format(pyproject.label) if "project" in pyproject.tree else "",
            )
