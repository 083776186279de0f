"""Many clients, slow clients and much data: memory stays bounded and nobody waits for another."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import threading
import time

import pytest

from . import gateway as gateways
from . import wire
from .authority import Authority, Identity
from .fake_directory import FakeDirectory, UpstreamConnection, answer_plainly, answering
from .gateway import GatewayFactory
from .raw_client import Address, RawClient
from .servers.directory import Target

MEBIBYTE = 1 << 20
LARGE = b"cn=large"
CHUNK = wire.entry(2, b"cn=chunk", (b"description", bytes(MEBIBYTE)))
CHUNKS = 100
GROWTH_BYTES_MAX = 64 * MEBIBYTE


def large_or_plain(connection: UpstreamConnection, request: wire.Message) -> None:
    """100 MiB for a search of one base, a plain answer for everything else."""
    if request.tag == wire.SEARCH_REQUEST and request.parts[0][1] == LARGE:
        for _ in range(CHUNKS):
            connection.send(CHUNK)
        connection.send(wire.done(request.message_id))
    else:
        answer_plainly(connection, request)


@pytest.mark.parametrize("mode", ["none", "ldaps"])
def test_client_that_stops_reading_costs_little_and_stops_nobody(
    mode: str, gateway: GatewayFactory, authority: Authority, server_identity: Identity
) -> None:
    tls = authority.trusting() if mode == "ldaps" else None
    with FakeDirectory(answering(large_or_plain)) as directory:
        running = gateway(
            [gateways.listener("front", mode, identity=server_identity if tls else None)],
            [gateways.upstream(directory.address)],
            log_level="info",
        )
        with RawClient(running.address, tls) as warm:
            assert warm.ask(wire.search(1)).code == wire.SUCCESS
        before = running.process.resident_bytes
        with RawClient(running.address, tls) as stopped, RawClient(running.address, tls) as served:
            stopped.send(wire.search(2, LARGE))
            first = stopped.receive()
            assert first.raw == CHUNK
            # 200 round trips of another client give the gateway every chance to fill its buffers.
            for number in range(1, 201):
                assert served.ask(wire.search(number)).code == wire.SUCCESS
            assert running.process.resident_bytes - before < GROWTH_BYTES_MAX
            rest = stopped.receive_final()
            assert running.process.resident_bytes - before < GROWTH_BYTES_MAX
        assert len(rest) == CHUNKS
        assert all(message.raw == CHUNK for message in rest[:-1])
        assert rest[-1].code == wire.SUCCESS


def test_client_that_unbinds_without_reading_does_not_keep_its_sockets(gateway: GatewayFactory) -> None:
    """Closing waits for a peer to read, but not for ever: its place becomes free again."""
    with FakeDirectory(answering(large_or_plain)) as directory:
        running = gateway(
            [gateways.listener("front")], [gateways.upstream(directory.address)], limits={"connections": 2}
        )
        with RawClient(running.address) as stopped, RawClient(running.address) as other:
            stopped.send(wire.search(2, LARGE))
            stopped.receive()
            stopped.send(wire.unbind(3))
            assert other.ask(wire.search(1)).code == wire.SUCCESS
            deadline = time.monotonic() + 20
            while not is_served(running.address):
                assert time.monotonic() < deadline, "its place was never free again"
                # Not to bury the gateway under clients that it refuses.
                assert other.ask(wire.search(1)).code == wire.SUCCESS
                time.sleep(0.1)


def is_served(address: Address) -> bool:
    """Whether one more client gets an answer; if not, it is cut at once."""
    with RawClient(address) as client:
        try:
            return client.ask(wire.search(1)).code == wire.SUCCESS
        except (EOFError, OSError):
            return False


def send_until_refused(client: RawClient) -> int:
    """How many requests of 1 MiB go out before the other side stops reading."""
    for sent in range(64):
        try:
            client.send(wire.modify(2 + sent, b"cn=x", b"description", bytes(MEBIBYTE)))
        except TimeoutError:
            return sent
    return 64


def test_client_that_sends_without_reading_costs_little(gateway: GatewayFactory) -> None:
    """Requests of 1 MiB towards a server that does not read: the client must be made to wait."""
    gate = threading.Event()

    def script(connection: UpstreamConnection) -> None:
        while (request := connection.next_message()) is not None:
            answer_plainly(connection, request)
            if request.tag == wire.BIND_REQUEST:
                gate.wait(20)

    with FakeDirectory(script) as directory:
        running = gateway([gateways.listener("front")], [gateways.upstream(directory.address)], log_level="info")
        with RawClient(running.address) as client:
            assert client.ask(wire.bind(1, b"cn=x", b"x")).code == wire.SUCCESS
            before = running.process.resident_bytes
            client.socket.settimeout(1.0)
            sent = send_until_refused(client)
            assert sent < 40
            assert running.process.resident_bytes - before < GROWTH_BYTES_MAX
            gate.set()


async def _one_of_many(address: Address, number: int, everybody: asyncio.Barrier) -> int:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    await everybody.wait()
    writer.write(wire.bind(1, b"cn=%d" % number, b"secret") + wire.search(2, b"cn=%d" % number))
    found = bytearray()
    finals = 0
    while finals < 2:
        data = await reader.read(1 << 16)
        assert data, "closed before the answer"
        found += data
        finals = sum(message.is_final for message in wire.split(bytes(found)))
    assert wire.split(bytes(found))[1].dn == b"cn=%d" % number
    await everybody.wait()
    writer.close()
    await writer.wait_closed()
    return number


async def test_two_thousand_clients_at_once_are_all_answered(gateway: GatewayFactory) -> None:
    count = 2000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 3 * count:
        pytest.skip(f"too few open files are allowed here for {count} clients: ulimit -n {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3 * count), hard))
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        await _serve_one_of_many(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=4096)
    host, port = server.sockets[0].getsockname()
    running = gateway([gateways.listener("front")], [gateways.upstream(Address(host, port))], log_level="info")
    everybody = asyncio.Barrier(count)
    answered = await asyncio.gather(*(_one_of_many(running.address, number, everybody) for number in range(count)))
    assert sorted(answered) == list(range(count))
    # The gateway closes its upstream connections behind its clients; all must be gone before the loop is.
    await asyncio.gather(*serving)
    server.close()
    await server.wait_closed()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_open_files_to_spare_clients_wait_until_there_are(gateway: GatewayFactory) -> None:
    with FakeDirectory() as directory:
        running = gateway([gateways.listener("front")], [gateways.upstream(directory.address)], log_level="info")
        pid = running.process.pid
        open_files = len(os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_files + 4, open_files + 4))
        many = [RawClient(running.address) for _ in range(12)]
        deadline = time.monotonic() + 10
        while "accept_failed" not in running.log:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for each in many:
            each.close()
        # Those that still wait to be accepted take files from whoever comes behind them.
        codes: list[int | None] = [None]
        while codes[-1] != wire.SUCCESS:
            assert time.monotonic() < deadline, codes
            with RawClient(running.address) as late:
                codes.append(late.ask(wire.search(1)).code)
        assert "Too many open files" in running.log


async def _serve_one_of_many(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    pending = bytearray()
    while data := await reader.read(1 << 16):
        pending += data
        while (taken := wire.take(pending))[0] is not None:
            request, used = taken
            assert request is not None
            del pending[:used]
            if request.tag == wire.BIND_REQUEST:
                writer.write(wire.result(request.message_id, wire.BIND_RESPONSE))
            elif request.tag == wire.SEARCH_REQUEST:
                writer.write(wire.entry(request.message_id, request.parts[0][1]))
                writer.write(wire.done(request.message_id))
    writer.close()
    await writer.wait_closed()


def test_slow_handshakes_block_nobody(before_openldap: Target) -> None:
    with RawClient(before_openldap.ldaps, before_openldap.tls) as probe:
        assert probe.ask(wire.search(1)).code == wire.SUCCESS
    half_hello = bytes.fromhex("16 03 01 02 00 01 00 01 fc 03 03")
    waiting: list[socket.socket] = []
    try:
        for _ in range(100):
            started = before_openldap.ldaps.connect()
            started.sendall(half_hello)
            waiting.append(started)
            with_start_tls = RawClient(before_openldap.plain)
            waiting.append(with_start_tls.socket)
            assert with_start_tls.ask(wire.start_tls(1)).code == wire.SUCCESS
        with before_openldap.connect_tls() as client:
            client.socket.settimeout(5)
            assert client.ask(wire.search(1, attributes=[b"1.1"])).code == wire.SUCCESS
    finally:
        for each in waiting:
            each.close()
