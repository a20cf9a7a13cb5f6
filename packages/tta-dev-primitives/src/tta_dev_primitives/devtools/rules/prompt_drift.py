"""TTA203: a prompt that begins differently each time, so that no cache of the provider fits."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from .missing_timeout import confidence_in
from .prompt_text import definition_of, pieces_of, system_prompts
from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.findings.finding import Confidence, Finding

    from .rule import CheckedFile

CODE: Final = "TTA203"
SMALLEST_CACHED_TOKENS: Final = 1024
CHARACTERS_PER_TOKEN: Final = 5
_CLOCKS: Final = frozenset(
    {
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.datetime.today",
        "time.time",
        "time.time_ns",
        "time.monotonic",
        "time.perf_counter",
        "time.ctime",
        "time.asctime",
        "django.utils.timezone.now",
        "pendulum.now",
        "arrow.now",
        "arrow.utcnow",
    }
)
_IDENTIFIERS: Final = frozenset({"uuid.uuid1", "uuid.uuid4", "uuid.uuid7"})
_COARSE_ATTRIBUTES: Final = frozenset({"date", "year", "month", "day", "weekday", "isocalendar"})
_FINE_DIRECTIVE: Final = re.compile(r"%[-#]?[HIMSfcXsTRr]")

PAGE: Final = Page(
    what="Reports a system prompt that puts a time, a random number, a fresh identifier or a set "
    "in front of at least 1,024 tokens of text that stays the same.",
    why="Providers keep the beginning of a prompt and charge a tenth to a half for what they "
    "have seen before, but only up to the first character that differs. With the time of day in "
    "front, nothing behind it is ever found again. The order of a set changes with every process.",
    cost="The whole prompt at full price for each call: cached input costs 50% to 90% less.",
    example="""
system = f"It is {datetime.now()}. " + HANDBOOK
client.chat.completions.create(
    model="gpt-5-mini", messages=[{"role": "system", "content": system}, *turns]
)
""",
    use_instead="""
system = HANDBOOK + f"\\nIt is {datetime.now()}."
client.chat.completions.create(
    model="gpt-5-mini", messages=[{"role": "system", "content": system}, *turns]
)
""",
    assumptions="Text is counted at five characters a token, and only text that can be read from "
    "the source; where there is less of it than a provider caches, the rule is silent, or has "
    "medium confidence if more is put in behind. A date without a time changes once a day and is "
    "left alone. So are prompts of the user.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report prompts whose volatile piece stands in front of long static text."""
    seen: set[tuple[int, int]] = set()
    for site in checked.sites:
        if site.kind != "sdk":
            continue
        for prompt in system_prompts(checked, site):
            place = (prompt.lineno, prompt.col_offset)
            if place not in seen:
                seen.add(place)
                yield from _findings(checked, prompt)


def _findings(checked: CheckedFile, prompt: ast.expr) -> Iterator[Finding]:
    pieces = list(pieces_of(checked, prompt))
    for index, piece in enumerate(pieces):
        what = None if isinstance(piece, str) else _volatile(checked, piece)
        if what is None or isinstance(piece, str):
            continue
        behind = pieces[index + 1 :]
        tokens = sum(len(text) for text in behind if isinstance(text, str)) // CHARACTERS_PER_TOKEN
        open_end = any(not isinstance(rest, str) for rest in behind)
        if tokens < SMALLEST_CACHED_TOKENS and not open_end:
            return
        certain = tokens >= SMALLEST_CACHED_TOKENS
        confidence: Confidence = confidence_in(checked) if certain else "medium"
        amount = f"about {tokens:,} tokens" if certain else "everything"
        yield checked.finding(
            CODE,
            piece,
            f"{what} stands in front of {amount} of the system prompt, so the provider's cache "
            "finds nothing of it again",
            confidence=confidence,
        )
        return


def _volatile(checked: CheckedFile, piece: ast.expr) -> str | None:
    """Return what makes a piece differ from call to call, or None where nothing is known to."""
    if isinstance(piece, ast.FormattedValue):
        return _formatted(checked, piece)
    piece = definition_of(checked, piece)
    if isinstance(piece, ast.Attribute):
        return None if piece.attr in _COARSE_ATTRIBUTES else _volatile(checked, piece.value)
    if isinstance(piece, (ast.Set, ast.SetComp)):
        return "the order of a set"
    return _volatile_call(checked, piece) if isinstance(piece, ast.Call) else None


def _formatted(checked: CheckedFile, piece: ast.FormattedValue) -> str | None:
    what = _volatile(checked, piece.value)
    text = ast.unparse(piece.format_spec) if piece.format_spec is not None else ""
    is_coarse = "%" in text and _FINE_DIRECTIVE.search(text) is None
    return None if what == "the time" and is_coarse else what


def _volatile_call(checked: CheckedFile, call: ast.Call) -> str | None:
    name = checked.names.qualified(call.func) or ""
    if name in _CLOCKS:
        return "the time"
    if name == "time.strftime":
        return None if _is_coarse_format(checked, call) or len(call.args) > 1 else "the time"
    if name in _IDENTIFIERS:
        return "a fresh identifier"
    if name.startswith(("random.", "secrets.")) and name.count(".") == 1:
        return None if name in ("random.seed", "random.Random") else "a random value"
    if name in ("str", "int", "round", "repr", "builtins.str", "builtins.int") and call.args:
        return _volatile(checked, call.args[0])
    if not isinstance(call.func, ast.Attribute):
        return None
    if call.func.attr == "join" and call.args:
        return _order_of_set(checked, call.args[0])
    if call.func.attr in _COARSE_ATTRIBUTES:
        return None
    if call.func.attr == "strftime" and _is_coarse_format(checked, call):
        return None
    return _volatile(checked, call.func.value)


def _is_coarse_format(checked: CheckedFile, call: ast.Call) -> bool:
    given = checked.names.constant(call.args[0]) if call.args else None
    return not isinstance(given, str) or _FINE_DIRECTIVE.search(given) is None


def _order_of_set(checked: CheckedFile, items: ast.expr) -> str | None:
    items = definition_of(checked, items)
    if isinstance(items, ast.Call):
        is_set = checked.names.qualified(items.func) in ("set", "builtins.set", "frozenset")
        return "the order of a set" if is_set else None
    return "the order of a set" if isinstance(items, (ast.Set, ast.SetComp)) else None


RULE: Final = Rule(
    code=CODE,
    name="prompt-prefix-drift",
    level="warning",
    is_default=True,
    page=PAGE,
    check=check,
)
