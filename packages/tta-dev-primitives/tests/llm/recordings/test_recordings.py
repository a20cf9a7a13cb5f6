"""Recorded traffic replayed to the real SDKs through the adapters."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(os.environ.get("TTA_TEST_DATA", "")) / "llm-traffic"
FILES = (
    [json.loads(line)["file"] for line in (ROOT / "INDEX.jsonl").read_text().splitlines()]
    if "TTA_TEST_DATA" in os.environ and (ROOT / "INDEX.jsonl").exists()
    else []
)
NEEDS_RECORDINGS = pytest.mark.skipif(
    not FILES, reason="TTA_TEST_DATA names no folder with llm-traffic in it"
)
# Old models, which the SDK warns of, are what recordings are full of.
OLD_MODELS = pytest.mark.filterwarnings("ignore:The model", "ignore:Using Claude with")


@NEEDS_RECORDINGS
@OLD_MODELS
@pytest.mark.parametrize("file", FILES, ids=[name[-60:] for name in FILES])
async def test_recording_is_read_as_it_was_written(
    file: str, load_recording: Any, replay: Any, not_http: type[Exception]
) -> None:
    try:
        exchanges = load_recording(ROOT / file)
    except not_http as refusal:
        pytest.skip(f"not served: {refusal}")
    served = [exchange for exchange in exchanges if not exchange.served_by.startswith("not")]
    if not served:
        pytest.skip(exchanges[0].served_by)
    for number, exchange in enumerate(served):
        await replay(exchange, (1 if len(exchange.body) < 2000 else 7) + 2 * number)


@NEEDS_RECORDINGS
def test_every_recording_is_accounted_for(load_recording: Any, not_http: type[Exception]) -> None:
    """Prints what is replayed and what is not, and fails where that shrinks."""
    kinds: Counter[str] = Counter()
    for file in FILES:
        try:
            for exchange in load_recording(ROOT / file):
                kind = exchange.served_by
                if not kind.startswith("not"):
                    form = "streamed" if exchange.streamed else "whole"
                    kind = f"replayed: {kind} {form} {exchange.status}"
                kinds[kind] += 1
        except not_http:
            kinds["not served: no HTTP"] += 1
    for kind, number in sorted(kinds.items()):
        print(f"{number:4} {kind}")
    replayed = sum(number for kind, number in kinds.items() if kind.startswith("replayed"))
    print(f"{replayed} of {kinds.total()} exchanges in {len(FILES)} files are replayed")
    assert replayed >= 130
    assert kinds["not served: something else"] <= 12
