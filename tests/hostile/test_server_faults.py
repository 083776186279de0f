"""Servers that break the protocol or go away: no raw byte of theirs reaches a client (T10, T11, T15)."""

from __future__ import annotations

import pytest

from ..real import wire
from ..real.fake_directory import Answer, UpstreamConnection, answer_plainly
from .stage import PROBE, PROBE_ANSWER, Refusal, Stage, notice

RAW = bytes.fromhex
ASKED = wire.search(5, b"cn=asked")
LOGIN = wire.bind(1, b"cn=x", b"password")
UNAVAILABLE = Refusal(5, wire.SEARCH_DONE, wire.UNAVAILABLE)
GONE = notice(wire.UNAVAILABLE)

# What the server says to a search with id 5; nothing of it may reach the client.
FAULTS = {
    "closes": b"",
    "garbage": b"\xde\xad\xbe\xef" * 8,
    "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "TLS alert": RAW("15 03 01 00 02 02 28"),
    "indefinite length": RAW("30 80 02 01 05 65 80 00 00 00 00"),
    "five length octets": RAW("30 85 00 00 00 00 0c 02 01 05 65 07 0a 01 00 04 00 04 00"),
    "operation longer than its message": RAW("30 0c 02 01 05 65 7f 0a 01 00 04 00 04 00"),
    "id -1": wire.done(-1),
    "id nobody asked": wire.done(99),
    "entry for an id nobody asked": wire.entry(99, b"cn=leak", (b"cn", b"leak")),
    "bind response nobody asked": wire.result(99, wire.BIND_RESPONSE),
    "bind response to a search": wire.result(5, wire.BIND_RESPONSE),
    "delete response to a search": wire.result(5, wire.DELETE_RESPONSE),
    "a request": wire.search(5, b"cn=asked"),
    "an unbind": wire.unbind(5),
    "an abandon": wire.abandon(6, 5),
    "unknown operation": wire.message(5, wire.tlv(0x7D)),
    "entry with id 0": wire.entry(0, b"cn=leak", (b"cn", b"leak")),
    "search done with id 0": wire.done(0),
    "intermediate with id 0": wire.intermediate(0, b"1.2.3"),
    "notice of disconnection": wire.notice(wire.UNAVAILABLE, b"server-internal-words"),
    "notice with another code": wire.notice(wire.STRONGER_AUTH_REQUIRED, b"server-internal-words"),
}


def faulty(said: bytes) -> Answer:
    def answer(connection: UpstreamConnection, request: wire.Message) -> None:
        if request.raw == ASKED:
            connection.send(said)
            connection.close()
        else:
            answer_plainly(connection, request)

    return answer


def still_open(said: bytes) -> Answer:
    """The same, by a server that does not close: the gateway must."""

    def answer(connection: UpstreamConnection, request: wire.Message) -> None:
        if request.raw == ASKED:
            connection.send(said)
        else:
            answer_plainly(connection, request)

    return answer


SPOKEN = [(name, closes) for name, said in FAULTS.items() for closes in (True, False) if closes or said]


@pytest.mark.parametrize(("name", "closes"), SPOKEN)
def test_anonymous_client_is_told_and_goes_on(name: str, closes: bool, stage: Stage) -> None:
    said = FAULTS[name]
    stage.answer_by(faulty(said) if closes else still_open(said))
    with stage.connect() as client:
        client.send(ASKED)
        told = client.receive()
        assert UNAVAILABLE.matches(told), told
        assert b"directory" in told.text
        client.send(PROBE)
        assert [client.receive().raw for _ in PROBE_ANSWER] == list(PROBE_ANSWER)
    assert len(stage.connections) == 2
    stage.connections[0].await_closed()


@pytest.mark.parametrize("name", FAULTS)
def test_bound_client_is_told_and_let_go(name: str, stage: Stage) -> None:
    stage.answer_by(faulty(FAULTS[name]))
    with stage.connect() as client:
        assert client.ask(LOGIN).code == wire.SUCCESS
        client.send(ASKED)
        told = client.receive_to_end()
    assert len(told) == 2, told
    assert UNAVAILABLE.matches(told[0])
    assert GONE.matches(told[1])


HALF_ENTRIES = {
    "half an entry": wire.entry(5, b"cn=half", (b"cn", b"x"))[:-3],
    "a header": b"\x30\x84",
    "an entry, and half of another": wire.entry(5, b"cn=one", (b"cn", b"x")) + b"\x30\x20\x02\x01",
}


@pytest.mark.parametrize("name", HALF_ENTRIES)
def test_what_was_whole_is_kept_and_what_was_not_is_dropped(name: str, stage: Stage) -> None:
    stage.answer_by(faulty(HALF_ENTRIES[name]))
    whole = 1 if "and" in name else 0
    with stage.connect() as client:
        client.send(ASKED)
        for _ in range(whole):
            assert client.receive().dn == b"cn=one"
        assert UNAVAILABLE.matches(client.receive())


