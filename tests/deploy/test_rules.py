"""Rules for Prometheus, by promtool: they are sound, and each alert is told when it should be and silent when not."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ..house.tree import ROOT

MISSING = "promtool is absent: apt-get install prometheus"
pytestmark = pytest.mark.skipif(shutil.which("promtool") is None, reason=MISSING)

FOLDER = ROOT / "deploy/prometheus"
TESTS = Path(__file__).with_name("alerts")
DOCUMENT = (ROOT / "docs/metrics.md").read_text()
ALERTS = re.findall(r"^ +- alert: (\w+)$", (FOLDER / "ostiary.alerts.yml").read_text(), re.MULTILINE)


def promtool(*arguments: str | Path) -> str:
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("path", sorted(FOLDER.glob("ostiary.*.yml")), ids=lambda path: path.name)
def test_rules_are_sound(path: Path) -> None:
    assert "SUCCESS" in promtool("check", "rules", path)


def test_example_is_a_configuration_with_all_rules() -> None:
    assert "2 rule files found" in promtool("check", "config", FOLDER / "prometheus.yml")


def test_example_with_tls_and_a_token_is_a_configuration(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    (tmp_path / "prometheus.yml").write_text(block)
    for name in ("corp-ca.pem", "ostiary.token"):
        (tmp_path / name).write_text("")
    promtool("check", "config", tmp_path / "prometheus.yml")


@pytest.mark.parametrize("alert", ALERTS)
def test_alert_is_told_when_it_should_be_and_only_then(alert: str) -> None:
    cases = (TESTS / f"{alert}.yml").read_text()
    assert re.findall(r"alertname: (\w+)", cases) == [alert] * cases.count("alertname: ")
    assert "exp_labels: " in cases, "never told"
    assert "exp_alerts: []" in cases, "never silent"
    promtool("test", "rules", TESTS / f"{alert}.yml")


def test_every_test_is_of_an_alert() -> None:
    assert sorted(path.stem for path in TESTS.glob("*.yml")) == sorted(ALERTS)
    assert len(ALERTS) == len(set(ALERTS))


def test_every_alert_says_how_bad_it_is_and_is_explained() -> None:
    text = (FOLDER / "ostiary.alerts.yml").read_text()
    rows = dict(re.findall(r"^\| `(Ostiary\w+)` \| (\w+) \|", DOCUMENT, re.MULTILINE))
    found = dict(re.findall(r"- alert: (\w+)\n(?:.*\n)*?\s+severity: (\w+)\n", text))
    assert rows == found
    assert list(found) == ALERTS
    assert set(found.values()) == {"warning", "critical"}
