"""A report as tables in Markdown, for a terminal, a file, or a page.

It does not know where figures come from, nor what is to be said of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benches.figures import Spread
from benches.report import Report, Row


def markdown(report: Report) -> str:
    """The whole report."""
    lines = ["# Ostiary beside its peers", "", *facts(report.facts)]
    if report.complaints:
        lines += ["", "**Before you read on**", "", *bullets(report.complaints)]
    for case, title in report.titles.items():
        lines += ["", f"## {case}: {title}", "", *case_table(report.of_case(case))]
    if report.remarks:
        lines += ["", "**Remarks**", "", *bullets(report.remarks)]
    return "\n".join(lines) + "\n"


def facts(known: Mapping[str, Any]) -> list[str]:
    """One line for each, those of a group one after the other."""
    lines = []
    for key, value in known.items():
        lines += facts(value) if isinstance(value, Mapping) else [f"- {key}: {value}"]
    return lines


def bullets(texts: Iterable[str]) -> list[str]:
    return [f"- {text}" for text in texts]


def case_table(entries: Sequence[Row]) -> list[str]:
    """The rows of one case."""
    timed = any(entry.timed for entry in entries)
    head = ["gateway", f"{entries[0].unit} (min..max)", f"x {entries[0].reference} (min..max)"]
    if timed:
        head += ["ops/s", "core", "p50 us", "p99 us"]
    head += ["target", "held"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for entry in entries:
        cells = [entry.gateway, spread_text(entry.value), spread_text(entry.ratio)]
        if timed:
            cells += [
                number_text(entry.per_second, 0),
                "" if entry.core_use is None else f"{entry.core_use:.0%}",
                number_text(entry.latency_microseconds.get("p50"), 0),
                number_text(entry.latency_microseconds.get("p99"), 0),
            ]
        cells.append("; ".join(each.text for each in entry.targets))
        verdicts = "; ".join(each.verdict for each in entry.targets)
        cells.append(verdicts if not entry.failures else f"{verdicts} {entry.failures} failed".strip())
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def spread_text(spread: Spread | None) -> str:
    """Three digits or more, as many for the smallest as for the largest."""
    if spread is None:
        return "-"
    digits = 2 if spread.highest < 100 else 1 if spread.highest < 1000 else 0
    return f"**{spread.median:,.{digits}f}** ({spread.lowest:,.{digits}f}..{spread.highest:,.{digits}f})"


def number_text(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
