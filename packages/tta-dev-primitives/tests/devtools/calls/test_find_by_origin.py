"""Calls whose client is known: every provider, every way a client reaches the call."""

from __future__ import annotations

import pytest

from .finding import only_site, sites_in

# The lines before the call, the call, and what it is: provider, api.
PROVIDERS = [
    ("from openai import OpenAI\nc = OpenAI()", "c.chat.completions.create()", "openai", "chat"),
    ("from openai import OpenAI\nc = OpenAI()", "c.responses.create()", "openai", "responses"),
    ("from openai import OpenAI\nc = OpenAI()", "c.embeddings.create()", "openai", "embeddings"),
    ("from openai import OpenAI\nc = OpenAI()", "c.images.generate()", "openai", "images"),
    ("from openai import OpenAI\nc = OpenAI()", "c.audio.speech.create()", "openai", "audio"),
    (
        "from openai import OpenAI\nc = OpenAI()",
        "c.beta.chat.completions.parse()",
        "openai",
        "chat",
    ),
    ("import openai", "openai.ChatCompletion.create()", "openai", "chat"),
    ("import openai", "openai.chat.completions.create()", "openai", "chat"),
    ("import openai", "openai.Embedding.create()", "openai", "embeddings"),
    ("from openai import ChatCompletion", "ChatCompletion.create()", "openai", "chat"),
    (
        "from openai import AzureOpenAI as A\nc = A()",
        "c.completions.create()",
        "azure",
        "completions",
    ),
    ("import anthropic\nc = anthropic.Anthropic()", "c.messages.create()", "anthropic", "messages"),
    (
        "from anthropic import AnthropicBedrock as A\nc = A()",
        "c.messages.create()",
        "anthropic",
        "messages",
    ),
    (
        "import anthropic\nc = anthropic.Anthropic()",
        "c.beta.messages.stream()",
        "anthropic",
        "messages",
    ),
    (
        "import anthropic\nc = anthropic.Client()",
        "c.completions.create()",
        "anthropic",
        "completions",
    ),
    ("import litellm", "litellm.completion()", "litellm", "chat"),
    ("from litellm import completion", "completion()", "litellm", "chat"),
    ("from litellm import embedding as embed", "embed()", "litellm", "embeddings"),
    (
        "from google import genai\nc = genai.Client()",
        "c.models.generate_content()",
        "google",
        "generate_content",
    ),
    (
        "from google import genai\nc = genai.Client()",
        "c.chats.create().send_message('x')",
        "google",
        "generate_content",
    ),
    (
        "import google.generativeai as genai\nm = genai.GenerativeModel()",
        "m.generate_content()",
        "google",
        "generate_content",
    ),
    (
        "import google.generativeai as genai\nm = genai.GenerativeModel()\ns = m.start_chat()",
        "s.send_message()",
        "google",
        "generate_content",
    ),
    (
        "from vertexai.generative_models import GenerativeModel",
        "GenerativeModel().generate_content()",
        "google",
        "generate_content",
    ),
    ("from mistralai import Mistral\nc = Mistral()", "c.chat.complete()", "mistral", "chat"),
    (
        "from mistralai.client import MistralClient\nc = MistralClient()",
        "c.chat()",
        "mistral",
        "chat",
    ),
    ("import cohere\nc = cohere.ClientV2()", "c.chat()", "cohere", "chat"),
    ("import cohere\nc = cohere.Client()", "c.rerank()", "cohere", "rerank"),
    ("from groq import Groq\nc = Groq()", "c.chat.completions.create()", "groq", "chat"),
    ("import ollama", "ollama.chat()", "ollama", "chat"),
    ("import ollama\nc = ollama.Client()", "c.generate()", "ollama", "completions"),
    ("import boto3\nc = boto3.client('bedrock-runtime')", "c.converse()", "bedrock", "converse"),
    (
        "import boto3\nc = boto3.Session().client('bedrock-runtime')",
        "c.invoke_model()",
        "bedrock",
        "invoke_model",
    ),
    (
        "from together import Together\nc = Together()",
        "c.chat.completions.create()",
        "together",
        "chat",
    ),
    ("import replicate", "replicate.run()", "replicate", "run"),
    ("import voyageai\nc = voyageai.Client()", "c.embed()", "voyage", "embeddings"),
    (
        "from huggingface_hub import InferenceClient as I\nc = I()",
        "c.text_generation()",
        "huggingface",
        "completions",
    ),
    (
        "from azure.ai.inference import ChatCompletionsClient as C\nc = C()",
        "c.complete()",
        "azure",
        "chat",
    ),
    ("import instructor\nc = instructor.from_provider('groq/llama')", "c.create()", "groq", "chat"),
]


