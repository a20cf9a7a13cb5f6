from __future__ import annotations

import pytest

from tta_dev_primitives.llm.hosts import Host, host_of


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.openai.com/v1/", Host("openai")),
        ("https://API.Anthropic.com", Host("anthropic")),
        ("https://me.openai.azure.com/openai/v1", Host("azure.ai.openai")),
        ("https://eu.api.openai.com.evil.example/v1", Host(None)),
        ("https://notapi.openai.com.example", Host(None)),
        ("https://xapi.openai.com", Host(None)),
        ("http://localhost:8080", Host(None, local=True)),
        ("http://192.168.1.5:8080/v1", Host(None, local=True)),
        ("http://10.0.0.1", Host(None, local=True)),
        ("http://[::1]:1/v1", Host(None, local=True)),
        ("http://8.8.8.8/v1", Host(None)),
        ("http://ollama:11434/v1", Host(None, local=True)),
        ("http://box.local/v1", Host(None, local=True)),
        ("https://localhost.example.com", Host(None)),
        ("http://[broken", Host(None)),
        ("", Host(None)),
    ],
)
def test_server_is_known_by_its_name(url: str, host: Host) -> None:
    assert host_of(url) == host
