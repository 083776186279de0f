"""The page on performance and its plot: what the figures beside them give, and nothing that anybody wrote by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from benches.cases import CASES

from benches import plot, publish, report, tables

from .test_report import CASE, both, sample


def published() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((publish.DOCS / "performance.json").read_text())
    return document


def marks(picture: str, kind: str) -> list[ElementTree.Element]:
    return [each for each in ElementTree.fromstring(picture).iter() if each.get("class") == kind]


@pytest.mark.parametrize("name", ["performance.md", "performance.svg", "performance.json"])
def test_page_and_plot_are_what_the_figures_give(name: str, tmp_path: Path) -> None:
    publish.write(report.Report.read(published()), tmp_path)
    assert (tmp_path / name).read_text() == (publish.DOCS / name).read_text(), "run: python -m benches.publish"


def test_published_run_has_every_case_and_gateway() -> None:
    document = published()
    there = {name for name, version in document["facts"]["versions"].items() if version != "absent"}
    wanted = {(case.name, name) for case in CASES for name in case.gateways if name.partition("+")[0] in there}
    measured = {(row["case"], row["gateway"]) for row in document["rows"]}
    assert sorted(wanted - measured) == []


def test_page_has_each_figure_of_the_run() -> None:
    made = report.Report.read(published())
    page = publish.page(made)
    assert all(tables.spread_text(row.value) in page for row in made.rows)
    assert all(each.verdict in page for row in made.rows for each in row.targets)
    assert all(version in page for version in made.facts["versions"].values())
    assert re.search(r"^\[\w+\]$", page, re.MULTILINE) is None, "a place of the template was not filled"


def test_plot_shows_ratio_spread_and_target() -> None:
    made = report.made([CASE], both((8, 10), (7, 10), (9, 10)), ["ostiary", "haproxy"], [])
    picture = plot.svg(made)
    axis = plot.Axis([0.7, 0.8, 0.9, 1.0])
    bar, point = (marks(picture, kind)[-1] for kind in ("ours spread", "ours"))
    assert (bar.get("x1"), bar.get("x2"), point.get("cx")) == (axis.x(0.7), axis.x(0.9), axis.x(0.8))
    assert [each.get("x1") for each in marks(picture, "target")][1:] == [axis.x(0.80)]
    assert "0.80<tspan" in picture
    assert "0.70 to 0.90" in picture


def test_target_in_a_unit_stands_beside_what_the_reference_has() -> None:
    case = next(case for case in CASES if case.name == "idle-memory")
    samples = [sample(name, 1, value) | {"case": case.name} for name, value in (("ostiary", 6), ("haproxy", 16))]
    picture = plot.svg(report.made([case], samples, ["ostiary", "haproxy"], []))
    assert [each.get("x1") for each in marks(picture, "target")][1:] == [plot.Axis([6 / 16, 12 / 16, 1.0]).x(12 / 16)]


def test_target_beside_another_than_the_reference_is_no_mark() -> None:
    samples = [*both((8, 10)), sample("ostiary+seen", 1, 9)]
    picture = plot.svg(report.made([CASE], samples, ["ostiary+seen", "haproxy"], []))
    assert len(marks(picture, "target")) == 1  # the legend's


def test_run_without_its_reference_has_no_point() -> None:
    picture = plot.svg(report.made([CASE], [sample("ostiary", 1, 8)], ["ostiary"], ["haproxy"]))
    assert len(marks(picture, "ours")) == 1  # the legend's


def test_plot_fetches_nothing() -> None:
    picture = plot.svg(report.made([CASE], both((8, 10)), ["ostiary", "haproxy"], []))
    assert re.findall(r"https?://[^\"]+|url\(|@import|<script", picture) == ["http://www.w3.org/2000/svg"]
