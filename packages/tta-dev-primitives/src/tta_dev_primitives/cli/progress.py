"""A progress bar on standard error, where there is a person to see it."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


@contextlib.contextmanager
def progress(what: str, total: int | None = None) -> Generator[Callable[[int], None]]:
    """Show how many are done while the block runs; call the yielded function after each.

    Its argument is the number of errors so far. Without a terminal nothing is shown.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=total)

        def advance(errors: int) -> None:
            text = what if not errors else f"{what}, {errors} failed"
            bar.update(task, advance=1, description=text)

        yield advance
