from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tta_dev_primitives.devtools.lockfile.finding import Report
from tta_dev_primitives.devtools.lockfile.json_format import render_json
from tta_dev_primitives.devtools.lockfile.markdown_format import (
    MARK,
    MOST_BYTES,
    render_markdown,
)
from tta_dev_primitives.devtools.lockfile.report_lines import readable_bytes
from tta_dev_primitives.devtools.lockfile.text_format import render_text

from .locks_here import BAKERY, FILES, INDEX, changed, report_on, without_package

HEAD = changed(
    without_package(BAKERY, "whisk"),
    ('name = "berry"\nversion = "0.3.1"', 'name = "berry"\nversion = "0.4.0"'),
    ("berry-0.3.1", "berry-0.4.0"),
    ("size = 7000", "size = 9500"),
    ("sha256:a1", "sha256:ff"),
)
REPORT = report_on(BAKERY, HEAD)


def test_text_names_the_gravest_first_with_place_reason_and_size() -> None:
    """A reader of the log has to look for what failed, and why the package is there at all."""
    hashes = (
        "`bread-1.0-py3-none-any.whl` has `sha256:ff` instead of `sha256:a1`; "
        "somebody replaced the file: compare it with its authors' before merging"
    )
    major = "may break callers; read what its authors changed"
    counts = "1 removed, 1 upgraded (1 major), 1 changed; downloads at most +2.4 kB"
    assert render_text(REPORT).splitlines() == [
        f"uv.lock:68: fail [hash-changed] bread 1.0: {hashes}",
        "    why: bakery > bread; group dev > bakery[jam] > bread; 1 more",
        "    size: 2.0 kB",
        f"uv.lock:53: warn [major-upgrade] berry 0.3.1 -> 0.4.0: {major}",
        "    why: bakery[jam] > berry[sweet]; group dev > bakery[jam] > berry[sweet]",
        "    size: 7.0 kB -> 9.5 kB",
        "old/uv.lock:124: info [package-removed] whisk 1.0.post1: is no longer locked",
        "    why: bakery group kitchen > whisk",
        "    size: 60 bytes",
        f"old/uv.lock -> uv.lock: {counts}",
        "1 fail, 1 warn, 1 info",
    ]


def test_change_above_the_packages_weighs_nothing() -> None:
    """A lock of a newer uv is said to download +0 bytes."""
    text = render_text(report_on(BAKERY, changed(BAKERY, ("revision = 5", "revision = 6"))))
    assert text.splitlines()[-2] == "old/uv.lock -> uv.lock: 1 setting changed"


def test_lock_without_changes_is_said_to_have_none() -> None:
    """Silence leaves the reader in doubt whether anything was compared."""
    text = render_text(report_on(BAKERY, BAKERY))
    assert text == "old/uv.lock -> uv.lock: no changes\n0 fail, 0 warn, 0 info\n"


def test_size_that_nobody_knows_is_not_taken_for_zero() -> None:
    """A package without a size in the lock seems to cost nothing."""
    head = changed(BAKERY, (f"{FILES}/sugar-4.0", f"{FILES}/sugar-4.1"), ('"4.0"', '"4.1"'))
    last = render_text(report_on(BAKERY, head)).splitlines()[-2]
    assert last.endswith("1 upgraded; downloads at most +0 bytes and 2 unknown")


def test_json_has_every_chain_and_every_number() -> None:
    """A program has to parse the text for what it needs."""
    document = json.loads(render_json(REPORT))
    assert document["levels"] == {"fail": 1, "warn": 1, "info": 1}
    assert document["download_bytes"] == 2500 - 60
    [bread] = [each for each in document["packages"] if each["name"] == "bread"]
    assert bread["why"] == [
        ["bakery", "bread"],
        ["group dev", "bakery[jam]", "bread"],
        ["shop", "bakery", "bread"],
    ]
    assert document["findings"][1] == {
        "rule": "major-upgrade",
        "level": "warn",
        "place": "uv.lock:53",
        "package": "berry",
        "subject": "berry 0.3.1 -> 0.4.0",
        "message": "may break callers",
        "fix": "read what its authors changed",
    }


