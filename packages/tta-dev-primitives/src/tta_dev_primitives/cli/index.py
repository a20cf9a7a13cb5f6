"""`tta index`: make a static package index out of built files, and serve it on this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .exits import EXIT_FAILED, EXIT_OK

if TYPE_CHECKING:
    import argparse

    from tta_dev_primitives.devtools.index.building import IndexReport

    from .commands import Commands

DEFAULT_PORT: Final = 8484
DEFAULT_SITE: Final = Path("site")

_BUILD: Final = (
    "Write a static package index that any web server can serve: pages in HTML and JSON, hashes, "
    "sizes, and the metadata of wheels beside them. Files that are served already stay. Nothing is "
    "written when a file is bad. Exit codes: 0 done, 1 findings, 2 misuse."
)
_SERVE: Final = (
    "Serve an index on the loopback address until Ctrl-C, for trying it out. It gives JSON to "
    "installers that ask for it, and HTML to browsers."
)


def add_parser(commands: Commands) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "index",
        help="make a static package index, and serve it",
        description="Make a static package index out of built wheels, and serve it.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    build = actions.add_parser("build", help="write an index", description=_BUILD)
    add = build.add_argument
    add("sources", nargs="+", type=Path, metavar="DIST", help="folders of built files, or files")
    add(
        "-o",
        "--output",
        type=Path,
        default=DEFAULT_SITE,
        metavar="SITE",
        help="the index goes into its folder 'simple' (default: site)",
    )
    add("--prune", action="store_true", help="drop served files that are not in DIST")
    add("--json", action="store_true", help="print one JSON object")
    build.set_defaults(command=run_build)
    serve = actions.add_parser("serve", help="serve an index", description=_SERVE)
    serve.add_argument(
        "site",
        nargs="?",
        type=Path,
        default=DEFAULT_SITE,
        metavar="SITE",
        help="what tta index build wrote (default: site)",
    )
    serve.add_argument(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        help=f"0 takes a free one (default: {DEFAULT_PORT})",
    )
    serve.set_defaults(command=run_serve)


def run_build(options: argparse.Namespace) -> int:
    """Run `tta index build`."""
    from tta_dev_primitives.devtools.index.building import build_index
    from tta_dev_primitives.devtools.index.finding import shown, text_of

    report = build_index(options.sources, options.output, prune=options.prune)
    for path in report.passed_over:
        print(f"tta: {shown(path)} is no wheel and no .tar.gz; passed over", file=sys.stderr)
    if options.json:
        print(_json(report))
    elif report.findings:
        count = len(report.findings)
        print(text_of(report.findings), end="")
        print(f"{count} finding{'s' if count != 1 else ''}; nothing was written")
    else:
        for each in report.distributions:
            new = " new" if each.file_name in report.added else ""
            print(f"{each.project} {each.version} {each.file_name} {each.size_bytes} bytes{new}")
        for name in report.removed:
            print(f"removed {name}")
        print(f"wrote {report.index.as_posix()}")
    return EXIT_FAILED if report.findings else EXIT_OK


def run_serve(options: argparse.Namespace) -> int:
    """Run `tta index serve`."""
    from tta_dev_primitives.devtools.index.server import IndexServer

    with IndexServer(options.site, port=options.port) as server:
        print(f"serving {options.site.as_posix()} at {server.url}", flush=True)
        server.serve_forever()
    return EXIT_OK


def _json(report: IndexReport) -> str:
    from tta_dev_primitives.devtools.index.finding import rows_of

    files = [
        {
            "project": each.project,
            "version": each.version,
            "filename": each.file_name,
            "size": each.size_bytes,
            "sha256": each.sha256,
            "new": each.file_name in report.added,
        }
        for each in report.distributions
    ]
    found = {
        "index": report.index.as_posix(),
        "files": files,
        "removed": list(report.removed),
        "passed_over": list(report.passed_over),
        "findings": rows_of(report.findings),
    }
    return json.dumps(found, indent=2)
