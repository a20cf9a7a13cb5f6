"""The methods of each provider's client that run a model, by the end of their dotted name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Method:
    """A method that runs a model.

    Args:
        api: What it is about: "chat", "embeddings", ...
        streams: Whether it always gives its answer in parts.
        is_async: Whether it always gives an awaitable, whatever its client.
    """

    api: str
    streams: bool = False
    is_async: bool = False


# What the instructor package adds to a client.
STRUCTURED: Final = {
    "create_iterable": Method("chat", streams=True),
    "create_partial": Method("chat", streams=True),
    "create_with_completion": Method("chat"),
}


def _openai_methods() -> dict[str, Method]:
    methods = {
        "audio.speech.create": Method("audio"),
        "audio.transcriptions.create": Method("audio"),
        "audio.translations.create": Method("audio"),
        "chat.completions.create": Method("chat"),
        "chat.completions.parse": Method("chat"),
        "chat.completions.stream": Method("chat", streams=True),
        "completions.create": Method("completions"),
        "embeddings.create": Method("embeddings"),
        "images.create_variation": Method("images"),
        "images.edit": Method("images"),
        "images.generate": Method("images"),
        "responses.create": Method("responses"),
        "responses.parse": Method("responses"),
        "responses.stream": Method("responses", streams=True),
        "threads.create_and_run": Method("assistants"),
        "threads.create_and_run_poll": Method("assistants"),
        "threads.create_and_run_stream": Method("assistants", streams=True),
        "threads.runs.create": Method("assistants"),
        "threads.runs.create_and_poll": Method("assistants"),
        "threads.runs.stream": Method("assistants", streams=True),
        "threads.runs.submit_tool_outputs": Method("assistants"),
        "threads.runs.submit_tool_outputs_and_poll": Method("assistants"),
        "threads.runs.submit_tool_outputs_stream": Method("assistants", streams=True),
        **{f"chat.completions.{name}": method for name, method in STRUCTURED.items()},
    }
    old = {
        "Audio": "audio",
        "ChatCompletion": "chat",
        "Completion": "completions",
        "Embedding": "embeddings",
        "Image": "images",
    }
    for owner, api in old.items():
        verbs = ["create", "acreate"]
        if owner == "Audio":
            verbs = ["transcribe", "atranscribe", "translate", "atranslate"]
        if owner == "Image":
            verbs += ["create_edit", "create_variation", "acreate_edit", "acreate_variation"]
        for verb in verbs:
            methods[f"{owner}.{verb}"] = Method(api, is_async=verb.startswith("a"))
    return methods


OPENAI: Final = _openai_methods()
CHAT_LIKE: Final = {
    name: method
    for name, method in OPENAI.items()
    if not name.startswith("threads") and name[0].islower()
}
ANTHROPIC: Final = {
    "completions.create": Method("completions"),
    "messages.create": Method("messages"),
    **{f"messages.{name}": method for name, method in STRUCTURED.items()},
    "messages.parse": Method("messages"),
    "messages.stream": Method("messages", streams=True),
    "messages.tool_runner": Method("messages"),
}
BEDROCK: Final = {
    "converse": Method("converse"),
    "converse_stream": Method("converse", streams=True),
    "invoke_agent": Method("agent", streams=True),
    "invoke_inline_agent": Method("agent", streams=True),
    "invoke_model": Method("invoke_model"),
    "invoke_model_with_response_stream": Method("invoke_model", streams=True),
    "retrieve_and_generate": Method("agent"),
    "retrieve_and_generate_stream": Method("agent", streams=True),
}
GOOGLE: Final = {
    "embed_content": Method("embeddings"),
    "embed_content_async": Method("embeddings", is_async=True),
    "generate_content": Method("generate_content"),
    "generate_content_async": Method("generate_content", is_async=True),
    "generate_content_stream": Method("generate_content", streams=True),
    "generate_images": Method("images"),
    "generate_videos": Method("videos"),
    "send_message": Method("generate_content"),
    "send_message_async": Method("generate_content", is_async=True),
    "send_message_stream": Method("generate_content", streams=True),
}
OLD_GOOGLE: Final = {
    **GOOGLE,
    "generate_text": Method("completions"),
    "get_embeddings": Method("embeddings"),
    "get_embeddings_async": Method("embeddings", is_async=True),
    "predict": Method("completions"),
    "predict_async": Method("completions", is_async=True),
    "predict_streaming": Method("completions", streams=True),
    "send_message_streaming": Method("generate_content", streams=True),
}
COHERE: Final = {
    "chat": Method("chat"),
    "chat_stream": Method("chat", streams=True),
    "classify": Method("classify"),
    "embed": Method("embeddings"),
    "generate": Method("completions"),
    "generate_stream": Method("completions", streams=True),
    "rerank": Method("rerank"),
    "summarize": Method("summarize"),
}
MISTRAL: Final = {
    "agents.complete": Method("chat"),
    "agents.complete_async": Method("chat", is_async=True),
    "agents.stream": Method("chat", streams=True),
    "agents.stream_async": Method("chat", streams=True, is_async=True),
    "chat": Method("chat"),
    "chat.complete": Method("chat"),
    "chat.complete_async": Method("chat", is_async=True),
    "chat.parse": Method("chat"),
    "chat.parse_async": Method("chat", is_async=True),
    "chat.parse_stream": Method("chat", streams=True),
    "chat.stream": Method("chat", streams=True),
    "chat.stream_async": Method("chat", streams=True, is_async=True),
    "chat_stream": Method("chat", streams=True),
    "audio.speech.complete": Method("audio"),
    "audio.speech.complete_async": Method("audio", is_async=True),
    "audio.transcriptions.complete": Method("audio"),
    "audio.transcriptions.complete_async": Method("audio", is_async=True),
    "audio.transcriptions.stream": Method("audio", streams=True),
    "classifiers.classify": Method("classify"),
    "classifiers.classify_async": Method("classify", is_async=True),
    **{
        f"conversations.{verb}{end}": Method("agent", "stream" in end, "async" in end)
        for verb in ("append", "restart", "start")
        for end in ("", "_async", "_stream", "_stream_async")
    },
    "embeddings": Method("embeddings"),
    "embeddings.create": Method("embeddings"),
    "embeddings.create_async": Method("embeddings", is_async=True),
    "fim.complete": Method("completions"),
    "fim.complete_async": Method("completions", is_async=True),
    "fim.stream": Method("completions", streams=True),
    "ocr.process": Method("ocr"),
    "ocr.process_async": Method("ocr", is_async=True),
}
OLLAMA: Final = {
    "chat": Method("chat"),
    "embed": Method("embeddings"),
    "embeddings": Method("embeddings"),
    "generate": Method("completions"),
}
LITELLM: Final = {
    "acompletion": Method("chat", is_async=True),
    "aembedding": Method("embeddings", is_async=True),
    "aimage_generation": Method("images", is_async=True),
    "arerank": Method("rerank", is_async=True),
    "aresponses": Method("responses", is_async=True),
    "aspeech": Method("audio", is_async=True),
    "atext_completion": Method("completions", is_async=True),
    "atranscription": Method("audio", is_async=True),
    "batch_completion": Method("chat"),
    "completion": Method("chat"),
    "completion_with_retries": Method("chat"),
    "embedding": Method("embeddings"),
    "image_generation": Method("images"),
    "rerank": Method("rerank"),
    "responses": Method("responses"),
    "speech": Method("audio"),
    "text_completion": Method("completions"),
    "transcription": Method("audio"),
}
HUGGING_FACE: Final = {
    "chat.completions.create": Method("chat"),
    "chat_completion": Method("chat"),
    "conversational": Method("chat"),
    "feature_extraction": Method("embeddings"),
    "summarization": Method("summarize"),
    "text_generation": Method("completions"),
    "text_to_image": Method("images"),
}
REPLICATE: Final = {
    "async_run": Method("run", is_async=True),
    "async_stream": Method("run", streams=True, is_async=True),
    "predictions.create": Method("run"),
    "run": Method("run"),
    "stream": Method("run", streams=True),
}
VOYAGE: Final = {
    "contextualized_embed": Method("embeddings"),
    "embed": Method("embeddings"),
    "multimodal_embed": Method("embeddings"),
    "rerank": Method("rerank"),
}
AZURE_INFERENCE: Final = {"complete": Method("chat"), "embed": Method("embeddings")}
WATSON: Final = {
    "achat": Method("chat", is_async=True),
    "agenerate": Method("completions", is_async=True),
    "chat": Method("chat"),
    "chat_stream": Method("chat", streams=True),
    "embed_documents": Method("embeddings"),
    "embed_query": Method("embeddings"),
    "generate": Method("completions"),
    "generate_text": Method("completions"),
    "generate_text_stream": Method("completions", streams=True),
}
ALEPH_ALPHA: Final = {
    "complete": Method("completions"),
    "embed": Method("embeddings"),
    "semantic_embed": Method("embeddings"),
}
INSTRUCTOR: Final = {
    "create": Method("chat"),
    "chat.create": Method("chat"),
    "messages.create": Method("chat"),
    **STRUCTURED,
}
AZURE_AGENTS: Final = {
    "runs.create": Method("assistants"),
    "runs.create_and_process": Method("assistants"),
    "runs.stream": Method("assistants", streams=True),
}
WRITER: Final = {"chat.chat": Method("chat"), "completions.create": Method("completions")}
