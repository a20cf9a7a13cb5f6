"""The page: what is in it, what cannot get into it, and that it works in a browser."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keploy_framework.report import ReportedRun, SetView, TestView, html_page
from keploy_framework.report.differences import DifferenceView
from keploy_framework.report.html.body_lines import Mark, marked_bodies, plain_lines
from keploy_framework.report.view import MessageView

VOID = {"meta", "input", "rect"}


class Page(HTMLParser):
    """What a browser would make of a page, and whether each element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.script: list[str] = []
        self.stack: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.script if self.stack[-1:] in (["script"], ["style"]) else self.text).append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)


def page_of(text: str) -> Page:
    """Show a text in every place of a test."""
    message = MessageView(text, ((text, text),), text, 200)
    difference = DifferenceView(text, text, "value", text, text, text)
    test = TestView(
        text, text, "FAILED", 1.0, message, message, message, (difference,), text, (text,), text,
        (), (text,), (text,),
    )  # fmt: skip
    one = SetView(
        text, text, (test,), text, text, mock_usage={"unused": [text], "overused": {text: 2}}
    )
    return Page(html_page(ReportedRun(text, (one,))))


@pytest.mark.parametrize(
    "text",
    [
        "</script><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "<!--",
        "]]>",
        "'\"`",
        "&lt;script&gt;",
        "</style><style>*{display:none}",
        "<svg/onload=alert(1)>",
        "\x00<b>\x00",
    ],
)
def test_markup_in_an_answer_stays_text(text):
    """A response ran a script in the page of whoever read the report."""
    plain = page_of("plain")
    page = page_of(text)
    assert [name for name, _ in page.elements] == [name for name, _ in plain.elements]
    assert [set(attributes) for _, attributes in page.elements] == [
        set(attributes) for _, attributes in plain.elements
    ]


@given(st.text())
def test_any_text_is_shown_as_itself(text):
    """A character in a body broke the page."""
    page = page_of(text)
    assert page.stack == []
    assert (page.count("script"), page.count("style")) == (1, 1)
    visible = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", "", text).strip()
    if (
        visible
        and visible == text
        and not re.search("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]", text)
    ):
        assert text in page.text


def test_page_needs_no_network(run: ReportedRun):
    """The page asked a server for something."""
    page = Page(html_page(run))
    for _, attributes in page.elements:
        assert not {"src", "href", "action", "style", "onclick"} & attributes.keys()
    assert "url(" not in "".join(page.script)
    assert "@import" not in "".join(page.script)


