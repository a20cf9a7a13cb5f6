"""Run the server in the foreground: `python -m tta_dev_primitives.testing.llm_server`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from tta_dev_primitives.errors import MissingExtraError
from tta_dev_primitives.testing.llm_server import LLMServer

if TYPE_CHECKING:
    from collections.abc import Sequence


async def _serve(host: str, port: int, seed: int, models: Sequence[str]) -> None:
    async with LLMServer(models, seed=seed, host=host, port=port) as server:
        print(f"OPENAI_BASE_URL={server.openai_base_url}")
        print(f"ANTHROPIC_BASE_URL={server.anthropic_base_url}", flush=True)
        await asyncio.Event().wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C; 0 then, 1 where it cannot start, 2 for wrong options."""
    parser = argparse.ArgumentParser(
        prog="python -m tta_dev_primitives.testing.llm_server",
        description="Speak OpenAI's and Anthropic's APIs on this machine. Any API key will do.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=0, help="root of every draw")
    parser.add_argument(
        "--model", nargs="+", action="extend", default=[], help="names to serve; none: every name"
    )
    options = parser.parse_args(arguments)
    try:
        asyncio.run(_serve(options.host, options.port, options.seed, options.model))
    except KeyboardInterrupt:
        return 0
    except (OSError, MissingExtraError) as error:
        print(f"cannot serve on {options.host}:{options.port}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
