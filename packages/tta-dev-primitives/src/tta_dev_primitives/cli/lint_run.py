"""What `tta lint` does with a session: check, fix, accept, and print."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, TextIO

from tta_dev_primitives import __version__
from tta_dev_primitives.devtools.findings.text_format import plural

from .exits import EXIT_FAILED, EXIT_OK

if TYPE_CHECKING:
    import argparse

    from tta_dev_primitives.devtools.calls.adoption import MemberAdoption
    from tta_dev_primitives.devtools.findings.report import Report
    from tta_dev_primitives.devtools.lint.fixing import Fixes
    from tta_dev_primitives.devtools.lint.session import Session


def check(session: Session, options: argparse.Namespace) -> int:
    """Check the files as the options say, and print what was found."""
    if options.diff:
        return _show_diff(session, unsafe=options.unsafe_fixes)
    if options.write_baseline:
        return _accept(session)
    output = sys.stdout
    if options.fix:
        fixes, result = session.fix(unsafe=options.unsafe_fixes)
        if session.texts:  # the fixed text takes standard output
            write_text("".join(fixes.texts().values() or session.texts.values()), sys.stdout)
            output = sys.stderr
        else:
            _write(fixes)
    else:
        result = session.run()
    left = session.new(result)
    report = session.report(result, left.new)
    table = session.adoption(result) if options.adoption else None
    write_text(_rendered(report, table, options), output)
    if not session.files:
        _note("no Python files there")
    if left.stale and not options.fix:
        told = (
            "1 entry of the baseline fits"
            if left.stale == 1
            else f"{left.stale} entries of the baseline fit"
        )
        _note(f"{told} nothing any more; --write-baseline takes it out")
    for note in () if options.stats else result.notes:
        _note(note)
    return EXIT_FAILED if left.new else EXIT_OK


def _show_diff(session: Session, *, unsafe: bool) -> int:
    fixes, _ = session.fix(unsafe=unsafe)
    for file in fixes.changed:
        write_text(file.diff(), sys.stdout)
    for note in fixes.notes:
        _note(note)
    number = sum(file.fixes for file in fixes.changed)
    _note(f"would fix {plural(number, 'finding')} in {plural(len(fixes.changed), 'file')}")
    return EXIT_FAILED if fixes.changed else EXIT_OK


def _write(fixes: Fixes) -> None:
    from tta_dev_primitives.devtools.lint.fixing import write_fixes

    written = write_fixes(fixes)
    for note in fixes.notes:
        _note(note)
    if written:
        number = sum(file.fixes for file in written)
        _note(f"fixed {plural(number, 'finding')} in {plural(len(written), 'file')}")


def _accept(session: Session) -> int:
    result = session.run()
    file = session.accept(result)
    print(f"accepted {plural(len(result.findings), 'finding')} in {file}")
    if session.baseline_file is None:
        _note(f'to use it, set baseline = "{file.name}" in [tool.tta.lint]')
    return EXIT_OK


def _rendered(
    report: Report, table: list[MemberAdoption] | None, options: argparse.Namespace
) -> str:
    """Return the report, and behind it what else was asked for.

    Numbers and table do not fit into the formats for programs, so they go to standard error there;
    JSON has a place for the table.
    """
    from tta_dev_primitives.devtools.calls.adoption import adoption_json, adoption_lines
    from tta_dev_primitives.devtools.findings.json_format import render_json
    from tta_dev_primitives.devtools.findings.statistics import render_statistics

    chosen = options.format or ("json" if options.json else "text")
    statistics = render_statistics(report) if options.stats else ""
    if chosen == "json":
        write_text(statistics, sys.stderr)
        adoption = None if table is None else adoption_json(table)
        return render_json(report, version=__version__, adoption=adoption)
    text = _in_format(chosen, report)
    lines = "" if table is None else "\n".join(adoption_lines(table)) + "\n"
    if chosen == "text":
        return text + statistics + (f"\n{lines}" if lines else "")
    if chosen == "markdown" and lines:
        text += f"\n```text\n{lines}```\n"
        lines = ""
    write_text(statistics + lines, sys.stderr)
    return text


def _in_format(chosen: str, report: Report) -> str:
    from tta_dev_primitives.devtools.findings.github_format import render_github
    from tta_dev_primitives.devtools.findings.markdown_format import render_markdown
    from tta_dev_primitives.devtools.findings.sarif_format import render_sarif
    from tta_dev_primitives.devtools.findings.text_format import render_concise, render_text

    match chosen:
        case "sarif":
            return render_sarif(report, version=__version__)
        case "github":
            return render_github(report)
        case "markdown":
            return render_markdown(report)
        case "concise":
            return render_concise(report, colour=_has_colour())
        case _:
            width = shutil.get_terminal_size((100, 24)).columns
            return render_text(report, width=width, colour=_has_colour())


def _has_colour() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def _note(text: str) -> None:
    write_text(f"tta: {text}\n", sys.stderr)


def write_text(text: str, output: TextIO) -> None:
    """Write text; what the output's encoding does not have is written as an escape."""
    encoding = output.encoding or "utf-8"
    output.write(text.encode(encoding, "backslashreplace").decode(encoding))
