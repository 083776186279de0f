"""A report as one picture: each gateway's ratio in each case, with its spread, and the targets as marks.

It does not judge. The SVG is our own: what plotting libraries write differs between their versions, so that no test
could tell whether the picture in docs/ is of the figures beside it. It brings its own ground, light or dark as the
reader's, which a page that switches by itself cannot turn against it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from benches.figures import Spread
from benches.report import Report, Row

WIDTH = 960
LEFT, RIGHT = 190, 790  # where the axis begins and ends
ROW, HEAD, TOP, BOTTOM = 19, 40, 92, 34

STYLE = """\
    text { font: 13px system-ui, sans-serif; fill: #17292a }
    .ground { fill: #f6f8f8 }
    .head { font-weight: 600; paint-order: stroke; stroke: #f6f8f8; stroke-width: 5 }
    .faint { fill: #5a6b6b; font-size: 12px; font-weight: 400 }
    .grid { stroke: #d5dddd }
    .one { stroke: #5a6b6b; stroke-width: 1.5 }
    .ours { stroke: #00796b; fill: #00796b }
    .theirs { stroke: #6b5a78; fill: #6b5a78 }
    .spread { stroke-width: 3; stroke-linecap: round; opacity: .5 }
    .target { stroke: #c2410c; stroke-width: 2.5 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e4ecec }
      .ground { fill: #1c2526 }
      .head { stroke: #1c2526 }
      .faint { fill: #a3b3b3 }
      .grid { stroke: #344243 }
      .one { stroke: #a3b3b3 }
      .ours { stroke: #4db6ac; fill: #4db6ac }
      .theirs { stroke: #c3aed3; fill: #c3aed3 }
      .target { stroke: #fb923c }
    }"""


class Axis:
    """Ratios on a logarithmic scale: half as much is as far from one as twice as much."""

    def __init__(self, values: Sequence[float]) -> None:
        logs = [math.log2(value) for value in (*values, 0.5, 2.0)]
        self.low, self.high = math.floor(min(logs) * 2) / 2, math.ceil(max(logs) * 2) / 2

    def x(self, ratio: float) -> str:
        share = (math.log2(ratio) - self.low) / (self.high - self.low)
        return f"{LEFT + share * (RIGHT - LEFT):.1f}"

    def ticks(self) -> list[float]:
        """Powers of two."""
        return [2.0**power for power in range(math.ceil(self.low), math.floor(self.high) + 1)]


def svg(report: Report) -> str:
    """The picture; the same for the same report, to the last octet."""
    groups = {case: [row for row in report.of_case(case) if row.ratio] for case in report.titles}
    groups = {case: rows for case, rows in groups.items() if rows}
    everything = [row for rows in groups.values() for row in rows]
    axis = Axis([value for row in everything for value in (*ends(row.ratio), *targets(row, everything))])
    height = TOP + len(groups) * HEAD + len(everything) * ROW + BOTTOM
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="t">',
        '  <title id="t">What each gateway costs in each case, times the reference; tables have the figures</title>',
        f"  <style>\n{STYLE}\n  </style>",
        f'  <rect class="ground" width="{WIDTH}" height="{height}" rx="10"/>',
        *legend(),
        *grid(axis, height),
    ]
    y = TOP
    for case, rows in groups.items():
        title = escape(f"{report.titles[case]}; times {rows[0].reference}")
        lines.append(
            f'  <text class="head" x="20" y="{y + 24}">{case}<tspan class="faint" dx="8">{title}</tspan></text>'
        )
        y += HEAD
        for row in rows:
            lines += drawn(row, axis, targets(row, everything), y)
            y += ROW
    return "\n".join([*lines, "</svg>"]) + "\n"


def legend() -> Iterator[str]:
    """What the marks mean."""
    yield '  <text class="head" x="20" y="28">Cost beside the reference: left of 1 is cheaper</text>'
    yield f'  <g>{mark("ours", "28.0", "22.0", "34.0", 52)}<text x="42" y="56">Ostiary</text></g>'
    yield f'  <g>{mark("theirs", "118.0", "112.0", "124.0", 52)}<text x="132" y="56">others</text></g>'
    yield '  <g><line class="target" x1="205" x2="205" y1="45" y2="59"/><text x="214" y="56">target: at most</text></g>'
    words = "CPU time or memory; point: median over the rounds; bar: smallest to largest"
    yield f'  <text class="faint" x="330" y="56">{words}</text>'


def grid(axis: Axis, height: int) -> Iterator[str]:
    for ratio in axis.ticks():
        x = axis.x(ratio)
        yield f'  <line class="{"one" if ratio == 1 else "grid"}" x1="{x}" x2="{x}" y1="{TOP}" y2="{height - BOTTOM}"/>'
        for y in (TOP - 8, height - BOTTOM + 18):
            yield f'  <text class="faint" x="{x}" y="{y}" text-anchor="middle">{ratio:g}</text>'


def drawn(row: Row, axis: Axis, limits: Sequence[float], y: int) -> Iterator[str]:
    """One gateway in one case."""
    if row.ratio is None:
        return
    lowest, highest = ends(row.ratio)
    middle = y + ROW // 2
    yield f'  <text x="{LEFT - 12}" y="{middle + 4}" text-anchor="end">{escape(row.gateway)}</text>'
    for limit in limits:
        x = axis.x(limit)
        yield f'  <line class="target" x1="{x}" x2="{x}" y1="{middle - 8}" y2="{middle + 8}"/>'
    kind = "ours" if row.gateway.startswith("ostiary") else "theirs"
    yield "  " + mark(kind, axis.x(row.ratio.median), axis.x(lowest), axis.x(highest), middle)
    spread = "" if lowest == highest else f'<tspan class="faint"> {lowest:.2f} to {highest:.2f}</tspan>'
    yield f'  <text x="{RIGHT + 14}" y="{middle + 4}">{row.ratio.median:.2f}{spread}</text>'


def mark(kind: str, median: str, lowest: str, highest: str, y: int) -> str:
    return (
        f'<line class="{kind} spread" x1="{lowest}" x2="{highest}" y1="{y}" y2="{y}"/>'
        f'<circle class="{kind}" cx="{median}" cy="{y}" r="4"/>'
    )


def ends(spread: Spread | None) -> tuple[float, ...]:
    return () if spread is None else (spread.lowest, spread.highest)


def targets(row: Row, everything: Sequence[Row]) -> list[float]:
    """The limits of this row as ratios: one in a unit lies where it would be beside the reference's median."""
    reference = next((each for each in everything if (each.case, each.gateway) == (row.case, row.reference)), None)
    limits = [each.limit for each in row.targets if each.kind == "ratio"]
    if reference is not None and reference.value is not None and reference.value.median > 0:
        limits += [each.limit / reference.value.median for each in row.targets if each.kind == "absolute"]
    return limits
