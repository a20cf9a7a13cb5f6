"""Which calls of models are cached, routed, timed out and retried."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any  # Any: rows are JSON

import pytest

from tta_dev_primitives.devtools.calls.adoption import (
    adoption_json,
    adoption_lines,
    adoption_table,
)
from tta_dev_primitives.devtools.calls.members import Member, member_of, workspace_members

from .wrapped_calls import HEAD, read


def shares(files: Mapping[str, str]) -> dict[str, str]:
    _, rows = read(files)
    (row,) = adoption_table(rows, [Member("app", Path())])
    return {concern: str(share) for concern, share in row.shares.items()}


NOTHING = {"cache": "0/1", "router": "0/1", "timeout": "0/1", "retry": "0/1"}
SHARES = {
    "nothing": (HEAD, NOTHING),
    "all": (
        HEAD + 'step = RouterPrimitive({"a": resilient(ask, cache=60)}, pick)',
        {"cache": "1/1", "router": "1/1", "timeout": "1/1", "retry": "1/1"},
    ),
    "limit-of-the-client": (
        HEAD.replace("AsyncOpenAI()", "AsyncOpenAI(timeout=9, max_retries=3)"),
        NOTHING | {"timeout": "1/1", "retry": "1/1"},
    ),
    "on-one-of-two-ways": (
        HEAD + "step = resilient(ask)\nasync def main():\n    return await ask('x')",
        NOTHING,
    ),
    "retries-switched-off": (HEAD.replace("AsyncOpenAI()", "AsyncOpenAI(max_retries=0)"), NOTHING),
    "retries-of-tenacity": (
        "import tenacity\n" + HEAD.replace("async def ask", "@tenacity.retry()\nasync def ask"),
        NOTHING | {"retry": "1/1"},
    ),
    "random": (HEAD.replace("temperature=0", "temperature=0.7"), NOTHING | {"cache": "-"}),
    "no-temperature": (HEAD.replace(", temperature=0", ""), NOTHING | {"cache": "-"}),
    "cached-all-the-same": (
        HEAD.replace(", temperature=0", "") + "step = CachePrimitive(ask)",
        NOTHING | {"cache": "1/1"},
    ),
    "temperature-of-somebody": (
        HEAD.replace("temperature=0", "temperature=x.heat"),
        NOTHING | {"cache": "- +1?"},
    ),
    "stream": (
        HEAD.replace("temperature=0", "temperature=0, stream=True"),
        NOTHING | {"cache": "-"},
    ),
    "tools": (HEAD.replace("temperature=0", "temperature=0, tools=x"), NOTHING | {"cache": "-"}),
    "embeddings": (
        (
            "from openai import OpenAI\nclient = OpenAI()\n"
            "def embed(x):\n    return client.embeddings.create(model='e', input=x)"
        ),
        NOTHING | {"router": "-"},
    ),
    "unknown-wrapper": (
        HEAD + "step = careful(ask)",
        {"cache": "- +1?", "router": "- +1?", "timeout": "- +1?", "retry": "- +1?"},
    ),
    "adapter": (
        HEAD.partition("client =")[0] + 'step = RetryPrimitive(OpenAIPrimitive("gpt-5"))',
        {"cache": "-", "router": "0/1", "timeout": "1/1", "retry": "1/1"},
    ),
    "adapters-of-a-router": (
        HEAD.partition("client =")[0]
        + 'step = CachePrimitive(RouterPrimitive({"a": OpenAIPrimitive("gpt-5"), '
        '"b": AnthropicPrimitive("claude-haiku-4-5")}, pick))',
        {"cache": "2/2", "router": "2/2", "timeout": "2/2", "retry": "0/2"},
    ),
    "framework": (
        (
            "from langchain_openai import ChatOpenAI\nllm = ChatOpenAI()\n"
            "def ask(x):\n    return llm.invoke(x)"
        ),
        {"cache": "- +1?", "router": "- +1?", "timeout": "0/1", "retry": "- +1?"},
    ),
}


@pytest.mark.parametrize(("source", "expected"), SHARES.values(), ids=SHARES)
def test_what_is_counted(source: str, expected: dict[str, str]) -> None:
    """A call is counted as wrapped, eligible or unknown and is something else."""
    assert shares({"app.py": source}) == expected


def test_another_file_may_put_the_wrapper_around() -> None:
    """A function that is wrapped where it is used counts as bare."""
    files = {
        "app/calls.py": HEAD,
        "app/main.py": "from tta_dev_primitives import RetryPrimitive, TimeoutPrimitive\n"
        "from app.calls import ask\nstep = TimeoutPrimitive(RetryPrimitive(ask), 30)",
    }
    assert shares(files) == NOTHING | {"timeout": "1/1", "retry": "1/1"}


@pytest.mark.parametrize("first", [True, False], ids=["less-first", "more-first"])
def test_two_files_must_agree(first: bool) -> None:
    """What one of two users puts around a function counts for both."""
    use = (
        "from tta_dev_primitives import RetryPrimitive, TimeoutPrimitive\n"
        "from app.calls import ask\n"
    )
    files = {
        "app/calls.py": HEAD,
        f"app/{'b' if first else 'd'}.py": f"{use}step = RetryPrimitive(ask)",
    }
    more = {"app/c.py": f"{use}step = TimeoutPrimitive(RetryPrimitive(ask), 30)"}
    files = dict(sorted((files | more).items()))
    assert shares(files) == NOTHING | {"retry": "1/1"}


def test_a_class_of_another_file_is_wrapped_with_its_methods() -> None:
    """A primitive that another file wraps counts as bare."""
    files = {
        "app/steps.py": HEAD.partition("async def")[0] + "class Ask(WorkflowPrimitive):\n"
        "    async def execute(self, input_data, context):\n"
        "        return await client.responses.create(input=input_data, temperature=0)\n",
        "app/main.py": "from tta_dev_primitives import CachePrimitive\n"
        "from app.steps import Ask\nstep = CachePrimitive(Ask())",
    }
    assert shares(files)["cache"] == "1/1"


def test_a_wrapper_elsewhere_does_not_cover_a_bare_call_at_home() -> None:
    """A function that its own file calls bare counts as wrapped."""
    files = {
        "app/calls.py": HEAD + "async def main():\n    return await ask('x')",
        "app/main.py": "from tta_dev_primitives import RetryPrimitive\n"
        "from app.calls import ask\nstep = RetryPrimitive(ask)",
    }
    assert shares(files)["retry"] == "0/1"


def test_tests_are_not_counted() -> None:
    """The calls of tests make the table worse than the program is."""
    sites, rows = read({"tests/test_app.py": HEAD})
    assert sites
    assert rows == []


def workspace(root: Path) -> Path:
    (root / "pyproject.toml").write_text(
        '[project]\nname = "whole"\n[tool.uv.workspace]\nmembers = ["packages/*", "../out"]\n'
        'exclude = ["packages/old"]\n'
    )
    for name in ("b", "a", "old"):
        (root / "packages" / name).mkdir(parents=True)
        (root / "packages" / name / "pyproject.toml").write_text(
            f'[project]\nname = "{name}-pkg"\n'
        )
    (root / "packages" / "notes").mkdir()
    return root


def test_members_are_those_of_the_workspace(tmp_path: Path) -> None:
    """A member is missing, or a folder that is none is counted."""
    members = workspace_members(workspace(tmp_path))
    assert [member.name for member in members] == ["a-pkg", "b-pkg", "whole"]


def test_a_project_without_a_workspace_is_its_own_member(tmp_path: Path) -> None:
    """A plain project has no row."""
    assert [member.name for member in workspace_members(tmp_path)] == [tmp_path.name]


@pytest.mark.parametrize(
    "text",
    ["[tool", "[tool.uv.workspace]\nmembers = 3", "[tool]\nuv = 1", '[project]\nname = ""'],
    ids=["no-toml", "no-list", "no-table", "no-name"],
)
def test_a_strange_project_file_is_no_error(tmp_path: Path, text: str) -> None:
    """A project file with a mistake ends the table with a traceback."""
    (tmp_path / "pyproject.toml").write_text(text)
    assert [member.name for member in workspace_members(tmp_path)] == [tmp_path.name]


def test_files_belong_to_the_innermost_member(tmp_path: Path) -> None:
    """A file of a member is counted for the root."""
    members = workspace_members(workspace(tmp_path))
    assert member_of(str(tmp_path / "packages/a/src/x.py"), members).name == "a-pkg"
    assert member_of(str(tmp_path / "scripts/x.py"), members).name == "whole"
    assert member_of("/somewhere/else.py", members).name == "whole"


def table(tmp_path: Path, count: int) -> list[Any]:  # Any: rows are checked by what is made of them
    root = workspace(tmp_path)
    rows: list[dict[str, Any]] = []
    for name in ("a", "b")[:count]:
        path = str(root / "packages" / name / "app.py")
        rows += read({path: HEAD + "step = CachePrimitive(ask)"})[1]
    return adoption_table(rows, workspace_members(root))


def test_the_table_has_a_row_for_each_member_with_calls(tmp_path: Path) -> None:
    """The table cannot be read."""
    assert adoption_lines(table(tmp_path, 2)) == [
        "member  calls  cached  routed  timed out  retried",
        "a-pkg       1     1/1     0/1        0/1      0/1",
        "b-pkg       1     1/1     0/1        0/1      0/1",
        "total       2     2/2     0/2        0/2      0/2",
    ]


def test_one_member_needs_no_total(tmp_path: Path) -> None:
    """The same numbers stand there twice."""
    assert len(adoption_lines(table(tmp_path, 1))) == 2


def test_a_workspace_without_calls_says_so(tmp_path: Path) -> None:
    """An empty table is shown."""
    assert adoption_lines(adoption_table([], workspace_members(tmp_path))) == [
        "no calls of models found, so there is nothing to wrap"
    ]


def test_the_json_has_numbers(tmp_path: Path) -> None:
    """A program has to parse the fractions of the table."""
    document = json.loads(json.dumps(adoption_json(table(tmp_path, 1))))
    assert document["version"] == 1
    assert [row["member"] for row in document["members"]] == ["a-pkg", "b-pkg", "whole"]
    assert document["total"]["cache"] == {"wrapped": 1, "eligible": 1, "unknown": 0}
    assert document["members"][1]["calls"] == 0
