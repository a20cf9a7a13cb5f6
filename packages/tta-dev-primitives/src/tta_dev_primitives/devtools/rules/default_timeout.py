"""TTA102: a client that is handed out with the ten-minute limit of its SDK."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from .insertion import add_argument
from .missing_timeout import LONG_SECONDS, SUGGESTED_SECONDS
from .rule import Page, Rule
from .sdk_defaults import CLIENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.findings.finding import Finding

    from .rule import CheckedFile

CODE: Final = "TTA102"
_LIMITS_BY_ITSELF: Final = frozenset(
    {"timeout", "http_client", "httpx_client", "_client", "http_options"}
)

PAGE: Final = Page(
    what="Reports a client of a model provider that is made without a timeout and that no call in "
    "the same file uses, so that its callers inherit the limit of the SDK.",
    why="Whoever imports the client cannot see that its limit is ten minutes, and nobody chose "
    "that number. Naming one where the client is made settles it for every caller.",
    cost="Up to 30 minutes of a worker for each call that hangs (600 s, three attempts).",
    example="""
from openai import AsyncOpenAI


def make_client():
    return AsyncOpenAI()
""",
    use_instead="""
from openai import AsyncOpenAI


def make_client():
    return AsyncOpenAI(timeout=60)
""",
    assumptions="The rule is off by default: callers may pass a timeout of their own, and long "
    "streams and batches may want ten minutes. Calls in the same file are left to TTA101. Tests "
    "are left alone.",
    fix_safety=f"The fix adds `timeout={SUGGESTED_SECONDS}`. It is unsafe, because calls in other "
    "files may need longer.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report constructors that leave the limit to the SDK and whose calls are elsewhere."""
    if checked.file.is_test or not _mentions_a_client(checked.file.text):
        return
    used = {
        site.client.line
        for site in checked.sites
        if site.client is not None and site.client.path == checked.file.path
    }
    for node in checked.file.index.calls:
        if node.lineno in used or _may_be_limited(node):
            continue
        name = checked.names.qualified(node.func)
        defaults = CLIENTS.get(name or "")
        if name is None or defaults is None:
            continue
        seconds = defaults.read_seconds
        if seconds is not None and seconds < LONG_SECONDS:
            continue
        limit = "no limit at all" if seconds is None else f"{seconds:g} s"
        fix = None
        if defaults.timeout_argument:
            argument = f"{defaults.timeout_argument}={SUGGESTED_SECONDS}"
            fix = add_argument(checked.file, node, argument, f"Add {argument}", is_safe=False)
        yield checked.finding(
            CODE,
            node,
            f"{name}() leaves the time of its calls to the SDK, whose default is {limit}",
            fix=fix,
        )


def _mentions_a_client(text: str) -> bool:
    return any(package in text for package in _PACKAGES)


def _may_be_limited(call: ast.Call) -> bool:
    starred = any(isinstance(argument, ast.Starred) for argument in call.args)
    names = {keyword.arg for keyword in call.keywords}
    return starred or None in names or not _LIMITS_BY_ITSELF.isdisjoint(names)


_PACKAGES: Final = frozenset(name.partition(".")[0] for name in CLIENTS)

RULE: Final = Rule(
    code=CODE,
    name="default-600s-timeout",
    level="info",
    is_default=False,
    page=PAGE,
    check=check,
)
