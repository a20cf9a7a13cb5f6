"""What a new package or app is called: in requirements, in imports, and as a class."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from dataclasses import dataclass
from typing import Final

from .refusal import Rule, TemplateRefusedError

# With more, an import of the first primitive would be no line that formatters leave alone.
LONGEST_NAME: Final = 32
LONGEST_SUMMARY: Final = 78
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# What would end a string, a docstring or an expression in a generated file.
_UNFIT: Final = re.compile(r"[\"\\{}<>\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NO_NAMES: Final = frozenset({"test", "tests", "src", "docs", "main"})


@dataclass(frozen=True, slots=True)
class Names:
    """The three spellings of a name.

    Attributes:
        distribution: As in a requirement: `acme-shout`.
        module: As in an import: `acme_shout`.
        class_name: As the first primitive: `AcmeShoutPrimitive`.
    """

    distribution: str
    module: str
    class_name: str


def check_name(name: str) -> Names:
    """Spell *name* out.

    Raises:
        TemplateRefusedError: It is badly formed, too long, or means something in Python already.
    """
    fitting = "-".join(re.findall(r"[a-z0-9]+", name.lower())).lstrip("0123456789-")
    if not _NAME.fullmatch(name):
        wrong = "a name has lower-case letters, digits and single hyphens, and begins with a letter"
        fix = f"try {fitting}" if _NAME.fullmatch(fitting) else "try another"
        raise TemplateRefusedError(Rule.BAD_NAME, repr(name), wrong, fix)
    if len(name) > LONGEST_NAME:
        wrong = f"it has {len(name)} characters, and {LONGEST_NAME} are the most"
        raise TemplateRefusedError(Rule.BAD_NAME, repr(name), wrong, "shorten it")
    module = name.replace("-", "_")
    if keyword.iskeyword(module) or module in sys.stdlib_module_names or module in _NO_NAMES:
        wrong = f"{module} means something else in Python or in a project"
        raise TemplateRefusedError(Rule.BAD_NAME, repr(name), wrong, f"try my-{name}")
    words = name.split("-")
    if words[-1] in {"primitive", "primitives"} and len(words) > 1:
        del words[-1]
    class_name = "".join(word.capitalize() for word in words) + "Primitive"
    return Names(name, module, class_name)


def check_module_is_free(names: Names) -> None:
    """Refuse an import name that something installed has.

    Raises:
        TemplateRefusedError: It is taken.
    """
    try:
        found = importlib.util.find_spec(names.module)
    except (ImportError, ValueError):
        return
    if found is not None:
        where = f" from {found.origin}" if found.origin else ""
        wrong = f"{names.module} can be imported here already{where}"
        raise TemplateRefusedError(
            Rule.TAKEN_NAME, repr(names.distribution), wrong, "choose another"
        )


def check_summary(summary: str) -> str:
    """Return *summary* as one sentence.

    Raises:
        TemplateRefusedError: It is empty or too long, or cannot stand in TOML and in a docstring.
    """
    sentence = summary.strip()
    if sentence and not sentence.endswith((".", "!", "?")):
        sentence += "."
    unfit = _UNFIT.search(sentence)
    if unfit is not None:
        wrong = f"it holds {unfit[0]!r}, which cannot stand in every generated file"
        raise TemplateRefusedError(Rule.BAD_SUMMARY, repr(summary), wrong, "leave that out")
    if not 0 < len(sentence) <= LONGEST_SUMMARY:
        wrong = f"it has {len(sentence)} characters, and 1 to {LONGEST_SUMMARY} are needed"
        raise TemplateRefusedError(
            Rule.BAD_SUMMARY, repr(summary), wrong, "write one short sentence"
        )
    return sentence
