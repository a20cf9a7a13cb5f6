"""One call of a language model in source code, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import ast

    from tta_dev_primitives.devtools.source.names import Origin
    from tta_dev_primitives.devtools.source.source_file import SourceFile

Tri: TypeAlias = Literal["yes", "no", "unknown"]
CallKind: TypeAlias = Literal["sdk", "wrapper"]
Mode: TypeAlias = Literal["sync", "async"]


@dataclass(slots=True, eq=False)
class CallSite:
    """A call that runs a model.

    "unknown" is an answer of its own: something stands there that hides the fact, such as
    ``**kwargs`` or a client made elsewhere.

    Args:
        file: Where it is.
        node: The call in the source.
        request: The same, except where a function is handed on, as in ``to_thread(create, x=1)``:
            then the call that comes of it, with the arguments it will get.
        provider: "openai", "azure", "anthropic", ...; "unknown" where only the shape is clear.
        api: "chat", "responses", "messages", "completions", "embeddings", "images", "audio",
            "generate_content", "converse", "invoke_model", "rerank", "agent", ...
        kind: "sdk" for a provider's own client, "wrapper" for a framework or in-house code.
        mode: "async" when the call gives an awaitable or an asynchronous stream.
        streaming: Whether the answer comes in parts.
        timeout: Whether the call, its client or what encloses it has one.
        max_tokens: Whether the answer has an upper bound of its length.
        in_loop: Whether a loop of the same function runs it again and again.
        model: The model where it is written out or a constant.
        has_unknown_arguments: Whether ``*args`` or ``**kwargs`` may hide some.
        client: The call that made its client; ``None`` where that is not known.
        via: Package whose stand-in for the SDK it goes through, such as "gptcache".
        wrapped_by: Names of the primitives around it, outermost first.
        wrapping: Whether `wrapped_by` is all there is to know.
    """

    file: SourceFile
    node: ast.Call
    provider: str
    api: str
    kind: CallKind
    mode: Mode
    streaming: Tri
    timeout: Tri
    max_tokens: Tri
    in_loop: bool
    model: str | None
    has_unknown_arguments: bool
    client: Origin | None
    request: ast.Call
    via: str | None = None
    wrapped_by: tuple[str, ...] = ()
    wrapping: Literal["known", "unknown"] = "unknown"
