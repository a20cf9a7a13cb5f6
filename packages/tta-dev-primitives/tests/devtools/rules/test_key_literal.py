"""TTA501: keys in the source, none of which is real: each is drawn from a seeded generator."""

from __future__ import annotations

import random
import string

import pytest

from .checking import found, sure

LETTERS = string.ascii_letters + string.digits


def drawn(length: int, alphabet: str = LETTERS, seed: int = 7) -> str:
    return "".join(random.Random(seed).choices(alphabet, k=length))


HEX = "0123456789abcdef"
KEYS = {
    "openai-project": "sk-" + "proj-" + drawn(48),
    "openai-old": "sk-" + drawn(20) + "T3BlbkFJ" + drawn(20, seed=8),
    "openai-like": "sk-" + drawn(48),
    "anthropic": "sk-" + "ant-api03-" + drawn(93) + "AA",
    "openrouter": "sk-" + "or-v1-" + drawn(64, HEX),
    "groq": "gsk" + "_" + drawn(52),
    "hugging-face": "hf" + "_" + drawn(34, string.ascii_letters),
    "replicate": "r8" + "_" + drawn(37),
    "perplexity": "pplx" + "-" + drawn(48),
}
NO_KEYS = {
    "your-key": 'key = "sk-your-openai-api-key-goes-here-please-0000"',
    "crosses": 'key = "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"',
    "counting": 'key = "sk-1234567890abcdef1234567890abcdef12345678"',
    "test": f'key = "sk-test{drawn(40)}"',
    "short": 'key = "sk-ant-api03-short"',
    "one-letter": f'key = "sk-{"Q" * 48}"',
    "environment": 'import os\nkey = os.environ["OPENAI_API_KEY"]',
    "prefix-alone": 'ok = key.startswith("sk-proj-")',
    "pattern": 'SHAPE = r"sk-[A-Za-z0-9]{48}"',
    "word": 'css = "task-' + drawn(40, string.ascii_lowercase) + '"',
    "public-google-key": f'firebase = "AIza{drawn(35)}"',
    "empty-for-a-local-server": 'from openai import OpenAI\nc = OpenAI(api_key="EMPTY")',
    "long-word": 'from openai import OpenAI\nOpenAI(api_key="nobody-looks-at-it-here-it-is-local")',
    "hash": f'digest = "{drawn(64, HEX)}"',
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_key_in_the_source_is_reported(key: str) -> None:
    """A key that anybody may spend with went unnoticed."""
    (finding,) = sure("TTA501", f"KEY = {key!r}\n")
    assert finding.level == "error"


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_finding_does_not_repeat_the_key(key: str) -> None:
    """The report of a leaked key leaked it once more."""
    (finding,) = sure("TTA501", f"KEY = {key!r}\n")
    assert key[8:] not in repr(finding)


@pytest.mark.parametrize("source", NO_KEYS.values(), ids=NO_KEYS)
def test_placeholder_is_left_alone(source: str) -> None:
    """A placeholder, or a string that is no key, was reported."""
    assert found("TTA501", source) == []


def test_key_inside_a_longer_text_is_reported() -> None:
    """A key behind `Bearer` went unnoticed."""
    source = f'headers = {{"Authorization": "Bearer {KEYS["openai-project"]}"}}\n'
    assert len(sure("TTA501", source)) == 1


def test_key_without_a_prefix_counts_where_a_client_takes_it() -> None:
    """A key of Azure, which has no prefix, went unnoticed."""
    source = (
        "from openai import AzureOpenAI\n"
        f"client = AzureOpenAI(api_key={drawn(32, HEX)!r}, api_version='1')\n"
    )
    assert len(sure("TTA501", source)) == 1


def test_key_of_google_counts_beside_its_models() -> None:
    """A key of Gemini went unnoticed because keys of maps look the same."""
    source = f"from google import genai\nclient = genai.Client(api_key='AIza{drawn(35)}')\n"
    assert len(sure("TTA501", source)) == 1


def test_key_in_a_test_is_less_sure() -> None:
    """A recording with a revoked key was reported as a leak."""
    (finding,) = found("TTA501", f"KEY = {KEYS['groq']!r}\n", path="tests/test_it.py")
    assert finding.confidence == "medium"
