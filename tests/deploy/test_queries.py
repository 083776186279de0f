"""Everything that is asked of Prometheus, by the dashboard, the rules and the documents, asked of a real one.

What is scraped is first a canned exposition and then a gateway under traffic, by the fixture `scraped`.
"""

from __future__ import annotations

import re

import pytest
from deploy.grafana import dashboard

from ..house.tree import ROOT
from .prometheus import RULES, Prometheus

DOCUMENT = (ROOT / "docs/metrics.md").read_text()
ASKED_IN_DOCUMENT = re.findall(r"^```promql\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
PANELS = [
    pytest.param(query.expression, id=f"{row.title}: {panel.title}: {query.legend}")
    for row in dashboard.ROWS
    for panel in row.panels
    for query in panel.queries
]
RECORDED = re.findall(r"- record: (\S+)", (RULES / "ostiary.recording.yml").read_text())
# What Grafana would write for its variables.
VARIABLES = {"$instance": ".+", "$__rate_interval": "1m", "$__range": "1m"}


def written(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    return expression


@pytest.mark.parametrize("expression", PANELS)
def test_panel_has_data(asked: Prometheus, expression: str) -> None:
    assert asked.data(written(expression)), "no data"


@pytest.mark.parametrize("name", RECORDED)
def test_recording_rule_has_data(asked: Prometheus, name: str) -> None:
    assert asked.data(name), "no data"


@pytest.mark.parametrize("expression", ASKED_IN_DOCUMENT)
def test_question_of_the_document_has_data(asked: Prometheus, expression: str) -> None:
    assert asked.data(expression), "no data"


def test_gateways_to_choose_from_are_found(asked: Prometheus) -> None:
    assert [labels["instance"] for labels, _ in asked.data("ostiary_build_info")]


def test_every_rule_is_evaluated_without_an_error(asked: Prometheus) -> None:
    # Prometheus spreads first evaluations over the interval; until then a rule's health is unknown.
    assert all(asked.data(name) for name in RECORDED)
    rules = asked.rules()
    assert {rule["name"] for rule in rules if rule["type"] == "recording"} == set(RECORDED)
    assert len([rule for rule in rules if rule["type"] == "alerting"]) > 10
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] == "err"] == []


def test_every_selector_of_an_alert_finds_something(asked: Prometheus) -> None:
    # An alert is silent when all is well, and so would be one whose metric does not exist.
    selectors = {
        (rule["name"], selector)
        for rule in asked.rules()
        if rule["type"] == "alerting"
        for selector in re.findall(r"\b(?:up\{[^}]*\}|[a-z_:]*ostiary_[a-z0-9_:]+(?:\{[^}]*\})?)", rule["query"])
    }
    alerts = {rule["name"] for rule in asked.rules() if rule["type"] == "alerting"}
    assert {name for name, _ in selectors} == alerts
    assert sorted(name for name, selector in selectors if not asked.data(selector)) == []


def test_alert_expressions_can_be_asked(asked: Prometheus) -> None:
    for rule in asked.rules():
        asked.query(rule["query"])
