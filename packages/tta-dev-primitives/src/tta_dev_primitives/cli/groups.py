"""`tta groups check`: whether groups and extras are sound, and named rightly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .checking import add_check, add_folder, add_json, tell

if TYPE_CHECKING:
    import argparse

    from .commands import Commands

DESCRIPTION: Final = (
    "Check the dependency groups and extras of a uv workspace: cycles and unknown includes, "
    "floors that differ, tools that ship with a package, names in workflows, tasks and docs that "
    "do not exist, groups that nothing uses. Nothing is changed. "
    "Exit codes: 0 clean, 1 findings, 2 misuse."
)


def add_parser(commands: Commands) -> None:
    """Add the command's parser."""
    add_check(
        commands,
        "groups",
        helps=("check dependency groups and extras, and who names them", "check the groups"),
        descriptions=("Look after the dependency groups of a uv workspace.", DESCRIPTION),
        add_arguments=add_arguments,
        run=run,
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to a parser."""
    add_folder(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    from tta_dev_primitives.devtools.groups.check import check_groups

    report = check_groups(options.folder)
    groups = [{"name": group.name, "place": group.place} for group in report.declared.groups]
    extras = {name: sorted(found) for name, found in sorted(report.declared.extras.items())}
    others = {"groups": groups, "extras": extras}
    return tell(report.findings, report.summary, others, as_json=options.json)
