"""No key of the checked source is in what the linter shows; the keys are drawn, none is real."""

from __future__ import annotations

import random
import string
from pathlib import Path

import pytest

from tta_dev_primitives.devtools.findings.github_format import render_github
from tta_dev_primitives.devtools.findings.json_format import render_json
from tta_dev_primitives.devtools.findings.markdown_format import render_markdown
from tta_dev_primitives.devtools.findings.sarif_format import render_sarif
from tta_dev_primitives.devtools.findings.text_format import render_concise, render_text
from tta_dev_primitives.devtools.lint.cache import cache_folder

from .projects_here import PROJECT, notebook, session, write


def drawn(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(random.Random(7).choices(alphabet, k=length))


KEY = "sk-" + "proj-" + drawn(48)
BARE = drawn(32, "0123456789abcdef")
FORMATS = {
    "text": lambda report: render_text(report, width=400),
    "colour": lambda report: render_text(report, width=400, colour=True),
    "concise": render_concise,
    "json": lambda report: render_json(report, version="1"),
    "sarif": lambda report: render_sarif(report, version="1"),
    "github": render_github,
    "markdown": render_markdown,
}
# Each holds a finding on the line of the key, of TTA501 or of another rule.
SOURCES = {
    "alone": f"KEY = '{KEY}'\n",
    "inside-a-text": f"headers = {{'Authorization': 'Bearer {KEY}'}}\n",
    "given-to-a-client": f"from openai import OpenAI\nOpenAI(api_key='{KEY}').models.list()\n",
    "no-known-prefix": (
        f"from openai import AzureOpenAI\nc = AzureOpenAI(api_key='{BARE}', api_version='1')\n"
    ),
    "in-two-pieces": f"KEY = '{KEY[:30]}' '{KEY[30:]}'\n",
    "over-two-lines": f"KEY = ('{KEY[:30]}'\n  '{KEY[30:]}')\n",
    "ends-on-the-line-of-another-finding": (
        f"from openai import OpenAI\nKEY = ('{KEY[:30]}'\n  '{KEY[30:]}'); c = OpenAI()\n"
        "c.responses.create(model='m', input='x', max_output_tokens=9)\n"
    ),
    "behind-wide-letters": f"漢 = '漢'; KEY = '{KEY}'\n",
    "line-of-another-finding": (
        f"from openai import OpenAI\nclient = OpenAI(api_key='{KEY}')\n"
        "client.responses.create(model='m', input='x', max_output_tokens=9)\n"
    ),
    "silenced-on-the-line-of-another": (
        "from openai import AzureOpenAI\n"
        f"c = AzureOpenAI(api_key='{BARE}', api_version='1')  # tta: ignore[TTA501] revoked\n"
        "c.responses.create(model='m', input='x', max_output_tokens=9)\n"
    ),
}


def pieces(text: str) -> bool:
    """Whether any eight characters in a row of a key are in the text."""
    secrets = (KEY.removeprefix("sk-proj-"), BARE)
    return any(each[at : at + 8] in text for each in secrets for at in range(len(each) - 7))


@pytest.mark.parametrize("render", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_no_format_shows_a_key(folder: Path, source: str, render) -> None:
    """The frame below the finding printed the key into the log of the job."""
    write(folder, app=source)
    linter = session()
    result = linter.run()
    assert result.findings
    assert not pieces(render(linter.report(result, result.findings)))


def test_key_is_hidden_where_its_rule_does_not_run(folder: Path) -> None:
    """The project had left out TTA501, and another finding showed the key."""
    write(folder, app=SOURCES["line-of-another-finding"])
    linter = session(ignore=("TTA501",))
    result = linter.run()
    assert [each.finding.code for each in result.findings] == ["TTA101"]
    assert not pieces(render_text(linter.report(result, result.findings), width=400))


def test_cache_holds_no_key(folder: Path) -> None:
    """The key was copied into a folder that nobody looks into."""
    write(folder, app=SOURCES["line-of-another-finding"], **{"pyproject.toml": PROJECT})
    assert session(cache=True).run().findings
    cache = cache_folder(folder)
    assert cache is not None
    written = [path for path in cache.rglob("*") if path.is_file()]
    assert len(written) > 1
    assert not any(pieces(path.read_text()) for path in written)


def test_key_in_a_notebook_is_hidden(folder: Path) -> None:
    """Cells were shown as they are."""
    write(folder, **{"n.ipynb": notebook("import os", SOURCES["no-known-prefix"])})
    linter = session()
    result = linter.run()
    shown = render_text(linter.report(result, result.findings), width=400)
    assert "*" * len(BARE) in shown
    assert not pieces(shown)


def test_mark_stands_below_the_hidden_key(folder: Path) -> None:
    """A mask of another length moved the mark beside the place."""
    write(folder, app=f"KEY = '{KEY}'\n")
    linter = session()
    result = linter.run()
    _, line, marks, *_ = render_text(linter.report(result, result.findings)).splitlines()
    assert line == f"1 | KEY = '{'*' * len(KEY)}'"
    assert marks == "  |       " + "^" * (len(KEY) + 2)


def test_two_keys_on_like_lines_are_two_findings(folder: Path) -> None:
    """A baseline with one key accepted the next, because both were hidden when they were told."""
    write(folder, app=f"K = '{KEY}'\n", other=f"K = '{KEY[:-1]}Q'\n")
    first, second = session().run().findings
    assert first.fingerprint != second.fingerprint
