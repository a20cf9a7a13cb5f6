"""Requests to a provider's address without its SDK: httpx, requests, aiohttp, urllib."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from .call_facts import client_of, keywords_of
from .matching import Match, called_name
from .provider_methods import Method

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.source.names import Names
    from tta_dev_primitives.devtools.source.values import Value

HTTP_METHODS: Final = frozenset({"post", "request", "stream", "urlopen"})
PACKAGES_WITH_TIMEOUT: Final = ("httpx", "httpx2", "aiohttp")

_HOSTS: Final = {
    "api-inference.huggingface.co": "huggingface",
    "api.ai21.com": "ai21",
    "api.anthropic.com": "anthropic",
    "api.cerebras.ai": "cerebras",
    "api.cohere.ai": "cohere",
    "api.cohere.com": "cohere",
    "api.deepinfra.com": "deepinfra",
    "api.deepseek.com": "deepseek",
    "api.fireworks.ai": "fireworks",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral",
    "api.moonshot.cn": "moonshot",
    "api.openai.com": "openai",
    "api.perplexity.ai": "perplexity",
    "api.replicate.com": "replicate",
    "api.together.xyz": "together",
    "api.voyageai.com": "voyage",
    "api.x.ai": "xai",
    "dashscope.aliyuncs.com": "dashscope",
    "generativelanguage.googleapis.com": "google",
    "aiplatform.googleapis.com": "google",
    "integrate.api.nvidia.com": "nvidia",
    "inference.ai.azure.com": "azure",
    "open.bigmodel.cn": "zhipu",
    "openai.azure.com": "azure",
    "openrouter.ai": "openrouter",
    "router.huggingface.co": "huggingface",
    ":11434": "ollama",
}
_CLIENTS: Final = ("httpx", "httpx2", "requests", "aiohttp", "urllib3", "urllib")
# The end of the path, before a query; the first that fits decides.
_PATHS: Final = (
    (re.compile(r"/chat/completions/?$"), "chat"),
    (re.compile(r"/v1/messages/?$"), "messages"),
    (re.compile(r"/responses/?$"), "responses"),
    (re.compile(r"/(embeddings|embed|api/embed)/?$"), "embeddings"),
    (re.compile(r"/rerank/?$"), "rerank"),
    (re.compile(r"/(images/(generations|edits|variations))/?$"), "images"),
    (re.compile(r"/audio/(speech|transcriptions|translations)/?$"), "audio"),
    (re.compile(r":(streamG|g)enerateContent$"), "generate_content"),
    (re.compile(r":(batchE|e)mbedContents?$"), "embeddings"),
    (re.compile(r"/predictions/?$"), "run"),
    (
        re.compile(r"/(completions|complete|api/generate|v1/generate|fim/completions)/?$"),
        "completions",
    ),
    (re.compile(r"/(v1/chat|v2/chat|api/chat)/?$"), "chat"),
    (re.compile(r"/models/[^/]+/?$"), "completions"),
)
# Without a known host only these say enough.
_TELLING: Final = ("/chat/completions", "/v1/messages")
# Where tests of a server send their requests.
_NOWHERE: Final = ("http://test", "https://test", "http://example", "https://example")
_LONGEST_ADDRESS: Final = 2000


def speaks_of_addresses(text: str) -> bool:
    """Whether a file holds any address that is worth a look."""
    return any(host in text for host in _HOSTS) or any(path in text for path in _TELLING)


def match_address(call: ast.Call, values: tuple[Value, ...], names: Names) -> Match | None:
    """Recognise a request by the client it goes through and the address it goes to."""
    package = None
    for value in values:
        dotted = called_name(value, names)
        if dotted is not None and dotted.partition(".")[0] in _CLIENTS:
            package = dotted.partition(".")[0]
            break
    keywords = keywords_of(call)
    if package is None and not keywords.keys() & {"json", "data", "content"}:
        return None
    address = _address(call, names)
    if address is None:
        return None
    if not address.startswith(("http://", "https://", "{}")):
        # A path: it goes where the client was told to go.
        address = _base_of(values, names) + "/" + address.lstrip("/")
    is_whole = address.startswith(("http://", "https://"))
    if address.startswith(_NOWHERE):
        return None
    provider = next((name for host, name in _HOSTS.items() if host in address), None)
    path = address.partition("?")[0]
    tells = is_whole or address.startswith("{}")
    if provider is None and not (package and tells and path.rstrip("/").endswith(_TELLING)):
        return None
    if package is None and not is_whole:
        return None
    for pattern, api in _PATHS:
        if pattern.search(path):
            streams = ":streamGenerateContent" in path
            chosen = provider or ("anthropic" if api == "messages" else "openai")
            return Match(chosen, Method(api, streams=streams), values[0], via=package)
    return None


def _base_of(values: tuple[Value, ...], names: Names) -> str:
    for value in values:
        origin = client_of(value, names)
        base = origin.arguments.get("base_url") if origin is not None else None
        if isinstance(base, str):
            return base.rstrip("/")
    return ""


def _address(call: ast.Call, names: Names) -> str | None:
    keywords = keywords_of(call)
    given = keywords.get("url")
    if given is None and call.args:
        number = 0
        function = call.func
        if isinstance(function, ast.Attribute) and function.attr in {"request", "stream"}:
            number = 1
        if len(call.args) <= number or isinstance(call.args[number], ast.Starred):
            return None
        given = call.args[number]
    if given is None:
        return None
    origin = names.origin(given)
    if origin is not None and origin.qualified in {"urllib.request.Request", "httpx.Request"}:
        first = origin.arguments.get("url", origin.arguments.get(0))
        return first if isinstance(first, str) else None
    return _text(given, names, 0)


def _text(node: ast.expr, names: Names, depth: int) -> str | None:
    """Give a text as far as it is known; what is not is "{}"."""
    if depth > 4:
        return None
    value = names.constant(node)
    if isinstance(value, str):
        return value[:_LONGEST_ADDRESS]
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, names, depth + 1) or "{}" for part in node.values[:20])
    if isinstance(node, ast.FormattedValue):
        return _text(node.value, names, depth + 1)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left, names, depth + 1), _text(node.right, names, depth + 1)
        return (left or "{}") + (right or "{}")
    if isinstance(node, ast.Name):
        return _assigned_text(node, names, depth)
    return None


def _assigned_text(node: ast.Name, names: Names, depth: int) -> str | None:
    scope = names.index.scope_of(node).visible(node.id)
    bindings = scope.bindings[node.id] if scope is not None else []
    if len(bindings) == 1 and bindings[0].kind == "value":
        made_of = bindings[0].node
        if isinstance(made_of, (ast.JoinedStr, ast.BinOp)):
            return _text(made_of, names, depth + 1)
    return None
