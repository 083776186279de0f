"""Message ids and Abandon: what is in use stays so until the server is done with it (T7, T8, T12)."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from ..real import wire
from ..real.fake_directory import UpstreamConnection, answer_plainly
from .stage import PROBE, PROBE_ANSWER, Case, Stage, notice

LATE = wire.search(5, b"cn=late")


class Late:
    """A server that answers searches of "cn=late" only when told, or behind an Abandon of them."""

    def __init__(self, *, when_abandoned: bool = False) -> None:
        self.told = threading.Event()
        self.when_abandoned = when_abandoned

    def answer_late(self, connection: UpstreamConnection) -> None:
        connection.send(wire.entry(5, b"cn=late", (b"cn", b"x")), wire.entry(5, b"cn=later", (b"cn", b"x")))
        connection.send(wire.done(5))

    def __call__(self, connection: UpstreamConnection, request: wire.Message) -> None:
        if request.raw == LATE:
            return
        if request.tag == wire.ABANDON_REQUEST:
            if self.when_abandoned:
                self.answer_late(connection)
        elif request.tag == wire.COMPARE_REQUEST:
            self.answer_late(connection)
            answer_plainly(connection, request)
        else:
            answer_plainly(connection, request)


REUSED = {
    "search": wire.search(5, b"cn=other"),
    "bind": wire.bind(5, b"cn=x", b"password"),
    "anonymous bind": wire.bind(5),
    "delete": wire.delete(5, b"cn=x"),
    "extended": wire.extended(5, wire.WHO_AM_I),
    "abandon": wire.abandon(5, 6),
}


@pytest.mark.parametrize("name", REUSED)
def test_id_in_use_is_told_and_ends_the_session(name: str, stage: Stage) -> None:
    again = REUSED[name]
    stage.answer_by(Late())
    with stage.connect() as client:
        client.send(LATE)
        connection = stage.await_connection()
        connection.await_messages(1)
        (told,) = client.send(again).receive_to_end()
        assert notice().matches(told)
    assert again not in [message.raw for message in connection.await_closed()]


@pytest.mark.parametrize("name", REUSED)
def test_id_used_twice_in_one_flight_ends_the_session(name: str, stage: Stage) -> None:
    again = REUSED[name]
    stage.answer_by(Late())
    with stage.connect() as client:
        (told,) = client.send(LATE + again).receive_to_end()
        assert notice().matches(told)
    for connection in stage.connections:
        assert again not in [message.raw for message in connection.await_closed()]


def test_id_of_a_bind_may_be_used_behind_it(stage: Stage) -> None:
    """What is behind a bind is read after its answer, when its id is free again."""
    with stage.connect() as client:
        client.send(wire.bind(1, b"cn=x", b"password"), wire.search(1, b"cn=y"))
        found = [client.receive().raw for _ in range(3)]
    assert found == [
        wire.result(1, wire.BIND_RESPONSE),
        wire.entry(1, b"cn=y", (b"cn", b"found")),
        wire.done(1),
    ]


def test_id_is_free_again_after_the_answer(stage: Stage) -> None:
    delete = wire.delete(7, b"cn=x")
    answer = wire.result(7, wire.DELETE_RESPONSE)
    stage.play(Case("reuse", [(delete, [answer]), (delete, [answer])], [delete, delete], closes=False))


ABANDON = wire.abandon(6, 5)
COMPARE = wire.compare(7, b"cn=x", b"cn", b"x")
COMPARED = wire.result(7, wire.COMPARE_RESPONSE)


@pytest.mark.parametrize("when_abandoned", [True, False])
@pytest.mark.parametrize("in_one_flight", [True, False])
def test_nothing_of_an_abandoned_search_arrives(in_one_flight: bool, when_abandoned: bool, stage: Stage) -> None:
    answers = Late(when_abandoned=when_abandoned)
    # The compare makes a server that has not answered yet do so, before it answers the compare itself;
    # the second time nobody asked for that id any more, which would be the server's fault: so not twice.
    asked = PROBE if when_abandoned else COMPARE
    answered = list(PROBE_ANSWER) if when_abandoned else [COMPARED]
    flights = [(LATE + ABANDON + asked, answered)]
    if not in_one_flight:
        flights = [(LATE, []), (ABANDON, []), (asked, answered)]
    stage.play(Case("abandon", flights, [LATE, ABANDON, asked], closes=False, answer=answers))


def test_late_answer_never_answers_another_request_of_that_id(stage: Stage) -> None:
    """The id stays taken upstream: a client that uses it again is refused or gets its own answer."""
    other = wire.search(5, b"cn=own")
    stage.answer_by(Late())
    with stage.connect() as client:
        client.send(LATE, ABANDON, other, COMPARE)
        found = [client.receive()]
        while not found[-1].is_notice and found[-1].raw != COMPARED:
            found.append(client.receive())
    assert not [message for message in found if b"late" in message.raw]


IGNORED = {
    "its own id": wire.abandon(6, 6),
    "id 0": wire.abandon(6, 0),
    "a negative id": wire.abandon(6, -5),
}


@pytest.mark.parametrize("name", IGNORED)
def test_abandon_of_what_cannot_be_is_ignored(name: str, stage: Stage) -> None:
    stage.play(Case(name, [(IGNORED[name], [])], closes=False))


def test_abandon_of_what_is_not_there_gets_no_answer(stage: Stage) -> None:
    with stage.connect() as client:
        client.send(wire.abandon(6, 99), PROBE)
        assert [client.receive().raw for _ in PROBE_ANSWER] == list(PROBE_ANSWER)


def test_abandon_of_a_bind_leaves_the_session_usable(stage: Stage) -> None:
    """A bind cannot be abandoned (RFC 4511 section 4.11): it is answered as if nothing had been said."""
    bind = wire.bind(1, b"cn=x", b"password")
    with stage.connect() as client:
        client.send(bind, wire.abandon(2, 1), PROBE)
        assert client.receive().raw == wire.result(1, wire.BIND_RESPONSE)
        assert [client.receive().raw for _ in PROBE_ANSWER] == list(PROBE_ANSWER)


def test_unbind_is_the_end_whatever_stands_behind_it(stage: Stage) -> None:
    bind, unbind = wire.bind(1, b"cn=x", b"password"), wire.unbind(2)
    stage.play(
        Case(
            "unbind",
            [(bind, [wire.result(1, wire.BIND_RESPONSE)]), (unbind + wire.delete(3, b"cn=x"), [])],
            [bind],
        )
    )


def test_more_requests_than_may_be_outstanding_wait_their_turn(stage: Stage) -> None:
    count = 3000
    with stage.connect() as client:
        client.send(*(wire.delete(number, b"cn=x") for number in range(1, count + 1)))
        answered = [client.receive().message_id for _ in range(count)]
    assert answered == list(range(1, count + 1))


def persistent(message_id: int) -> bytes:
    value = wire.sequence(wire.integer(15), wire.boolean(True), wire.boolean(True))
    return wire.search(message_id, b"cn=late", controls=[wire.control(wire.PERSISTENT_SEARCH, value, critical=True)])


def synchronised(message_id: int) -> bytes:
    mode = wire.sequence(wire.enumerated(3))
    return wire.search(message_id, b"cn=late", controls=[wire.control(wire.SYNC_REQUEST, mode, critical=True)])


def notified(message_id: int) -> bytes:
    return wire.search(message_id, b"cn=late", controls=[wire.control(b"1.2.840.113556.1.4.528", critical=True)])


@pytest.mark.parametrize("request_of", [persistent, synchronised, notified])
def test_half_close_ends_searches_that_never_end(request_of: Callable[[int], bytes], stage: Stage) -> None:
    endless = request_of(5)

    def answer(connection: UpstreamConnection, request: wire.Message) -> None:
        if request.raw == endless:
            connection.send(wire.entry(5, b"cn=first", (b"cn", b"x")))
        else:
            answer_plainly(connection, request)

    stage.answer_by(answer)
    with stage.connect() as client:
        client.send(endless)
        assert client.receive().tag == wire.SEARCH_ENTRY
        client.half_close()
        assert client.receive_to_end() == []
    assert stage.connections[0].await_closed()[0].raw == endless


def test_half_close_before_the_answer_still_gets_it(stage: Stage) -> None:
    gate = threading.Event()

    def answer(connection: UpstreamConnection, request: wire.Message) -> None:
        assert gate.wait(15)
        answer_plainly(connection, request)

    stage.answer_by(answer)
    with stage.connect() as client:
        client.send(PROBE)
        stage.await_connection().await_messages(1)
        client.half_close()
        stage.directory.script = stage.plain_script
        stage.round_trip()
        gate.set()
        assert [message.raw for message in client.receive_to_end()] == list(PROBE_ANSWER)