def test_answers_before_the_fault_are_kept(stage: Stage) -> None:
    good = wire.entry(5, b"cn=one", (b"cn", b"x"))
    stage.answer_by(faulty(good + wire.done(99)))
    with stage.connect() as client:
        client.send(ASKED)
        assert client.receive().raw == good
        assert UNAVAILABLE.matches(client.receive())


EVERY_KIND = {
    wire.SEARCH_DONE: wire.search(2, b"cn=lost"),
    wire.MODIFY_RESPONSE: wire.modify(2, b"cn=lost", b"sn", b"x"),
    wire.ADD_RESPONSE: wire.add(2, b"cn=lost", sn=b"x"),
    wire.DELETE_RESPONSE: wire.delete(2, b"cn=lost"),
    wire.MODIFY_DN_RESPONSE: wire.modify_dn(2, b"cn=lost", b"cn=y"),
    wire.COMPARE_RESPONSE: wire.compare(2, b"cn=lost", b"cn", b"x"),
    wire.EXTENDED_RESPONSE: wire.extended(2, b"1.2.3.108111115116", b"cn=lost"),
    wire.BIND_RESPONSE: wire.bind(2, b"cn=lost", b"password"),
}


@pytest.mark.parametrize("tag", EVERY_KIND, ids=hex)
def test_lost_request_of_every_kind_gets_its_own_type(tag: int, stage: Stage) -> None:
    def answer(connection: UpstreamConnection, request: wire.Message) -> None:
        if b"cn=lost" in request.content:
            connection.close()
        else:
            answer_plainly(connection, request)

    stage.answer_by(answer)
    with stage.connect() as client:
        client.send(EVERY_KIND[tag])
        assert Refusal(2, tag, wire.UNAVAILABLE).matches(client.receive())
        client.send(PROBE)
        assert [client.receive().raw for _ in PROBE_ANSWER] == list(PROBE_ANSWER)


# T11: what is not final, and what nobody asked but the standard allows, passes as it came.
UNSOLICITED = wire.extended_response(0, wire.SUCCESS, b"1.3.6.1.4.1.99999.5", b"news")
PASSED_ON = {
    "references": wire.message(5, wire.tlv(wire.SEARCH_REFERENCE, wire.octets(b"ldap://other/"))),
    "intermediate": wire.intermediate(5, b"1.3.6.1.4.1.4203.1.9.1.4", b"\x80\x00"),
    "intermediate without a name": wire.message(5, wire.tlv(wire.INTERMEDIATE_RESPONSE)),
    "unsolicited notification": UNSOLICITED,
    "entry with 0x84 lengths": wire.long_tlv(
        0x30, wire.integer(5), wire.long_tlv(wire.SEARCH_ENTRY, wire.octets(b"cn=ad"), wire.sequence())
    ),
    "entry with a control": wire.message(
        5, wire.tlv(wire.SEARCH_ENTRY, wire.octets(b"cn=x"), wire.sequence()), [wire.control(b"1.2.3", b"x")]
    ),
    "entry whose inside is broken": wire.message(5, wire.tlv(wire.SEARCH_ENTRY, b"\xff\xff\xff")),
}


@pytest.mark.parametrize("name", PASSED_ON)
def test_message_that_is_not_final_passes_as_it_came(name: str, stage: Stage) -> None:
    middle = PASSED_ON[name]
    last = wire.result(5, wire.SEARCH_DONE, 4, b"size", wire.tlv(0xA3, wire.octets(b"ldap://elsewhere.example/")))

    def answer(connection: UpstreamConnection, request: wire.Message) -> None:
        if request.raw == ASKED:
            connection.send(middle, middle, last)
        else:
            answer_plainly(connection, request)

    expected = middle + middle + last
    stage.answer_by(answer)
    with stage.connect() as client:
        client.send(ASKED)
        assert client.receive_octets(len(expected)) == expected
        client.send(PROBE)
        assert [client.receive().raw for _ in PROBE_ANSWER] == list(PROBE_ANSWER)
    assert len(stage.connections) == 1


def test_result_codes_nobody_knows_pass(stage: Stage) -> None:
    def answer(connection: UpstreamConnection, request: wire.Message) -> None:
        connection.send(wire.result(request.message_id, wire.DELETE_RESPONSE, 16654, b"\xff\x00"))

    stage.answer_by(answer)
    with stage.connect() as client:
        client.send(wire.delete(2, b"cn=x"))
        assert client.receive().raw == wire.result(2, wire.DELETE_RESPONSE, 16654, b"\xff\x00")


def test_one_client_never_sees_what_another_asked(stage: Stage) -> None:
    """Twenty clients with the same ids, each with its own base; each gets its own."""
    clients = [stage.connect() for _ in range(20)]
    try:
        for number, client in enumerate(clients):
            client.send(*(wire.search(message_id, b"cn=%d" % number) for message_id in range(1, 51)))
        for number, client in enumerate(clients):
            for message_id in range(1, 51):
                entry, done = client.receive(), client.receive()
                assert (entry.message_id, entry.dn) == (message_id, b"cn=%d" % number)
                assert done.raw == wire.done(message_id)
    finally:
        for client in clients:
            client.close()
