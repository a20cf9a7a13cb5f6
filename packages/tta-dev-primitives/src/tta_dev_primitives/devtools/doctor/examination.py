"""Look at a whole machine and the workspace on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tta_dev_primitives.devtools.workspace.check import check_workspace
from tta_dev_primitives.devtools.workspace.members import read_workspace
from tta_dev_primitives.devtools.workspace.pyproject import PyprojectError
from tta_dev_primitives.devtools.workspace.rules import Rule
from tta_dev_primitives.errors import ConfigurationError

from .answer import Answer
from .keys_and_ports import look_at_keys, look_at_ports
from .programs import look_at_git, look_at_python, look_at_uv
from .redis_server import look_at_redis

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tta_dev_primitives.devtools.workspace.members import Workspace


def examine(here: Path, environment: Mapping[str, str]) -> Iterator[Answer]:
    """Look at the machine, then at the workspace around *here*, and change nothing.

    What cannot be judged becomes a problem, not an error, so that the rest is still told.

    Args:
        here: A folder.
        environment: The variables to look at.

    Raises:
        PyprojectError: *here* is no folder.
    """
    if not here.is_dir():
        msg = f"{here} is no folder; name one"
        raise PyprojectError(here, msg)
    workspace: Workspace | None = None
    told: list[Answer] = []
    try:
        workspace = read_workspace(here)
    except PyprojectError as error:
        told.append(Answer("workspace", "problem", str(error)))
    try:
        yield look_at_uv(here, workspace)
    except ConfigurationError as error:
        yield Answer("uv", "problem", str(error))
    yield look_at_git()
    if workspace is not None:
        try:
            yield from look_at_python(workspace)
        except ConfigurationError as error:
            yield Answer("Python", "problem", str(error))
    yield look_at_redis(environment)
    yield from look_at_keys(environment)
    yield from look_at_ports(workspace.root if workspace else None)
    yield from told
    if workspace is not None:
        yield from _workspace(here)


def _workspace(here: Path) -> Iterator[Answer]:
    try:
        report = check_workspace(here)
    except ConfigurationError as error:
        yield Answer("workspace", "problem", str(error))
        return
    for finding in report.findings:
        said, fix = f"{finding.place}: {finding.message}", finding.fix
        if finding.rule == Rule.UV_REFUSES:  # what it says is all there is to go by
            said, fix = f"{said}: {' '.join(finding.uv_says.split())}", "do what uv says"
        yield Answer("workspace", "problem", said, fix)
    if not report.findings:
        yield Answer("workspace", "ok", report.summary)
