"""Record the shop's tests and mocks again, with a model server of this machine.

    uv run python docs/examples/shop_api/record.py

What is recorded replaces `keploy/test-set-0`. No key is needed, and nothing leaves the machine.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import httpx2

from tta_dev_primitives.testing.llm_server import LLMServer

HERE = Path(__file__).resolve().parent
SHOP = "http://127.0.0.1:8000"


async def use_the_shop() -> None:
    """Do what a client of the shop does; each call becomes a test."""
    async with httpx2.AsyncClient(base_url=SHOP, timeout=30) as client:
        await client.get("/health")
        await client.post("/items", json={"name": "Teapot", "price_cents": 2500, "stock": 3})
        await client.post("/items", json={"name": "Cup", "price_cents": 700, "stock": 12})
        await client.post("/items", json={"name": "Cup", "price_cents": 900})
        await client.post("/items", json={"name": "", "price_cents": -1})
        await client.get("/items")
        await client.get("/items", params={"max_price_cents": 1000})
        await client.get("/items/1")
        await client.get("/items/99")
        await client.post("/items/1/sales-text")
        await client.post("/items/2/sales-text")
        await client.post("/orders", json={"item_id": 1, "quantity": 2})
        await client.post("/orders", json={"item_id": 1, "quantity": 2})
        await client.get("/items/1")


async def record(folder: Path, model_url: str) -> None:
    """Run the shop under `keploy record`, use it, and stop it."""
    recorder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "keploy_framework", "record", "--path", str(folder)),
        *("--config-path", str(HERE), "--test-set", "test-set-0"),
        *("-c", "uv run python docs/examples/shop_api/app.py"),
        cwd=HERE.parents[2],
        env={**os.environ, "OPENAI_BASE_URL": model_url, "OPENAI_API_KEY": "of-no-account"},
        stderr=asyncio.subprocess.PIPE,
    )
    assert recorder.stderr is not None
    try:
        async with asyncio.timeout(60):
            async for line in recorder.stderr:
                sys.stderr.write(line.decode())
                if SHOP.encode() in line:
                    break
        await use_the_shop()
    finally:
        if recorder.returncode is None:
            recorder.send_signal(signal.SIGINT)
        sys.stderr.write((await recorder.stderr.read()).decode())
        code = await recorder.wait()
    if code:
        sys.exit(f"keploy record ended with {code}; nothing was replaced")


async def main() -> None:
    """Record into a folder of its own, and put that in the place of the old set."""
    answers = {"Teapot": "Tea for four, and it never drips.", "Cup": "Small cup, big comfort."}

    def answer(request: object) -> str:
        text = str(getattr(request, "last_text", ""))
        return next((line for name, line in answers.items() if name in text), "A fine thing.")

    async with LLMServer(seed=1, answer=answer) as model:
        with tempfile.TemporaryDirectory() as folder:
            await record(Path(folder), model.openai_base_url)
            target = HERE / "keploy" / "test-set-0"
            if target.exists():
                shutil.rmtree(target)
            shutil.copytree(Path(folder) / "keploy" / "test-set-0", target)


if __name__ == "__main__":
    asyncio.run(main())
