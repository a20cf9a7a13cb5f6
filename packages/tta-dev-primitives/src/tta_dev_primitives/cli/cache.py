"""`tta cache`: look into a cache that lies outside a program, and tidy it up."""

from __future__ import annotations

import argparse
import contextlib
import functools
import logging
import re
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, NoReturn

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.tiers.deletion import Deletion

from .cache_entries import Selection, counted, printable
from .cache_export import export, get
from .cache_places import DEFAULT_FOLDER, FOLDER_VARIABLE, find_place
from .cache_stats import run as stats
from .event_loop import run_async
from .exits import EXIT_FAILED, EXIT_MISUSE, EXIT_OK, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from .cache_places import Place
    from .commands import Commands

_LOGIN: Final = re.compile(r"//\S*@")
# What a store says to a program that it serves.
_GOES_ON: Final = "; the cache goes on without it"


class _Parser(argparse.ArgumentParser):
    """A parser that repeats no password when it complains."""

    def error(self, message: str) -> NoReturn:
        _complain_without_login(self, message)

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride] - argparse only ever asks for this form
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:  # Any: argparse's namespaces
        # Here, because the parser of the whole command would repeat what nobody knows.
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


def _complain_without_login(parser: argparse.ArgumentParser, message: str) -> NoReturn:
    hidden = _LOGIN.sub("//...@", message)
    parser.exit(EXIT_MISUSE, f"{parser.prog}: {hidden}; see {parser.prog} --help\n")


def add_parser(commands: Commands) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "cache",
        help="look into a cache on disk or on Redis, and tidy it up",
        description="Look into a cache that CachePrimitive keeps in a folder or on a Redis "
        "server, and tidy it up. WHERE is the folder, or an address with redis://, rediss:// or "
        f"unix://; without it, the folder in {FOLDER_VARIABLE}, else ./{DEFAULT_FOLDER}.",
    )
    # It complains about a word that is no command, which may be an address.
    parser.error = functools.partial(_complain_without_login, parser)
    actions = parser.add_subparsers(metavar="ACTION", required=True, parser_class=_Parser)

    def add(
        name: str,
        action: Callable[[Place, argparse.Namespace], int],
        help_text: str,
        *,
        key: bool = False,
    ) -> argparse.ArgumentParser:
        description = f"{help_text.capitalize()}."
        of_action = actions.add_parser(name, help=help_text, description=description)
        if key:
            of_action.add_argument("key", metavar="KEY", help="a text key, or hex: and digits")
        of_action.add_argument("where", nargs="?", metavar="WHERE", help="folder or Redis address")
        of_action.set_defaults(command=run, action=action)
        return of_action

    add("stats", stats, "count what is kept, and sum up what it took to make it").add_argument(
        "--json", action="store_true", help="print one JSON object"
    )
    add("get", get, "print the entries of a key, whichever step they are of", key=True)
    of_export = add("export", export, "write entries as JSON Lines")
    of_export.add_argument("--output", default="-", metavar="FILE", help="else standard output")
    add("prune", prune, "delete what expired, and give its space back")
    of_clear = add("clear", clear, "delete entries: all, or those that the options mean together")
    of_clear.add_argument("--namespace", metavar="NAME", help="entries of this namespace")
    for action in (of_export, of_clear):
        action.add_argument("--prefix", metavar="TEXT", help="entries whose text key begins so")
        action.add_argument("--tag", metavar="TAG", help="entries with this tag")
    of_clear.add_argument("--yes", action="store_true", help="do not ask")


def run(options: argparse.Namespace) -> int:
    """Run the command; what stores would log becomes complaints, and exit code 1."""
    with _logged_as_complaints() as complaints:
        code = options.action(find_place(options.where), options)
    return code or (EXIT_FAILED if complaints else EXIT_OK)


def prune(place: Place, options: argparse.Namespace) -> int:
    """Run `tta cache prune`."""
    del options
    print(place.prune())
    return EXIT_OK


def clear(place: Place, options: argparse.Namespace) -> int:
    """Run `tta cache clear`."""
    selection = Selection(namespace=options.namespace, prefix=options.prefix, tag=options.tag)
    if not options.yes:
        if not sys.stdin.isatty():
            msg = "clear asks before it deletes, and nobody is there to answer; give it --yes"
            raise UsageError(msg)
        count = len(run_async(_keys_of(place, selection)))
        if not _agreed(f"Delete {counted(count)} from {printable(place.label)}? [y/N] "):
            print("nothing was deleted")
            return EXIT_FAILED
    deletion = selection.as_deletion()
    if deletion is None:
        deletion = Deletion(keys=tuple(run_async(_keys_of(place, selection))))
    count = place.delete(deletion)
    print(f"deleted {counted(count)}")
    return EXIT_OK


async def _keys_of(place: Place, selection: Selection) -> list[bytes]:
    async with aclosing(place), aclosing(place.scan(selection, values=False)) as entries:
        return [key async for key, _, _ in entries]


def _agreed(question: str) -> bool:
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@contextlib.contextmanager
def _logged_as_complaints() -> Generator[list[str]]:
    """Print on standard error, and collect, what stores warn of while the block runs."""
    logger = logging.getLogger("tta_dev_primitives.cache")
    kept = _Kept()
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(kept)
    failure = None
    try:
        yield kept.texts
    except StoreError as error:
        failure = str(error).replace(_GOES_ON, "")
        raise StoreError(failure) from error
    finally:
        logger.removeHandler(kept)
        logger.propagate = propagate
        for text in kept.texts:
            if text != failure:  # which is printed already
                print(f"tta: {printable(text)}", file=sys.stderr)


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage().replace(_GOES_ON, ""))
