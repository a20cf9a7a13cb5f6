"""VS Code's files, the workflows and Dependabot: whole, valid, and pinned."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MEMBERS = ["keploy-framework", "tta-dev-primitives", "tta-observability-integration"]

# The part of VS Code's tasks 2.0.0 format that this file may use; anything else is a mistake.
TASKS_SCHEMA = {
    "type": "object",
    "required": ["version", "tasks"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": "2.0.0"},
        "tasks": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["label", "detail", "type", "command", "problemMatcher"],
                "additionalProperties": False,
                "properties": {
                    "label": {"type": "string", "pattern": "^[A-Z]"},
                    "detail": {"type": "string", "minLength": 10},
                    "type": {"const": "shell"},
                    "command": {"type": "string", "minLength": 3},
                    "isBackground": {"type": "boolean"},
                    "problemMatcher": {"type": ["array", "string"]},
                    "group": {
                        "oneOf": [
                            {"enum": ["test", "build"]},
                            {
                                "type": "object",
                                "required": ["kind", "isDefault"],
                                "additionalProperties": False,
                                "properties": {
                                    "kind": {"enum": ["test", "build"]},
                                    "isDefault": {"type": "boolean"},
                                },
                            },
                        ]
                    },
                    "presentation": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            "reveal": {"enum": ["always", "silent", "never"]},
                            "panel": {"enum": ["shared", "dedicated", "new"]},
                        },
                    },
                },
            },
        },
        "inputs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "type", "description", "options"],
                "properties": {
                    "type": {"const": "pickString"},
                    "options": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                },
            },
        },
    },
}

COMMANDS = {
    "Run All Tests": "uv run pytest -v",
    "Sync Dependencies": "uv sync --locked --all-packages --all-extras",
    "Lint": "uv run ruff check .",
    "Format": "uv run ruff format .",
    "Validate LLM Efficiency": "uv run tta lint --format concise --adoption",
    "Validate Cost Optimization": (
        "uv run python scripts/validation/validate-cost-optimization.py"
    ),
    "Validate Workspace": "uv run tta workspace check && uv run tta groups check",
    "Type Check": "uv run pyright packages/",
    "Run Demo": "uv run tta demo",
    "Record API Tests": "uv run python docs/examples/shop_api/record.py",
    "Replay API Tests": (
        "uv run keploy test -c 'uv run python docs/examples/shop_api/app.py' "
        "--path docs/examples/shop_api"
    ),
}


def load_json(path: str) -> Any:
    """Read strict JSON, which VS Code accepts as well. Any: the tests look at the shape."""
    return json.loads((ROOT / path).read_text(encoding="utf-8"))


def load_yaml(path: str) -> Any:
    """Read a YAML file. Any: the tests look at the shape."""
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


@pytest.fixture
def tasks() -> dict[str, Any]:
    """The tasks by label."""
    return {task["label"]: task for task in load_json(".vscode/tasks.json")["tasks"]}


def test_tasks_file_is_valid() -> None:
    """VS Code ignores keys it does not know, so a typing slip would go unseen."""
    jsonschema.validate(load_json(".vscode/tasks.json"), TASKS_SCHEMA)


@pytest.mark.parametrize("label", COMMANDS)
def test_task_runs_the_documented_command(label: str, tasks: dict[str, Any]) -> None:
    """The same command on the terminal, in the editor and in CI."""
    assert tasks[label]["command"] == COMMANDS[label]


def test_labels_are_unique_and_one_test_task_is_the_default(tasks: dict[str, Any]) -> None:
    """The test shortcut runs everything without asking which task is meant."""
    assert len(tasks) == len(load_json(".vscode/tasks.json")["tasks"])
    defaults = [label for label, task in tasks.items() if "isDefault" in str(task.get("group"))]
    assert defaults == ["Run All Tests"]
    assert tasks["Run All Tests"]["group"] == {"kind": "test", "isDefault": True}


def test_package_task_offers_every_member() -> None:
    """The list that VS Code shows is the workspace's."""
    [picked] = load_json(".vscode/tasks.json")["inputs"]
    assert sorted(picked["options"]) == MEMBERS
    assert picked["default"] in picked["options"]


def test_settings_use_the_recommended_extensions() -> None:
    """A formatter named in the settings is one that VS Code offers to install."""
    settings = load_json(".vscode/settings.json")
    recommended = load_json(".vscode/extensions.json")["recommendations"]
    assert recommended == sorted(set(recommended))
    assert all(re.fullmatch(r"[a-z0-9-]+\.[a-z0-9-]+", name) for name in recommended)
    formatters = {
        part["editor.defaultFormatter"]
        for part in settings.values()
        if "editor.defaultFormatter" in str(part)
    }
    assert formatters
    assert formatters <= set(recommended)


WORKFLOWS = sorted(path.name for path in (ROOT / ".github/workflows").glob("*.yml"))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_by_commit_with_their_version(name: str) -> None:
    """A tag can be moved; a commit cannot. The comment tells people and Dependabot what it is."""
    text = (ROOT / ".github/workflows" / name).read_text(encoding="utf-8")
    uses = re.findall(r"uses: *(.*)", text)
    assert uses
    for used in uses:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used
    assert len({used.split("@")[0] for used in uses}) == len(set(uses))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflow_reads_only_and_keeps_no_credentials(name: str) -> None:
    """The token can read, a checkout leaves nothing behind, and every job has an end."""
    workflow = load_yaml(f".github/workflows/{name}")
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 120
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def test_quality_job_runs_every_gate() -> None:
    """The gates of the house, by the commands that the guide names."""
    jobs = load_yaml(".github/workflows/quality-check.yml")["jobs"]
    wanted = [
        "uv lock --check",
        "uv sync --locked --all-packages --all-extras",
        "uv run python scripts/validation/check_lockfile.py",
        "uv run pytest --cov=packages",
        "uv run ruff check .",
        "uv run ruff format --check .",
        "uv run pyright packages/",
        "uv run lint-imports",
    ]
    found = commands(jobs["quality"])
    assert [command for command in found if command in wanted] == wanted
    assert jobs["long"]["env"] == {"TTA_LONG": "1"}
    assert "schedule" in jobs["long"]["if"]


def test_matrix_takes_the_default_group_only() -> None:
    """Linux on every Python, macOS and Windows on one, nothing that has to be compiled."""
    workflow = load_yaml(".github/workflows/quality-check.yml")
    matrix = workflow["jobs"]["matrix"]
    assert commands(matrix) == ["uv sync --locked", "uv run pytest"]
    others = [entry["os"] for entry in matrix["strategy"]["matrix"]["include"]]
    assert others == ["macos-latest", "windows-latest"]
    assert "--all-groups" not in json.dumps(workflow["jobs"])


def test_dependabot_watches_uv_and_actions() -> None:
    """Both ecosystems, weekly, with some days for others to notice a bad release."""
    updates = load_yaml(".github/dependabot.yml")["updates"]
    assert [update["package-ecosystem"] for update in updates] == ["uv", "github-actions"]
    assert all(update["schedule"]["interval"] == "weekly" for update in updates)
    assert all(update["cooldown"]["default-days"] >= 7 for update in updates)
