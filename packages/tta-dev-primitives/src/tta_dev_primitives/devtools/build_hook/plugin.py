"""The two hooks of the plugin `tta`; only hatchling imports this module."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface
from hatchling.plugin import hookimpl

from tta_dev_primitives.devtools.primitive_manifest.declared_extras import declared_extras
from tta_dev_primitives.devtools.primitive_manifest.entries import FILE_NAME, write_manifest
from tta_dev_primitives.devtools.primitive_manifest.public_primitives import public_primitives
from tta_dev_primitives.devtools.primitive_manifest.source_modules import SourceModules
from tta_dev_primitives.devtools.primitive_manifest.tables import is_table, texts

from .refusal import BuildRefusedError, Fault
from .sibling_ranges import with_ranges, wrong_ranges
from .siblings import find_siblings, workspace_sources
from .wheel_content import missing_licence, outermost_packages, untyped_packages

if TYPE_CHECKING:
    from hatchling.metadata.core import ProjectMetadata


class SiblingRanges(MetadataHookInterface):
    """Fill `dependencies` in, siblings with the range of versions that fits.

    The project lists the field in `dynamic` and its lines in the table of this hook. An sdist
    carries what was filled in, so a wheel built from it elsewhere requires the same.
    """

    PLUGIN_NAME = "tta"

    def update(self, metadata: dict[str, Any]) -> None:  # Any: hatchling's table of the project
        """Fill in the fields of the project that this hook has lines for.

        Raises:
            BuildRefusedError: The version of a sibling is not known.
        """
        root = Path(self.root)
        name = str(metadata.get("name"))
        siblings, sources = find_siblings(root), workspace_sources(root)
        config = cast("dict[str, object]", self.config)  # pyright: ignore[reportUnknownMemberType] - as TOML
        if "dependencies" in config:
            lines = texts(config["dependencies"])
            metadata["dependencies"] = with_ranges(name, lines, siblings, sources)
        if is_table(extras := config.get("optional-dependencies")):
            metadata["optional-dependencies"] = {
                extra: with_ranges(name, texts(lines), siblings, sources)
                for extra, lines in extras.items()
            }


class PublishableWheel(BuildHookInterface[Any]):
    """Refuse what should not be published, and put the manifest of primitives into the wheel."""

    PLUGIN_NAME = "tta"
    _folder: tempfile.TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # Any: hatchling's
        """Check the package before its files are written; editable installs are left alone.

        Raises:
            BuildRefusedError: It is not fit to be published; all reasons are told at once.
            ManifestError: A source of it does not parse.
        """
        if version == "editable":
            return
        core = self._project().core
        files = self._files() if self.target_name == "wheel" else {}
        faults = self._wrong_ranges()
        if files:
            faults += untyped_packages(files)
            faults += missing_licence(Path(self.root), core.license_files)
        if faults:
            raise BuildRefusedError(core.name, faults)
        if files:
            text = self._manifest(files)
            self._folder = tempfile.TemporaryDirectory(prefix="tta-build-")
            manifest = Path(self._folder.name) / FILE_NAME
            manifest.write_text(text, encoding="utf-8", newline="\n")
            build_data["extra_metadata"][str(manifest)] = FILE_NAME

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Delete the temporary files. Any: hatchling's."""
        del version, build_data, artifact_path
        if self._folder is not None:
            self._folder.cleanup()

    def _project(self) -> ProjectMetadata[Any]:
        return cast("ProjectMetadata[Any]", self.metadata)  # pyright: ignore[reportUnknownMemberType] - open

    def _files(self) -> dict[str, str]:
        """Return where each file of the wheel comes from, by its path in the wheel."""
        files = self.build_config.builder.recurse_included_files()
        return {file.distribution_path.replace("\\", "/"): file.path for file in files}

    def _wrong_ranges(self) -> list[Fault]:
        siblings = find_siblings(Path(self.root))
        if siblings is None:
            return []
        core = self._project().core
        lines = [
            *core.dependencies,
            *(x for each in core.optional_dependencies.values() for x in each),
        ]
        return wrong_ranges(core.name, lines, siblings)

    def _manifest(self, files: dict[str, str]) -> str:
        core = self._project().core
        extras = declared_extras(self._project().config, core.optional_dependencies)
        packages = [Path(files[f"{each}/__init__.py"]).parent for each in outermost_packages(files)]
        modules = SourceModules(*packages)
        found = [
            entry for each in packages for entry in public_primitives(modules, each.name, extras)
        ]
        unknown = sorted(extras.keys() - {entry.name for entry in found})
        if unknown:
            fault = Fault(
                "extras-of-no-primitive",
                "pyproject.toml",
                f"[tool.tta.primitives.extras] names {unknown[0]!r}, which is no public primitive",
                "correct the name or delete the line",
            )
            raise BuildRefusedError(core.name, [fault])
        return write_manifest(found)


@hookimpl
def hatch_register_metadata_hook() -> type[MetadataHookInterface]:
    """Tell hatchling of the metadata hook."""
    return SiblingRanges


@hookimpl
def hatch_register_build_hook() -> type[BuildHookInterface[Any]]:  # Any: hatchling's own bound
    """Tell hatchling of the build hook."""
    return PublishableWheel
