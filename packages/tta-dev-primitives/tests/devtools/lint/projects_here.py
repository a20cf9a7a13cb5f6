"""Small projects for the tests of the runner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tta_dev_primitives.devtools.lint.session import Asked, Session

# One finding of TTA101, with a safe fix, and one of TTA107, with an unsafe one.
APP = """\
from openai import OpenAI

client = OpenAI()


def ask(text):
    return client.chat.completions.create(model="gpt-4o", messages=[text])
"""
CLIENTS = "from openai import OpenAI\n\nclient = OpenAI(timeout=30)\n"
USER = (
    "from clients import client\n\n\ndef ask(text):\n"
    '    return client.chat.completions.create(model="x", messages=[text], max_tokens=9)\n'
)
PROJECT = "[tool.tta.lint]\n"


def write(folder: Path, **files: str | bytes) -> None:
    """Write files; `__` in a name stands for `/`, and `.py` is added where there is no dot."""
    for name, content in files.items():
        path = folder / (name.replace("__", "/") + ("" if "." in name else ".py"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def notebook(*cells: str) -> str:
    """A notebook of code cells."""
    made = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def session(*paths: str, jobs: int = 1, cache: bool = False, **settings: Any) -> Session:
    """The linter on the paths, by default on the current folder."""
    asked = Asked(tuple(paths) or (".",), jobs=jobs, uses_cache=cache, settings=settings)
    return Session(asked)


def told(*paths: str, **given: Any) -> list[str]:
    """What is found, as `path:line CODE`."""
    findings = session(*paths, **given).run().findings
    return [
        f"{each.finding.path}:{each.finding.position.line} {each.finding.code}" for each in findings
    ]
