"""Frameworks that call models for their users: which of their methods do."""

from __future__ import annotations

from typing import Final

from .provider_methods import Method

_RUNNABLE: Final = {
    "abatch": Method("chat", is_async=True),
    "ainvoke": Method("chat", is_async=True),
    "apredict": Method("chat", is_async=True),
    "astream": Method("chat", streams=True, is_async=True),
    "astream_events": Method("chat", streams=True, is_async=True),
    "arun": Method("chat", is_async=True),
    "agenerate": Method("chat", is_async=True),
    "batch": Method("chat"),
    "generate": Method("chat"),
    "invoke": Method("chat"),
    "predict": Method("chat"),
    "run": Method("chat"),
    "stream": Method("chat", streams=True),
}
_LLAMA_INDEX: Final = {
    "achat": Method("chat", is_async=True),
    "acomplete": Method("completions", is_async=True),
    "aget_text_embedding": Method("embeddings", is_async=True),
    "apredict": Method("completions", is_async=True),
    "aquery": Method("chat", is_async=True),
    "astream_chat": Method("chat", streams=True, is_async=True),
    "astream_complete": Method("completions", streams=True, is_async=True),
    "chat": Method("chat"),
    "complete": Method("completions"),
    "get_query_embedding": Method("embeddings"),
    "get_text_embedding": Method("embeddings"),
    "get_text_embedding_batch": Method("embeddings"),
    "predict": Method("completions"),
    "query": Method("chat"),
    "run": Method("chat"),
    "stream_chat": Method("chat", streams=True),
    "stream_complete": Method("completions", streams=True),
    "structured_predict": Method("completions"),
}
_AGENT: Final = {
    "arun": Method("agent", is_async=True),
    "aprint_response": Method("agent", is_async=True),
    "ask": Method("agent"),
    "kickoff": Method("agent"),
    "kickoff_async": Method("agent", is_async=True),
    "print_response": Method("agent"),
    "run": Method("agent"),
    "run_async": Method("agent"),
    "run_stream": Method("agent", streams=True, is_async=True),
    "run_streamed": Method("agent", streams=True),
    "run_sync": Method("agent"),
}
_AUTOGEN: Final = {
    **_AGENT,
    "a_generate_reply": Method("agent", is_async=True),
    "a_initiate_chat": Method("agent", is_async=True),
    "a_send": Method("agent", is_async=True),
    "create": Method("chat"),
    "generate_reply": Method("agent"),
    "initiate_chat": Method("agent"),
    "send": Method("agent"),
}
_PROMPTED: Final = {"chain": Method("chat"), "prompt": Method("chat")}
_CALLED: Final = {"__call__": Method("chat"), "acall": Method("chat", is_async=True)}

# By the first name of the package; the object it is called on decides nothing more.
_FRAMEWORKS: Final = {
    "agents": _AGENT,
    "agno": _AGENT,
    "autogen": _AUTOGEN,
    "autogen_agentchat": _AUTOGEN,
    "autogen_ext": _AUTOGEN,
    "crewai": {**_AGENT, "call": Method("chat")},
    "dspy": {**_CALLED, "forward": Method("chat")},
    "google.adk": _AGENT,
    "haystack": {"run": Method("chat"), "run_async": Method("chat", is_async=True)},
    "langchain": _RUNNABLE,
    "langgraph": _RUNNABLE,
    "llama_index": _LLAMA_INDEX,
    "llm": _PROMPTED,
    "phi": _AGENT,
    "pydantic_ai": {**_AGENT, "run": Method("agent", is_async=True)},
    "semantic_kernel": {
        "get_chat_message_content": Method("chat", is_async=True),
        "get_response": Method("agent", is_async=True),
        "invoke": Method("chat", is_async=True),
        "invoke_prompt": Method("chat", is_async=True),
    },
    "smolagents": _AGENT,
}
# Only classes with such a word in their name call a model, in frameworks where any part has "run".
_ONLY: Final = {
    "autogen_core": ("Client",),
    "autogen_ext": ("Client", "Agent", "Team", "Surfer"),
    "crewai": ("Agent", "Completion", "Crew", "LLM"),
    "crewai_cli": (),
    "haystack": ("Agent", "Generator", "LLM", "Pipeline"),
}
_OTHER_MODULES: Final = frozenset(
    {
        "document_loaders",
        "output_parsers",
        "prompts",
        "retrievers",
        "text_splitter",
        "tools",
        "utilities",
        "vectorstores",
    }
)
# Parts of frameworks that have the same methods and call no model of their own.
_NO_MODEL: Final = (
    "Cache",
    "Embedder",
    "Factory",
    "Loader",
    "Memory",
    "Parser",
    "Prompt",
    "Retriever",
    "Splitter",
    "Store",
    "Template",
    "Tool",
)


def framework_match(dotted: str) -> Method | None:
    """Recognise a framework's method by its dotted name, such as "langchain_openai.X.invoke"."""
    parts = dotted.split(".")
    if len(parts) < 3:
        return None
    methods = None
    for name, known in _FRAMEWORKS.items():
        first = dotted if "." in name else parts[0]
        if first == name or first.startswith((name + "_", name + ".")):
            methods = known
    method = methods.get(parts[-1]) if methods is not None else None
    owners = parts[1:-1]
    if method is None or any(word in part for part in owners for word in _NO_MODEL):
        return None
    if not _OTHER_MODULES.isdisjoint(owners):
        return None
    needed = _ONLY.get(parts[0])
    if needed is not None and not any(word in part for part in owners for word in needed):
        return None
    return method


METHOD_NAMES: Final = frozenset(name for known in _FRAMEWORKS.values() for name in known) - {
    "__call__"
}
