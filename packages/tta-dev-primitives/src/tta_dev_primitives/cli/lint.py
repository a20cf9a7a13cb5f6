"""`tta lint`: find what makes calls of models dear, slow or fragile."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .exits import EXIT_OK, UsageError

if TYPE_CHECKING:
    import argparse

    from tta_dev_primitives.devtools.lint.session import Session

    from .commands import Commands

FORMATS: Final = ("text", "concise", "json", "sarif", "github", "markdown")
_CALLS: Final = "calls"


def add_parser(commands: Commands) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "lint",
        help="find what makes calls of models dear, slow or fragile",
        description=(
            "Check Python files and notebooks for what makes calls of models dear, slow or "
            "fragile. `tta lint calls PATH...` lists the calls instead."
        ),
    )
    add_arguments(parser)
    parser.set_defaults(command=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to a parser."""
    add = parser.add_argument
    add(
        "paths",
        nargs="*",
        metavar="PATH",
        help="files and folders (default: the current one); - reads standard input",
    )
    add(
        "--select",
        action="append",
        metavar="RULES",
        help="codes, their beginnings, or names, instead of those of the project",
    )
    add("--ignore", action="append", metavar="RULES", help="leave these rules out too")
    add("--exclude", action="append", metavar="PATTERN", help="leave these files out too")
    add("--min-confidence", choices=("high", "medium", "low"), help="default: high")
    add("--config", type=Path, metavar="FILE", help="a pyproject.toml to take the settings from")
    add("--format", choices=FORMATS, help="default: text")
    add("--json", action="store_true", help="the same as --format json")
    add("--stats", action="store_true", help="count the findings of each rule at the end")
    add("--adoption", action="store_true", help="show what is cached, routed, timed and retried")
    add("--fix", action="store_true", help="write what can be fixed safely")
    add("--unsafe-fixes", action="store_true", help="fix also what may change the program")
    add("--diff", action="store_true", help="show what --fix would write, and write nothing")
    add("--baseline", metavar="FILE", help="accepted findings, relative to the project")
    add("--write-baseline", action="store_true", help="accept everything that is found now")
    add("--stdin-filename", metavar="PATH", help="what standard input is called")
    add("--jobs", type=int, default=0, metavar="N", help="processes (default: one per processor)")
    add("--no-cache", action="store_true", help="neither read nor write the cache")
    add("--explain", metavar="RULE", help="show the page of a rule")
    add("--list-rules", action="store_true", help="list every rule")


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    if options.explain is not None:
        return _explain(options.explain)
    if options.list_rules:
        return _list_rules(as_json=options.json)
    if options.json and options.format not in (None, "json"):
        msg = f"--json and --format {options.format} do not go together; leave one out"
        raise UsageError(msg)
    if options.jobs < 0:
        msg = f"--jobs must be 0 or more, got {options.jobs}"
        raise UsageError(msg)
    if options.paths[:1] == [_CALLS]:
        from .lint_calls import list_calls

        return list_calls(open_session(options, options.paths[1:]), as_json=options.json)
    if options.unsafe_fixes and not (options.fix or options.diff):
        msg = "--unsafe-fixes needs --fix or --diff"
        raise UsageError(msg)
    from .lint_run import check

    return check(open_session(options, options.paths), options)


def open_session(options: argparse.Namespace, paths: list[str]) -> Session:
    """Return the linter on what the options name."""
    from tta_dev_primitives.devtools.lint.session import STDIN, Asked, Session

    text: str | None = None
    if STDIN in paths:
        if len(paths) > 1:
            msg = f"{STDIN} stands alone, got {' '.join(paths)}"
            raise UsageError(msg)
        text = _standard_input()
    elif options.stdin_filename is not None:
        msg = f"--stdin-filename needs {STDIN} as the path"
        raise UsageError(msg)
    given: dict[str, object] = {}
    if options.select is not None:
        given["select"] = _listed(options.select)
    if options.min_confidence is not None:
        given["min_confidence"] = options.min_confidence
    if options.baseline is not None:
        given["baseline"] = str(Path(options.baseline).absolute())
    asked = Asked(
        paths=tuple(paths or ["."]),
        config=options.config,
        text=text,
        text_name=options.stdin_filename or "stdin.py",
        jobs=options.jobs,
        uses_cache=not options.no_cache and text is None,
        settings=given,
        ignore=_listed(options.ignore),
        exclude=_listed(options.exclude),
    )
    return Session(asked)


def _listed(values: list[str] | None) -> tuple[str, ...]:
    """Return the parts of an option that may be given several times, with commas in it."""
    parts = (part.strip() for value in values or () for part in value.split(","))
    return tuple(part for part in parts if part)


def _standard_input() -> str:
    content = sys.stdin.buffer.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"standard input is not UTF-8 at byte {error.start}; name the file instead"
        raise UsageError(msg) from error


def _explain(name: str) -> int:
    from tta_dev_primitives.devtools.rules.all_rules import rule_of

    print(rule_of(name).markdown(), end="")
    return EXIT_OK


def _list_rules(*, as_json: bool) -> int:
    from tta_dev_primitives.devtools.lint.selection import describe
    from tta_dev_primitives.devtools.rules.all_rules import RULES

    summaries = describe(RULES)
    if as_json:
        rows = [
            {
                "code": rule.code,
                "name": rule.name,
                "level": rule.level,
                "default": rule.is_default,
                "summary": summaries[rule.code].summary,
            }
            for rule in RULES
        ]
        print(json.dumps(rows, indent=2))
        return EXIT_OK
    width = max(len(rule.name) for rule in RULES)
    for rule in RULES:
        default = "on " if rule.is_default else "off"
        print(f"{rule.code}  {default}  {rule.name:<{width}}  {summaries[rule.code].summary}")
    return EXIT_OK
