"""Sockets of a service manager: by their names they are the listeners'."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ..policy.content import PROBE
from ..real import gateway as gateways
from ..real import wire
from ..real.process import Process, pause
from ..real.raw_client import Address, RawClient, free_address
from ..real.servers.directory import Directory

# What a service manager does between fork and exec.
LAUNCH = """
import fcntl, os, sys
given = [fcntl.fcntl(int(each), fcntl.F_DUPFD_CLOEXEC, 100) for each in sys.argv[1].split(",")]
for place, each in enumerate(given):
    os.dup2(each, 3 + place, inheritable=True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(given)), "LISTEN_FDNAMES": sys.argv[2]}
os.execv(sys.executable, [sys.executable, *sys.argv[3:]])
"""


def search(address: Address) -> int:
    with RawClient(address) as client:
        return client.ask(wire.search(1, PROBE.encode(), attributes=[b"1.1"])).code


def listening(family: socket.AddressFamily, address: object) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    one.bind(address)  # type: ignore[arg-type]
    one.listen()
    return one


def command(path: Path) -> list[str]:
    return ["-m", "ostiary", "run", "--config", str(path)]


@contextlib.contextmanager
def activated(home: Path, path: Path, sockets: Sequence[tuple[str, socket.socket]]) -> Iterator[Process]:
    """A gateway that a service manager started, until it is stopped."""
    numbers = ",".join(str(one.fileno()) for _, one in sockets)
    names = ":".join(name for name, _ in sockets)
    with (home / "ostiary.log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, numbers, names, *command(path)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[one.fileno() for _, one in sockets],
        )  # fmt: skip
    process = Process.__new__(Process)
    process.log, process._child = home / "ostiary.log", child
    try:
        yield process
    finally:
        assert process.stop() == 0, process.output


def configured(home: Path, openldap: Directory, listeners: Sequence[gateways.Table], workers: int = 1) -> Path:
    path = home / "ostiary.toml"
    text = gateways.configuration(listeners, [gateways.upstream(openldap.plain)], {}, workers)
    path.write_text(text + '[admin]\naddress = "127.0.0.1:1"\n')
    return path


def events(process: Process, name: str) -> list[dict[str, object]]:
    return [line for line in map(json.loads, process.output.splitlines()) if line["event"] == name]


def await_start(process: Process) -> None:
    for _ in range(1_000):
        if any('"event": "started"' in line and '"worker"' not in line for line in process.output.splitlines()):
            return
        pause(0.02)
    raise AssertionError(process.output)


@pytest.mark.parametrize("workers", [1, 3])
def test_sockets_are_listeners_by_their_names(tmp_path: Path, openldap: Directory, workers: int) -> None:
    four, six = listening(socket.AF_INET, ("127.0.0.1", 0)), listening(socket.AF_INET6, ("::1", 0))
    local = listening(socket.AF_UNIX, str(tmp_path / "ldapi"))
    admin, stray = (listening(socket.AF_INET, ("127.0.0.1", 0)) for _ in range(2))
    own = gateways.listener("own")
    # The configuration's addresses could not be had.
    both = gateways.listener("both", address=Address("203.0.113.1", 389))
    path = configured(
        tmp_path, openldap, [both, gateways.listener("local", address=Address(local.getsockname())), own], workers
    )
    sockets = [("both", four), ("local", local), ("both", six), ("admin", admin), ("stray", stray)]
    addresses = [Address(*one.getsockname()[:2]) for one in (four, six)] + [Address(local.getsockname())]
    with contextlib.ExitStack() as stack:
        for one in (four, six, local, admin, stray):
            stack.enter_context(one)
        # Whoever came before the gateway waits for it.
        early = stack.enter_context(RawClient(addresses[0]))
        early.send(wire.search(1, PROBE.encode(), attributes=[b"1.1"]))
        with activated(tmp_path, path, sockets) as process:
            assert early.receive_final()[-1].code == wire.SUCCESS
            await_start(process)
            for address in (*addresses, gateways._parse(str(own["address"]))):
                assert [search(address) for _ in range(6)] == [wire.SUCCESS] * 6
            assert [each["name"] for each in events(process, "socket_unused")] == ["stray"]
            host, port = admin.getsockname()
            with socket.create_connection((host, port), 10) as client:
                client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                assert b"200 OK" in client.recv(1 << 16)
            variables = Path(f"/proc/{process.pid}/environ").read_bytes()
            assert b"LISTEN_" not in variables
        # It is the manager's, and the next one gets it.
        assert Path(local.getsockname()).exists()
        with activated(tmp_path, path, sockets):
            assert search(addresses[1]) == wire.SUCCESS


def test_what_is_no_listening_socket_is_told(tmp_path: Path, openldap: Directory) -> None:
    path = configured(tmp_path, openldap, [gateways.listener("plain")])
    with socket.socket() as idle, (tmp_path / "file").open("wb") as file:
        for name, number, what in (
            ("plain", idle.fileno(), "no listening stream socket"),
            ("x", file.fileno(), "no socket"),
        ):
            done = subprocess.run(
                [sys.executable, "-c", LAUNCH, str(number), name, *command(path)],
                capture_output=True, text=True, timeout=60, pass_fds=[number],
            )  # fmt: skip
            assert done.returncode == 1
            assert f"LISTEN_FDS: descriptor 3 is {what}: {name}" in done.stderr


def test_variables_for_another_process_are_nothing(tmp_path: Path, openldap: Directory) -> None:
    plain = gateways.listener("plain", address=free_address())
    path = configured(tmp_path, openldap, [plain])
    environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "plain"}
    path.write_text(path.read_text().replace('"127.0.0.1:1"', '"127.0.0.1:0"'))
    process = Process([sys.executable, *command(path)], tmp_path / "log", environment=environment)
    try:
        await_start(process)
        assert search(gateways._parse(str(plain["address"]))) == wire.SUCCESS
    finally:
        assert process.stop() == 0
