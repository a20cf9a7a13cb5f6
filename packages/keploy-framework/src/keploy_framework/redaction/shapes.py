"""What keys of well known services look like, wherever they stand in a text."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Shape:
    """The look of one kind of secret.

    Args:
        rule: The name of the rule, such as ``openai-key``.
        hint: A text that every secret of the kind contains.
        pattern: Finds it. The group ``keep`` is what says the kind and is no secret.
    """

    rule: str
    hint: str
    pattern: re.Pattern[str]


def _shape(rule: str, hint: str, keep: str, rest: str) -> Shape:
    return Shape(rule, hint, re.compile(rf"(?<![A-Za-z0-9])(?P<keep>{keep}){rest}"))


_WORD: Final = r"[A-Za-z0-9_-]"
_PLAIN: Final = r"[A-Za-z0-9]"
# A word of letters alone, such as the name of a style, is no key.
_WITH_DIGIT: Final = r"(?=[A-Za-z_-]*[0-9])"

_TABLE: Final = (
    ("anthropic-key", "sk-ant-", r"sk-ant-(?:[a-z]+[0-9]+-)?", rf"{_WORD}{{16,}}"),
    (
        "openai-key",
        "sk-",
        r"sk-(?:proj-|svcacct-|admin-|or-v1-)?",
        rf"{_WITH_DIGIT}(?!ant-){_WORD}{{20,}}",
    ),
    ("aws-key", "AKIA", "AKIA", r"[0-9A-Z]{16}(?![0-9A-Za-z])"),
    ("aws-key", "ASIA", "ASIA", r"[0-9A-Z]{16}(?![0-9A-Za-z])"),
    ("github-token", "ghp_", "ghp_", rf"{_PLAIN}{{20,}}"),
    ("github-token", "gho_", "gho_", rf"{_PLAIN}{{20,}}"),
    ("github-token", "ghs_", "ghs_", rf"{_PLAIN}{{20,}}"),
    ("github-token", "ghu_", "ghu_", rf"{_PLAIN}{{20,}}"),
    ("github-token", "ghr_", "ghr_", rf"{_PLAIN}{{20,}}"),
    ("github-token", "github_pat_", "github_pat_", r"[A-Za-z0-9_]{20,}"),
    ("gitlab-token", "glpat-", "glpat-", rf"{_WORD}{{20,}}"),
    ("slack-token", "xox", r"xox[abceoprs]-", r"[A-Za-z0-9-]{10,}"),
    ("slack-token", "xapp-", "xapp-", r"[A-Za-z0-9-]{10,}"),
    ("slack-webhook", "slack.com/", r"hooks\.slack\.com/services/", r"[A-Za-z0-9/]{20,}"),
    ("google-key", "AIza", "AIza", rf"{_WORD}{{30,}}"),
    ("google-token", "ya29.", r"ya29\.", rf"{_WORD}{{20,}}"),
    ("google-secret", "GOCSPX-", "GOCSPX-", rf"{_WORD}{{20,}}"),
    ("stripe-key", "k_", r"[rs]k_(?:live|test)_", rf"{_PLAIN}{{10,}}"),
    ("stripe-webhook", "whsec_", "whsec_", r"[A-Za-z0-9+/=]{16,}"),
    ("twilio-id", "AC", "AC", r"[0-9a-f]{32}(?![0-9A-Za-z])"),
    ("twilio-key", "SK", "SK", r"[0-9a-f]{32}(?![0-9A-Za-z])"),
    ("hugging-face-token", "hf_", "hf_", rf"{_PLAIN}{{20,}}"),
    ("groq-key", "gsk_", "gsk_", rf"{_PLAIN}{{20,}}"),
    ("xai-key", "xai-", "xai-", rf"{_PLAIN}{{20,}}"),
    ("replicate-token", "r8_", "r8_", rf"{_PLAIN}{{20,}}"),
    ("perplexity-key", "pplx-", "pplx-", rf"{_PLAIN}{{20,}}"),
    ("sendgrid-key", "SG.", r"SG\.", rf"{_WORD}{{16,}}\.{_WORD}{{16,}}"),
    ("npm-token", "npm_", "npm_", rf"{_PLAIN}{{30,}}"),
    ("pypi-token", "pypi-", "pypi-", rf"{_WORD}{{50,}}"),
    ("shopify-token", "shp", r"shp(?:at|ca|pa|ss)_", r"[0-9a-fA-F]{32}"),
    ("digitalocean-token", "_v1_", r"do[opr]_v1_", r"[0-9a-f]{64}"),
    ("databricks-token", "dapi", "dapi", r"[0-9a-f]{32}"),
    ("telegram-token", ":AA", r"", r"(?:bot)?[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"),
)

SHAPES: Final = tuple(_shape(*row) for row in _TABLE)
"""The known kinds; of two that could begin at the same place the more special is first."""

KEPT: Final = "|".join(keep for _, _, keep, _ in _TABLE if keep)
"""A pattern for what redaction leaves of keys to say their kind."""

JSON_WEB_TOKEN: Final = re.compile(
    r"(?<![A-Za-z0-9_-])(?P<head>eyJ[A-Za-z0-9_-]{5,})\.(?P<claims>[A-Za-z0-9_-]*)"
    r"(?P<inner>(?:\.[A-Za-z0-9_-]+){2})?\.(?P<signature>[A-Za-z0-9_-]{4,})"
)
"""A signed token of three parts, or an encrypted one of five."""

PRIVATE_KEY: Final = re.compile(
    r"(?P<begin>-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)(?P<key>.*?)"
    r"(?P<end>-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)

USER_INFO: Final = re.compile(
    r"(?P<scheme>(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,30}:(?:\\?/){2})"
    r"(?P<user>[^\s/?#:@\"'<>\\]{0,200})"
    r"(?::(?P<password>[^\s/?#\"'<>\\]{1,500}))?@(?=[A-Za-z0-9\[_])"
)
"""User and password before the host of a URL."""

BEARER: Final = re.compile(r"(?i:(?P<scheme>\bbearer\s+))(?P<value>[A-Za-z0-9._~+/-]{12,}=*)")
BASIC: Final = re.compile(r"(?i:(?P<scheme>\bbasic\s+))(?P<value>[A-Za-z0-9+/]{8,}={0,2})")

_UUID: Final = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_RANDOM: Final = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9+/=_.~:-]{16,4096}")


def looks_random(text: str) -> bool:
    """Tell whether a text looks like a key: long, of letters and digits, and no UUID."""
    return _RANDOM.fullmatch(text) is not None and _UUID.fullmatch(text) is None


def is_credentials(text: str) -> bool:
    """Tell whether a text is a user and a password, written as the scheme ``Basic`` does."""
    try:
        plain = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return False
    return ":" in plain and plain.isprintable()
