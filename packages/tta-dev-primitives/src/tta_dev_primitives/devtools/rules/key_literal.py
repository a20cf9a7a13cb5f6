"""TTA501: a key of a model provider in the source."""

from __future__ import annotations

import ast
import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.findings.finding import Confidence, Finding

    from .rule import CheckedFile

CODE: Final = "TTA501"
_ADVICE: Final = "; revoke it, and read the next from the environment"

# What the keys of each provider look like; the part in brackets is the secret itself.
_SHAPES: Final = (
    ("Anthropic", re.compile(r"\bsk-ant-(?:api|admin|oat)\d\d-([\w-]{40,})")),
    ("OpenRouter", re.compile(r"\bsk-or-v1-([0-9a-f]{64})\b")),
    ("OpenAI", re.compile(r"\bsk-(?:proj|svcacct|admin|None)-([\w-]{40,})")),
    ("OpenAI", re.compile(r"\bsk-([A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})\b")),
    ("OpenAI", re.compile(r"\bsk-([A-Za-z0-9]{32,64})\b")),
    ("Groq", re.compile(r"\bgsk_([A-Za-z0-9]{48,60})\b")),
    ("Hugging Face", re.compile(r"\bhf_([A-Za-z]{34})\b")),
    ("Replicate", re.compile(r"\br8_([A-Za-z0-9]{37})\b")),
    ("xAI", re.compile(r"\bxai-([A-Za-z0-9]{70,90})\b")),
    ("Perplexity", re.compile(r"\bpplx-([A-Za-z0-9]{48,56})\b")),
)
# Public web keys of Google look the same, so these count only where a model is about.
_GOOGLE: Final = re.compile(r"\bAIza([\w-]{35})\b")
_GOOGLE_MODELS: Final = ("google.generativeai", "google.genai", "from google import genai")
_MAY_HOLD_A_KEY: Final = re.compile(r"sk-\w|gsk_|\bhf_|\br8_|xai-|pplx-|AIza|api_key\s*=\s*[\"']")
# Looked for before the pattern, which is slow; most files hold none of them.
_HINTS: Final = ("sk-", "gsk_", "hf_", "r8_", "xai-", "pplx-", "AIza", "api_key")
_NO_SECRET: Final = re.compile(
    r"x{4}|\*{3}|\.{3}|0{6}|1{6}|a{5}|12345|abcdef|test|fake|dummy|example|sample|placeholder"
    r"|your|mock|redact|invalid|changeme|secret|insert|replace|key",
    re.IGNORECASE,
)
_LEAST_BITS: Final = 3.3
_CLIENTS: Final = ("openai.", "anthropic.", "cohere.", "mistralai.", "groq.", "together.", "azure.")
_PLAIN_KEY: Final = re.compile(r"(?=\D*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{32,}")

PAGE: Final = Page(
    what="Reports a string that has the shape of a key of a model provider, and a key given to a "
    "client as a literal.",
    why="Whoever reads the file, its history or a copy of either can spend with the key. Keys in "
    "public repositories are found by machines within minutes.",
    cost="Whatever the account allows, until the key is revoked.",
    example="""
client = OpenAI(api_key="sk-proj-...the rest of a real key...")
""",
    use_instead="""
client = OpenAI(api_key=os.environ["OPENAI_API_KEY"])
""",
    assumptions="A key must have the prefix and the length of its provider and be as mixed as a "
    "random text; what says of itself that it is a placeholder, a test or an example is left "
    "alone. Keys of Google count only in files that use its models. In tests the rule has medium "
    "confidence, because recordings hold keys that were revoked. The finding does not repeat the "
    "key.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report strings that are keys."""
    text = checked.file.text
    if not any(hint in text for hint in _HINTS) or _MAY_HOLD_A_KEY.search(text) is None:
        return
    confidence: Confidence = "medium" if checked.file.is_test else "high"
    uses_google = any(name in text for name in _GOOGLE_MODELS)
    for node in ast.walk(checked.file.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            vendor = _vendor(node.value, uses_google=uses_google)
            if vendor is not None:
                message = f"a key of {vendor} stands in the source"
                yield checked.finding(CODE, node, message + _ADVICE, confidence=confidence)
        elif isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg == "api_key" and _is_plain_key(checked, node, keyword.value):
                    message = "a key is given to this client as a literal" + _ADVICE
                    yield checked.finding(CODE, keyword.value, message, confidence=confidence)


def _vendor(text: str, *, uses_google: bool) -> str | None:
    for vendor, shape in (*_SHAPES, *((("Google", _GOOGLE),) if uses_google else ())):
        for found in shape.finditer(text):
            if _is_secret(found.group(1)):
                return vendor
    return None


def _is_plain_key(checked: CheckedFile, call: ast.Call, value: ast.expr) -> bool:
    """Tell whether a literal without a known prefix is a key of a client that wants one."""
    if not isinstance(value, ast.Constant) or not isinstance(value.value, str):
        return False
    if _PLAIN_KEY.fullmatch(value.value) is None or _vendor(value.value, uses_google=True):
        return False
    name = checked.names.qualified(call.func) or ""
    return name.startswith(_CLIENTS) and _is_secret(value.value)


def _is_secret(body: str) -> bool:
    return _NO_SECRET.search(body) is None and _bits_per_character(body) >= _LEAST_BITS


def _bits_per_character(text: str) -> float:
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)


RULE: Final = Rule(
    code=CODE,
    name="api-key-literal",
    level="error",
    is_default=True,
    page=PAGE,
    check=check,
)
