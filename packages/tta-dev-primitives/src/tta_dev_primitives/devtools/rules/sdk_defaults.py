"""What clients of model providers do unasked: how long they wait, how often they try.

Read from the packages named beside each entry; a test holds those that are installed to it. Where
a default differs between releases in use, there is no entry, and the rules are silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class SdkDefaults:
    """What one client does unasked.

    Args:
        read_seconds: Longest wait for the next byte, None where there is no limit.
        max_retries: Further attempts after the first, None where it differs between releases.
        timeout_argument: What a constructor or call takes to set the limit, `""` where that takes
            more than an argument with a number of seconds.
    """

    read_seconds: float | None
    max_retries: int | None
    timeout_argument: str = "timeout"


_STAINLESS: Final = SdkDefaults(read_seconds=600, max_retries=2)
_OLLAMA: Final = SdkDefaults(read_seconds=None, max_retries=0)
_COHERE: Final = SdkDefaults(read_seconds=300, max_retries=None)
_VOYAGE: Final = SdkDefaults(read_seconds=600, max_retries=0)
_SHORT: Final = SdkDefaults(read_seconds=60, max_retries=2)

CLIENTS: Final[Mapping[str, SdkDefaults]] = {
    # openai 3.54.0, anthropic 2.12.0
    **{
        f"openai.{name}": _STAINLESS
        for name in ("OpenAI", "AsyncOpenAI", "AzureOpenAI", "AsyncAzureOpenAI")
    },
    **{
        f"anthropic.{name}": _STAINLESS
        for name in (
            "Anthropic",
            "AsyncAnthropic",
            "AnthropicBedrock",
            "AsyncAnthropicBedrock",
            "AnthropicVertex",
            "AsyncAnthropicVertex",
        )
    },
    # groq 1.7.0
    "groq.Groq": _SHORT,
    "groq.AsyncGroq": _SHORT,
    # ollama 0.6.3, cohere 7.3.1, voyageai 0.5.0
    "ollama.Client": _OLLAMA,
    "ollama.AsyncClient": _OLLAMA,
    **{
        f"cohere.{name}": _COHERE for name in ("Client", "AsyncClient", "ClientV2", "AsyncClientV2")
    },
    "voyageai.Client": _VOYAGE,
    "voyageai.AsyncClient": _VOYAGE,
    # google-genai 3.4.0; its limit is a number of milliseconds inside http_options
    "google.genai.Client": SdkDefaults(None, 0, timeout_argument=""),
    # huggingface-hub 2.4.0
    "huggingface_hub.InferenceClient": SdkDefaults(None, 0),
    "huggingface_hub.AsyncInferenceClient": SdkDefaults(None, 0),
}

FUNCTIONS: Final[Mapping[str, SdkDefaults]] = {
    # These use a client of the module that nobody can give a limit.
    "ollama.chat": SdkDefaults(None, 0, timeout_argument=""),
    "ollama.generate": SdkDefaults(None, 0, timeout_argument=""),
    "ollama.embed": SdkDefaults(None, 0, timeout_argument=""),
    "ollama.embeddings": SdkDefaults(None, 0, timeout_argument=""),
    "requests.post": SdkDefaults(None, 0),
    "requests.request": SdkDefaults(None, 0),
}