@pytest.mark.parametrize(
    ("before", "call", "provider", "api"),
    PROVIDERS,
    ids=[f"{n}-{p[1]}" for n, p in enumerate(PROVIDERS)],
)
def test_every_provider_is_found(before: str, call: str, provider: str, api: str) -> None:
    """A call through a provider's own client is found, whatever its arguments."""
    site = only_site(f"{before}\n{call}\n")
    assert (site.provider, site.api, site.kind) == (provider, api, "sdk")
    assert site.node.lineno == before.count("\n") + 2


WAYS = [
    pytest.param("OpenAI().chat.completions.create()", id="made-at-the-call"),
    pytest.param("def f(c: OpenAI):\n    c.chat.completions.create()", id="annotation"),
    pytest.param(
        "def f(c: 'OpenAI | None' = None):\n    c.chat.completions.create()", id="optional"
    ),
    pytest.param("def f(c=OpenAI()):\n    c.chat.completions.create()", id="default"),
    pytest.param("with OpenAI() as c:\n    c.chat.completions.create()", id="with"),
    pytest.param("OpenAI().with_options(timeout=1).chat.completions.create()", id="with-options"),
    pytest.param("OpenAI().chat.completions.with_raw_response.create()", id="raw-response"),
    pytest.param(
        "with OpenAI().chat.completions.with_streaming_response.create() as r: ...", id="streaming"
    ),
    pytest.param("create = OpenAI().chat.completions.create\ncreate()", id="bound-method"),
    pytest.param("chat = OpenAI().chat\nchat.completions.create()", id="part-of-the-client"),
    pytest.param("getattr(OpenAI().chat.completions, 'create')()", id="getattr"),
    pytest.param("cs = {'a': OpenAI()}\ncs['a'].chat.completions.create()", id="dict"),
    pytest.param("for c in [OpenAI()]:\n    c.chat.completions.create()", id="loop"),
    pytest.param("class A(OpenAI): ...\nA().chat.completions.create()", id="subclass"),
    pytest.param(
        "class A:\n    c: OpenAI\n    def f(self):\n        self.c.chat.completions.create()",
        id="class-annotation",
    ),
    pytest.param(
        "class A:\n    @property\n    def c(self):\n        return OpenAI()\n    def f(self):\n"
        "        self.c.chat.completions.create()",
        id="property",
    ),
    pytest.param(
        "class A:\n    def c(self):\n        self.d = self.d or OpenAI()\n        return self.d\n"
        "    def f(self):\n        self.c().chat.completions.create()",
        id="getter",
    ),
    pytest.param(
        "import instructor\ninstructor.from_openai(OpenAI()).chat.completions.create()",
        id="instructor",
    ),
    pytest.param(
        "import instructor\ninstructor.from_openai(OpenAI()).create()", id="instructor-own-method"
    ),
    pytest.param(
        "from langsmith.wrappers import wrap_openai\nwrap_openai(OpenAI()).responses.create()",
        id="traced",
    ),
]


@pytest.mark.parametrize("source", WAYS)
def test_client_is_followed_to_the_call(source: str) -> None:
    """However the client reaches it, the call is found and so is its provider."""
    site = only_site("from openai import OpenAI\n" + source)
    assert (site.provider, site.kind) == ("openai", "sdk")


def test_client_of_another_module_is_followed() -> None:
    """Most projects make the client in one module and use it in others."""
    llm = "from openai import AsyncOpenAI\nclient = AsyncOpenAI(timeout=5)"
    site = only_site("from app.llm import client\nclient.responses.create()", {"app/llm.py": llm})
    assert site.client is not None
    assert (site.client.qualified, site.client.path) == ("openai.AsyncOpenAI", "app/llm.py")
    assert site.timeout == "yes"


@pytest.mark.parametrize(
    ("module", "call", "via"),
    [
        ("gptcache.adapter", "openai.ChatCompletion.create(model='x')", "gptcache"),
        ("langfuse", "openai.OpenAI().chat.completions.create()", "langfuse"),
        ("posthog.ai", "openai.OpenAI().responses.create()", "posthog"),
    ],
)
def test_stand_in_for_the_sdk_is_told_apart(module: str, call: str, via: str) -> None:
    """An adapter named like the SDK calls the same model, through something else."""
    site = only_site(f"from {module} import openai\n{call}")
    assert (site.provider, site.kind, site.via) == ("openai", "sdk", via)


