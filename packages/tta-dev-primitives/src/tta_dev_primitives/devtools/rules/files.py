"""What the linter says about files and comments rather than code; the runner finds these itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tta_dev_primitives.devtools.findings.finding import Finding

    from .rule import CheckedFile


def _found_by_the_runner(checked: CheckedFile) -> Iterable[Finding]:
    del checked
    return ()


UNREADABLE_FILE = Page(
    what="Reports a file that cannot be read as Python: a syntax error, an unknown encoding, "
    "binary data, or a notebook that is not JSON.",
    why="Nothing in such a file is checked. Skipping it in silence would look like a clean file.",
    cost="Nothing by itself; whatever the other rules would have found stays hidden.",
    example='client = OpenAI(timeout=30\nprint("the bracket above is open")\n',
    use_instead='client = OpenAI(timeout=30)\nprint("closed")\n',
    assumptions="The file is read by the Python that runs the linter. Syntax newer than that "
    "Python counts as an error; leave such files out with `exclude`.",
)

UNUSED_SUPPRESSION = Page(
    what="Reports a comment `# tta: ignore[CODE]` that hides no finding.",
    why="The reason for it is gone, and the comment would hide the next real finding on its line.",
    cost="Nothing by itself; the finding it hides one day has the cost of its rule.",
    example="client = OpenAI(timeout=30)  # tta: ignore[TTA101] the gateway limits the time\n",
    use_instead="client = OpenAI(timeout=30)\n",
    assumptions="Only rules that ran are counted: a comment for a rule that is not selected is "
    "left alone.",
    fix_safety="Taking the comment away is safe: the program does not change.",
)

FILE_RULES = (
    Rule("TTA000", "unreadable-file", "error", True, UNREADABLE_FILE, _found_by_the_runner),  # noqa: FBT003 - a table
    Rule("TTA900", "unused-suppression", "warning", True, UNUSED_SUPPRESSION, _found_by_the_runner),  # noqa: FBT003 - a table
)
