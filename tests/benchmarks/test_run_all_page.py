"""The page tells what changed, apart for each machine, and holds nothing that runs."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import run_all
from histories import HERE, THERE, noisy, record
from run_all_chart import BOTTOM, HEIGHT, ticks
from run_all_history import Record, append
from run_all_page import page
from run_all_series import series_of

GOLDEN = Path(__file__).parent / "golden.html"


def history() -> list[Record]:
    """Return twelve commits, three runs each: one case slower, one better, one as it was."""
    slower, quicker = (noisy(1, 36, step=0.15, first=24), noisy(2, 36, step=0.4, first=12))
    found: list[Record] = []
    for place in range(36):
        day = place // 3
        found += [
            record(day, slower[place] * 10, case="three steps <in sequence> & more"),
            record(day, quicker[place], case="spans", unit="a second", better="more"),
            record(day, noisy(3, 36)[place], case="a hit", unit="us"),
            record(day, (place - 18) / 10, case="added", unit="%"),
        ]
        if day > 7:
            found.append(
                record(day, 350.0 + day, case="three steps <in sequence> & more", machine=THERE)
            )
    return found


def labels(drawn: str) -> list[str]:
    """Return the numbers beside a picture, without commas."""
    found = re.findall(r'<text class="end" x="\d+" y="[\d.]+">(-?[\d.,]+)</text>', drawn)
    return [each.replace(",", "") for each in found]


def figures(text: str) -> dict[str, str]:
    """Return each figure of a page by its id."""
    return dict(re.findall(r'<figure id="([^"]+)">(.*?)</figure>', text, re.DOTALL))


def test_the_page_is_as_it_was(tmp_path: Path) -> None:
    """A page was drawn differently, and nobody had looked at it.

    After a look: copy what the failure names over golden.html.
    """
    append(tmp_path / "history.jsonl", history())
    words = ["--no-run", "--history", str(tmp_path / "history.jsonl"), "--page", str(tmp_path)]
    assert run_all.main(words) == 0
    drawn = tmp_path / "index.html"
    assert drawn.read_text(encoding="utf-8") == GOLDEN.read_text(encoding="utf-8"), drawn


def test_changes_are_told_first_and_the_newest_before_others() -> None:
    """The regression of today stood below a hundred pictures."""
    text = page(series_of(history()))
    table = text[: text.index("<figure")]
    rows = re.findall(r'<td class="number (\w+)">([^<]+)</td><td><a href="#([^"]+)">', table)
    assert [(kind, told[0]) for kind, told, _ in rows] == [("worse", "+"), ("better", "+")]
    marked = figures(text)[rows[0][2]]
    assert "three steps &lt;in sequence&gt; &amp; more" in marked
    assert 'class="mark worse"' in marked


def test_a_case_without_a_change_has_no_mark() -> None:
    """Each case had a mark."""
    text = page(series_of(history()))
    plain = [each for each in figures(text).values() if "a hit" in each or "added" in each]
    assert len(plain) == 2
    assert not any("mark" in each for each in plain)


def test_machines_are_drawn_apart() -> None:
    """A move to another machine was told as a change of the code."""
    text = page(series_of(history()))
    drawn = [each for each in figures(text).values() if "three steps" in each]
    assert len(drawn) == 2
    assert str(HERE) in drawn[0]
    assert str(THERE) in drawn[1]
    moved = [record(day, 100.0) for day in range(10)]
    moved += [record(day, 200.0, machine=THERE) for day in range(10, 20)]
    moved += [record(day, 300.0, quick=True) for day in range(20, 30)]
    assert len(series_of(moved)) == 3
    assert not any(each.changes for each in series_of(moved))


def test_commits_follow_their_date_whenever_they_were_measured() -> None:
    """Measuring an old commit afterwards made it the newest."""
    days = [*range(10, 20), *range(10)]
    (series,) = series_of(record(day, 100.0 if day < 10 else 130.0) for day in days)
    assert [each.commit for each in series.runs] == sorted(each.commit for each in series.runs)
    (change,) = series.changes
    assert (change.commit, change.is_worse) == (record(10, 0).commit, True)


def test_the_page_is_well_formed_and_fetches_nothing() -> None:
    """A case with a bracket in its name broke the page, or ran a script."""
    evil = '</title><script src="http://example.com/a.js">alert(1)</script>'
    text = page(series_of([*history(), record(1, 5.0, case=evil, unit="<b>")]))
    tree = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>"))
    tags = {element.tag for element in tree.iter()}
    assert not tags & {"script", "link", "img", "iframe", "b"}
    links = {element.get("href") for element in tree.iter("a")}
    identities = {element.get("id") for element in tree.iter()}
    assert {link.removeprefix("#") for link in links if link} <= identities
    assert not any(name.startswith("on") for element in tree.iter() for name in element.attrib)


def test_everything_is_drawn_inside_the_picture() -> None:
    """One slow run was drawn above the page."""
    odd = [*history(), record(30, 5000.0, case="a hit", unit="us"), record(1, 0.0, case="zero")]
    for text in figures(page(series_of(odd))).values():
        heights = re.findall(r' (?:y|y1|y2|cy)="(-?[\d.]+)"', text)
        heights += re.findall(r"[\d.]+,(-?[\d.]+)", "".join(re.findall(r'points="([^"]+)"', text)))
        assert heights
        assert all(0 <= float(each) <= 200 for each in heights), text


def test_a_history_without_records_says_so() -> None:
    """An empty page looked like one that had failed."""
    text = page([])
    assert "0 figures of 0 commits" in text
    assert "No step was found" in text


def test_one_commit_is_said_to_be_too_few() -> None:
    """A first look read as if nothing had changed: 2 figures of 1 commits, from a day to itself."""
    text = page(series_of([record(1, 100.0), record(1, 104.0)]))
    assert "<p>2 figures of 1 commit, measured on 2026-01-02.</p>" in text
    assert "one commit has been measured, and a change lies between two" in text
    assert text.count(str(HERE)) == 1  # one machine for all


def test_two_runs_have_no_band_and_no_time_below_nothing() -> None:
    """Two runs far apart were drawn in a band from minus 170 to 1,500 ns."""
    (drawn,) = figures(page(series_of([record(1, 400.0), record(1, 1000.0)]))).values()
    assert 'class="band"' not in drawn
    assert all(float(each) >= 0 for each in labels(drawn))


def test_band_of_a_time_ends_at_nothing() -> None:
    """Noise as large as the figure reached below the picture's floor."""
    runs = [record(day, 10.0 + 90 * (day % 2)) for day in range(8)]
    (drawn,) = figures(page(series_of(runs))).values()
    ((top, height),) = re.findall(r'class="band" .*y="([\d.]+)" .*height="([\d.]+)"', drawn)
    assert float(top) + float(height) == pytest.approx(HEIGHT - BOTTOM, abs=0.1)
    assert labels(drawn)[0] == "0"
    assert f'y="{HEIGHT - BOTTOM + 4:.1f}">0</text>' in drawn


@pytest.mark.parametrize(
    ("least", "most", "expected"),
    [
        (15.1, 15.4, ["15.1", "15.2", "15.3", "15.4"]),
        (0.0, 14492.0, ["0", "5,000", "10,000"]),
        (0.945, 0.987, ["0.95", "0.96", "0.97", "0.98"]),
        (-2.7, 28.9, ["0", "10", "20"]),
        (999_100.0, 1_000_900.0, ["999,500", "1,000,000", "1,000,500"]),
    ],
    ids=["tenths", "thousands", "hundredths", "through-nothing", "large"],
)
def test_lines_stand_at_round_numbers(least: float, most: float, expected: list[str]) -> None:
    """The lines said 15.4, 15.2 and 15.1 at equal distances."""
    assert [text for _, text in ticks(least, most)] == expected
