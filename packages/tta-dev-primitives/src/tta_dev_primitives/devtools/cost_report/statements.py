"""What a measurement rests on, and what follows from it and what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.replay.parts import MOST_PARTS
from tta_dev_primitives.devtools.written.figures import moment, plural, share, whole_share

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.replay.measurement import Measurement

    from .report import CostReport

ADOPTION_NOTE: Final = (
    "Wrapped calls of those that could be; +n? are calls that cannot be told, and are in neither. "
    "How often a call runs is not counted."
)


def facts(measurement: Measurement) -> tuple[tuple[str, str], ...]:
    """Return what was measured and how, as pairs of a label and a text."""
    told = [("traffic", measurement.source), ("requests", _requests(measurement))]
    if measurement.began is not None and measurement.ended is not None:
        began, ended = moment(measurement.began), moment(measurement.ended)
        told.append(("period", f"{began} UTC" if began == ended else f"{began} to {ended} UTC"))
    told += [("prices", _prices(measurement)), ("targets", _targets(measurement))]
    if measurement.requests:
        told += [("bounds", _bounds(measurement)), ("coverage", _coverage(measurement))]
    return tuple(told)


def proven(report: CostReport) -> tuple[str, ...]:
    """Return what the measurement shows, as sentences."""
    measurement = report.measurement
    status = measurement.verdict.status
    if status == "NOT MEASURED":
        return ("Nothing yet: too little was measured for a verdict.",)
    confidence = whole_share(measurement.confidence)
    if status == "FAIL":
        failed = (
            f"On this traffic the targets are not reached with {confidence} confidence. "
            f"The reasons of the verdict say which, and by how much."
        )
        return (failed,)
    saved, bound = (
        f"save at least {whole_share(measurement.target)}",
        "lower bound reaches the target",
    )
    if any(arm.quality is not None for arm in measurement.arms):
        saved += f" and keep at least {whole_share(measurement.quality_target)} of the quality"
        bound = "lower bounds reach both targets"
    passed = (
        f"On traffic like this, at these prices, the primitives {saved}: with {confidence} "
        f"confidence the {bound}."
    )
    return (passed,)


def unproven(report: CostReport) -> tuple[str, ...]:
    """Return what nobody may conclude from the measurement, as sentences."""
    measurement = report.measurement
    told = [
        "What other traffic saves: other repeats, prompts or models change every figure.",
        "What it costs at other prices than these.",
    ]
    if any(arm.quality is not None for arm in measurement.arms):
        told.append(
            "Whether the answers are good: quality is the mean score as a share of what the "
            "traffic as it is reaches, and tells no more than the scores do."
        )
    else:
        told.append("What becomes of the quality: it was not measured.")
    if 0 < measurement.scored < 1:
        told.append(
            f"The quality of the {share(1 - measurement.scored)} of the requests that lack scores."
        )
    if measurement.requests and measurement.keyed < 1:
        told.append(
            f"How often the {share(1 - measurement.keyed)} of the requests repeat that were "
            f"recorded without what was asked."
        )
    if measurement.fitted_on:
        told.append(
            f"How a router does that was fitted on other requests than the "
            f"{measurement.fitted_on:,} before these."
        )
    told.append("How long answers take, and what it takes to build the primitives in.")
    return tuple(told)


def _requests(measurement: Measurement) -> str:
    text = f"{measurement.requests:,}"
    if measurement.requests:
        text += f" in {plural(measurement.conversations, 'conversation')}"
        if measurement.requests > measurement.conversations == MOST_PARTS:
            text += " or more"
    if measurement.fitted_on:
        text += f"; a router was fitted on the {measurement.fitted_on:,} before them"
    return text


def _prices(measurement: Measurement) -> str:
    day = measurement.price_snapshot
    listed = "" if day is None else f", listed on {day.isoformat()}"
    return f"{measurement.price_source}{listed}"


def _targets(measurement: Measurement) -> str:
    saved, kept = whole_share(measurement.target), whole_share(measurement.quality_target)
    return f"{saved} of the cost saved, {kept} of the quality kept"


def _bounds(measurement: Measurement) -> str:
    drawn = plural(measurement.resamples, "time")
    return f"{whole_share(measurement.confidence)} confidence, conversations drawn anew {drawn}"


def _coverage(measurement: Measurement) -> str:
    keyed, scored = share(measurement.keyed), share(measurement.scored)
    return f"repeats can be told for {keyed} of the requests, quality for {scored}"