def rows(page: str) -> list[list[str]]:
    """Return the cells of every row of every table of a page."""
    return [
        [cell.strip() for cell in re.split(r"\|", line)[1:-1]]
        for line in page.splitlines()
        if line.startswith("| ") and not line.startswith("| level")
    ]


def test_markdown_shows_what_needs_eyes_and_folds_the_rest() -> None:
    """A comment of hundreds of harmless lines hides the one that matters."""
    page = render_markdown(REPORT)
    assert page.startswith(f"{MARK}\n### Lockfile: 1 removed, 1 upgraded (1 major), 1 changed;")
    open_part, _, folded = page.partition("<details>")
    assert [row[0] for row in rows(open_part)] == ["fail hash-changed", "warn major-upgrade"]
    assert [row[0] for row in rows(folded)] == ["info package-removed"]
    assert folded.rstrip().endswith("</details>")


def many(count: int, size: int = 10) -> Report:
    """A report with that many new packages, and one that lost its hash."""
    packages = "".join(
        f'\n[[package]]\nname = "salt-{number}"\nversion = "1.0"\n'
        f'source = {{ git = "https://git.example.com/{"x" * size}" }}\n'
        for number in range(count)
    )
    return report_on(BAKERY, changed(BAKERY, ("sha256:a1", "sha256:ff")) + packages)


@pytest.mark.parametrize("count", [50, 1000])
def test_markdown_fits_into_a_comment(count: int) -> None:
    """The comment is refused because a large upgrade made it too long."""
    page = render_markdown(many(count))
    assert len(page.encode()) <= MOST_BYTES
    shown = rows(page)
    assert shown[0][0] == "fail hash-changed"
    left_out = re.search(r"^(\d+) more did not fit", page, re.MULTILINE)
    assert len(shown) + (int(left_out[1]) if left_out else 0) == count + 1
    assert (left_out is None) is (count == 50)
    assert page.count("<details>") == page.count("</details>") == 1


SPELT = st.text(min_size=1, max_size=30).filter(lambda text: not {'"', "\\"} & set(text))


@settings(max_examples=50)
@given(SPELT.filter(str.isprintable))
@example("a`|@everyone<img src=x>`|b")
@example("x``y")
@example("`")
@example("file:")
@example("http://me:x@host|`")
def test_name_from_a_lock_stays_in_its_cell(name: str) -> None:
    """A package name breaks out of its cell, mentions somebody, or makes a link."""
    entry = f'[[package]]\nname = "{name}"\nsource = {{ registry = "{INDEX}" }}\n'
    # A name that is an address is a finding of its own.
    [*_, row] = found = rows(render_markdown(report_on(BAKERY, f"{BAKERY}\n{entry}")))
    assert row[0] == "info package-added"
    for cells in found:
        assert len(cells) == 5
        assert re.fullmatch(r"`[^`]+`", cells[1])


@pytest.mark.parametrize("escape", [r"\u001b[2J", r"\r", r"\u202e", r"\n| x |"])
def test_control_characters_of_a_lock_are_spelt_out(escape: str) -> None:
    """A name in the lock clears the screen, or forges a line of the report."""
    head = f'{BAKERY}\n[[package]]\nname = "a{escape}b"\nsource = {{ registry = "{INDEX}" }}\n'
    report = report_on(BAKERY, head)
    for text in (render_text(report), render_markdown(report), render_json(report)):
        assert all(each.isprintable() for line in text.split("\n") for each in line)
    assert len(render_text(report).splitlines()) == 3


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "+0 bytes"),
        (999, "+999 bytes"),
        (1000, "+1.0 kB"),
        (-1_250_000, "-1.2 MB"),
        (999_960, "+1.0 MB"),
        (3_400_000_000, "+3.4 GB"),
    ],
)
def test_bytes_are_written_with_three_digits_at_most(count: int, shown: str) -> None:
    """A number of bytes is off by a unit."""
    assert readable_bytes(count, signed=True) == shown
