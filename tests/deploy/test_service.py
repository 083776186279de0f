"""The systemd units under a real systemd: ready when it serves, reloaded, watched, hardened, and stopped in its time;
and sockets that systemd holds meanwhile."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ..house.tree import ROOT
from ..real.authority import LOCAL_NAMES, Authority
from ..real.process import pause
from ..real.raw_client import Address, RawClient
from . import podman
from .documented import shell
from .podman import SYSTEM, Container

REASON = podman.missing(SYSTEM)
pytestmark = [pytest.mark.timeout(300), pytest.mark.skipif(REASON is not None, reason=str(REASON))]

WORKERS = 2
SOCKETS = ("ostiary-ldap.socket", "ostiary-ldaps.socket")
INSTALL, OPERATE = shell("As a systemd service")
CONFIGURATION = f"""
workers = {WORKERS}
[[listeners]]
name = "ldap"
address = "0.0.0.0:1389"
tls = {{ mode = "starttls", certificate = "gateway-service.pem", key = "gateway-service.key" }}
upstream = "directory"
[[listeners]]
name = "ldaps"
address = "0.0.0.0:1636"
tls = {{ mode = "ldaps", certificate = "gateway-service.pem", key = "gateway-service.key" }}
upstream = "directory"
[[upstreams]]
name = "directory"
servers = ["ldap://127.0.0.1:9"]
[admin]
address = "unix:/run/ostiary/admin"
[audit]
output = "/var/log/ostiary/audit.log"
[limits]
drain_seconds = 3
"""
# In place of curl, which slim machines do not have.
ASK = """
import http.client, socket
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect("/run/ostiary/admin")
connection.request("GET", "/metrics")
print(connection.getresponse().read().decode())
"""


class Machine(Container):
    """One with systemd, and the unit installed as docs/deployment.md says."""

    def __init__(self, home: Path, authority: Authority) -> None:
        # What a machine's own init has, and a container's has not: namespaces, and the sight of all processes.
        super().__init__(
            SYSTEM, "--systemd=always", "--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE",
            "--volume", f"{ROOT / 'deploy'}:/source/deploy:ro", "--workdir", "/source",
        )  # fmt: skip
        identity = authority.issue("gateway-service", *LOCAL_NAMES)
        (home / "ostiary.toml").write_text(CONFIGURATION)
        self.run("mkdir", "/etc/ostiary")
        for each in (home / "ostiary.toml", identity.certificate, identity.key):
            podman.podman("cp", each, f"{self.name}:/etc/ostiary/{each.name}")
        self._await("the init", lambda: self.status("systemctl", "is-system-running", "--wait") in (0, 1))
        self.run("sh", "-euc", INSTALL)

    def shown(self, what: str) -> str:
        """A property of the unit."""
        return self.run("systemctl", "show", "--property", what, "--value", "ostiary.service").strip()

    def journal(self) -> str:
        return self.run("journalctl", "--unit", "ostiary", "--no-pager", "--output", "cat")

    def await_shown(self, what: str, value: str, seconds: float = 60) -> None:
        self._await(f"{what}={value}", lambda: self.shown(what) == value, seconds)

    def _await(self, what: str, holds: object, seconds: float = 60) -> None:
        assert callable(holds)
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"{what}\n{self.log}"
            pause(0.2)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Machine]:
    with Machine(tmp_path_factory.mktemp("machine"), authority) as running:
        yield running


@pytest.fixture
def service(machine: Machine) -> Iterator[Machine]:
    """The service, started anew."""
    machine.run("systemctl", "reset-failed")
    assert machine.status("systemctl", "start", "ostiary") == 0, machine.journal()
    yield machine
    machine.run("systemctl", "stop", "ostiary")


def test_it_is_active_once_it_serves(service: Machine) -> None:
    # `systemctl start` came back, so that it is ready.
    assert service.shown("ActiveState") == "active"
    assert service.shown("StatusText") == "serving"
    events = [json.loads(line)["event"] for line in service.journal().splitlines() if line.startswith("{")]
    assert events.count("worker_started") >= WORKERS
    assert (
        service.run("env", "OSTIARY_URL=unix:/run/ostiary/admin", "/opt/ostiary/bin/ostiary", "health").strip() == "ok"
    )


def test_it_has_a_user_of_its_own_and_no_right(service: Machine) -> None:
    status = service.run("cat", f"/proc/{service.shown('MainPID')}/status")
    told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert 61_184 <= int(told["Uid"].split()[0]) <= 65_519
    assert {told[each] for each in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (told["NoNewPrivs"], told["Seccomp"]) == ("1", "2")
    assert service.run("stat", "--format", "%a", "/var/log/private/ostiary/audit.log").strip() == "640"


def test_it_tells_of_its_processes_although_it_sees_no_others(service: Machine) -> None:
    told = service.run("/opt/ostiary/bin/python", "-c", ASK)
    assert told.count("process_resident_memory_bytes{") == WORKERS + 1
    assert told.count("process_start_time_seconds{") == WORKERS + 1


def test_it_is_reloaded_and_stays(service: Machine) -> None:
    process = service.shown("MainPID")
    service.run("systemctl", "reload", "ostiary")
    service.await_shown("StatusText", "serving")
    assert service.shown("MainPID") == process
    assert service.shown("ActiveState") == "active"
    assert '"reopened"' in service.journal()


def test_one_that_hangs_is_replaced(service: Machine) -> None:
    process = service.shown("MainPID")
    service.run("kill", "-STOP", process)
    service.await_shown("NRestarts", "1", seconds=90)
    service.await_shown("ActiveState", "active")
    assert service.shown("MainPID") != process
    assert service.shown("StatusText") == "serving"


def test_it_drains_and_ends_well(service: Machine) -> None:
    started = time.monotonic()
    service.run("systemctl", "stop", "ostiary")
    assert time.monotonic() - started < 10
    assert (service.shown("Result"), service.shown("ExecMainStatus")) == ("success", "0")
    assert '"stopped"' in service.journal()


@pytest.fixture
def ports(machine: Machine) -> Iterator[Machine]:
    """Ports 389 and 636 held by systemd, and no service yet."""
    assert machine.shown("ActiveState") == "inactive"
    machine.run("systemctl", "start", *SOCKETS)
    yield machine
    machine.run("systemctl", "stop", "ostiary.service", *SOCKETS)


def test_a_client_starts_it_by_its_port_for_which_it_needs_no_right(ports: Machine, authority: Authority) -> None:
    tls = ssl.create_default_context(cafile=str(authority.certificate))
    host = ports.inspect("{{.NetworkSettings.IPAddress}}")
    with RawClient(Address(host, 389)) as client:
        client.start_tls(tls)
    with RawClient(Address(host, 636), tls):
        pass
    # The first client is served before systemd has heard that all of it is ready.
    ports.await_shown("ActiveState", "active")
    status = ports.run("cat", f"/proc/{ports.shown('MainPID')}/status")
    assert "CapEff:\t0000000000000000" in status
    assert ports.journal().count('"listener_inherited"') >= 2


def test_no_client_is_refused_while_it_is_restarted(ports: Machine, authority: Authority) -> None:
    tls = ssl.create_default_context(cafile=str(authority.certificate))
    address = Address(ports.inspect("{{.NetworkSettings.IPAddress}}"), 389)
    with ThreadPoolExecutor(1) as pool:
        restarting = pool.submit(ports.run, "systemctl", "restart", "ostiary")
        served = 0
        while not restarting.done():
            with RawClient(address) as client:
                client.start_tls(tls)
            served += 1
    restarting.result()
    with RawClient(address) as client:
        client.start_tls(tls)
    assert served > 1


def test_it_is_operated_as_the_document_says(machine: Machine) -> None:
    machine.run("sh", "-euc", OPERATE)
    assert (machine.shown("ActiveState"), machine.shown("Result")) == ("inactive", "success")
