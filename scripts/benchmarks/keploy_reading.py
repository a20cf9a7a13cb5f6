"""Read recordings in a process of its own, and print how long that took, in seconds.

    python keploy_reading.py mocks|ready|tests ROOT [--cache FOLDER]
    python keploy_reading.py plain-tests|plain-mocks ROOT

`ready` reads mocks and makes them ready to answer; the plain ones are PyYAML's C loader alone.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import yaml
from keploy_data import TEST_SET

from keploy_framework.formats import KeployTree, ParseCache
from keploy_framework.mocks.book import BookRules
from keploy_framework.redaction import Redactor
from keploy_framework.replay.answering import SetAnswers


def read(what: str, root: Path, cache: Path | None) -> tuple[float, int]:
    """Return the seconds and how many records there were."""
    began = time.perf_counter()
    if what.startswith("plain"):
        pattern = "tests/*.yaml" if what == "plain-tests" else "mocks.yaml"
        count = 0
        for file in sorted((root / TEST_SET).glob(pattern)):
            with file.open("rb") as content:
                count += len(list(yaml.load_all(content, Loader=yaml.CSafeLoader)))
        return time.perf_counter() - began, count
    tree = KeployTree(root, cache=None if cache is None else ParseCache(cache))
    recorded = tree.test_set(TEST_SET)
    if what == "tests":
        count = len(recorded.tests())
    else:
        mocks = recorded.mocks()
        count = len(mocks)
        if what == "ready":
            answers = SetAnswers(Redactor(), BookRules())
            answers.use(mocks, [], recorded.mappings())
            count = len(answers.book)
    return time.perf_counter() - began, count


def main() -> None:
    """Read the arguments, read the recordings, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("mocks", "ready", "tests", "plain-tests", "plain-mocks"))
    parser.add_argument("root", type=Path)
    parser.add_argument("--cache", type=Path)
    chosen = parser.parse_args()
    print(json.dumps(read(chosen.what, chosen.root, chosen.cache)))


if __name__ == "__main__":
    main()
