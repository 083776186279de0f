"""A gateway of several workers, as tests see it: who they are, whose client is whose, and what the log says of them.

Which worker has a client is asked of the kernel: by the sockets that each process has open (Linux).
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..real import wire
from ..real.gateway import Gateway
from ..real.process import open_files, pause
from ..real.raw_client import RawClient

CrewFactory = Callable[..., "Crew"]
WAIT_SECONDS = 15.0


class Crew:
    """The workers of a running gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._clients: list[RawClient] = []
        self.await_event("started", workers=2)

    def events(self, name: str, **fields: object) -> list[dict[str, Any]]:
        """The lines of the log about an event, with these fields."""
        lines = [
            json.loads(line) for line in self.gateway.log.splitlines() if line.startswith("{") and line.endswith("}")
        ]
        return [line for line in lines if line["event"] == name and fields.items() <= line.items()]

    def await_event(self, name: str, count: int = 1, **fields: object) -> list[dict[str, Any]]:
        """The same, once there are so many."""
        deadline = time.monotonic() + WAIT_SECONDS
        while len(found := self.events(name, **fields)) < count:
            assert time.monotonic() < deadline, f"no {name} with {fields}:\n{self.gateway.log[-4000:]}"
            pause(0.01)
        return found

    def close(self) -> None:
        """Closes the clients that were made here."""
        for client in self._clients:
            client.close()

    @property
    def pids(self) -> dict[int, int]:
        """The process of each worker."""
        return {line["worker"]: line["pid"] for line in self.events("worker_started")}

    def kill(self, worker: int, number: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self.pids[worker], number)

    def worker_of(self, client: RawClient) -> int:
        """Who serves a client that has been answered."""
        port = client.socket.getsockname()[1]
        inodes = {
            fields[9]
            for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
            if int((fields := line.split())[2].rpartition(":")[2], 16) == port
        }
        (worker,) = (worker for worker, pid in self.pids.items() if sockets(pid) & inodes)
        return worker

    def admitted(self, *, source: str = "") -> RawClient:
        """A client that was answered; the one before it may still have to leave where no more are allowed."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            client = RawClient(self.gateway.address, source=source)
            self._clients.append(client)
            try:
                # An answer that costs the directory nothing: StartTLS is not offered.
                assert client.ask(wire.start_tls(1)).code == wire.PROTOCOL_ERROR
            except (EOFError, ConnectionError):
                assert time.monotonic() < deadline, "nobody is let in"
                pause(0.02)
            else:
                return client

    def is_full(self) -> bool:
        """Whether a client that comes now is sent away."""
        with RawClient(self.gateway.address) as client:
            return is_closed(client)

    def clients_of_each(self, each: int, *, source: str = "") -> dict[int, list[RawClient]]:
        """So many clients of each worker; the kernel spreads them, so that some more come and go until there are."""
        found: dict[int, list[RawClient]] = {worker: [] for worker in self.pids}
        for _ in range(200):
            client = self.admitted(source=source)
            mine = found[self.worker_of(client)]
            if len(mine) < each:
                mine.append(client)
            else:
                client.close()
            if all(len(clients) == each for clients in found.values()):
                return found
        raise AssertionError(f"the kernel prefers one: {found}")


def sockets(pid: int) -> set[str]:
    """The inodes of the sockets that a process has open."""
    prefix = "socket:["
    return {each.removeprefix(prefix).removesuffix("]") for each in open_files(pid) if each.startswith(prefix)}


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def is_closed(client: RawClient) -> bool:
    """Whether the other side ends the connection."""
    client.socket.settimeout(2)
    try:
        return client.socket.recv(1) == b""
    except (ConnectionResetError, BrokenPipeError):
        return True
    except TimeoutError:
        return False
