"""Run the Python blocks of one page in this process; started by execute.py, never by hand.

Reads a JSON list of ``[page, line, source]`` from the file named by the first argument. All
blocks share one ``__main__``. The last one's output follows the separator on stdout.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

SEPARATOR = "\x1e"


def main(job: Path) -> None:
    """Run every block in order, each compiled as if it stood at its own line of the page."""
    blocks: list[tuple[str, int, str]] = json.loads(job.read_text(encoding="utf-8"))
    module = ModuleType("__main__")
    sys.modules["__main__"] = module
    sys.path[0] = str(Path.cwd())
    sys.argv = ["block.py"]
    for number, (page, line, source) in enumerate(blocks):
        if number == len(blocks) - 1:
            print(SEPARATOR, end="", flush=True)
        # The padding makes tracebacks and inspect.getsource name the page's own lines.
        code = compile("\n" * line + source, page, "exec", dont_inherit=True)
        exec(code, module.__dict__)
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