def test_policy_allows_its_own_script_and_style_alone(run: ReportedRun):
    """The browser refused the page's own script, or allowed another one."""
    text = html_page(run)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; ")
    assert "unsafe" not in policy[1]
    for tag in ("style", "script"):
        inner = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert inner is not None
        digest = base64.b64encode(hashlib.sha256(inner[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy[1]


def test_every_test_is_in_the_page(run: ReportedRun):
    """A test was missing in the report."""
    text = html_page(run)
    for test in run.tests:
        assert f'<span class="name">{test.name}</span>' in text
    assert text.count('<details class="test failed" data-status="failed" open>') == 3
    assert "the app ended with exit code 1" in text
    assert "No mock answers <code>POST api.example/v1/chat</code>" in text


def test_differing_fields_are_marked_on_both_sides(run: ReportedRun):
    """The reader had to search for what differs."""
    text = html_page(run)
    assert '<span class="different">  &quot;price&quot;: 12.5,\n</span>' in text
    assert '<span class="different">  &quot;price&quot;: &quot;12.50&quot;,\n</span>' in text
    assert '<span class="ignored">  &quot;at&quot;: &quot;t1&quot;,\n</span>' in text
    assert '<div class="different"><dt>X-E</dt><dd>1</dd></div>' in text
    assert '<span class="different">201</span>' in text


def marks(expected: str, actual: str, *paths: str) -> tuple[list[str], list[str]]:
    """Give the different lines of both sides."""
    sides = marked_bodies(expected, actual, paths)
    return tuple(
        [line.text.strip() for line in side if line.mark is Mark.DIFFERENT] for side in sides
    )  # type: ignore[return-value]


def test_order_of_items_is_no_difference():
    """Items that only changed places were marked."""
    sides = marked_bodies('[{"a":1},{"a":2}]', '[{"a":2},{"a":1}]', [])
    assert {line.mark for side in sides for line in side} == {Mark.SAME}


def test_removed_object_is_marked_whole():
    """Only a part of what is missing was marked."""
    assert marks('{"a":{"b":[1]},"c":2}', '{"c":2}', "body.a") == (
        ['"a": {', '"b": [', "1", "]", "},"],
        [],
    )


def test_item_that_came_once_too_often_is_marked():
    """A doubled item looked as if it were the recorded one."""
    assert marks('{"a":["x"]}', '{"a":["x","x"]}', "body.a") == ([], ['"x"'])


def test_numbers_are_shown_as_they_were_sent():
    """The page showed another number than came."""
    text = '{"a":12345678901234567890,"b":1.50,"c":1e5}'
    assert [line.text for line in plain_lines(text)][1:4] == [
        '  "a": 12345678901234567890,',
        '  "b": 1.50,',
        '  "c": 1e5',
    ]


def test_text_is_compared_line_by_line():
    """A page of text was marked as a whole."""
    assert marks("a\nb\nc", "a\nx\nc", "body") == (["b"], ["x"])


def test_long_bodies_are_folded_around_their_differences():
    """The one line that differs was not shown."""
    left, right = ("\n".join(str(n if n != 900 else x) for n in range(2000)) for x in ("l", "r"))
    sides = marked_bodies(left, right, ["body"])
    for side, letter in zip(sides, "lr", strict=True):
        assert [line.text for line in side] == [
            "\u2026 897 more lines \u2026", "897", "898", "899", letter, "901", "902", "903",
            "\u2026 1096 more lines \u2026",
        ]  # fmt: skip
    assert len(plain_lines(left)) == 401


@pytest.mark.parametrize("body", ["[" * 1500, '{"a":' * 200 + "1" + "}" * 200, "{", "", "\n\n"])
def test_strange_bodies_are_shown_as_text(body):
    """A nested body ended the report."""
    assert "".join(line.text for line in plain_lines(body)) == body.replace("\n", "")


def test_long_line_says_what_is_left_out():
    """A line was cut, and nobody could tell."""
    (line,) = plain_lines("x" * 5000)
    assert line.text == "x" * 2000 + "\u2026 (3000 more characters)"


def test_a_thousand_tests_are_written_within_seconds(run: ReportedRun):
    """A large run took minutes, or a page no browser opens."""
    tests = tuple(replace(run.tests[n % 7], name=f"test-{n}") for n in range(1000))
    started = time.process_time()
    text = html_page(replace(run, sets=(replace(run.sets[0], tests=tests),)))
    assert text.count('<details class="test ') == 1000
    assert len(text) < 6_000_000
    assert time.process_time() - started < 15


CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
PROBE = """
const search = document.getElementById("search");
const names = () => [...document.querySelectorAll(".test:not(.hidden) > summary .name")]
  .map((one) => one.textContent).join(" ");
const seen = [document.getElementById("filters").hidden, names()];
document.querySelector("input[value=failed]").click();
seen.push(names());
document.querySelector("input[value=failed]").click();
search.value = "BOOM 500";
search.form.dispatchEvent(new Event("change"));
seen.push(names(), document.getElementById("shown").textContent);
search.value = "no such text";
search.form.dispatchEvent(new Event("change"));
seen.push(document.getElementById("none").hidden);
document.body.dataset.seen = seen.join("|");
"""


@pytest.mark.service("chromium")
def test_filters_work_in_a_browser(run: ReportedRun, tmp_path: Path):
    """The browser refused the script, or the filters hid the wrong tests."""
    if not CHROMIUM:
        missing = "there is no Chromium. Try: apt-get install chromium"
        (pytest.fail if os.environ.get("TTA_REQUIRE_SERVICES") == "1" else pytest.skip)(missing)
    text = html_page(run)
    digest = base64.b64encode(hashlib.sha256(PROBE.encode()).digest()).decode()
    text = text.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    text = text.replace("</body>", f"<script>{PROBE}</script></body>")
    (tmp_path / "page.html").write_text(text)
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    shown = subprocess.run(
        [*command, profile, (tmp_path / "page.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    seen = re.search(r'data-seen="([^"]*)"', shown)
    assert seen is not None
    everything = " ".join(test.name for test in run.tests)
    assert seen[1].split("|") == [
        "false",
        everything,
        "passes left-out",
        "other-status",
        "1 of 7",
        "false",
    ]
