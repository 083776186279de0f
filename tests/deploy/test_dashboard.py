"""The dashboard: its file is what the code makes, and every panel can be read without having read the code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from deploy.grafana import dashboard
from deploy.grafana.panels import COLUMNS

from ..house.tree import ROOT

DOCUMENT = json.loads(dashboard.text())
PANELS: list[dict[str, Any]] = [panel for panel in DOCUMENT["panels"] if panel["type"] != "row"]
each_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: f"{panel['id']}-{panel['title']}")


def metrics() -> set[str]:
    """The metrics that are documented."""
    text = (ROOT / "docs/metrics.md").read_text()
    return set(re.findall(r"^\| `(\w+)` \| (?:counter|gauge|histogram) ", text, re.MULTILINE))


def test_file_is_what_the_code_makes() -> None:
    assert dashboard.FILE.read_text() == dashboard.text(), "write it anew: python -m deploy.grafana.dashboard"


@each_panel
def test_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    assert all(target["legendFormat"] for target in panel["targets"])
    if panel["type"] in ("timeseries", "state-timeline"):
        assert panel["options"]["legend"]["showLegend"]


@each_panel
def test_panel_asks_the_chosen_source_about_the_chosen_gateways(panel: dict[str, Any]) -> None:
    known = metrics()
    for asker in (panel, *panel["targets"]):
        assert asker["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for target in panel["targets"]:
        selectors = re.findall(r"\b((?:ostiary|process)_\w+)(\{[^}]*\})?", target["expr"])
        assert selectors
        assert [name for name, matchers in selectors if 'instance=~"$instance"' not in matchers] == []
        assert [name for name, _ in selectors if re.sub(r"_(bucket|sum|count)$", "", name) not in known] == []


def test_queries_of_a_panel_have_names_of_their_own() -> None:
    for panel in PANELS:
        names = [target["refId"] for target in panel["targets"]]
        assert len(names) == len(set(names))


def test_variables_are_the_source_and_the_gateways() -> None:
    variables = {each["name"]: each for each in DOCUMENT["templating"]["list"]}
    assert list(variables) == ["datasource", "instance"]
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    assert variables["instance"]["definition"] == "label_values(ostiary_build_info, instance)"
    assert variables["instance"]["includeAll"]
    assert "allValue" not in variables["instance"]


def test_every_metric_but_the_plainest_is_shown() -> None:
    asked = " ".join(target["expr"] for panel in PANELS for target in panel["targets"])
    hidden = {name for name in metrics() if not re.search(rf"\b{name}(_bucket|_sum|_count)?\{{", asked)}
    assert hidden == {"process_start_time_seconds", "process_virtual_memory_bytes"}


def test_panels_have_places_of_their_own() -> None:
    taken = [place for panel in DOCUMENT["panels"] for place in _places(panel["gridPos"])]
    assert len(taken) == len(set(taken))
    assert all(x < COLUMNS for x, _ in taken)
    numbers = [panel["id"] for panel in DOCUMENT["panels"]]
    assert len(numbers) == len(set(numbers))


def _places(position: dict[str, int]) -> Iterator[tuple[int, int]]:
    for x in range(position["x"], position["x"] + position["w"]):
        for y in range(position["y"], position["y"] + position["h"]):
            yield x, y