NO_CALLS = [
    pytest.param("OpenAI().beta.threads.create()", id="thread"),
    pytest.param("OpenAI().beta.threads.messages.create()", id="thread-message"),
    pytest.param("OpenAI().beta.assistants.create(model='x')", id="assistant"),
    pytest.param("OpenAI().files.create()", id="file"),
    pytest.param("OpenAI().fine_tuning.jobs.create(model='x')", id="fine-tuning"),
    pytest.param("OpenAI().batches.create()", id="batch"),
    pytest.param("OpenAI().models.list()", id="models"),
    pytest.param("OpenAI().responses.retrieve('x')", id="retrieve"),
    pytest.param("r = OpenAI().responses.create\nr", id="not-called"),
    pytest.param("import anthropic\nanthropic.Anthropic().messages.count_tokens()", id="count"),
    pytest.param("import anthropic\nanthropic.Anthropic().messages.batches.create()", id="batches"),
    pytest.param("from google import genai\ngenai.Client().chats.create(model='x')", id="chats"),
    pytest.param("import boto3\nboto3.client('s3').put_object()", id="boto"),
    pytest.param("import cohere\ncohere.Client().tokenize(text='x', model='y')", id="tokenize"),
    pytest.param("import replicate\nreplicate.models.get('x')", id="replicate-model"),
    pytest.param("import litellm\nlitellm.token_counter(model='x', text='y')", id="token-counter"),
    pytest.param("import subprocess\nsubprocess.run(['x'], input='y')", id="subprocess"),
]


@pytest.mark.parametrize("source", NO_CALLS)
def test_look_alikes_of_the_sdks_are_no_calls(source: str) -> None:
    """What a client does besides running a model costs next to nothing and is not counted."""
    assert sites_in("from openai import OpenAI\n" + source) == []


@pytest.mark.parametrize(
    "source",
    [
        "r = OpenAI().chat.completions.with_raw_response.create()\nr.parse()",
        "s = OpenAI().responses.create(stream=True)\ns.stream()",
        "import replicate\np = replicate.predictions.create()\np.stream()",
    ],
    ids=["parse", "stream", "prediction"],
)
def test_the_answer_of_a_call_is_no_further_call(source: str) -> None:
    """Methods of an answer are named like those of a client and send nothing."""
    assert len(sites_in("from openai import OpenAI\n" + source)) == 1


HANDED_ON = [
    pytest.param("asyncio.to_thread(c.responses.create, model='m')", id="to-thread"),
    pytest.param(
        "asyncio.get_event_loop().run_in_executor(None, c.responses.create)", id="executor"
    ),
    pytest.param("pool.submit(c.responses.create, model='m')", id="submit"),
    pytest.param("partial(c.responses.create, model='m')", id="partial"),
    pytest.param("retrying(c.responses.create, attempts=3, model='m')", id="own-retry"),
    pytest.param("retrying(c.responses.create, **options)", id="own-retry-with-options"),
]


@pytest.mark.parametrize("source", HANDED_ON)
def test_function_that_is_handed_on_is_a_call(source: str) -> None:
    """`to_thread(client.responses.create, ...)` calls the model with the rest of its arguments."""
    before = "import asyncio, openai\nfrom functools import partial\nc = openai.OpenAI()\n"
    site = only_site(before + source)
    assert (site.api, site.mode) == ("responses", "sync")
    if "model" in source:
        assert site.model == "m"


@pytest.mark.parametrize(
    "source",
    [
        "inspect.signature(c.responses.create)",
        "hasattr(c.responses, 'create')",
        "c.responses.create",
    ],
    ids=["inspected", "asked-for", "named"],
)
def test_function_that_is_only_looked_at_is_no_call(source: str) -> None:
    """Naming a method of a client sends nothing."""
    assert sites_in("import inspect, openai\nc = openai.OpenAI()\n" + source) == []


def test_awaited_helper_makes_the_call_asynchronous() -> None:
    """`await retrying(client.messages.create, ...)` does not block the loop."""
    source = """
        async def f(c, retrying):
            await retrying(c.messages.create, model="m", messages=[], max_tokens=1)
    """
    assert only_site(source).mode == "async"


def test_calls_come_in_the_order_of_the_source() -> None:
    """A report reads like the file."""
    source = (
        "import litellm as l\nl.completion(l.embedding())\nif 1:\n    l.completion()\nl.speech()"
    )
    places = [(site.node.lineno, site.node.col_offset) for site in sites_in(source)]
    assert places == sorted(places)
    assert len(places) == 4
