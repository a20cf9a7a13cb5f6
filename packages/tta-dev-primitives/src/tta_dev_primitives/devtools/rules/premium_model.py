"""TTA202: a file that asks the dearest model for everything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.findings.finding import Finding

    from .rule import CheckedFile

CODE: Final = "TTA202"
_FEWEST_CALLS: Final = 2
_NO_MODEL: Final = frozenset({"embeddings", "images", "audio", "moderations", "rerank"})

# Models for which the same provider sells a smaller one at a fifth of the price or less.
_PREMIUM: Final = re.compile(
    r"(?:^|/)(?:gpt-4(?:-turbo|-32k|-0\d{3}|-\d{4}|\.5)?(?:-preview)?(?:-\d{4}-\d\d-\d\d)?"
    r"|gpt-4o(?:-\d{4}-\d\d-\d\d)?|gpt-4\.1(?:-\d{4}-\d\d-\d\d)?"
    r"|gpt-5(?:\.\d)?(?:-pro)?(?:-\d{4}-\d\d-\d\d)?|o1(?:-pro|-preview)?|o3(?:-pro)?"
    r"|claude-(?:3-)?opus[\w.@:-]*|gemini-[\d.]+-(?:pro|ultra)[\w.-]*)$"
)

PAGE: Final = Page(
    what="Reports a file whose calls all name the same premium model, two calls or more, and that "
    "has no router.",
    why="Most files have some calls that a model at a tenth of the price answers as well: "
    "classifying, extracting, shortening. When each call names the dearest model, nobody has "
    "asked which ones those are.",
    cost="Five to thirty times the price of the smaller model of the same provider.",
    example="""
label = client.chat.completions.create(model="gpt-4o", messages=classify(text))
reply = client.chat.completions.create(model="gpt-4o", messages=answer(text))
""",
    use_instead="""
label = client.chat.completions.create(model="gpt-4o-mini", messages=classify(text))
reply = client.chat.completions.create(model="gpt-4o", messages=answer(text))
""",
    assumptions="The rule is off by default, because only you know what the calls are worth. "
    "Reported is the first of the calls. The rule is silent where a model is not a literal, where "
    "two models are in use, in tests and notebooks, and in files about evaluation.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report files with one premium model and no choice."""
    if checked.file.is_test or checked.file.is_notebook or "eval" in checked.file.path.lower():
        return
    sites = [site for site in checked.sites if site.kind == "sdk" and site.api not in _NO_MODEL]
    models = {site.model for site in sites}
    model = next(iter(models), None)
    if len(sites) < _FEWEST_CALLS or len(models) != 1 or model is None:
        return
    if _PREMIUM.search(model) is None or "Router" in checked.file.text:
        return
    yield checked.finding(
        CODE,
        sites[0].node,
        f"all {len(sites)} calls of this file ask {model}, whatever they are for",
    )


RULE: Final = Rule(
    code=CODE,
    name="hardcoded-premium-model",
    level="info",
    is_default=False,
    page=PAGE,
    check=check,
)
