"""Reads a workspace of source texts: its calls of models and the rows of the adoption table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from textwrap import dedent
from typing import Any  # Any: rows are JSON

from tta_dev_primitives.devtools.calls.call_site import CallSite
from tta_dev_primitives.devtools.calls.composition import find_compositions
from tta_dev_primitives.devtools.calls.find import find_calls
from tta_dev_primitives.devtools.calls.wrapping import note_wrapping
from tta_dev_primitives.devtools.source.source_file import read_source
from tta_dev_primitives.devtools.source.workspace import Workspace, gather_facts

HEAD = """
import asyncio
from openai import AsyncOpenAI
from tta_dev_primitives import (
    AnthropicPrimitive, CachePrimitive, FallbackPrimitive, LambdaPrimitive, OpenAIPrimitive,
    RetryPrimitive, RouterPrimitive, TimeoutPrimitive, WorkflowPrimitive, resilient,
)
client = AsyncOpenAI()
async def ask(x):
    return await client.chat.completions.create(model="gpt-5-mini", messages=x, temperature=0)
"""


def read(files: Mapping[str, str]) -> tuple[list[CallSite], list[dict[str, Any]]]:
    """Return the calls of all files, and the rows for the table as they come out of JSON."""
    sources = [
        read_source(path, dedent(text), module_name=path[:-3].replace("/", "."))
        for path, text in files.items()
    ]
    workspace = Workspace([gather_facts(file) for file in sources])
    sites: list[CallSite] = []
    rows: list[dict[str, Any]] = []
    for file in sources:
        names = workspace.names_of(file)
        found = find_calls(file, names)
        rows += note_wrapping(file, names, found, find_compositions(file, names))
        sites += found
    return sites, json.loads(json.dumps(rows))
