"""What commands name is found in whatever kind of file they stand."""

from __future__ import annotations

import pytest

from tta_dev_primitives.devtools.groups.commands import uses_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("uv sync --group docs", [("group", "docs", 1)]),
        ("uv sync --only-group=docs", [("group", "docs", 1)]),
        ("run: uv sync --locked \\\n    --group docs", [("group", "docs", 1)]),
        ("run: >-\n  uv sync --locked\n  --group docs\n", [("group", "docs", 2)]),
        ("run: |\r\n  cd x\r\n  uv sync --extra cli\r\n", [("extra", "cli", 3)]),
        ("| add | `uv add --package one six` |", [("package", "one", 1)]),
        (
            "uv run --group a --package one pytest --group no",
            [("group", "a", 1), ("package", "one", 1)],
        ),
        (
            "uv run pytest && uv sync --group a; uv sync --group b",
            [("group", "a", 1), ("group", "b", 1)],
        ),
        ("uv sync --python 3.13 --group a", [("group", "a", 1)]),
        ("uv sync --dev", [("group", "dev", 1)]),
        ("pip install --group dev", [("group", "dev", 1)]),
        ("uv pip install --group packages/one/pyproject.toml:dev", [("group", "dev", 1)]),
        ("Use `--only-group docs` for that.", [("group", "docs", 1)]),
        ('{"command": "uv run --group docs mkdocs"}', [("group", "docs", 1)]),
        ('{"command": "uv",\n "args": ["sync",\n "--group", "docs"]}', [("group", "docs", 1)]),
        ("(uv sync --group docs)", [("group", "docs", 1)]),
        ("uv sync --group docs.", [("group", "docs", 1)]),
        ("uv add --group new six", []),
        ("uv add --optional new --extra speed six", []),
        ("uv sync --group NAME --group <name> --group $G --group ${{ matrix.g }}", []),
        ("poetry add --group dev pytest", []),
        ("uv --project ../other sync --group theirs", []),
        ("uv sync --project ../other --group theirs", []),
        ("uv init --package new", []),
        ("luv sync --group a", []),
        ("uvx --group a", []),
        ("uv sync # --group a", []),
    ],
)  # fmt: skip
def test_names_are_found_with_their_lines(text: str, expected: list[tuple[str, str, int]]) -> None:
    """Continuations, spans and tasks are read; placeholders and other programs are not."""
    uses = uses_in(text, is_json=text.startswith("{"))
    assert [(each.kind, each.name, each.line) for each in uses.names] == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("uv sync --all-groups", True), ("uv sync --all-extras", False)]
)
def test_all_groups_is_noticed(text: str, expected: bool) -> None:
    """A command that installs every group uses every group."""
    assert uses_in(text).all_groups is expected


def test_extra_knows_the_package_it_was_asked_of() -> None:
    """An extra of one package is none of another."""
    [package, extra] = uses_in("uv sync --package one --extra cli").names
    assert (package.name, extra.packages, extra.command) == ("one", ("one",), "sync")
