"""Limits, rates and lockouts over two workers: each means the same as with one."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ..policy.content import ALICE, ALICE_PASSWORD, PROBE
from ..policy.server_log import ServerLog
from ..real import gateway as gateways
from ..real import wire
from ..real.authority import Authority, Identity
from ..real.raw_client import Address, RawClient
from .crew import Crew, CrewFactory

BUSY = 51
ELSEWHERE = "127.0.0.2"
alice, password = ALICE.encode(), ALICE_PASSWORD.encode()


def limit(**keys: object) -> str:
    lines = "".join(f"{key} = {gateways.toml(value)}\n" for key, value in keys.items())  # type: ignore[arg-type]
    return f'[[plugins]]\nuse = "rate_limit"\n[[plugins.limits]]\nname = "all"\nkey = "global"\n{lines}'


def search(message_id: int = 1) -> bytes:
    return wire.search(message_id, PROBE.encode(), attributes=[b"1.1"])


def in_turn(clients: dict[int, list[RawClient]]) -> list[tuple[int, RawClient]]:
    """The clients of all workers, one worker after the other."""
    pairs = [[(worker, client) for client in own] for worker, own in clients.items()]
    return [pair for each in zip(*pairs, strict=True) for pair in each]


def test_twenty_a_second_are_twenty_whatever_the_number_of_workers(crew: CrewFactory, server_log: ServerLog) -> None:
    running = crew(plugins=limit(operations="search", rate="20/s", burst=1))
    clients = running.clients_of_each(3)
    codes: Counter[int] = Counter()
    served: Counter[int] = Counter()
    turns = itertools.cycle(in_turn(clients))
    end = time.monotonic() + 10
    for message_id in itertools.count(2):
        if time.monotonic() >= end:
            break
        worker, client = next(turns)
        code = client.ask(search(message_id)).code
        codes[code] += 1
        served[worker] += code == wire.SUCCESS
    assert set(codes) == {wire.SUCCESS, BUSY}
    assert abs(codes[wire.SUCCESS] - 200) <= 10, codes
    assert len(server_log.requests()) == codes[wire.SUCCESS]
    assert all(served[worker] > 20 for worker in clients), served


def test_a_lockout_holds_in_every_worker(crew: CrewFactory, server_log: ServerLog) -> None:
    guard = '[[plugins]]\nuse = "bind_guard"\nfailures = 3\nlockout_seconds = 120\nnegative_cache_seconds = 0\n'
    running = crew(plugins=guard)
    clients = running.clients_of_each(2)
    for number in range(3):
        answer = clients[0][0].ask(wire.bind(2 + number, alice, f"guess-{number}".encode()))
        assert answer.code == wire.INVALID_CREDENTIALS
    for worker, own in clients.items():
        for client in own:
            assert client.ask(wire.bind(9, alice, password)).code == wire.INVALID_CREDENTIALS
        assert running.events("decided", worker=worker, rule="lockout_pair")
    assert sum("method=128" in line for line in server_log.requests()) == 3
    # Who guessed is locked out, and nobody else is, in neither worker.
    for own in running.clients_of_each(1, source=ELSEWHERE).values():
        assert own[0].ask(wire.bind(2, alice, password)).code == wire.SUCCESS


def test_a_refused_password_is_known_to_every_worker(crew: CrewFactory, server_log: ServerLog) -> None:
    running = crew(plugins='[[plugins]]\nuse = "bind_guard"\nfailures = 0\n')
    clients = running.clients_of_each(1)
    for worker in (0, 1, 0, 1):
        answer = clients[worker][0].ask(wire.bind(5, alice, b"guess-old"))
        assert answer.code == wire.INVALID_CREDENTIALS
    assert len(server_log.requests()) == 1


@pytest.mark.parametrize("kind", ["limits.connections", "limits.connections_per_address", "rate_limit"])
def test_as_many_connections_as_allowed_and_not_one_more(crew: CrewFactory, kind: str) -> None:
    most = 8
    if kind == "rate_limit":
        running = crew(plugins=limit(operations=["connect"], concurrent=most))
    else:
        running = crew(limits={kind.removeprefix("limits."): most})
    clients = running.clients_of_each(most // 2)
    assert [running.is_full() for _ in range(6)] == [True] * 6
    clients[1].pop().close()
    assert running.admitted().ask(search(2)).code == wire.SUCCESS
    assert [running.is_full() for _ in range(6)] == [True] * 6
    if kind == "limits.connections_per_address":
        with RawClient(running.gateway.address, source=ELSEWHERE) as other:
            assert other.ask(search()).code == wire.SUCCESS


def test_workers_share_a_unix_socket(crew: CrewFactory, tmp_path: Path) -> None:
    address = Address(str(tmp_path / "ldapi"))
    running = crew([gateways.listener("local", address=address)])
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawClient(address)) for _ in range(20)]
        assert [client.ask(search()).code for client in clients] == [wire.SUCCESS] * 20
    running.kill(0)
    running.await_event("worker_started", 2, worker=0)
    with RawClient(address) as client:
        assert client.ask(search()).code == wire.SUCCESS
    running.gateway.stop()
    assert not Path(address.host).exists()


def secured(crew: CrewFactory, server_identity: Identity) -> Crew:
    listeners = [
        gateways.listener("ldaps", "ldaps", identity=server_identity),
        gateways.listener("starttls", "starttls", identity=server_identity),
    ]
    return crew(listeners)


def test_openldap_tools_find_no_difference(
    crew: CrewFactory, authority: Authority, server_identity: Identity, tmp_path: Path
) -> None:
    if shutil.which("ldapsearch") is None:
        pytest.skip("ldapsearch is absent: apt-get install ldap-utils")
    running = secured(crew, server_identity)
    (tmp_path / "password").write_text(ALICE_PASSWORD)
    for name, extra in (("ldaps", []), ("starttls", ["-ZZ"])):
        url = running.gateway.addresses[name].url("ldaps" if name == "ldaps" else "ldap")
        account = ["-x", "-D", ALICE, "-y", str(tmp_path / "password")]
        for _ in range(6):
            done = subprocess.run(
                ["ldapsearch", "-LLL", "-H", url, *extra, *account, "-b", ALICE, "-s", "base", "uid"],
                capture_output=True, text=True, timeout=30, env={"LDAPTLS_CACERT": str(authority.certificate)},
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            assert "uid: alice" in done.stdout
    served = {line["worker"] for line in running.await_event("connection_closed", 12, reason="unbind")}
    assert served == {0, 1}


def test_python_ldap_finds_no_difference(crew: CrewFactory, authority: Authority, server_identity: Identity) -> None:
    ldap: Any = pytest.importorskip("ldap", reason="python-ldap is absent")
    running = secured(crew, server_identity)
    opened = []
    for _ in range(12):
        connection = ldap.initialize(running.gateway.addresses["ldaps"].url("ldaps"))
        connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(authority.certificate))
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        connection.set_option(ldap.OPT_TIMEOUT, 25)
        connection.simple_bind_s(ALICE, ALICE_PASSWORD)
        ((name, found),) = connection.search_s(ALICE, ldap.SCOPE_BASE, attrlist=["uid"])
        assert (name, found) == (ALICE, {"uid": [b"alice"]})
        opened.append(connection)
    for connection in opened:
        connection.unbind_s()
    served = {line["worker"] for line in running.await_event("connection_closed", 12, reason="unbind")}
    assert served == {0, 1}
