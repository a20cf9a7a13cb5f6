"""Measuring for `tta cost`: recorded traffic, or the demo where there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from .exits import EXIT_FAILED, EXIT_NOT_MEASURED, EXIT_OK

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from tta_dev_primitives.devtools.calls.adoption import MemberAdoption
    from tta_dev_primitives.devtools.replay.measurement import Measurement

_EXITS: Final = {"PASS": EXIT_OK, "FAIL": EXIT_FAILED, "NOT MEASURED": EXIT_NOT_MEASURED}


def measure(traffic: Path | None, options: argparse.Namespace) -> int:
    """Measure, print the report, and return the exit code of the verdict."""
    from tta_dev_primitives.devtools.cost_report.report import CostReport

    from .cost_output import check_output, rendered, write

    check_output(options.output)
    if traffic is None:
        from .cost_demo import measure_demo

        measurement = measure_demo(options)
    else:
        measurement = _recorded(traffic, options)
    adoption = None if options.no_adoption else _adoption(options.code)
    text = rendered(CostReport(measurement, adoption), options.format)
    write(text, options.output, told=measurement.verdict.status)
    code = _EXITS[measurement.verdict.status]
    return EXIT_FAILED if code == EXIT_NOT_MEASURED and options.strict else code


def _recorded(path: Path, options: argparse.Namespace) -> Measurement:
    from tta_dev_primitives.devtools.replay.measuring import measure as replay
    from tta_dev_primitives.devtools.traffic.opening import open_traffic

    from .cost_prices import open_prices
    from .cost_router import load_router

    router = None if options.router is None else load_router(options.router)
    prices = open_prices(options.prices)
    with open_traffic(path) as traffic:
        measurement = replay(
            traffic,
            prices,
            source=traffic.source,
            router=router,
            target=options.target,
            quality=options.quality,
            seed=options.seed,
            notes=traffic.notes,
        )
    if router is None or not measurement.requests:
        return measurement
    return replace(measurement, notes=(*measurement.notes, *router.notes))


def _adoption(folder: Path) -> list[MemberAdoption]:
    from tta_dev_primitives.devtools.lint.session import Asked, Session

    session = Session(Asked(paths=(str(folder),)))
    return session.adoption(session.run())
