"""The compose example: as its schema says, with files that exist, a sound configuration and ports that meet."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..house.tree import ROOT
from .kubernetes import loaded

FOLDER = ROOT / "deploy/compose"
FILE = FOLDER / "compose.yaml"
SERVICES: dict[str, Any] = yaml.safe_load(FILE.read_text())["services"]


def mounts(service: str) -> dict[str, Path]:
    """The files and folders of this repository that a service sees, by their place in it."""
    found = (each.split(":") for each in SERVICES[service].get("volumes", []))
    return {parts[1]: FOLDER / parts[0] for parts in found if parts[0].startswith(".")}


def test_file_follows_its_schema() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_mounted_exists() -> None:
    found = [path for service in SERVICES for path in mounts(service).values()]
    assert len(found) >= 6
    assert [each for each in found if not each.exists()] == []
    builds = [
        FOLDER / each["build"]["context"] / each["build"]["dockerfile"] for each in SERVICES.values() if "build" in each
    ]
    assert [each for each in builds if not each.is_file()] == []


def test_a_configuration_that_an_editor_replaced_is_seen() -> None:
    # A mounted file stays the one that it was when another takes its name.
    found = mounts("ostiary")
    assert list(found) == ["/etc/ostiary"]
    assert (found["/etc/ostiary"] / "ostiary.toml").is_file()


def test_the_gateway_has_no_right_and_time_to_drain() -> None:
    gateway = SERVICES["ostiary"]
    assert gateway["read_only"] is True
    assert gateway["cap_drop"] == ["ALL"]
    assert gateway["security_opt"] == ["no-new-privileges:true"]
    assert int(gateway["stop_grace_period"].removesuffix("s")) > 30
    # Only this machine's users reach what has no token.
    assert all(each.startswith("127.0.0.1:") for service in SERVICES.values() for each in service.get("ports", []))


def test_configuration_is_sound_and_listens_where_it_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = loaded((FOLDER / "ostiary/ostiary.toml").read_text(), tmp_path, monkeypatch)
    assert config.admin is not None
    ports = {each.address.port for each in config.listeners} | {config.admin.address.port}
    assert ports == {int(each.split(":")[2]) for each in SERVICES["ostiary"]["ports"]}


def test_prometheus_has_all_rules_and_finds_the_gateway(tmp_path: Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is absent: apt-get install prometheus")
    for place, path in mounts("prometheus").items():
        assert Path(place).parent == Path("/etc/prometheus")
        shutil.copy(path, tmp_path / Path(place).name)
    done = subprocess.run(
        ["promtool", "check", "config", str(tmp_path / "prometheus.yml")], capture_output=True, text=True, timeout=50
    )
    assert "2 rule files found" in done.stdout
    told = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    assert told["scrape_configs"][0]["static_configs"] == [{"targets": ["ostiary:9389"]}]


def test_dashboard_is_the_one_that_grafana_shows() -> None:
    found = mounts("grafana")
    provider = yaml.safe_load((FOLDER / "grafana/dashboards.yml").read_text())["providers"][0]
    (dashboard,) = [place for place in found if place.endswith(".json")]
    assert dashboard.startswith(provider["options"]["path"])
    assert SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == dashboard
    assert found[dashboard].resolve() == ROOT / "deploy/grafana/ostiary.json"
