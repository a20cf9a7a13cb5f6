"""Whom a base URL belongs to."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Host:
    """What is known of the server behind a base URL.

    Attributes:
        provider: Name of the provider as traces spell it; None where the host is nobody's.
        local: Whether the server is on this machine or network, and so may need no key.
    """

    provider: str | None
    local: bool = False


_PROVIDERS = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "cognitiveservices.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.openai",
    "api.anthropic.com": "anthropic",
    "api.cerebras.ai": "cerebras",
    "api.cohere.ai": "cohere",
    "api.cohere.com": "cohere",
    "api.deepseek.com": "deepseek",
    "api.fireworks.ai": "fireworks",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.moonshot.ai": "moonshotai",
    "openrouter.ai": "openrouter",
    "api.perplexity.ai": "perplexity",
    "api.together.xyz": "together",
    "api.x.ai": "x_ai",
    "api.z.ai": "zai",
}
_LOCAL_ENDINGS = ("localhost", ".local", ".internal", ".lan", ".home.arpa")


def host_of(base_url: str) -> Host:
    """Return what is known of the server behind *base_url*."""
    try:
        name = (urlsplit(base_url).hostname or "").lower()
    except ValueError:
        return Host(None)
    parts = name.split(".")
    for start in range(len(parts)):
        provider = _PROVIDERS.get(".".join(parts[start:]))
        if provider is not None:
            return Host(provider)
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return Host(None, local=bool(name) and ("." not in name or name.endswith(_LOCAL_ENDINGS)))
    return Host(None, local=address.is_private or address.is_loopback)
