"""Operations of a cache key function under which different questions get one key."""

from __future__ import annotations

import ast
import re
import string
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.calls.input_uses import Hop, Use

_CASE: Final = frozenset({"capitalize", "casefold", "lower", "swapcase", "title", "upper"})
# Parts that hold free text; of others, such as a language code, the case may not count.
_TEXTS: Final = frozenset(
    {
        *("", "content", "input", "instruction", "instructions", "message", "messages", "prompt"),
        *("prompts", "query", "question", "system", "system_prompt", "text", "texts", "user"),
    }
)
_TAKES_AWAY: Final = re.compile(r"\[\^|\\W|\\p\{P|[!?.,#+]")
_PUNCTUATION: Final = frozenset(string.punctuation)
_MEANINGFUL: Final = frozenset("+#-*/%=<>&|^~@$")


def folding(use: Use) -> str | None:
    """Return what is lost of a use of the input, and what then gets the same key; None if nothing.

    Only free text counts: the whole input, or a part such as `prompt`.
    """
    if use.part not in _TEXTS:
        return None
    for kind, word, node in use.hops:
        if kind == "method" and word in _CASE:
            return f'`.{word}()` folds the case, so "US" and "us" share an answer'
        if _drops_punctuation(kind, word, node):
            return 'punctuation is taken away, so "C++" and "C#" share an answer'
        if kind == "argument" and word == "len":
            return "only the length counts, so texts of one length share an answer"
    if _shuffles(use.hops):
        return 'the order of words is lost, so "dog bites man" and "man bites dog" share an answer'
    return None


def _drops_punctuation(kind: str, word: str, node: ast.AST) -> bool:
    if kind == "iterated" or (kind == "argument" and word == "filter"):
        return _keeps_letters(node)
    if not isinstance(node, ast.Call):
        return False
    texts = [text.value for text in node.args if isinstance(text, ast.Constant)]
    patterns = [text for text in texts if isinstance(text, str)]
    if kind == "method" and word == "translate":
        return "punctuation" in ast.dump(node)
    if kind == "method" and word == "replace":
        return len(patterns) >= 1 and bool(patterns[0]) and set(patterns[0]) <= _PUNCTUATION
    if kind == "method" and word in ("strip", "rstrip"):
        given = patterns[0] if patterns else ""
        return bool(_MEANINGFUL & set(given)) or "punctuation" in ast.dump(node)
    if kind == "argument" and word in ("sub", "subn"):
        return bool(patterns) and _TAKES_AWAY.search(patterns[0]) is not None
    if kind == "argument" and word in ("findall", "split", "finditer"):
        return bool(patterns) and re.search(r"\\w|\\W|a-z", patterns[0]) is not None
    return kind == "argument" and word == "slugify"


def _keeps_letters(node: ast.AST) -> bool:
    """Whether a comprehension or a filter keeps only letters and digits."""
    tests = node.ifs if isinstance(node, ast.comprehension) else [node]
    for test in tests:
        for inner in ast.walk(test):
            if isinstance(inner, ast.Attribute) and inner.attr in ("isalnum", "isalpha"):
                return True
            if isinstance(inner, ast.Attribute) and inner.attr == "punctuation":
                return True
    return False


def _shuffles(hops: tuple[Hop, ...]) -> bool:
    words = [word for kind, word, _ in hops if kind in ("method", "argument")]
    split = next((place for place, word in enumerate(words) if word == "split"), None)
    return split is not None and any(
        word in ("frozenset", "set", "sorted") for word in words[split + 1 :]
    )
