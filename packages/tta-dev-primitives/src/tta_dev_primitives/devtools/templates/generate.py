"""Make a package or an app from its template, or bring one up to the newest template."""

from __future__ import annotations

import importlib
import shutil
import warnings
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.devtools.build_hook.sibling_ranges import compatible_range
from tta_dev_primitives.devtools.primitive_manifest.tables import is_table
from tta_dev_primitives.errors import MissingExtraError

from .git import check_clean, is_in_repository
from .names import check_module_is_free, check_name, check_summary
from .refusal import Rule, TemplateRefusedError
from .repository import SHIPPED, SOURCE, ensure_repository
from .workspace import check_outside_members, check_target, place_in_workspace

if TYPE_CHECKING:
    from pathlib import Path

ANSWERS_FILE: Final = ".copier-answers.yml"
PACKAGE_SUMMARY: Final = "Cut texts to a length."
APP_SUMMARY: Final = "Answer questions over HTTP."
NO_LICENCE: Final = "LicenseRef-Proprietary"
_OWN: Final = "tta-dev-primitives"
_LICENCE_TEXT: Final = "All rights reserved.\n"


def new_package(
    here: Path, name: str, summary: str = PACKAGE_SUMMARY, *, templates: Path = SHIPPED
) -> Path:
    """Make a package in the workspace around *here* and return its folder.

    The pattern of the workspace's members takes it in; no other file is touched.

    Args:
        here: A folder in the workspace.
        name: The distribution; import name and class follow from it.
        summary: What it does, in one sentence.
        templates: The folder with all versions of the templates.

    Raises:
        TemplateRefusedError: The name is bad or taken, the target is there, the work tree has
            changes, or there is no workspace, repository or git. Nothing was written.
        MissingExtraError: copier is not installed.
    """
    names, sentence = check_name(name), check_summary(summary)
    place = place_in_workspace(here.resolve(), names)
    check_module_is_free(names)
    root = place.siblings.root
    if not is_in_repository(root):
        wrong = "the workspace is in no git repository, and updates compare by git"
        raise TemplateRefusedError(Rule.NO_REPOSITORY, str(root), wrong, "run: git init")
    check_clean(root)
    _import_of_extra("copier")
    own_version = place.siblings.versions.get(_OWN)
    answers: dict[str, Any] = {  # Any: texts and one truth value
        "kind": "package",
        "name": names.distribution,
        "module": names.module,
        "class_name": names.class_name,
        "summary": sentence,
        "python_floor": place.python_floor or "3.11",
        "release": compatible_range(own_version or _installed_version()),
        "workspace_source": place.needs_source(_OWN),
        "licence": place.licence or NO_LICENCE,
    }
    _copy(place.folder, answers, templates)
    licence = place.folder / "LICENSE"
    if place.licence_file is not None and place.licence is not None:
        shutil.copyfile(place.licence_file, licence)
    else:
        licence.write_text(_LICENCE_TEXT, encoding="utf-8")
    return place.folder


def new_app(
    here: Path, name: str, summary: str = APP_SUMMARY, *, templates: Path = SHIPPED
) -> Path:
    """Make an app in a new folder below *here* and return it.

    Args:
        here: Where the folder of the app is made.
        name: The folder, the distribution and the command.
        summary: What it does, in one sentence.
        templates: The folder with all versions of the templates.

    Raises:
        TemplateRefusedError: The name is bad or taken, the target is there, the work tree has
            changes, or a workspace would take the app in. Nothing was written.
        MissingExtraError: copier is not installed.
    """
    names, sentence = check_name(name), check_summary(summary)
    folder = here.resolve() / names.distribution
    check_target(folder)
    check_outside_members(folder)
    check_module_is_free(names)
    if is_in_repository(here):
        check_clean(here)
    _import_of_extra("copier")
    answers = {
        "kind": "app",
        "name": names.distribution,
        "module": names.module,
        "summary": sentence,
        "release": compatible_range(_installed_version()),
    }
    _copy(folder, answers, templates)
    return folder


def update(folder: Path, *, templates: Path = SHIPPED) -> str:
    """Bring what was made in *folder* up to the newest template and return its version.

    Your edits stay. Where the template changed the same lines, both stand there between the marks
    of a merge conflict.

    Args:
        folder: Where the package or app lies.
        templates: The folder with all versions of the templates.

    Raises:
        TemplateRefusedError: It was not made from a template of ours, or the work tree has changes.
        MissingExtraError: copier is not installed.
    """
    if _source_of(folder / ANSWERS_FILE) != SOURCE:
        wrong = f"no {ANSWERS_FILE} here says that it was made by tta new"
        raise TemplateRefusedError(Rule.NOT_MADE_HERE, str(folder), wrong, "name its folder")
    if not is_in_repository(folder):
        wrong = "it is in no git repository, and updates compare by git"
        raise TemplateRefusedError(
            Rule.NO_REPOSITORY, str(folder), wrong, "run: git init, and commit"
        )
    check_clean(folder)
    _import_of_extra("copier")
    latest = ensure_repository(templates)
    more = {"overwrite": True, "conflict": "inline"}
    _run("run_update", folder, vcs_ref=latest, **more)
    return latest


def _copy(folder: Path, answers: dict[str, Any], templates: Path) -> None:  # Any: as above
    latest = ensure_repository(templates)
    _run("run_copy", SOURCE, folder, data=answers, vcs_ref=latest)


def _run(name: str, *arguments: object, **options: object) -> None:
    """Run a function of copier, which asks nothing and runs no code of a template."""
    copier = _import_of_extra("copier")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of copier's own and its libraries
        try:
            getattr(copier, name)(*arguments, defaults=True, quiet=True, **options)
        except copier.errors.CopierError as error:
            fix = "nothing is lost: see git status"
            raise TemplateRefusedError(Rule.COPIER_FAILED, "copier", str(error), fix) from error


def _source_of(answers: Path) -> object:
    yaml = _import_of_extra("yaml")
    try:
        told: object = yaml.safe_load(answers.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    return told.get("_src_path") if is_table(told) else None


def _import_of_extra(module: str) -> Any:  # Any: a module that may not be there
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or module, "templates") from error


def _installed_version() -> str:
    try:
        return version(_OWN)
    except PackageNotFoundError:
        from tta_dev_primitives import __version__

        return __version__
