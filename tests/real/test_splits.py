"""However a stream is cut into reads, the same comes out, on both sides of the gateway."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from . import gateway as gateways
from . import wire
from .authority import Authority, Identity
from .fake_directory import FakeDirectory, UpstreamConnection
from .gateway import GatewayFactory
from .raw_client import RawClient

REQUESTS = [
    wire.bind(1, b"cn=x,dc=example", b"secret"),
    wire.search(2, b"dc=example", scope=2, attributes=[b"cn", b"mail"], filter=wire.equality(b"cn", b"x")),
    wire.long_tlv(0x30, wire.integer(3), wire.octets(b"cn=gone", wire.DELETE_REQUEST)),
    wire.extended(0x7FFFFFFF, wire.WHO_AM_I),
    wire.compare(300, b"cn=x", b"cn", bytes(200)),
]
UNBIND = wire.unbind(301)
RESPONSES = [
    wire.result(1, wire.BIND_RESPONSE),
    wire.entry(2, b"cn=x,dc=example", (b"cn", b"x"), (b"mail", bytes(300))),
    wire.long_tlv(
        0x30,
        wire.integer(2),
        wire.long_tlv(wire.SEARCH_DONE, wire.enumerated(0), wire.octets(b""), wire.octets(b"")),
    ),
    wire.result(3, wire.DELETE_RESPONSE, 32, b"no such object"),
    wire.extended_response(0x7FFFFFFF),
    wire.result(300, wire.COMPARE_RESPONSE, 6),
]
PROBE = wire.search(9)
STREAM = b"".join(REQUESTS)
ANSWER = b"".join(RESPONSES)


def hurried(plain: socket.socket) -> socket.socket:
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return plain


def split_or_probe(connection: UpstreamConnection) -> None:
    """Answers the recorded requests with the recorded responses; the probe's search at once."""
    first = connection.next_message()
    while first is not None and first.tag == wire.SEARCH_REQUEST:
        connection.send(wire.done(first.message_id))
        first = connection.next_message()
    if first is None:
        return
    connection.send(RESPONSES[0])
    for _ in range(4):
        connection.next_message()
    connection.send(*RESPONSES[1:])
    while connection.next_message() is not None:
        pass


def byte_by_byte(connection: UpstreamConnection) -> None:
    """The same, with every response cut into single bytes."""
    hurried(connection.socket)
    if connection.next_message() is None:
        return
    for octet in RESPONSES[0]:
        connection.send(bytes([octet]))
    for _ in range(4):
        connection.next_message()
    for octet in b"".join(RESPONSES[1:]):
        connection.send(bytes([octet]))
    while connection.next_message() is not None:
        pass


@pytest.fixture(params=["plain", "ldaps"])
def front(
    request: pytest.FixtureRequest, gateway: GatewayFactory, authority: Authority, server_identity: Identity
) -> Callable[[FakeDirectory], Callable[[], RawClient]]:
    def start(directory: FakeDirectory) -> Callable[[], RawClient]:
        is_plain = request.param == "plain"
        listener = (
            gateways.listener("front") if is_plain else gateways.listener("front", "ldaps", identity=server_identity)
        )
        running = gateway([listener], [gateways.upstream(directory.address)], log_level="info")
        tls = None if is_plain else authority.trusting()
        return lambda: RawClient(running.address, tls)

    return start


def collect(client: RawClient) -> list[bytes]:
    """The answers to the recorded requests, and nothing behind an Unbind."""
    found = [client.receive().raw for _ in RESPONSES]
    assert client.send(UNBIND).receive_to_end() == []
    return found


def test_every_split_of_a_stream_gives_the_same(
    front: Callable[[FakeDirectory], Callable[[], RawClient]],
) -> None:
    with FakeDirectory(split_or_probe) as directory:
        connect = front(directory)
        with connect() as probe:
            for cut in range(1, len(STREAM)):
                with connect() as client:
                    hurried(client.socket)
                    client.send(STREAM[:cut])
                    # The probe's answer says that the gateway has been to its sockets in between, so
                    # that the two parts cannot arrive in one read.
                    assert probe.ask(PROBE).code == wire.SUCCESS
                    client.send(STREAM[cut:])
                    assert collect(client) == RESPONSES, f"cut at {cut}"
    for connection in directory.connections[1:]:
        assert bytes(connection.received) == STREAM + UNBIND


def test_single_bytes_give_the_same_on_both_sides(
    front: Callable[[FakeDirectory], Callable[[], RawClient]],
) -> None:
    with FakeDirectory(byte_by_byte) as directory:
        connect = front(directory)
        for _ in range(3):
            with connect() as client:
                hurried(client.socket)
                for octet in STREAM:
                    client.send(bytes([octet]))
                assert collect(client) == RESPONSES
    for connection in directory.connections:
        assert bytes(connection.received) == STREAM + UNBIND
