"""Clients that say nothing are cut, each by its own limit, and those at work are not."""

from __future__ import annotations

import ssl
import time
from pathlib import Path

import pytest

from . import gateway as gateways
from . import wire
from .authority import Authority, Identity
from .fake_directory import FakeDirectory, UpstreamConnection, answer_plainly, answering
from .gateway import GatewayFactory
from .raw_client import RawClient

SLOW = b"cn=slow"

# What is not being tested stays far away, so that a cut can only come from the limit that is.
FAR = {"handshake_seconds": 60, "first_message_seconds": 60, "idle_seconds": 60}


def seconds_to_close(client: RawClient) -> tuple[float, list[wire.Message]]:
    started = time.monotonic()
    told = client.receive_to_end()
    return time.monotonic() - started, told


def test_handshake_that_never_ends_is_cut(
    gateway: GatewayFactory, authority: Authority, server_identity: Identity
) -> None:
    with FakeDirectory() as directory:
        running = gateway(
            [gateways.listener("front", "ldaps", identity=server_identity)],
            [gateways.upstream(directory.address)],
            limits={**FAR, "handshake_seconds": 1},
        )
        for beginning in (b"", bytes.fromhex("16 03 01 02 00 01")):
            with RawClient(running.address) as client:
                client.send(beginning)
                taken, _ = seconds_to_close_raw(client)
                assert 0.5 < taken < 5
        with RawClient(running.address, authority.trusting()) as client:
            assert client.ask(wire.search(1)).code == wire.SUCCESS


def seconds_to_close_raw(client: RawClient) -> tuple[float, bytes]:
    started = time.monotonic()
    found = b""
    while data := client.socket.recv(4096):
        found += data
    return time.monotonic() - started, found


def test_start_tls_handshake_that_never_comes_is_cut(gateway: GatewayFactory, server_identity: Identity) -> None:
    with FakeDirectory() as directory:
        running = gateway(
            [gateways.listener("front", "starttls", identity=server_identity)],
            [gateways.upstream(directory.address)],
            limits={**FAR, "handshake_seconds": 1},
        )
        with RawClient(running.address) as client:
            assert client.ask(wire.start_tls(1)).code == wire.SUCCESS
            taken, _ = seconds_to_close_raw(client)
            assert 0.5 < taken < 5


@pytest.mark.parametrize("beginning", [b"", wire.search(1)[:7]])
def test_client_without_a_first_message_is_cut(beginning: bytes, gateway: GatewayFactory) -> None:
    with FakeDirectory() as directory:
        running = gateway(
            [gateways.listener("front")],
            [gateways.upstream(directory.address)],
            limits={**FAR, "first_message_seconds": 1},
        )
        with RawClient(running.address) as client:
            client.send(beginning)
            taken, _ = seconds_to_close(client)
            assert 0.5 < taken < 5
    assert directory.connections == []


def test_idle_client_is_told_before_the_cut(gateway: GatewayFactory) -> None:
    with FakeDirectory() as directory:
        running = gateway(
            [gateways.listener("front")],
            [gateways.upstream(directory.address)],
            limits={**FAR, "idle_seconds": 1},
        )
        with RawClient(running.address) as client:
            assert client.ask(wire.search(1)).code == wire.SUCCESS
            taken, told = seconds_to_close(client)
            assert 0.5 < taken < 5
            assert [message.is_notice for message in told] == [True]


def test_client_with_a_request_outstanding_is_not_idle(gateway: GatewayFactory) -> None:
    def answer(connection: UpstreamConnection, request: wire.Message) -> None:
        if request.tag == wire.SEARCH_REQUEST and request.parts[0][1] == SLOW:
            # Longer than the limit: the server works, the client waits.
            connection.socket.settimeout(2.5)
            try:
                connection.socket.recv(1)
            except TimeoutError:
                connection.socket.settimeout(None)
        answer_plainly(connection, request)

    with FakeDirectory(answering(answer)) as directory:
        running = gateway(
            [gateways.listener("front")],
            [gateways.upstream(directory.address)],
            limits={**FAR, "idle_seconds": 1},
        )
        with RawClient(running.address) as client:
            assert client.ask(wire.search(1, SLOW)).code == wire.SUCCESS


@pytest.mark.parametrize("mode", ["starttls", "ldaps"])
def test_server_that_never_shakes_hands_is_unavailable_in_time(
    mode: str, gateway: GatewayFactory, authority: Authority
) -> None:
    def script(connection: UpstreamConnection) -> None:
        if mode == "starttls":
            request = connection.next_message()
            assert request is not None
            connection.send(wire.extended_response(request.message_id))
        while connection.socket.recv(4096):
            pass

    with FakeDirectory(script) as directory:
        running = gateway(
            [gateways.listener("front")],
            [gateways.upstream(directory.address, mode=mode, authority=authority)],
            limits={**FAR, "connect_seconds": 1},
        )
        with RawClient(running.address) as client:
            started = time.monotonic()
            assert client.ask(wire.search(1)).code == wire.UNAVAILABLE
            assert time.monotonic() - started < 5


def test_connections_above_the_limit_are_refused_until_one_ends(gateway: GatewayFactory) -> None:
    with FakeDirectory() as directory:
        running = gateway(
            [gateways.listener("front")], [gateways.upstream(directory.address)], limits={"connections": 3}
        )
        clients = [RawClient(running.address) for _ in range(3)]
        try:
            assert all(client.ask(wire.search(1)).code == wire.SUCCESS for client in clients)
            with RawClient(running.address) as refused:
                assert all(message.is_notice for message in refused.receive_to_end())
            clients.pop().close()
            directory.connections[2].await_closed()
            with RawClient(running.address) as client:
                assert client.ask(wire.search(1)).code == wire.SUCCESS
        finally:
            for client in clients:
                client.close()


def test_draining_tells_idle_clients_and_waits_for_busy_ones(
    gateway: GatewayFactory, authority: Authority, server_identity: Identity
) -> None:
    with FakeDirectory() as directory:
        running = gateway(
            [gateways.listener("front", "ldaps", identity=server_identity)],
            [gateways.upstream(directory.address)],
        )
        with RawClient(running.address, authority.trusting()) as client:
            assert client.ask(wire.search(1)).code == wire.SUCCESS
            running.stop()
            try:
                told = client.receive_to_end()
            except ssl.SSLError:
                pytest.fail("the TLS connection was cut without close_notify")
        assert [message.is_notice for message in told] == [True]


def has_kernel_timer(port: int) -> bool:
    """Whether the kernel looks after the connection to that port: its timer is the keepalive's, proc_net_tcp(5)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[2].endswith(f":{port:04X}") and row[3] == "01" and row[5].startswith("02") for row in rows)


def test_server_of_a_client_that_stays_is_looked_after(gateway: GatewayFactory) -> None:
    with FakeDirectory() as directory:
        running = gateway(
            [gateways.listener("front")],
            [gateways.upstream(directory.address)],
            limits={**FAR, "first_message_seconds": 1},
        )
        with RawClient(running.address) as client:
            assert client.ask(wire.search(1)).code == wire.SUCCESS
            assert not has_kernel_timer(directory.address.port)
            end = time.monotonic() + 10
            while not has_kernel_timer(directory.address.port) and time.monotonic() < end:
                time.sleep(0.05)
            assert has_kernel_timer(directory.address.port)
