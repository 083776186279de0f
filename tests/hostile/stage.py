"""Plays a hostile client against the gateway and compares what both sides saw with what was said.

It knows how to compare, not what is right: that stands in the tables of the tests.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from ..real import wire
from ..real.fake_directory import Answer, FakeDirectory, Script, UpstreamConnection, answer_plainly, answering
from ..real.gateway import Gateway
from ..real.raw_client import RawClient

ALIVE = b"cn=alive"
ALIVE_ID = 0x7FFFFFF0
PROBE = wire.search(ALIVE_ID, ALIVE)
PROBE_ANSWER = (wire.entry(ALIVE_ID, ALIVE, (b"cn", b"found")), wire.done(ALIVE_ID))


@dataclass(frozen=True)
class Refusal:
    """A response the gateway makes itself: everything is exact but the words for people."""

    message_id: int
    tag: int
    code: int
    name: bytes | None = None

    def matches(self, message: wire.Message) -> bool:
        expected = [0x0A, 0x04, 0x04] + ([0x8A] if self.name is not None else [])
        return (
            (message.message_id, message.tag) == (self.message_id, self.tag)
            and [tag for tag, _ in message.parts] == expected
            and message.parts[0][1] == bytes([self.code])
            and message.parts[1][1] == b""
            and message.response_name == self.name
            and message.controls == b""
        )


def notice(code: int = wire.PROTOCOL_ERROR) -> Refusal:
    return Refusal(0, wire.EXTENDED_RESPONSE, code, wire.NOTICE_OF_DISCONNECTION)


Expected = Refusal | bytes


class AnonymousBind:
    """An anonymous bind of the gateway's own; its message id is the gateway's business."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, bytes):
            return NotImplemented
        message = wire.decode(other)
        empty = wire.integer(3) + wire.octets(b"") + wire.octets(b"", 0x80)
        return message.tag == wire.BIND_REQUEST and message.content == empty and message.message_id > 0

    def __hash__(self) -> int:
        return hash(AnonymousBind)

    def __repr__(self) -> str:
        return "<anonymous bind of the gateway>"


ANONYMOUS_BIND = AnonymousBind()


@dataclass(frozen=True)
class Case:
    """One row: the flights a client sends, each with what it must get, and what the server must see."""

    name: str
    flights: Sequence[tuple[bytes, Sequence[Expected]]]
    upstream: Sequence[bytes | AnonymousBind] = ()
    closes: bool = True
    listener: str = "plain"
    answer: Answer = answer_plainly
    # Flights of the client that a TLS handshake follows, by index.
    tls_after: int | None = None


def refused(name: str, sent: bytes, **keywords: object) -> Case:
    """The commonest row: one flight, a notice with protocolError, the end, and nothing upstream."""
    return Case(name, [(sent, [notice()])], **keywords)  # type: ignore[arg-type]


def passed(name: str, sent: bytes, *answers: Expected, **keywords: object) -> Case:
    """One request that reaches the server as it was sent, and whose answer comes back as it was sent."""
    return Case(name, [(sent, answers)], [sent], closes=False, **keywords)  # type: ignore[arg-type]


def compare(found: wire.Message, expected: Expected) -> None:
    if isinstance(expected, bytes):
        assert found.raw == expected, f"{found.raw.hex(' ')} instead of {expected.hex(' ')}"
    else:
        assert expected.matches(found), f"{found} instead of {expected}"


class Stage:
    """The gateway under test, the server behind it, and the plays between them."""

    def __init__(self, gateway: Gateway, directory: FakeDirectory, tls: ssl.SSLContext) -> None:
        self.gateway = gateway
        self.directory = directory
        self.tls = tls
        self._seen = 0

    def reset(self) -> None:
        """The server answers plainly again, and earlier connections are nobody's business."""
        self.directory.script = answering(answer_plainly)
        self._seen = len(self.directory.connections)

    @property
    def plain_script(self) -> Script:
        return answering(answer_plainly)

    def answer_by(self, answer: Answer) -> None:
        self.directory.script = answering(answer)

    @property
    def connections(self) -> list[UpstreamConnection]:
        """What the gateway dialled since the test began."""
        return self.directory.connections[self._seen :]

    def await_connection(self, number: int = 1) -> UpstreamConnection:
        return self.directory.await_connections(self._seen + number)[self._seen + number - 1]

    def connect(self, listener: str = "plain") -> RawClient:
        tls = self.tls if listener == "ldaps" else None
        return RawClient(self.gateway.addresses[listener], tls)

    def round_trip(self) -> None:
        """Another client is served: whatever the gateway was about to do before, it has done."""
        with self.connect() as client:
            client.send(PROBE)
            assert [client.receive().raw for _ in PROBE_ANSWER] == list(PROBE_ANSWER)

    def serves_an_innocent_client(self) -> None:
        with self.connect() as client:
            assert client.ask(wire.bind(1, b"cn=innocent", b"password")).raw == wire.result(1, wire.BIND_RESPONSE)
            client.send(PROBE)
            assert [client.receive().raw for _ in PROBE_ANSWER] == list(PROBE_ANSWER)

    def play(self, case: Case) -> None:
        self.answer_by(case.answer)
        with self.connect(case.listener) as client:
            for number, (sent, expected) in enumerate(case.flights):
                client.send(sent)
                for each in expected:
                    compare(client.receive(), each)
                if case.tls_after == number:
                    client.wrap(self.tls)
            if case.closes:
                assert client.receive_to_end() == [], "more than expected, before the close"
            else:
                client.send(PROBE)
                for answer in self._answers_to_probe(case):
                    compare(client.receive(), answer)
        self.assert_upstream_saw(case)

    def _answers_to_probe(self, case: Case) -> Sequence[Expected]:
        if case.listener == "all" and case.tls_after is None:
            return [Refusal(ALIVE_ID, wire.SEARCH_DONE, wire.CONFIDENTIALITY_REQUIRED)]
        return PROBE_ANSWER

    def assert_upstream_saw(self, case: Case) -> None:
        expected = list(case.upstream)
        if not case.closes and self._answers_to_probe(case) is PROBE_ANSWER:
            expected.append(PROBE)
        seen: list[bytes] = []
        for connection in self.connections:
            messages = connection.await_closed()
            # Whether the gateway says Unbind before it closes is its own affair.
            if messages and messages[-1].tag == wire.UNBIND_REQUEST:
                messages = messages[:-1]
            seen += [message.raw for message in messages]
        assert [*expected] == seen, [each.hex(" ") for each in seen]
