"""The shapes of calls that speak for a model when their client is not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .provider_methods import LITELLM


@dataclass(frozen=True, slots=True)
class Shape:
    """A dotted end that speaks for a provider's method.

    Args:
        end: Such as "chat.completions.create".
        provider: Whose it is when nothing else tells.
        keywords: Sets of keywords, each of which is proof enough; an empty one needs none.
    """

    end: str
    provider: str
    keywords: tuple[frozenset[str], ...] = (frozenset(),)


def _any_of(*groups: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(group.split()) for group in groups)


SHAPES: Final = {
    shape.end: shape
    for shape in (
        Shape("chat.completions.create", "openai"),
        Shape("chat.completions.parse", "openai"),
        Shape("chat.completions.stream", "openai"),
        Shape("responses.create", "openai", _any_of("model input", "model prompt", "input tools")),
        Shape("responses.parse", "openai", _any_of("model input", "text_format")),
        Shape("responses.stream", "openai", _any_of("model input", "text_format")),
        Shape(
            "completions.create",
            "openai",
            _any_of(
                "model prompt", "model messages", "prompt max_tokens", "prompt max_tokens_to_sample"
            ),
        ),
        Shape("embeddings.create", "openai", _any_of("model input", "model inputs")),
        Shape("images.generate", "openai", _any_of("prompt")),
        Shape("images.edit", "openai", _any_of("prompt image")),
        Shape("audio.transcriptions.create", "openai"),
        Shape("audio.translations.create", "openai"),
        Shape("audio.speech.create", "openai"),
        Shape("threads.runs.create", "openai", _any_of("assistant_id", "thread_id")),
        Shape("threads.runs.create_and_poll", "openai", _any_of("assistant_id", "thread_id")),
        Shape("threads.runs.stream", "openai", _any_of("assistant_id", "thread_id")),
        Shape("completions.create_with_completion", "openai", _any_of("response_model")),
        Shape("completions.create_iterable", "openai", _any_of("response_model")),
        Shape("completions.create_partial", "openai", _any_of("response_model")),
        Shape("ChatCompletion.create", "openai", _any_of("messages", "model", "engine")),
        Shape("ChatCompletion.acreate", "openai", _any_of("messages", "model", "engine")),
        Shape(
            "messages.create",
            "anthropic",
            _any_of("max_tokens messages", "model messages", "model max_tokens"),
        ),
        Shape("messages.parse", "anthropic", _any_of("max_tokens messages", "model messages")),
        Shape(
            "messages.stream",
            "anthropic",
            _any_of("max_tokens messages", "model messages", "model max_tokens"),
        ),
        Shape("messages.tool_runner", "anthropic", _any_of("model messages")),
        Shape("models.generate_content", "google", _any_of("model", "contents")),
        Shape("models.generate_content_stream", "google", _any_of("model", "contents")),
        Shape("models.embed_content", "google", _any_of("model", "contents")),
        Shape("models.generate_images", "google", _any_of("model prompt")),
        Shape(
            "generate_content",
            "google",
            _any_of("contents", "generation_config", "safety_settings"),
        ),
        Shape(
            "generate_content_async",
            "google",
            _any_of("contents", "generation_config", "safety_settings"),
        ),
        Shape("invoke_model", "bedrock", _any_of("modelId")),
        Shape("invoke_model_with_response_stream", "bedrock", _any_of("modelId")),
        Shape("converse", "bedrock", _any_of("modelId")),
        Shape("converse_stream", "bedrock", _any_of("modelId")),
        Shape("retrieve_and_generate", "bedrock", _any_of("retrieveAndGenerateConfiguration")),
        Shape("invoke_agent", "bedrock", _any_of("agentId agentAliasId")),
        Shape("create", "instructor", _any_of("messages response_model")),
        Shape("chat.complete", "mistral", _any_of("model messages")),
        Shape("chat.complete_async", "mistral", _any_of("model messages")),
        Shape("chat.stream", "mistral", _any_of("model messages")),
        Shape("chat.stream_async", "mistral", _any_of("model messages")),
        Shape("fim.complete", "mistral", _any_of("model prompt")),
    )
}
# What a client may be asked where an import of its provider, or its name, speaks for it.
SPECIFIC: Final = {
    "litellm": dict.fromkeys(LITELLM, _any_of("model")),
    "mistral": {
        "chat": _any_of("model messages"),
        "chat_stream": _any_of("model messages"),
        "embeddings": _any_of("model input"),
    },
    "cohere": {
        "chat": _any_of("message", "model messages"),
        "chat_stream": _any_of("message", "model messages"),
        "embed": _any_of("texts", "model"),
        "generate": _any_of("prompt"),
        "rerank": _any_of("documents query"),
    },
    "ollama": {
        "chat": _any_of("model messages"),
        "embed": _any_of("model input"),
        "embeddings": _any_of("model prompt"),
        "generate": _any_of("model prompt"),
    },
    "voyage": {"embed": _any_of("model"), "rerank": _any_of("documents query", "model")},
    "replicate": {
        "run": _any_of("input"),
        "stream": _any_of("input"),
        "predictions.create": _any_of("input"),
    },
    "huggingface": {
        "chat_completion": _any_of("messages"),
        "text_generation": _any_of("prompt", "max_new_tokens", "details"),
    },
    "google": {
        "generate_content": _any_of(""),
        "generate_content_async": _any_of(""),
        "send_message": _any_of(""),
        "send_message_streaming": _any_of(""),
    },
    "alephalpha": {"complete": _any_of("model")},
    "writer": {"chat.chat": _any_of("messages"), "completions.create": _any_of("prompt")},
}
