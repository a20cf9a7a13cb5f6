"""How providers are called."""

from __future__ import annotations

from typing import Final

# OpenTelemetry's names, and some older ones, for providers that genai-prices calls otherwise.
_ALIASES: Final = {
    "aws.bedrock": "aws",
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure-openai": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "x_ai": "x-ai",
    "xai": "x-ai",
    "z_ai": "zai",
}


def canonical_provider(name: str) -> str:
    """Return the name by which prices are kept for the provider *name*."""
    name = name.strip().lower()
    return _ALIASES.get(name, name)
