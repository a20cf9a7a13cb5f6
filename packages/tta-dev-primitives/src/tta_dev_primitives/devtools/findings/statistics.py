"""The numbers of a run, for `--stats`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .text_format import plural

if TYPE_CHECKING:
    from .report import Report


def render_statistics(report: Report) -> str:
    """Return the findings of each rule, commonest first, and what the run went over."""
    lines: list[str] = []
    codes = sorted(report.codes.items(), key=lambda item: (-item[1], item[0]))
    width = max((len(str(number)) for _, number in codes), default=1)
    for code, number in codes:
        rule = report.rules.get(code)
        lines.append(f"{number:>{width}}  {code}  {'' if rule is None else rule.name}".rstrip())
    numbers = report.numbers
    rate = numbers.files / numbers.seconds if numbers.seconds > 0 else 0.0
    lines.append(
        f"{plural(numbers.files, 'file')}, {plural(numbers.lines, 'line')}, "
        f"{plural(numbers.calls, 'model call')}; "
        f"{numbers.ignored} ignored inline, {numbers.in_baseline} in the baseline"
    )
    lines.append(
        f"{numbers.seconds:.2f} s, {rate:,.0f} files/s with {plural(numbers.processes, 'worker')}, "
        f"{numbers.from_cache} from the cache"
    )
    lines.extend(f"note: {note}" for note in numbers.notes)
    return "\n".join(lines) + "\n"
