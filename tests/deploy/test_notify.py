"""What a service manager hears: of one process, and of several by their supervisor alone."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostiary import notify

from ..real.process import Process
from ..real.raw_client import free_address

CONFIGURATION = """\
workers = {workers}
[[listeners]]
name = "plain"
address = "{address}"
tls = {{ mode = "none" }}
upstream = "directory"
[[upstreams]]
name = "directory"
servers = ["ldap://127.0.0.1:9"]
[limits]
drain_seconds = 2
"""


class Manager:
    """The socket of a service manager."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(20)
        self._socket.bind(path)

    def hear(self) -> dict[str, str]:
        """What the next datagram says."""
        return dict(line.split("=", 1) for line in self._socket.recv(4_096).decode().splitlines())

    def hear_until(self, word: str) -> list[dict[str, str]]:
        """Everything up to the datagram that says the word."""
        heard = [self.hear()]
        while word not in heard[-1]:
            heard.append(self.hear())
        return heard

    def has_heard(self) -> bool:
        """Whether something was said that nobody has heard yet."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """One that listens where NOTIFY_SOCKET says."""
    path = str(tmp_path / "notify") if request.param == "path" else f"@ostiary-test-{os.getpid()}"
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    found = Manager(path.replace("@", "\0"))
    yield found
    found.close()


def test_states_are_told_as_sd_notify_writes_them(manager: Manager) -> None:
    notify.ready()
    assert manager.hear() == {"READY": "1", "STATUS": "serving"}
    notify.reloading()
    told = manager.hear()
    assert told["RELOADING"] == "1"
    assert int(told["MONOTONIC_USEC"]) > 0
    notify.stopping(30)
    told = manager.hear()
    assert told["STOPPING"] == "1"
    assert int(told["EXTEND_TIMEOUT_USEC"]) > 30_000_000


@pytest.mark.parametrize("path", ["", "nowhere", "/nowhere/notify", "vsock:2:1"])
def test_nobody_who_listens_is_no_fault(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    notify.ready()
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify.ready()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_watchdog_is_asked_for_by_the_environment(environment: dict[str, str], seconds: float | None) -> None:
    assert notify.watchdog_seconds(environment) == seconds


async def test_watchdog_hears_nothing_of_what_is_not_well(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    asked = asyncio.Event()

    async def is_well() -> bool:
        if asked.is_set():
            return True
        asked.set()
        return False

    keeping = asyncio.create_task(notify.keep_watchdog(is_well))
    await asked.wait()
    assert not manager.has_heard()
    assert await asyncio.to_thread(manager.hear) == {"WATCHDOG": "1"}
    keeping.cancel()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_gateway_tells_its_life(tmp_path: Path, workers: int) -> None:
    manager = Manager(str(tmp_path / "notify"))
    path = tmp_path / "ostiary.toml"
    path.write_text(CONFIGURATION.format(workers=workers, address=free_address().text))
    running = Process(
        [sys.executable, "-m", "ostiary", "run"],
        tmp_path / "log",
        environment={
            "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000", "OSTIARY_CONFIG": str(path),
        },
    )  # fmt: skip
    try:
        heard = manager.hear_until("READY")
        # The event loop of a supervisor turns before its workers serve; only who serves is well.
        assert [each for each in heard[:-1] if workers == 1] == []
        assert [manager.hear() for _ in range(3)] == [{"WATCHDOG": "1"}] * 3
        os.kill(running.pid, signal.SIGHUP)
        heard = manager.hear_until("READY")
        assert [each for each in heard if "RELOADING" in each] != []
    finally:
        status = running.stop()
    assert status == 0, running.output
    told = manager.hear_until("STOPPING")[-1]
    # More than the gateway itself gives its clients.
    assert int(told["EXTEND_TIMEOUT_USEC"]) >= 12_000_000
    manager.close()
