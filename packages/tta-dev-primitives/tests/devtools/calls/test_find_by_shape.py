"""Calls whose client is not known: the whole shape decides, never a bare name."""

from __future__ import annotations

import pytest

from .finding import Known, only_site, sites_in

SHAPES = [
    pytest.param("client.chat.completions.create(**options)", "openai", id="chat-completions"),
    pytest.param("self.llm.chat.completions.create()", "openai", id="attribute"),
    pytest.param("azure_client.chat.completions.create()", "azure", id="named-azure"),
    pytest.param("groq_client.chat.completions.create()", "groq", id="named-groq"),
    pytest.param("client.responses.create(model='m', input='x')", "openai", id="responses"),
    pytest.param("client.embeddings.create(model='m', input='x')", "openai", id="embeddings"),
    pytest.param("client.messages.create(model='m', max_tokens=1)", "anthropic", id="messages"),
    pytest.param("client.messages.stream(max_tokens=1, messages=m)", "anthropic", id="stream"),
    pytest.param("anthropic_client.messages.create(**options)", "anthropic", id="named-anthropic"),
    pytest.param("client.completions.create(model='m', prompt='x')", "openai", id="completions"),
    pytest.param("client.models.generate_content(contents=x)", "google", id="generate-content"),
    pytest.param("client.aio.models.generate_content(model='m')", "google", id="google-aio"),
    pytest.param("client.invoke_model(modelId='m', body=b)", "bedrock", id="invoke-model"),
    pytest.param("client.converse(modelId='m')", "bedrock", id="converse"),
    pytest.param("client.chat.complete(model='m', messages=x)", "mistral", id="mistral"),
    pytest.param("cohere_client.chat(message='x')", "cohere", id="named-cohere"),
    pytest.param("self._litellm.acompletion(model='m')", "litellm", id="named-litellm"),
    pytest.param("api.beta.chat.completions.parse()", "openai", id="beta"),
    pytest.param("clients[0].chat.completions.create()", "openai", id="subscript"),
    pytest.param(
        "get().with_options(timeout=1).responses.create(model='m', input=x)",
        "openai",
        id="with-options",
    ),
]


@pytest.mark.parametrize(("call", "provider"), SHAPES)
def test_shape_speaks_for_a_provider(call: str, provider: str) -> None:
    """A client passed in without an annotation is still a client."""
    parameters = "self, client, azure_client, groq_client, get, clients, api, x, m, **options"
    site = only_site(f"def f({parameters}):\n    {call}")
    assert (site.provider, site.kind) == (provider, "sdk")


@pytest.mark.parametrize(
    ("imports", "provider"),
    [("import groq", "groq"), ("import openai, groq", "openai"), ("import together", "together")],
    ids=["one-import", "two-imports", "other-import"],
)
def test_the_only_import_that_fits_names_the_provider(imports: str, provider: str) -> None:
    """`.chat.completions.create` in a file that imports groq alone is a call of groq."""
    source = f"{imports}\ndef f(client):\n    client.chat.completions.create()"
    assert only_site(source).provider == provider


LOOK_ALIKES = [
    "client.messages.create(body='hi', from_='+1', to='+2')",
    "client.messages.create(**options)",
    "client.beta.threads.messages.create(thread_id='t', role='user', content='x')",
    "client.messages.batches.create(requests=[])",
    "client.create(model='m', messages=[])",
    "client.chat(text='hello')",
    "client.generate(prompt='x', model='m')",
    "client.complete(task)",
    "client.run(input='x')",
    "client.stream('POST', url, json={})",
    "client.embed(text)",
    "client.responses.create(user=1)",
    "client.embeddings.create(vector=[1])",
    "client.images.generate(size=3)",
    "db.completions.create(user_id=1)",
    "session.execute(query)",
    "agent.run('x')",
    "llm.invoke('x')",
    "chain.predict(model='m')",
    "bot.send_message(chat_id, text)",
    "anthropic_client.messages.create(body='hi')",
    "converse(modelId=1)",
    "create()",
]


@pytest.mark.parametrize("call", LOOK_ALIKES)
def test_look_alike_is_no_call(call: str) -> None:
    """Other people's `.create` is theirs: a finding there is noise."""
    parameters = "client, db, session, agent, llm, chain, bot, anthropic_client, **options"
    assert sites_in(f"def f({parameters}):\n    {call}") == []


def test_other_sdk_of_the_same_shape_is_not_anthropic() -> None:
    """Twilio has `client.messages.create` too, and its keywords tell."""
    source = "from twilio.rest import Client\nClient('a').messages.create(body='x', to='y')"
    assert sites_in(source) == []


def test_known_client_is_called_like_any_provider() -> None:
    """A project names its own client, and its calls count."""
    source = "from acme.llm import client\nclient.generate(prompt='x')\nclient.close()"
    assert sites_in(source) == []
    sites = sites_in(source, known=Known(known_clients=("acme.llm.client",)))
    assert [(site.kind, site.node.lineno) for site in sites] == [("sdk", 2)]


@pytest.mark.parametrize(
    ("wrapper", "call"),
    [
        ("acme.llm.ask", "import acme.llm\nacme.llm.ask('x')"),
        ("acme.llm.ask", "from acme.llm import ask as a\na('x')"),
        ("acme.llm.Model.tell", "from acme.llm import Model\nModel().tell('x')"),
        ("app.own.ask", "from app.own import ask\nask('x')"),
    ],
    ids=["module", "alias", "method", "in-the-workspace"],
)
def test_known_wrapper_is_a_call(wrapper: str, call: str) -> None:
    """A project names its own function that asks a model, and calls of it count."""
    others = {"app/own.py": "def ask(text):\n    return text"}
    assert sites_in(call, others) == []
    sites = sites_in(call, others, known=Known(known_wrappers=(wrapper,)))
    assert [(site.kind, site.provider) for site in sites] == [("wrapper", "in-house")]


