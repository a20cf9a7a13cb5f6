"""Compare what is named with what is declared, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tta_dev_primitives.devtools.workspace.finding import Finding
from tta_dev_primitives.devtools.workspace.members import normal

from .rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tta_dev_primitives.devtools.workspace.pyproject import Pyproject

    from .declared import Declared
    from .mentions import Mention, Mentions


def find_unknown(
    mentions: Mentions, declared: Declared, locked: frozenset[str], examples: Iterable[str]
) -> Iterator[Finding]:
    """Find groups, extras and packages that a command names and nobody declares.

    Args:
        mentions: What is named.
        declared: What there is.
        locked: Every package of the lock, for the commands that take any.
        examples: Names that are made up on purpose.
    """
    made_up = {normal(name) for name in examples}
    for mention in mentions.names:
        named = mention.named
        name = normal(named.name)
        if name in made_up or made_up & {normal(package) for package in named.packages}:
            continue
        if named.kind == "group" and name not in declared.group_names:
            known = ", ".join(sorted(declared.group_names)) or "none"
            yield _unknown(Rule.UNKNOWN_GROUP, mention, f"there are the groups {known}")
        elif named.kind == "package":
            takes_any = named.command in {"tree", "pip", "audit"}
            if name not in declared.extras and not (takes_any and name in locked):
                known = ", ".join(sorted(declared.extras)) or "none"
                yield _unknown(Rule.UNKNOWN_PACKAGE, mention, f"there are the members {known}")
        elif named.kind == "extra":
            yield from _extra(mention, name, declared)


def find_unused(declared: Declared, mentions: Mentions, root: Pyproject) -> Iterator[Finding]:
    """Find groups that are neither default, nor included, nor named by any command."""
    if mentions.all_groups:
        return
    defaults = root.at("tool", "uv", "default-groups")
    if defaults == "all":
        return
    given = root.items("tool", "uv", "default-groups") if defaults is not None else ["dev"]
    used = {normal(name) for name in given if isinstance(name, str)}
    used |= {name for group in declared.groups for _, name in group.includes}
    used |= {
        normal(mention.named.name) for mention in mentions.names if mention.named.kind == "group"
    }
    for group in declared.groups:
        if group.name not in used:
            yield Finding(
                Rule.UNUSED_GROUP,
                group.place,
                f"nothing installs group {group.name}: it is no default group, no group includes "
                f"it, and none of the {mentions.files} workflows, tasks and pages names it",
                f"say in the docs what it is for, with: uv sync --group {group.name}; or drop it",
            )


def _extra(mention: Mention, name: str, declared: Declared) -> Iterator[Finding]:
    packages = [normal(package) for package in mention.named.packages]
    scope = [each for each in packages if each in declared.extras] or sorted(declared.extras)
    if not any(name in declared.extras[member] for member in scope):
        known = sorted(frozenset[str]().union(*(declared.extras[member] for member in scope)))
        told = f"{', '.join(scope)} have the extras {', '.join(known) or 'none'}"
        yield _unknown(Rule.UNKNOWN_EXTRA, mention, told)


def _unknown(rule: Rule, mention: Mention, known: str) -> Finding:
    named = mention.named
    command = f"uv {named.command}" if named.command not in {"", "pip"} else named.command
    told = f" of {command}" if command else ""
    return Finding(
        rule,
        mention.place,
        f"--{named.kind} {named.name}{told} names a {named.kind} that does not exist",
        f"correct it ({known}), or list the name in [tool.tta.groups] examples",
    )
