"""Lay a dashboard out as the files in the package are: whatever fits on a line is on one.

Usage: ``python layout.py FILE ...``, for a dashboard that was exported from Grafana. Grafana's own
layout gives every brace a line, so a panel is longer than a screen and no change can be reviewed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

WIDTH = 100


def laid_out(value: object, indent: int = 0, used: int = 0) -> str:
    """Return *value* as JSON.

    Args:
        value: What `json.loads` returns.
        indent: Columns before the value's own line.
        used: Columns taken on that line by a key in front and a comma behind.
    """
    line = json.dumps(value, ensure_ascii=False)
    if indent + used + len(line) <= WIDTH or not isinstance(value, dict | list) or not value:
        return line
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        rows = [
            f"{inner}{json.dumps(key)}: {laid_out(item, indent + 2, len(json.dumps(key)) + 3)}"
            for key, item in value.items()
        ]
        return "{\n" + ",\n".join(rows) + "\n" + " " * indent + "}"
    rows = [inner + laid_out(item, indent + 2, 1) for item in value]
    return "[\n" + ",\n".join(rows) + "\n" + " " * indent + "]"


def main() -> None:
    """Rewrite the files that the command line names."""
    for name in sys.argv[1:]:
        path = Path(name)
        board = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(laid_out(board) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
