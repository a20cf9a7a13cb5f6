"""TTA106 and TTA107: streams that stall, and answers without an end."""

from __future__ import annotations

import pytest

from .checking import fixed, found, sure

OPENAI = "from openai import OpenAI\nclient = OpenAI(timeout=30)\n"
URL = '"https://api.openai.com/v1/chat/completions"'
GEMINI = "import google.generativeai as genai\n"
WRONG = {
    "plain-request": f"import requests\nrequests.post({URL}, json={{'model': 'm'}}, timeout=3)",
    "gemini-chat": GEMINI
    + "chat = genai.GenerativeModel('m').start_chat()\nchat.send_message('x')",
    "chat": OPENAI + 'client.chat.completions.create(model="m", messages=[])',
    "responses": OPENAI + 'client.responses.create(model="m", input="x")',
    "parse": OPENAI + 'client.beta.chat.completions.parse(model="m", messages=[])',
    "stream": OPENAI + 'client.chat.completions.create(model="m", messages=[], stream=True)',
    "litellm": "import litellm\nlitellm.completion(model='m', messages=[])",
    "google": (
        "from google import genai\nclient = genai.Client()\n"
        "client.models.generate_content(model='m', contents='x')"
    ),
    "ollama": "import ollama\nollama.chat(model='m', messages=[])",
    "cohere": "import cohere\nclient = cohere.ClientV2()\nclient.chat(model='m', messages=[])",
    "mistral": (
        "from mistralai import Mistral\nclient = Mistral()\n"
        "client.chat.complete(model='m', messages=[])"
    ),
    "converse": (
        "import boto3\nclient = boto3.client('bedrock-runtime')\n"
        "client.converse(modelId='m', messages=[])"
    ),
    "groq": (
        "from groq import Groq\nclient = Groq()\n"
        "client.chat.completions.create(model='m', messages=[])"
    ),
}
RIGHT = {
    "body-with-a-limit": (
        f"import requests\nbody = {{'max_tokens': 9}}\nrequests.post({URL}, json=body, timeout=3)"
    ),
    "body-limited-later": (
        "import requests\nbody = {'model': 'm'}\nbody['max_tokens'] = 9\n"
        f"requests.post({URL}, json=body, timeout=3)"
    ),
    "body-updated": (
        "import requests\nbody = {'model': 'm'}\nbody.update(options)\n"
        f"requests.post({URL}, json=body, timeout=3)"
    ),
    "body-with-keywords": (
        f"import requests\nrequests.post({URL}, json={{'model': 'm', **options}}, timeout=3)"
    ),
    "body-from-elsewhere": (
        f"import requests\ndef f(body):\n    requests.post({URL}, json=body, timeout=3)"
    ),
    "gemini-model-with-settings": (
        GEMINI + "chat = genai.GenerativeModel('m', generation_config=settings).start_chat()\n"
        "chat.send_message('x')"
    ),
    "extra-body": OPENAI
    + "def f(more):\n    client.chat.completions.create(model='m', messages=[], extra_body=more)",
    "google-draws": (
        "from google import genai\nfrom google.genai import types\nclient = genai.Client()\n"
        "settings = types.GenerateContentConfig(response_modalities=['IMAGE'])\n"
        "client.models.generate_content(model=m, contents='x', config=settings)"
    ),
    "max-tokens": OPENAI + 'client.chat.completions.create(model="m", messages=[], max_tokens=9)',
    "max-completion-tokens": OPENAI
    + 'client.chat.completions.create(model="m", messages=[], max_completion_tokens=9)',
    "max-output-tokens": OPENAI
    + 'client.responses.create(model="m", input="x", max_output_tokens=9)',
    "keywords": OPENAI + 'client.chat.completions.create(model="m", messages=[], **options)',
    "embeddings": OPENAI + 'client.embeddings.create(model="m", input="x")',
    "images": OPENAI + 'client.images.generate(model="m", prompt="x")',
    "anthropic": (
        "import anthropic\nclient = anthropic.Anthropic()\n"
        "client.messages.create(model='m', max_tokens=9, messages=[])"
    ),
    "count-tokens": (
        "import anthropic\nclient = anthropic.Anthropic()\n"
        "client.messages.count_tokens(model='m', messages=[])"
    ),
    "rerank": "import cohere\nclient = cohere.ClientV2()\nclient.rerank(model='m', documents=[])",
    "google-config": (
        "from google import genai\nclient = genai.Client()\nclient.models.generate_content("
        "model='m', contents='x', config={'max_output_tokens': 9})"
    ),
    "google-config-elsewhere": (
        "from google import genai\nclient = genai.Client()\n"
        "def ask(config):\n"
        "    client.models.generate_content(model='m', contents='x', config=config)"
    ),
    "framework": "from langchain_openai import ChatOpenAI\nChatOpenAI().invoke('x')",
    "not-a-model": OPENAI + "client.files.create(file=f, purpose='batch')",
}


