"""Workers that die, and what the others, their clients and the next worker notice of it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ..policy.content import PROBE
from ..real import gateway as gateways
from ..real import wire
from ..real.process import Process, pause
from ..real.raw_client import RawClient, free_address
from .crew import WAIT_SECONDS, CrewFactory, is_alive, is_closed
from .test_sharing import BUSY, limit, search

DYING = """
import os, sys
from ostiary.plugins import PASS, Plugin

class Dying(Plugin):
    def __init__(self, options):
        super().__init__(options)
        if "ostiary.gateway" in sys.modules and os.environ.get("DYING") == "at start":
            raise ValueError("not here")

    def on_compare(self, client, request):
        os._exit(3)
"""
USE_DYING = '[[plugins]]\nuse = "dying:Dying"\n'


class Load:
    """A client that asks without a pause until it is told to stop, or cut off."""

    def __init__(self, client: RawClient) -> None:
        self.codes: Counter[int] = Counter()
        self.is_cut_off = False
        self._client = client
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        message_id = 1
        while not self._ends.is_set():
            message_id += 1
            try:
                self.codes[self._client.ask(search(message_id)).code] += 1
            except (EOFError, OSError):
                self.is_cut_off = True
                return

    def stop(self) -> None:
        self._ends.set()
        self._thread.join()


def test_a_worker_killed_under_load_is_replaced_and_the_other_serves_on(crew: CrewFactory) -> None:
    most = 8
    running = crew(limits={"connections": most})
    clients = running.clients_of_each(most // 2)
    assert running.is_full()
    loads = {worker: [Load(client) for client in own] for worker, own in clients.items()}
    try:
        for round in range(1, 4):
            pause(0.2)
            running.kill(0)
            running.await_event("worker_started", round + 1, worker=0)
            # What the dead one had in use can be had again, and no more.
            again = [running.admitted() for _ in range(most // 2)]
            assert [client.ask(search(2)).code for client in again] == [wire.SUCCESS] * (most // 2)
            assert running.is_full()
            for client in again:
                client.close()
            before = [load.codes.total() for load in loads[1]]
            pause(0.1)
            assert all(load.codes.total() > count for load, count in zip(loads[1], before, strict=True))
    finally:
        for own in loads.values():
            for load in own:
                load.stop()
    assert all(load.is_cut_off for load in loads[0])
    for load in loads[1]:
        assert not load.is_cut_off
        assert set(load.codes) == {wire.SUCCESS}
    died = running.events("worker_died")
    assert [(line["worker"], line["signal"]) for line in died] == [(0, "SIGKILL")] * 3
    assert [line["in_seconds"] for line in running.events("worker_restarting")] == [0.1, 0.2, 0.4]


def test_requests_that_a_dead_worker_had_at_the_server_are_given_back(crew: CrewFactory) -> None:
    running = crew(plugins=limit(operations="search", concurrent=2))
    clients = running.clients_of_each(2)
    endless = wire.search(2, PROBE.encode(), attributes=[b"1.1"], controls=[persistent()])
    for worker in (0, 1):
        assert clients[worker][0].send(endless).receive().tag == wire.SEARCH_ENTRY
    for worker in (0, 1):
        assert clients[worker][1].ask(search(2)).code == BUSY
    running.kill(0)
    running.await_event("worker_restarting", worker=0)
    other = clients[1][1]
    assert other.send(endless).receive().tag == wire.SEARCH_ENTRY
    assert running.admitted().ask(search(3)).code == BUSY


def persistent() -> bytes:
    """Asks for what is there, and then for every change: a search that does not end (RFC 4533)."""
    return wire.control(wire.SYNC_REQUEST, wire.sequence(wire.enumerated(3)))


def test_a_worker_that_dies_takes_no_count_along(crew: CrewFactory) -> None:
    running = crew(plugins=limit(operations="search", rate="1/h", burst=10))
    clients = running.clients_of_each(1)
    for worker in (0, 1, 0, 1, 0, 1):
        assert clients[worker][0].ask(search(2)).code == wire.SUCCESS
    running.kill(0)
    running.await_event("worker_started", 2, worker=0)
    left = [running.admitted().ask(search(2)).code for _ in range(12)]
    assert left == [wire.SUCCESS] * 4 + [BUSY] * 8


def test_clients_that_wait_for_a_worker_are_served_by_the_next(crew: CrewFactory) -> None:
    running = crew()
    # Stopped, it accepts nobody; whom the kernel has for it, waits.
    running.kill(0, signal.SIGSTOP)
    clients = [RawClient(running.gateway.address).send(search(2)) for _ in range(16)]
    try:
        waiting = []
        for client in clients:
            client.socket.settimeout(0.5)
            try:
                assert client.receive_final()[-1].code == wire.SUCCESS
            except TimeoutError:
                waiting.append(client)
        assert 0 < len(waiting) < len(clients)
        running.kill(0)
        for client in waiting:
            client.socket.settimeout(15)
            assert client.receive_final()[-1].code == wire.SUCCESS
    finally:
        for client in clients:
            client.close()


def test_one_that_dies_again_and_again_is_started_ever_later(crew: CrewFactory, tmp_path: Path) -> None:
    (tmp_path / "dying.py").write_text(DYING)
    running = crew(plugins=USE_DYING, environment={"PYTHONPATH": str(tmp_path)})
    for count in range(1, 5):
        client = running.clients_of_each(1)[0][0]
        client.send(wire.compare(2, PROBE.encode(), b"cn", b"probe"))
        assert is_closed(client)
        running.await_event("worker_started", count + 1, worker=0)
    assert [line["status"] for line in running.events("worker_died", worker=0)] == [3] * 4
    assert [line["in_seconds"] for line in running.events("worker_restarting")] == [0.1, 0.2, 0.4, 0.8]
    assert running.events("worker_died", worker=1) == []


def failed(home: Path, listeners: list[gateways.Table], plugins: str = "", **environment: str) -> str:
    """The log of a gateway that ends with status 1 by itself."""
    path = home / "failing.toml"
    upstreams = [gateways.upstream(free_address())]
    path.write_text(gateways.configuration(listeners, upstreams, {}, workers=2) + plugins)
    command = [sys.executable, "-m", "ostiary", "run", "--config", str(path)]
    process = Process(command, home / "failing.log", environment=environment)
    assert process.wait() == 1, process.output
    return process.output


def test_nothing_runs_where_no_worker_can(tmp_path: Path) -> None:
    (tmp_path / "dying.py").write_text(DYING)
    log = failed(tmp_path, [gateways.listener("plain")], USE_DYING, PYTHONPATH=str(tmp_path), DYING="at start")
    assert '"error": "no worker could start"' in log
    assert log.count('"event": "start_failed", "worker": ') == 2
    assert "not here" in log
    assert "Traceback" not in log


def test_an_address_that_another_gateway_shares_among_its_workers_is_taken(crew: CrewFactory, tmp_path: Path) -> None:
    address = free_address()
    crew([gateways.listener("plain", address=address)])
    log = failed(tmp_path, [gateways.listener("plain", address=address)])
    assert "listener plain: cannot listen: Address already in use" in log


def test_workers_end_when_their_supervisor_is_gone(crew: CrewFactory) -> None:
    running = crew()
    pids = list(running.pids.values())
    client = running.admitted()
    running.gateway.kill()
    assert client.receive().is_notice
    running.await_event("supervisor_lost", 2)
    running.await_event("stopped", 2)
    ended_in_time(pids)
    # Nobody holds the address any more.
    crew([gateways.listener("plain", address=running.gateway.address)])


def test_all_stop_together_and_tell_their_clients(crew: CrewFactory) -> None:
    running = crew()
    clients = running.clients_of_each(2)
    pids = [running.gateway.process.pid, *running.pids.values()]
    # As a service manager does that signals every process of a group.
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    for own in clients.values():
        for client in own:
            assert client.receive().is_notice
    running.gateway.stop()
    ended_in_time(pids)
    assert running.events("worker_killed") == []
    # The supervisor's comes last, and workers say which they are.
    stopped = running.events("stopped")
    assert sorted(line["worker"] for line in stopped[:2]) == [0, 1]
    assert "worker" not in stopped[2]


def test_a_hang_up_reaches_every_worker(crew: CrewFactory) -> None:
    running = crew()
    os.kill(running.gateway.process.pid, signal.SIGHUP)
    assert {line["worker"] for line in running.await_event("reopened", 2)} == {0, 1}
    for worker in (0, 1):
        assert running.clients_of_each(1)[worker][0].ask(search(2)).code == wire.SUCCESS


def ended_in_time(pids: Iterable[int]) -> None:
    """Waits until these processes are gone."""
    deadline = time.monotonic() + WAIT_SECONDS
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        pause(0.02)
