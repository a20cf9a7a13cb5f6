"""``keploy doctor``: say what of an app would not be captured, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exits import FAILED, PASSED

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    from .choices import add_app_arguments

    add_app_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Look at the command without running it; 1 where something is certain to be missed."""
    from dataclasses import asdict

    from keploy_framework.process.command import split_command
    from keploy_framework.proxy.child.capture import capture_gaps

    from .choices import app_command
    from .settings import Settings
    from .speaking import print_json, print_text, warn

    settings = Settings(options)
    warn(settings)
    words = split_command(app_command(settings))
    shims = settings.flag("shims", default=True)
    gaps = capture_gaps(words, settings.environment, shims=shims)
    if options.json:
        print_json([asdict(gap) for gap in gaps])
    elif not gaps:
        print_text("every call that is known of would be captured")
    else:
        for gap in gaps:
            kind = "is missed" if gap.certain else "may be missed"
            print_text(f"{gap.client or 'any app'}: {gap.calls} {kind}: {gap.reason}; {gap.move}")
    return FAILED if any(gap.certain for gap in gaps) else PASSED
