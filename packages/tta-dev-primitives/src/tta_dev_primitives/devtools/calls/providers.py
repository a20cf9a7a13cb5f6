"""Which packages talk to models, and which of their methods run one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from . import provider_methods as methods
from .provider_methods import Method


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of models and how its packages are called.

    Args:
        name: As findings call it.
        packages: Dotted names its objects come from; the longest that fits decides.
        methods: By the end of the dotted name of what is called.
        hints: Words in the name of a client that speak for this provider.
    """

    name: str
    packages: tuple[str, ...]
    methods: dict[str, Method]
    hints: tuple[str, ...] = field(default=())


PROVIDERS: Final = (
    Provider("openai", ("openai",), methods.OPENAI, ("openai", "oai", "gpt")),
    Provider("anthropic", ("anthropic",), methods.ANTHROPIC, ("anthropic", "claude")),
    Provider("litellm", ("litellm",), {**methods.CHAT_LIKE, **methods.LITELLM}, ("litellm",)),
    Provider("google", ("google.genai",), methods.GOOGLE, ("genai", "gemini", "google")),
    Provider("google", ("google.generativeai", "vertexai"), methods.OLD_GOOGLE, ("vertex", "palm")),
    Provider("google", ("google.ai.generativelanguage",), methods.GOOGLE),
    Provider("mistral", ("mistralai",), methods.MISTRAL, ("mistral",)),
    Provider("cohere", ("cohere",), {**methods.COHERE, **methods.CHAT_LIKE}, ("cohere",)),
    Provider("groq", ("groq",), methods.CHAT_LIKE, ("groq",)),
    Provider("ollama", ("ollama",), methods.OLLAMA, ("ollama",)),
    Provider(
        "bedrock", ("boto3", "botocore", "aioboto3", "aiobotocore"), methods.BEDROCK, ("bedrock",)
    ),
    Provider(
        "together",
        ("together",),
        {
            **methods.CHAT_LIKE,
            "rerank.create": Method("rerank"),
            "Complete.create": Method("completions"),
        },
        ("together",),
    ),
    Provider(
        "fireworks",
        ("fireworks.client", "fireworks"),
        {
            **methods.OPENAI,
            "chat.completions.acreate": Method("chat", is_async=True),
            "completions.acreate": Method("completions", is_async=True),
        },
        ("fireworks",),
    ),
    Provider(
        "huggingface",
        ("huggingface_hub.InferenceClient", "huggingface_hub.AsyncInferenceClient"),
        methods.HUGGING_FACE,
        ("huggingface", "hf_"),
    ),
    Provider("replicate", ("replicate",), methods.REPLICATE, ("replicate",)),
    Provider("voyage", ("voyageai",), methods.VOYAGE, ("voyage",)),
    Provider("azure", ("azure.ai.inference",), methods.AZURE_INFERENCE),
    Provider("azure", ("azure.ai.openai",), methods.CHAT_LIKE),
    Provider(
        "watsonx", ("ibm_watsonx_ai", "ibm_watson_machine_learning"), methods.WATSON, ("watson",)
    ),
    Provider("alephalpha", ("aleph_alpha_client",), methods.ALEPH_ALPHA, ("aleph",)),
    Provider("writer", ("writerai",), {**methods.CHAT_LIKE, **methods.WRITER}, ("writer",)),
    Provider("cerebras", ("cerebras.cloud.sdk",), methods.CHAT_LIKE, ("cerebras",)),
    Provider("perplexity", ("perplexity",), methods.CHAT_LIKE, ("perplexity",)),
    Provider("zhipu", ("zhipuai", "zai"), methods.CHAT_LIKE, ("zhipu",)),
    Provider(
        "dashscope",
        ("dashscope",),
        {
            "Generation.call": Method("chat"),
            "MultiModalConversation.call": Method("chat"),
            "AioGeneration.call": Method("chat", is_async=True),
            "TextEmbedding.call": Method("embeddings"),
        },
        ("dashscope", "qwen"),
    ),
    Provider("portkey", ("portkey_ai",), methods.CHAT_LIKE, ("portkey",)),
    Provider("ai21", ("ai21",), {**methods.CHAT_LIKE, "Completion.execute": Method("completions")}),
    Provider(
        "azure",
        ("azure.ai.agents", "azure.ai.projects"),
        {**methods.CHAT_LIKE, **methods.AZURE_AGENTS},
    ),
    Provider(
        "instructor", ("instructor",), {**methods.OPENAI, **methods.ANTHROPIC, **methods.INSTRUCTOR}
    ),
)

# Steps of a dotted name that change how a call is made and not what it asks for.
PASSED_THROUGH: Final = frozenset(
    {
        "__enter__",
        "aio",
        "beta",
        "copy",
        "with_options",
        "with_raw_response",
        "with_streaming_response",
        "wrap_openai",
        "wrap_anthropic",
    }
)

# Functions that take a client and give one that is called like it.
CLIENT_WRAPPERS: Final = frozenset(
    {
        "instructor.apatch",
        "instructor.from_anthropic",
        "instructor.from_cohere",
        "instructor.from_gemini",
        "instructor.from_groq",
        "instructor.from_litellm",
        "instructor.from_mistral",
        "instructor.from_openai",
        "instructor.patch",
        "langsmith.wrappers.wrap_anthropic",
        "langsmith.wrappers.wrap_openai",
        "langsmith.wrap_openai",
        "braintrust.wrap_anthropic",
        "braintrust.wrap_openai",
        "logfire.instrument_openai",
        "weave.op",
    }
)

METHOD_NAMES: Final = frozenset(
    name.rpartition(".")[2] for provider in PROVIDERS for name in provider.methods
)
PUBLIC_PACKAGES: Final = frozenset(
    {package.partition(".")[0] for provider in PROVIDERS for package in provider.packages}
    | {"tta_dev_primitives"}
) - {"google", "azure"}