@pytest.mark.parametrize("source", WRONG.values(), ids=WRONG)
def test_call_without_a_limit_is_reported(source: str) -> None:
    """An answer of any length went unnoticed."""
    assert [finding.code for finding in sure("TTA107", source)] == ["TTA107"]


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_limited_or_unknown_call_is_left_alone(source: str) -> None:
    """A call with a limit, that writes no text, or that may hide a limit was reported."""
    assert found("TTA107", source) == []


def test_plain_request_to_an_unknown_host_is_less_sure() -> None:
    """A request to a server of one's own was reported as one to OpenAI."""
    source = (
        "import requests\ndef f(base):\n"
        "    requests.post(f'{base}/v1/chat/completions', json={'model': 'm'}, timeout=3)\n"
    )
    (finding,) = found("TTA107", source)
    assert finding.confidence == "medium"
    assert finding.fix is None


@pytest.mark.parametrize(
    ("source", "argument"),
    [
        (WRONG["chat"], "max_completion_tokens=1024"),
        (WRONG["responses"], "max_output_tokens=1024"),
        (WRONG["litellm"], "max_tokens=1024"),
    ],
    ids=["chat", "responses", "litellm"],
)
def test_fix_uses_the_name_of_the_api_and_is_unsafe(source: str, argument: str) -> None:
    """The fix gave an argument that the API does not know, or was applied without asking."""
    (finding,) = sure("TTA107", source)
    assert finding.fix is not None
    assert not finding.fix.is_safe
    after = fixed(source, finding.fix)
    assert f", {argument})" in after
    assert found("TTA107", after) == []


STALLING = {
    "openai": "from openai import OpenAI\nclient = OpenAI()\n"
    'client.chat.completions.create(model="m", messages=[], stream=True)',
    "anthropic": "from anthropic import Anthropic\nclient = Anthropic()\n"
    "client.messages.stream(model='m', max_tokens=9, messages=[])",
    "anthropic-create": "from anthropic import Anthropic\nclient = Anthropic()\n"
    "client.messages.create(model='m', max_tokens=9, messages=[], stream=True)",
    "azure": "from openai import AzureOpenAI\nclient = AzureOpenAI(api_version='1')\n"
    "client.chat.completions.create(model='m', messages=[], stream=True)",
    "responses": "from openai import OpenAI\nclient = OpenAI()\n"
    "client.responses.create(model='m', input='x', stream=True)",
    "ollama": "import ollama\nollama.chat(model='m', messages=[], stream=True)",
    "ollama-client": "import ollama\nclient = ollama.Client()\n"
    "client.chat(model='m', messages=[], stream=True)",
    "none": "from openai import OpenAI\nclient = OpenAI(timeout=None)\n"
    "client.chat.completions.create(model='m', messages=[], stream=True)",
}
WATCHED = {
    "client": WRONG["stream"],
    "call": "from openai import OpenAI\nclient = OpenAI()\n"
    "client.chat.completions.create(model='m', messages=[], stream=True, timeout=9)",
    "httpx-timeout": "import httpx\nfrom openai import OpenAI\n"
    "client = OpenAI(timeout=httpx.Timeout(60, read=9))\n"
    "client.chat.completions.create(model='m', messages=[], stream=True)",
    "no-stream": "from openai import OpenAI\nclient = OpenAI()\n"
    "client.chat.completions.create(model='m', messages=[])",
    "stream-false": "from openai import OpenAI\nclient = OpenAI()\n"
    "client.chat.completions.create(model='m', messages=[], stream=False)",
    "stream-unknown": "from openai import OpenAI\nclient = OpenAI()\ndef f(stream):\n"
    "    client.chat.completions.create(model='m', messages=[], stream=stream)",
    "client-unknown": "def f(client):\n"
    "    client.chat.completions.create(model='m', messages=[], stream=True)",
    "groq": "from groq import Groq\nclient = Groq()\n"
    "client.chat.completions.create(model='m', messages=[], stream=True)",
    "hidden": "from openai import OpenAI\nclient = OpenAI(**settings)\n"
    "client.chat.completions.create(model='m', messages=[], stream=True)",
}


@pytest.mark.parametrize("source", STALLING.values(), ids=STALLING)
def test_unwatched_stream_is_reported(source: str) -> None:
    """A stream that may stall for ten minutes went unnoticed."""
    assert [finding.code for finding in sure("TTA106", source)] == ["TTA106"]


@pytest.mark.parametrize("source", WATCHED.values(), ids=WATCHED)
def test_watched_or_unknown_stream_is_left_alone(source: str) -> None:
    """A stream with a limit, or of which nothing is known, was reported."""
    assert found("TTA106", source) == []
