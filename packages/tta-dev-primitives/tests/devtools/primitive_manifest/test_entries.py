"""The manifest: what is written is read again, and what is no manifest says so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.primitive_manifest.entries import (
    ManifestError,
    PrimitiveEntry,
    read_manifest,
    write_manifest,
)

texts = st.text(max_size=20)
entries = st.builds(
    PrimitiveEntry,
    name=texts,
    import_path=texts,
    module=texts,
    summary=texts,
    extras=st.lists(texts, max_size=3).map(tuple),
)


@given(st.lists(entries, max_size=5))
def test_what_is_written_is_read_again(found: list[PrimitiveEntry]) -> None:
    """A primitive that was published is listed as it was, whatever its summary holds."""
    assert read_manifest(write_manifest(found), "here") == sorted(found)


@given(
    st.lists(entries, max_size=5).flatmap(
        lambda each: st.tuples(st.just(each), st.permutations(each))
    )
)
def test_order_of_finding_does_not_change_the_file(
    both: tuple[list[PrimitiveEntry], list[PrimitiveEntry]],
) -> None:
    """Two builds on two file systems give the same bytes."""
    assert write_manifest(both[0]) == write_manifest(both[1])


ROW = {"name": "A", "import_path": "a:A", "module": "a", "summary": "", "extras": []}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "acme: primitives.json is not JSON"),
        ("[" * 100_000, "acme: primitives.json is not JSON"),
        ([], "acme: primitives.json has no list of primitives"),
        ({"format": 1}, "acme: primitives.json has no list of primitives"),
        ({"format": 2, "primitives": []}, "has format 2, and format 1 is read here; upgrade"),
        ({"format": 1, "primitives": [ROW, 3]}, "primitive 1 has no text 'name'"),
        (
            {"format": 1, "primitives": [{**ROW, "module": None}]},
            "primitive 0 has no text 'module'",
        ),
        (
            {"format": 1, "primitives": [{**ROW, "extras": "redis"}]},
            "primitive 0 has no list 'extras'",
        ),
    ],
    ids=["torn", "deep", "list", "empty", "later-format", "no-table", "no-module", "extras-text"],
)
def test_foreign_content_is_told_with_its_place(content: Any, told: str) -> None:
    """A broken manifest of a stranger is one clear line, not a traceback."""
    text = content if isinstance(content, str) else json.dumps(content)
    with pytest.raises(ManifestError, match="acme") as caught:
        read_manifest(text, "acme: primitives.json")
    assert told in str(caught.value)
