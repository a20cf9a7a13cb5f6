"""A server that speaks OpenAI's and Anthropic's APIs, for testing apps offline.

    async with LLMServer(seed=1) as server:
        client = AsyncOpenAI(base_url=server.openai_base_url, api_key="any")

Needs the `[testing]` extra.
"""

from __future__ import annotations

from tta_dev_primitives.testing.llm_server.answers import count_tokens
from tta_dev_primitives.testing.llm_server.faults import (
    DroppedConnection,
    ErrorStatus,
    Fault,
    FaultRates,
    Hang,
    MalformedBody,
    Overloaded,
    RateLimited,
    SlowChunks,
    StreamAbort,
)
from tta_dev_primitives.testing.llm_server.server import LLMServer
from tta_dev_primitives.testing.llm_server.values import (
    ChatMessage,
    ChatRequest,
    Reply,
    ServedModel,
    ServedRequest,
    ToolCall,
    ToolSpec,
)

__all__ = [
    "ChatMessage",
    "ChatRequest",
    "DroppedConnection",
    "ErrorStatus",
    "Fault",
    "FaultRates",
    "Hang",
    "LLMServer",
    "MalformedBody",
    "Overloaded",
    "RateLimited",
    "Reply",
    "ServedModel",
    "ServedRequest",
    "SlowChunks",
    "StreamAbort",
    "ToolCall",
    "ToolSpec",
    "count_tokens",
]
