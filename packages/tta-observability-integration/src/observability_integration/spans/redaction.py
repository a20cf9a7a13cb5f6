"""Take out of texts what lets its finder in: keys, tokens and passwords in their known shapes."""

from __future__ import annotations

import re
from typing import Final

REDACTED: Final = "[redacted]"

# Each alternative begins with something rare and repeats one bounded class, so that a long text
# costs no more than its length. What a group named `kept...` holds stays.
_SECRETS: Final = re.compile(
    r"""
    -----BEGIN[ A-Z]{0,40}PRIVATE[ ]KEY-----.*?(?:-----END[ A-Z]{0,40}PRIVATE[ ]KEY-----|\Z)
    | \b(?:sk|rk|pk)[-_][A-Za-z0-9_-]{16,512}
    | \bgh[opsur]_[A-Za-z0-9]{20,255}
    | \b(?:github_pat_|glpat-|gsk_|hf_|npm_|nvapi-|pplx-|r8_|xai-|pypi-)[A-Za-z0-9_-]{16,512}
    | \bxox[a-z]-[A-Za-z0-9-]{10,512}
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b
    | \bAIza[A-Za-z0-9_-]{30,64}
    | \beyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{8,16384}(?:\.[A-Za-z0-9_-]{0,4096})?
    | (?P<kept_scheme>\b(?i:bearer|basic)[ ]{1,4})[A-Za-z0-9._~+/=-]{8,8192}
    | (?P<kept_start>://)[^\s/:@]{0,256}:[^\s/@]{1,256}(?P<kept_end>@)
    | (?P<kept_name>
        \b(?i:api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|passw(?:or)?d|pwd
          |(?:client|app|shared)[-_ ]?secret|secret[-_ ]?(?:access[-_ ]?)?key|secret
          |(?:access|auth|bearer|id|refresh|session)[-_ ]?token)
        ["']?[ ]{0,4}[:=][ ]{0,4}
      )
      (?: "[^"\n]{1,512}" | '[^'\n]{1,512}' | [^\s"',;}\])]{4,512} )
    """,
    re.VERBOSE | re.DOTALL,
)
_SECRET_NAMES: Final = re.compile(
    r"passw|secret|api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|credential|authorization"
    r"|(?:access|auth|bearer|id|refresh|session)[-_ ]?token|^(?:pwd|token|cookie|set-cookie)$",
    re.IGNORECASE,
)
_EMAILS: Final = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
)
_LONGEST_NAME: Final = 128


def redact_secrets(text: str) -> str:
    """Return *text* without keys, tokens and passwords.

    Found are those that show by their shape (of AI providers, AWS, GitHub, GitLab, Google, Slack
    and others; signed web tokens; private keys), that follow `Bearer`, that stand in a URL, or that
    are said to be one, as in `password: ...`. What looks like any other text is not found.
    """
    return _SECRETS.sub(_without_secret, text)


def redact_secrets_and_emails(text: str) -> str:
    """Return *text* without secrets, as `redact_secrets`, and without e-mail addresses."""
    return _EMAILS.sub(REDACTED, redact_secrets(text))


def names_a_secret(name: str) -> bool:
    """Tell whether a field that is called *name* holds something secret."""
    return len(name) <= _LONGEST_NAME and _SECRET_NAMES.search(name) is not None


def _without_secret(found: re.Match[str]) -> str:
    kept = found.groupdict(default="")
    before = kept["kept_scheme"] or kept["kept_start"] or kept["kept_name"]
    return f"{before}{REDACTED}{kept['kept_end']}"
