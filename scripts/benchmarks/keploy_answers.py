"""Answer calls from a mock set in a process of its own, as `keploy test` does.

python keploy_answers.py PORT ROOT
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from keploy_data import HOST, TEST_SET

from keploy_framework.formats import KeployTree
from keploy_framework.mocks.book import BookRules
from keploy_framework.proxy import AnsweredCalls, DependencyListener
from keploy_framework.redaction import Redactor
from keploy_framework.replay.answering import SetAnswers


async def answer(port: int, root: Path) -> None:
    """Answer until the process is ended."""
    recorded = KeployTree(root).test_set(TEST_SET)
    answers = SetAnswers(Redactor(), BookRules())
    answers.use(recorded.mocks(), [], recorded.mappings())
    calls = AnsweredCalls(answers, None)
    async with DependencyListener(f"http://{HOST}", calls, port=port):
        await asyncio.Event().wait()


def main() -> None:
    """Read the arguments and answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("root", type=Path)
    chosen = parser.parse_args()
    asyncio.run(answer(chosen.port, chosen.root))


if __name__ == "__main__":
    main()
