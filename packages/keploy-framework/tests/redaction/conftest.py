"""Secrets that open nothing, and a redactor for each test."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import pytest

from keploy_framework.redaction import Redactor

# Put together here, so that no scanner takes this file for a leak.
_PARTS = {
    "openai": ("sk-", "proj-", "Ab1" * 16),
    "openai-old": ("s", "k-", "T3BlbkFJ" + "9xQ" * 12),
    "anthropic": ("sk-", "ant-", "api03-", "Zy8_" * 20),
    "aws": ("AK", "IA", "IOSFODNN7EXAMPL3"),
    "github": ("gh", "p_", "a1B2" * 9),
    "github-oauth": ("gh", "o_", "c3D4" * 9),
    "github-fine": ("github", "_pat_", "11ABCDE0_" + "e5F6" * 12),
    "slack": ("xo", "xb-", "123456789012-abcdefABCDEF"),
    "google": ("AI", "za", "SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY"),
    "stripe": ("sk", "_live_", "4eC39HqLyjWDarjtT1zdp7dc"),
    "stripe-restricted": ("rk", "_live_", "51Hq0LyjWDarjtT1zdp7dcAB"),
    "twilio": ("A", "C", "0123456789abcdef0123456789abcdef"),
    "hugging-face": ("h", "f_", "QwErTyUiOpAsDfGhJkLzXc9"),
}


@dataclass(frozen=True)
class Planted:
    """The secrets that are planted.

    Args:
        keys: Keys that tell by themselves what they are.
        claims: The head and the claims of a token.
        signature: What makes the token valid.
        opaque: A key that only its name tells.
        key_line: A line of a private key.
    """

    keys: dict[str, str]
    claims: str
    signature: str
    opaque: str
    key_line: str

    @property
    def token(self) -> str:
        return f"{self.claims}.{self.signature}"

    @property
    def private_key(self) -> str:
        begin, end = (f"-----{word} RSA PRIVATE KEY-----" for word in ("BEGIN", "END"))
        return f"{begin}\n{self.key_line}\n{end}"

    @property
    def texts(self) -> list[str]:
        """What must stand nowhere."""
        return [*self.keys.values(), self.signature, self.opaque, self.key_line]


@pytest.fixture(scope="session")
def planted() -> Planted:
    claims = ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=")
        for part in (b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"42","exp":1900000000}')
    )
    return Planted(
        {name: "".join(parts) for name, parts in _PARTS.items()},
        claims,
        "dBjftJeZ4CVPmB92K27uhbUJU1p1r0wW1gFWFOEjXk0",
        "Zk7Qp2Lm9Xw4Vt6Rb1Nc",
        "MIIEpAIBAAKCAQEA7bq3X5Wq0tK1",
    )


@pytest.fixture
def redactor() -> Redactor:
    return Redactor()
