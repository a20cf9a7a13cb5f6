"""Every name that a workflow, a task or a page uses exists; a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from blocks import ROOT
from mentions import find_mentions
from names import find_problems

PYPROJECT = '[dependency-groups]\ndev = ["pytest"]\ndocs = ["mkdocs"]\n'
MEMBER = """\
[project]
name = "bread"
[project.optional-dependencies]
jam = ["fruit"]
[project.scripts]
bake = "bread:main"
"""
LOCK = 'version = 1\n[[package]]\nname = "bread"\n[[package]]\nname = "mkdocs"\n'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A workspace with one member, one workflow, one task and one page, all of it right."""
    files = {
        "pyproject.toml": PYPROJECT,
        "uv.lock": LOCK,
        "packages/bread/pyproject.toml": MEMBER,
        "scripts/knead.py": "",
        ".github/workflows/check.yml": "jobs: {a: {steps: [{run: uv sync --group docs}]}}\n",
        ".vscode/tasks.json": '{"tasks": [{"command": "uv run bake"}]}',
        "docs/page.md": "[root](../pyproject.toml) `uv run --only-group docs mkdocs build`\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_names_of_this_repository_exist() -> None:
    """A reader who copies a command from any page, task or workflow is not let down."""
    problems = find_problems(ROOT)
    assert not problems, "\n" + "\n".join(problems)


def test_every_kind_of_place_is_read() -> None:
    """The check above looks at workflows, tasks and pages, so it can fail."""
    places = {mention.place.partition(":")[0] for mention in find_mentions(ROOT)}
    wanted = {".github/workflows/quality-check.yml", ".vscode/tasks.json", "CONTRIBUTING.md"}
    assert wanted <= places


def test_tree_without_mistakes_has_no_problems(tree: Path) -> None:
    """The fixture itself is right, so each problem below is the one put in."""
    assert find_problems(tree) == []


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("uv sync --group dogs", "there is no group 'dogs'"),
        ("uv run --only-group=dogs mkdocs build", "there is no group 'dogs'"),
        ("uv sync --extra ham", "there is no extra 'ham'"),
        ("uv sync --package bread --extra ham", "there is no extra 'ham'"),
        ("uv add --package breed fruit", "there is no package 'breed'"),
        ("uv tree --package breed", "there is no package 'breed'"),
        ("uv lock --upgrade-package breed", "no package 'breed' is locked"),
        ("uv run bakery", "there is no command 'bakery'"),
        ("TTA_LONG=1 uv run bakery", "there is no command 'bakery'"),
        ("A=1 uv run python scripts/need.py", "there is no script 'scripts/need.py'"),
        ("true && uv run scripts/need.py --fast", "there is no script 'scripts/need.py'"),
        ("cat docs/missing.md", "there is no path 'docs/missing.md'"),
        ("docker compose -f docker-compose.test.yml up", "there is no path 'docker-compose"),
        ("uv add 'bread[jam,ham]'", "bread has no extra 'ham'"),
    ],
)
@pytest.mark.parametrize("where", ["workflow", "task", "page"])
def test_name_that_does_not_exist_is_told(
    tree: Path, where: str, command: str, problem: str
) -> None:
    """Groups, extras, packages, commands, scripts and paths are each looked up."""
    written = {
        "workflow": (".github/workflows/check.yml", f'jobs:\n  a:\n    run: "{command}"\n'),
        "task": (".vscode/tasks.json", f'{{"tasks": [{{"command": "{command}"}}]}}'),
        "page": ("docs/page.md", f"<!-- syntax: not ours -->\n```sh\n{command}\n```\n"),
    }
    name, text = written[where]
    (tree / name).write_text(text, encoding="utf-8")
    problems = find_problems(tree)
    assert problems
    assert problem in "\n".join(problems)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("see [there](missing.md#part)", "the link 'missing.md#part' leads nowhere"),
        ("see `docs/missing.md`", "there is no path 'docs/missing.md'"),
        ("say `uv sync --group dogs`", "there is no group 'dogs'"),
        ("take `bread[ham]`", "bread has no extra 'ham'"),
        ("```sh\nls\n```", "the block has no mark"),
    ],
    ids=["link", "path", "command", "extra", "unmarked"],
)
def test_prose_of_a_page_is_read_too(tree: Path, text: str, problem: str) -> None:
    """Code spans and links count as much as blocks, with their line."""
    (tree / "docs/page.md").write_text(text + "\n", encoding="utf-8")
    [found] = find_problems(tree)
    assert found.startswith("docs/page.md:1: ") or "docs/page.md:1" in found
    assert problem in found


@pytest.mark.parametrize(
    "text",
    [
        "[site](https://example.com/x) and [part](#part)",
        "`packages/*/pyproject.toml` and `packages/<name>/tests`",
        "`uv run pytest packages/bread -k 'jam and --group'`",
        "<!-- file: app.py -->\n```python\nx = 1\n```\n`uv run python app.py`",
        "<!-- run: copy -->\n```sh\nmkdir packages/cake\n```",
        "<!-- output -->".replace("output", "syntax: a message") + "\n```text\ndocs/no.md\n```",
    ],
    ids=["urls", "patterns", "own-arguments", "page-file", "made-by-a-run", "message"],
)
def test_what_is_no_name_is_let_through(tree: Path, text: str) -> None:
    """Patterns, placeholders, files of the page and what a run block makes are not looked up."""
    (tree / "docs/page.md").write_text(text + "\n", encoding="utf-8")
    assert find_problems(tree) == []
