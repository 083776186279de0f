"""Rates and numbers, counted against the clock: what is beyond them is answered, delayed or not let in."""

from __future__ import annotations

import time

import pytest

from ..real import gateway as gateways
from ..real import wire
from ..real.authority import Authority, Identity
from ..real.gateway import Gateway, GatewayFactory
from ..real.raw_client import RawClient
from ..real.servers.directory import Directory
from .content import PROBE
from .server_log import ServerLog

RATE, BURST, SECONDS = 20, 20, 2.5
BUSY = 51
ELSEWHERE = "127.0.0.2"


def limit(name: str, **keys: object) -> str:
    lines = "".join(f"{key} = {gateways.toml(value)}\n" for key, value in keys.items())  # type: ignore[arg-type]
    return f'[[plugins]]\nuse = "rate_limit"\n[[plugins.limits]]\nname = "{name}"\n{lines}'


def search(message_id: int) -> bytes:
    filter = wire.equality(b"cn", f"number {message_id}".encode())
    return wire.search(message_id, PROBE.encode(), filter=filter, attributes=[b"1.1"])


def plain(gateway: GatewayFactory, openldap: Directory, plugins: str) -> Gateway:
    return gateway([gateways.listener("plain")], [gateways.upstream(openldap.plain)], plugins=plugins)


def test_rate_is_exact(gateway: GatewayFactory, openldap: Directory, server_log: ServerLog) -> None:
    plugins = limit("searches", operations="search", key="client", rate=f"{RATE}/s", burst=BURST)
    running = plain(gateway, openldap, plugins)
    codes = {wire.SUCCESS: 0, BUSY: 0}
    with RawClient(running.address) as client:
        begin = time.monotonic()
        first = last = 0.0
        message_id = 0
        while last < SECONDS:
            message_id += 1
            codes[client.ask(search(message_id)).code] += 1
            last = time.monotonic() - begin
            first = first or last
        with RawClient(running.address, source=ELSEWHERE) as other:
            assert other.ask(search(1)).code == wire.SUCCESS
    # Exact from above whatever the machine does. From below only while it asks often enough, so with room.
    assert codes[wire.SUCCESS] <= BURST + RATE * last + 1
    assert codes[wire.SUCCESS] >= BURST + RATE * (last - first) * 0.7 - 1
    assert codes[BUSY] > 0
    assert len(server_log.requests()) == codes[wire.SUCCESS] + 1


def test_delayed_requests_keep_their_order(gateway: GatewayFactory, openldap: Directory, server_log: ServerLog) -> None:
    plugins = limit(
        "searches", operations="search", key="client", rate="10/s", burst=1, exceeded="delay", delay_seconds=30
    )
    running = plain(gateway, openldap, plugins)
    numbers = list(range(1, 9))
    with RawClient(running.address) as client:
        begin = time.monotonic()
        client.send(*map(search, numbers))
        answers = [client.receive_final()[-1] for _ in numbers]
        passed = time.monotonic() - begin
    assert [(each.message_id, each.code) for each in answers] == [(number, wire.SUCCESS) for number in numbers]
    assert passed >= (len(numbers) - 1) / 10 - 0.05
    told = [line for line in server_log.requests() if line.startswith("SRCH")]
    assert [f'"(cn=number {number})"' in line for number, line in zip(numbers, told, strict=True)] == [True] * 8


def test_what_would_wait_too_long_is_told_to_come_again(gateway: GatewayFactory, openldap: Directory) -> None:
    plugins = limit(
        "searches", operations="search", key="client", rate="1/h", burst=1, exceeded="delay", delay_seconds=0.1
    )
    with RawClient(plain(gateway, openldap, plugins).address) as client:
        assert client.ask(search(1)).code == wire.SUCCESS
        assert client.ask(search(2)).code == BUSY


def test_too_many_ends_the_connection_where_told_so(gateway: GatewayFactory, openldap: Directory) -> None:
    plugins = limit("searches", operations="search", key="client", rate="1/h", burst=1, exceeded="close")
    with RawClient(plain(gateway, openldap, plugins).address) as client:
        assert client.ask(search(1)).code == wire.SUCCESS
        (notice,) = client.send(search(2)).receive_to_end()
        assert notice.is_notice


@pytest.fixture
def counted(gateway: GatewayFactory, openldap: Directory, server_identity: Identity) -> Gateway:
    plugins = limit("connections", operations="connect", key="client", concurrent=3)
    listeners = [gateways.listener("ldaps", "ldaps", identity=server_identity)]
    return gateway(listeners, [gateways.upstream(openldap.plain)], plugins=plugins)


def is_let_in(running: Gateway, authority: Authority, source: str = "") -> bool:
    try:
        with RawClient(running.address, authority.trusting(), source=source) as client:
            return client.ask(search(1)).code == wire.SUCCESS
    except (OSError, EOFError):
        return False


def test_connections_are_counted_before_tls_is_spent_on_them(counted: Gateway, authority: Authority) -> None:
    # await_listening has connected too, and its connection may still be counted.
    deadline = time.monotonic() + 15
    while not is_let_in(counted, authority):
        assert time.monotonic() < deadline
    inside: list[RawClient] = []
    try:
        while len(inside) < 3:
            inside.append(RawClient(counted.address, authority.trusting()))
        # Not one octet is said, and none is awaited: it is closed as soon as it is accepted.
        with RawClient(counted.address) as beyond:
            assert beyond.receive_to_end() == []
            assert beyond.received == b""
        assert is_let_in(counted, authority, ELSEWHERE)
        assert all(client.ask(search(2)).code == wire.SUCCESS for client in inside)
    finally:
        for client in inside:
            client.close()
    while not is_let_in(counted, authority):
        assert time.monotonic() < deadline