FRAMEWORKS = [
    ("from langchain_openai import ChatOpenAI\nChatOpenAI().invoke('x')", "langchain_openai"),
    (
        "from langchain_openai import ChatOpenAI as C\nC().with_structured_output(X).invoke('x')",
        "langchain_openai",
    ),
    (
        (
            "from langchain_core.prompts import PromptTemplate as P\n"
            "from langchain_openai import ChatOpenAI\n"
            "chain = P('x') | ChatOpenAI()\nchain.invoke({})"
        ),
        "langchain_openai",
    ),
    ("from langgraph.prebuilt import create_react_agent as c\nc(m, []).invoke({})", "langgraph"),
    ("from llama_index.llms.ollama import Ollama\nOllama().complete('x')", "llama_index"),
    ("from pydantic_ai import Agent\na = Agent('m')\na.run_sync('x')", "pydantic_ai"),
    ("from agents import Runner\nRunner.run_sync(a, 'x')", "agents"),
    ("from agno.agent import Agent\nAgent().run('x')", "agno"),
    ("import llm\nllm.get_model('m').prompt('x')", "llm"),
    ("from crewai import Crew\nCrew().kickoff()", "crewai"),
]


@pytest.mark.parametrize(
    ("source", "framework"), FRAMEWORKS, ids=[f"{n}-{f[1]}" for n, f in enumerate(FRAMEWORKS)]
)
def test_framework_is_a_wrapper(source: str, framework: str) -> None:
    """A framework's model or agent calls a model, and is told apart from an SDK."""
    site = only_site(source)
    assert (site.provider, site.kind) == (framework, "wrapper")


@pytest.mark.parametrize(
    "source",
    [
        "from langchain_core.prompts import PromptTemplate\nPromptTemplate('x').invoke({})",
        "from langchain_community.tools import Search\nSearch().invoke('x')",
        "from langchain_community.vectorstores import FAISS\nFAISS().as_retriever().invoke('x')",
        "from haystack.components.converters import PyPDFToDocument\nPyPDFToDocument().run([])",
        "from autogen_agentchat.messages import MessageFactory\nMessageFactory().create(1)",
        "import asyncio\nasyncio.run(main())",
    ],
    ids=["prompt", "tool", "retriever", "converter", "factory", "asyncio"],
)
def test_parts_of_frameworks_without_a_model_are_no_calls(source: str) -> None:
    """A prompt template has `invoke` too, and asks nobody."""
    assert sites_in(source) == []


ADDRESSES = [
    ("httpx.post('https://api.openai.com/v1/chat/completions', json={})", "openai", "chat"),
    ("requests.post('https://api.anthropic.com/v1/messages', json={})", "anthropic", "messages"),
    ("requests.request('POST', 'https://api.mistral.ai/v1/embeddings')", "mistral", "embeddings"),
    ("httpx.Client().post(url='https://api.groq.com/openai/v1/responses')", "groq", "responses"),
    (
        "httpx.Client(base_url='https://api.openai.com').post('/v1/responses')",
        "openai",
        "responses",
    ),
    ("requests.post(BASE + '/api/chat', json={})", "ollama", "chat"),
    ("requests.post(f'{BASE}/api/generate', json={})", "ollama", "completions"),
    ("requests.post(f'{base}/chat/completions', json={})", "openai", "chat"),
    ("requests.post(f'https://{h}.openai.azure.com/openai/{d}/chat/completions')", "azure", "chat"),
    (
        "aiohttp.ClientSession().post('https://openrouter.ai/api/v1/chat/completions')",
        "openrouter",
        "chat",
    ),
    (
        "requests.post(f'https://generativelanguage.googleapis.com/{m}:generateContent?key={k}')",
        "google",
        "generate_content",
    ),
    (
        "urllib.request.urlopen(urllib.request.Request('https://api.x.ai/v1/chat/completions'))",
        "xai",
        "chat",
    ),
]


@pytest.mark.parametrize(
    ("call", "provider", "api"), ADDRESSES, ids=[f"{a[1]}-{n}" for n, a in enumerate(ADDRESSES)]
)
def test_request_to_a_provider_is_a_call(call: str, provider: str, api: str) -> None:
    """Plenty of code posts to the provider's address without its SDK."""
    before = "import aiohttp, httpx, requests, urllib.request\nBASE = 'http://localhost:11434'\n"
    site = only_site(before + call)
    assert (site.provider, site.api, site.kind) == (provider, api, "sdk")


@pytest.mark.parametrize(
    "call",
    [
        "requests.post('https://example.com/chat/completions', json={})",
        "requests.get('https://api.openai.com/v1/models')",
        "requests.post('https://api.openai.com/v1/files', json={})",
        "requests.post('https://api.anthropic.com/v1/messages/count_tokens', json={})",
        "client.post('/v1/chat/completions', json={})",
        "client.post('/proxy/api.openai.com/v1/responses', json={})",
        "httpx.AsyncClient(base_url='http://test').post('v1/chat/completions', json={})",
        "respx.post('https://api.openai.com/v1/chat/completions')",
        "print('https://api.openai.com/v1/chat/completions')",
    ],
    ids=[
        "elsewhere",
        "get",
        "files",
        "count",
        "own-server",
        "own-proxy",
        "test-server",
        "mock",
        "print",
    ],
)
def test_other_requests_are_no_calls(call: str) -> None:
    """An address alone is not a call: the path must run a model, and something must send it."""
    assert sites_in(f"import httpx, requests, respx\ndef f(client):\n    {call}") == []
