"""The systemd units: as systemd reads them, hardly exposed, and at one with each other and with the command line."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest

from ..house.tree import ROOT

FOLDER = ROOT / "deploy/systemd"
SOCKETS = sorted(FOLDER.glob("*.socket"))
# Tenths of systemd's exposure, which goes to 10.
MOST_EXPOSED = 20
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is absent: apt-get install systemd"
)


def settings(path: Path, section: str) -> dict[str, list[str]]:
    """What a section says, every value of a key in its order."""
    found: dict[str, list[str]] = {}
    for line in re.split(r"^\[(?=\w)", path.read_text(), flags=re.MULTILINE)[1:]:
        title, _, body = line.partition("]")
        for key, value in re.findall(r"^(\w+)=(.*)$", body, re.MULTILINE) if title == section else []:
            found.setdefault(key, []).append(value)
    return found


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units, of a gateway that is installed where this Python is."""
    command = Path(sys.executable).with_name("ostiary")
    for each in (*FOLDER.glob("*.service"), *SOCKETS):
        (tmp_path / each.name).write_text(each.read_text().replace("/opt/ostiary/bin/ostiary", str(command)))
    return tmp_path


def analyze(*arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, timeout=50)
    return done.returncode, done.stdout + done.stderr


@needs_systemd
def test_systemd_finds_no_fault(installed: Path) -> None:
    units = sorted(installed.iterdir())
    assert len(units) == 3
    # Without the second option it tells faults, and ends with 0.
    status, told = analyze("verify", "--man=no", "--recursive-errors=no", *units)
    assert (status, told) == (0, "")


@needs_systemd
def test_a_fault_would_be_found(installed: Path) -> None:
    service = installed / "ostiary.service"
    service.write_text(service.read_text().replace("Type=notify", "Type=sometimes"))
    assert analyze("verify", "--man=no", "--recursive-errors=no", service)[0] != 0 or "sometimes" in analyze(
        "verify", "--man=no", service
    )[1]  # fmt: skip


@needs_systemd
@pytest.mark.parametrize("drop_in", [None, "ports-without-sockets.conf"])
def test_service_is_hardly_exposed(installed: Path, drop_in: str | None) -> None:
    service = installed / "ostiary.service"
    if drop_in is not None:
        # Assignments of a drop-in come later, and those of lists add to what is there.
        service.write_text(service.read_text() + (FOLDER / drop_in).read_text())
    status, told = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", service)
    assert status == 0, told


def test_sockets_bring_what_the_service_listens_on() -> None:
    found = {each.stem: settings(each, "Socket") for each in SOCKETS}
    assert [each["ListenStream"] for each in found.values()] == [["389"], ["636"]]
    assert [each["FileDescriptorName"] for each in found.values()] == [["ldap"], ["ldaps"]]
    assert {each["Service"][0] for each in found.values()} == {"ostiary.service"}
    # A socket that is part of the service is closed when that is restarted, and with it whoever waits in it.
    assert [each for each in SOCKETS if {"PartOf", "BindsTo"} & set(settings(each, "Unit"))] == []
    also = settings(FOLDER / "ostiary.service", "Install")["Also"][0].split()
    assert sorted(also) == sorted(each.name for each in SOCKETS)


def test_service_is_told_what_the_gateway_tells() -> None:
    service = settings(FOLDER / "ostiary.service", "Service")
    assert service["Type"] == ["notify"]
    assert service["ExecReload"] == ["kill -HUP $MAINPID"]
    assert "WatchdogSec" in service
    variables = re.findall(r"OSTIARY_\w+", (FOLDER / "ostiary.service").read_text())
    known = re.findall(r"OSTIARY_\w+", (ROOT / "python/ostiary/cli/options.py").read_text())
    assert set(variables) <= set(known)


def test_group_of_keys_is_made() -> None:
    (group,) = settings(FOLDER / "ostiary.service", "Service")["SupplementaryGroups"]
    assert f"g {group} -" in (FOLDER / "ostiary.sysusers.conf").read_text().splitlines()
    # A dynamic user takes the service's name for itself and its group.
    assert group != "ostiary"


def test_units_can_be_read_by_anybody_who_reads_such_files() -> None:
    for each in (FOLDER / "ostiary.service", *SOCKETS):
        reader = RawConfigParser(strict=False)
        reader.read(each)
        assert {"Unit", "Install"} <= set(reader.sections())
