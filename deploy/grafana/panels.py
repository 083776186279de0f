"""How Grafana writes a dashboard: panels, rows and variables as its JSON.

Knows no metric. The forms are those of schema version 39 (Grafana 10.4), which later versions read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Panel", "Query", "Row", "document"]

SCHEMA_VERSION = 39
COLUMNS = 24
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True)
class Query:
    """What Prometheus is asked, and what the answer is called."""

    expression: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """One picture."""

    kind: str
    """Grafana's word: `timeseries`, `stat`, `bargauge`, `heatmap` or `state-timeline`."""
    title: str
    description: str
    unit: str
    """Grafana's word: `ops`, `s`, `bytes`, ..."""
    queries: tuple[Query, ...]
    width: int = 8
    height: int = 7
    steps: tuple[tuple[float, str], ...] = ()
    """From which values on which colour."""
    below: str = "green"
    """The colour of what is below all of them."""
    words: tuple[tuple[int, str, str], ...] = ()
    """Values that are told as a word in a colour."""
    stacked: bool = False


@dataclass(frozen=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


def document(title: str, uid: str, description: str, rows: Sequence[Row]) -> dict[str, Any]:
    """The dashboard, as Grafana imports it."""
    return {
        "title": title,
        "uid": uid,
        "description": description,
        "tags": ["ldap", "ostiary"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_datasource(), _instance()]},
        "annotations": {"list": []},
        "panels": list(_placed(rows)),
    }


def _datasource() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Data source",
        "description": "The Prometheus that scrapes the gateways.",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "hide": 0,
    }


def _instance() -> dict[str, Any]:
    question = "label_values(ostiary_build_info, instance)"
    return {
        "name": "instance",
        "label": "Gateway",
        "description": "The gateways to show, by their admin addresses.",
        "type": "query",
        "datasource": DATASOURCE,
        "definition": question,
        "query": {"query": question, "refId": "instance"},
        # At every change of the time range: gateways come and go.
        "refresh": 2,
        "sort": 1,
        "multi": True,
        # Without an allValue: "All" is the gateways alone, not whatever else has metrics of a process.
        "includeAll": True,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "hide": 0,
    }


def _placed(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """The panels from left to right and from top to bottom; a row is a panel of its own."""
    number, top = 0, 0
    for row in rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1},
        }
        left, top, height = 0, top + 1, 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                left, top, height = 0, top + height, 0
            number += 1
            yield {
                "id": number,
                **_panel(panel),
                "gridPos": {"x": left, "y": top, "w": panel.width, "h": panel.height},
            }
            left, height = left + panel.width, max(height, panel.height)
        top += height


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "targets": [_target(panel, query, chr(ord("A") + place)) for place, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": OPTIONS[panel.kind],
    }


def _target(panel: Panel, query: Query, name: str) -> dict[str, Any]:
    # A figure is of now, everything else of the time that is shown.
    is_figure = panel.kind in ("stat", "bargauge")
    return {
        "refId": name,
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": query.expression,
        "legendFormat": query.legend,
        "format": "heatmap" if panel.kind == "heatmap" else "time_series",
        "instant": is_figure,
        "range": not is_figure,
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": panel.below, "value": None}]
    steps += [{"color": color, "value": value} for value, color in panel.steps]
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "min": 0,
        "color": {"mode": "thresholds" if panel.steps or panel.words else "palette-classic"},
        "thresholds": {"mode": "absolute", "steps": steps},
        "mappings": [
            {"type": "value", "options": {str(value): {"text": word, "color": color, "index": place}}}
            for place, (value, word, color) in enumerate(panel.words)
        ],
    }
    if panel.kind == "timeseries":
        defaults["custom"] = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 20 if panel.stacked else 0,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        }
        defaults["color"] = {"mode": "palette-classic"}
    return defaults


_FIGURE = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "orientation": "auto"}
_LEGEND = {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []}
OPTIONS: dict[str, dict[str, Any]] = {
    "timeseries": {
        "legend": {**_LEGEND, "displayMode": "table", "calcs": ["mean", "max", "lastNotNull"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {**_FIGURE, "colorMode": "value", "graphMode": "none", "textMode": "auto"},
    "bargauge": {**_FIGURE, "displayMode": "basic", "orientation": "horizontal", "showUnfilled": True},
    "heatmap": {
        "legend": {"show": True},
        "calculate": False,
        "cellGap": 0,
        "color": {"mode": "scheme", "scheme": "Viridis", "steps": 64},
        "yAxis": {"axisPlacement": "left", "unit": "s"},
        "tooltip": {"mode": "single", "yHistogram": False},
    },
    "state-timeline": {"legend": _LEGEND, "mergeValues": True, "showValue": "never", "rowHeight": 0.8},
}
"""What every panel of a kind has."""
