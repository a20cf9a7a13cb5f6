"""The reference pages of keploy-framework name what its commands take."""

from __future__ import annotations

import re
from pathlib import Path

from keploy_commands import PAGE, page_with_tables

from keploy_framework.cli.known_keys import unknown_keys

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ROOT / "packages/keploy-framework/src/keploy_framework/cli"


def keys_of_the_page() -> set[str]:
    """Read the first column of the tables of keys."""
    page = PAGE.with_name("configuration.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `([A-Za-z.]+)` \|", page, re.MULTILINE))


def test_every_option_of_every_command_is_on_the_page() -> None:
    """The page of the commands is what `keploy_commands.py --write` makes of it."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with_tables(page), "uv run python tests/docs/keploy_commands.py --write"


def test_every_key_that_a_command_reads_is_on_the_page() -> None:
    """A key that was added to a command is told of to its users."""
    code = "".join(path.read_text(encoding="utf-8") for path in COMMANDS.glob("*.py"))
    read = set(re.findall(r'"((?:test|record)\.[A-Za-z]+)"', code))
    assert len(read) > 25
    assert sorted(read - keys_of_the_page()) == []


def test_no_key_on_the_page_brings_a_warning() -> None:
    """What the page names is what the command knows."""
    for key in keys_of_the_page():
        section, _, name = key.rpartition(".")
        assert list(unknown_keys({section: {name: 1}} if section else {name: 1})) == [], key
