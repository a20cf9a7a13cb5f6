"""The benchmark of the linter runs, and judges tools as its page says."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "scripts/benchmarks"
# What is called, what the label says of it, and whether the tool of the test tells of it.
CALLS = [
    ("client.chat.completions.create(messages=m)", {"max_tokens": "no"}, True),
    ("client.chat.completions.create(\n    messages=n\n)", {"max_tokens": "no"}, False),
    ("adapted.chat(m)", {"max_tokens": "no", "via": "gptcache"}, True),
    ("client.chat.completions.create(max_tokens=9)", {"max_tokens": "yes"}, True),
    ("client.chat.completions.create(**given)", {"max_tokens": "unknown"}, True),
    ("client.embeddings.create(input=t)", {"max_tokens": "no"}, True),
    ("model.generate_content(t, config=c)", {"max_tokens": "no", "kwargs": ["config"]}, True),
    ("bedrock.invoke_model(body=b)", {"max_tokens": "no", "method": "invoke_model"}, True),
    ("agent.run(t)", {"max_tokens": "no", "label": "wrapper"}, True),
    ("threads.messages.create(t)", {"max_tokens": "no", "label": "negative"}, True),
]


@pytest.fixture
def labels_module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    return importlib.import_module("lint_labels")


def test_tools_are_judged_by_what_the_source_says(
    labels_module: ModuleType, tmp_path: Path
) -> None:
    """A tool that told of embeddings was right, and one that kept silent was blind."""
    source, labels, told, line = "", "", set[tuple[str, int]](), 1
    for call, given, is_told in CALLS:
        label: dict[str, object] = {
            "label": "sdk",
            "via": None,
            "provider": "openai",
            "method": "",
            "kwargs": [],
        }
        place = {"repo": "o/n", "path": "a.py", "line": line, "col": 0}
        end = line + call.count("\n")
        labels += json.dumps(label | given | place | {"end_line": end}) + "\n"
        if is_told:
            told.add(("o+n/a.py", end))
        source, line = f"{source}{call}\n", end + 1
    (tmp_path / "o+n").mkdir()
    (tmp_path / "o+n/a.py").write_text(source, encoding="utf-8")
    (tmp_path / "labels.jsonl").write_text(labels, encoding="utf-8")
    known = labels_module.read_labels(tmp_path / "labels.jsonl", tmp_path)
    plain, direct, every = labels_module.scores(known, told).values()
    # Wrong are the call with a limit, the one that runs no model, and the embedding.
    assert (plain.right, plain.wanted, plain.wrong) == (2, 3, 3)
    assert (direct.right, direct.wanted, direct.wrong) == (1, 2, 3)
    assert (every.right, every.wanted, every.wrong) == (5, 6, 2)
    assert (plain.hidden, plain.all_hidden) == (1, 1)
    assert labels_module.amounts(known) == {
        "plain": 3,
        "settings object": 1,
        "limit in an input or body": 1,
        "writes no text": 1,
    }


@pytest.mark.slow
def test_benchmark_of_the_linter_runs(tmp_path: Path) -> None:
    """What is measured was renamed, and nobody notices until the next release."""
    report = tmp_path / "report.json"
    command = [sys.executable, BENCHMARKS / "lint.py", "--quick", "--only", "cache"]
    result = subprocess.run(
        [*map(str, command), "--json", str(report)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    measured = {each["case"] for each in json.loads(report.read_text(encoding="utf-8"))["findings"]}
    assert any("nothing changed" in case for case in measured)
