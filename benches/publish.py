"""A report as a page of the documentation: performance.md, its picture, and the figures that both are made of.

`python -m benches.publish` makes page and picture anew from docs/performance.json, after the words changed
(performance.template); `python -m benches.publish FILE` takes the report of another run, such as
benches/results/TIME/report.json. A test compares what is there with what the JSON gives. It measures nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benches import plot, tables
from benches.report import Report

DOCS = Path(__file__).resolve().parent.parent / "docs"

TEMPLATE = Path(__file__).with_name("performance.template")


def write(report: Report, folder: Path) -> None:
    """The three files, each whole."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "performance.json").write_text(json.dumps(report.as_json(), indent=1) + "\n")
    (folder / "performance.md").write_text(page(report))
    (folder / "performance.svg").write_text(plot.svg(report))


def page(report: Report) -> str:
    """The page; the same for the same report and words."""
    known = report.facts
    machine = [
        *pairs("measured", {known["started"]: f"commit {known['commit']}"} | known["versions"]),
        "",
        *pairs("machine and settings", known["machine"] | known["settings"]),
    ]
    parts = {
        "cases": [line for case in report.titles for line in case_part(report, case)][:-1],
        "machine": machine,
        "command": [known["command"]],
        "remarks": tables.bullets([*report.complaints, *report.remarks]),
    }
    text = TEMPLATE.read_text()
    for name, lines in parts.items():
        text = text.replace(f"[{name}]\n", "".join(f"{line}\n" for line in lines))
    return text


def case_part(report: Report, case: str) -> list[str]:
    title = report.titles[case]
    return [f"## {case}", "", f"{title[0].upper()}{title[1:]}.", "", *tables.case_table(report.of_case(case)), ""]


def pairs(title: str, known: Mapping[str, object]) -> list[str]:
    return [f"| {title} | |", "|---|---|", *(f"| {key} | {value} |" for key, value in known.items())]


def main(words: Sequence[str]) -> int:
    """Publishes the report named, or the one that is published."""
    source = Path(words[0]) if words else DOCS / "performance.json"
    write(Report.read(json.loads(source.read_text())), DOCS)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
