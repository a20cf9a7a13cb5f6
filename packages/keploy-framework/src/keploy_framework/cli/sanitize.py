"""``keploy sanitize``: take secrets out of recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("folder", nargs="?", help="a folder of recordings (the folder keploy)")
    parser.add_argument("-t", "--test-sets", metavar="SETS", help="the sets, with commas (all)")
    parser.add_argument(
        "--check", action="store_true", help="change nothing; end with 1 where a secret is found"
    )


def run(options: argparse.Namespace) -> int:
    """Take secrets out, and say how many were found where."""
    from pathlib import Path

    from keploy_framework.redaction import Redactor
    from keploy_framework.redaction.sanitize import sanitize_tree

    from .choices import redaction_of, tree_of
    from .settings import Settings
    from .speaking import print_json, print_text, warn

    settings = Settings(options)
    warn(settings)
    redactor = Redactor.from_environment(settings.environment, redaction_of(settings))
    names = settings.names("test_sets")
    root = Path(options.folder) if options.folder else settings.tree_folder
    folders = [tree_of(settings).test_set(name).folder for name in names] if names else [root]
    results = [sanitize_tree(folder, redactor, check=options.check) for folder in folders]
    if options.json:
        data = [result.as_data() for result in results]
        print_json(data[0] if len(data) == 1 else data)
    else:
        verb = "found" if options.check else "replaced"
        for result in results:
            for one in result.findings:
                counts = ", ".join(f"{count} {rule}" for rule, count in one.counts.items())
                print_text(f"{one.file}: {verb} {counts}")
            for problem in result.problems:
                print_text(str(problem))
            total = sum(result.counts.values())
            print_text(f"{verb} {total} secrets in {len(result.findings)} of {result.files} files")
    return max((result.exit_code for result in results), default=0)
