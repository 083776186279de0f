"""What the core asks hooks: real sockets, sessions that hold requests, and whoever answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from ostiary._core import Driver, Event, Questions, Session, Stopwatch, Verdict
from ostiary.plugins import Request

from ..session import wire
from ..session.playbook import Playbook, policy

PATIENCE_SECONDS = 20.0


@dataclass
class Asked:
    """Clients whose compares and deletes a hook is asked about, and what they were told."""

    driver: Driver
    clients: list[socket.socket] = field(default_factory=list)
    names: list[int] = field(default_factory=list)

    def act(self, events: tuple[Event, ...]) -> None:
        """Nobody has events but who comes."""

    def fail(self) -> None:
        """It raised."""

    def held(self, *requests: bytes) -> None:
        """Each of the clients asks for one; all are held."""
        self.say(*requests)
        assert self.driver.wait(time.monotonic() + PATIENCE_SECONDS) == (None, True, 0)

    def say(self, *requests: bytes) -> None:
        """Each of the clients asks for one."""
        for client, request in zip(self.clients, requests, strict=True):
            client.sendall(request)
        time.sleep(0.05)

    def ask(self, stopwatch: Stopwatch | None = None) -> Questions:
        """What is asked, with a request to show."""
        return self.driver.ask(stopwatch or Stopwatch(), Request("search", b""))

    def told(self, place: int) -> list[tuple[int, int, int | None]]:
        """What one of the clients is told."""
        self.driver.wait(time.monotonic())
        self.clients[place].settimeout(PATIENCE_SECONDS)
        return wire.summary(self.clients[place].recv(1_024))


@pytest.fixture
def asked() -> Iterator[Asked]:
    """Three clients."""
    asked = Asked(Driver())
    hooks = policy(("hook", {"operations": ["compare", "delete"], "finished": []}))
    settings = Playbook(policy=hooks).settings
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with socket.socket(fileno=asked.driver.passage()) as passage:
            socket.send_fds(passage, [b"\0"], [listening.fileno()])
        listening.setblocking(False)
        asked.driver.listen(asked)
        for number in range(3):
            asked.clients.append(socket.create_connection(listening.getsockname()))
            happened, _, _ = asked.driver.wait(time.monotonic() + PATIENCE_SECONDS)
            assert happened is not None
            [(_, (event,))] = happened
            assert isinstance(event, Event.Accepted)
            session = Session(settings, time.monotonic())
            session.enter(number, 0, time.monotonic())
            asked.driver.enter(event.client, asked, session, 65_536)
            asked.driver.show(event.client, f"client {number}")
            asked.names.append(event.client)
        yield asked
        for client in asked.clients:
            client.close()


def test_hooks_are_shown_clients_as_they_are_now_and_requests_as_they_came(asked: Asked) -> None:
    requests = [wire.compare(1), wire.compare(2), wire.compare(3)]
    asked.held(*requests)
    assert asked.driver.asked == (0, 0, "compare")
    asked.driver.show(asked.names[1], "another")
    seen, questions = [], asked.ask()
    for client, request in questions:
        assert questions.owner is asked
        seen.append((client, type(request), request.operation, request.raw))
        questions.answer(Verdict.Refuse(53, ""))
        assert questions.owner is None
        asked.driver.is_wanted = True
        del request
    clients = ["client 0", "another", "client 2"]
    assert seen == [(client, Request, "compare", raw) for client, raw in zip(clients, requests, strict=True)]
    assert asked.driver.asked is None


def test_who_is_gone_is_not_asked_about_and_the_others_get_their_own_verdicts(asked: Asked) -> None:
    asked.held(wire.compare(1), wire.compare(2), wire.compare(3))
    asked.driver.show(asked.names[1], None)
    asked.driver.remove(asked.names[2])
    asked.driver.is_wanted = True
    questions, seen = asked.ask(), []
    for client, _ in questions:
        seen.append(client)
        questions.answer(Verdict.Refuse(53, "no"))
    assert seen == ["client 0"]
    assert asked.told(0) == [(1, 0x6F, 53)]


def test_going_on_lets_pass_and_each_other_gets_its_own_verdict(asked: Asked) -> None:
    asked.held(wire.compare(1), wire.compare(2), wire.compare(3))
    questions = asked.ask()
    for _, request in questions:
        if request.message_id != 2:
            questions.answer(Verdict.Refuse(10 + request.message_id, ""))
            # It has one.
            questions.answer(Verdict.Pass())
        del request
    # The second asks for its upstream.
    happened, is_asked, _ = asked.driver.wait(time.monotonic())
    assert happened is not None
    assert [type(event) for _, events in happened for event in events] == [Event.Decided, Event.Connect, Event.Decided]
    assert not is_asked
    assert (asked.told(0), asked.told(2)) == ([(1, 0x6F, 11)], [(3, 0x6F, 13)])


def test_what_the_hook_did_not_say_is_not_taken_for_a_verdict(asked: Asked) -> None:
    asked.held(wire.compare(1), wire.compare(2), wire.compare(3))
    questions = asked.ask()
    next(questions)
    assert (questions.over(), questions.over()) == (True, True)
    # It has raised, and nobody has said what becomes of the request: it waits.
    del questions
    asked.clients[0].setblocking(False)
    asked.driver.wait(time.monotonic())
    with pytest.raises(BlockingIOError):
        asked.clients[0].recv(1)


def test_another_hook_is_not_asked_by_the_same_questions(asked: Asked) -> None:
    asked.held(wire.compare(1), wire.delete(2), wire.delete(3))
    operations = []
    asked.driver.is_wanted = True
    while (name := asked.driver.asked) is not None:
        questions = asked.ask()
        for _, request in questions:
            operations.append((name[2], request.operation))
            questions.answer(Verdict.Refuse(53, ""))
            del request
    assert operations == [("compare", "compare"), ("delete", "delete"), ("delete", "delete")]
    with pytest.raises(RuntimeError):
        asked.ask()
    with pytest.raises(RuntimeError):
        asked.driver.hand_over()


def test_one_that_is_handed_over_is_resumed_by_its_name(asked: Asked) -> None:
    asked.held(wire.compare(1), wire.compare(2), wire.compare(3))
    asked.driver.remove(asked.names[2])
    owner, event = asked.driver.hand_over()
    assert (owner, event.operation, event.request) == (asked, "compare", wire.compare(1))
    assert (event.generation, event.stage) == (0, 0)
    questions = asked.ask()
    next(questions)
    questions.answer(Verdict.Refuse(2, ""))
    assert asked.driver.hand_over()[0] is None
    assert asked.driver.asked is None
    assert asked.told(1) == [(2, 0x6F, 2)]
    asked.driver.resume(asked.names[0], event.hold, Verdict.Refuse(1, ""))
    assert asked.told(0) == [(1, 0x6F, 1)]


def test_it_waits_for_more_and_counts_nothing_meanwhile(asked: Asked) -> None:
    asked.held(wire.compare(1), wire.compare(2), wire.compare(3))
    asked.driver.hand_over()
    for name in asked.names[1:]:
        asked.driver.show(name, None)
    stopwatch, request_ids = Stopwatch(), list[int]()
    later = threading.Timer(0.3, asked.clients[0].sendall, [wire.compare(4) + wire.compare(5)])
    later.start()
    questions = asked.ask(stopwatch)
    for client, request in questions:
        assert (client, stopwatch.laps) == ("client 0", len(request_ids))
        assert stopwatch.since is not None
        request_ids.append(request.message_id)
        time.sleep(0.05)
        assert questions.over()
        assert stopwatch.since is None
        time.sleep(0.3)
        del request
    assert request_ids == [4, 5]
    assert stopwatch.laps == 2
    assert 0.1 <= stopwatch.seconds < 0.3
    later.join()


def test_it_ends_before_somebody_is_to_be_told_something(asked: Asked) -> None:
    asked.held(wire.compare(1), wire.compare(2), wire.compare(3))
    for name in asked.names:
        asked.driver.show(name, None)
    asked.clients[0].sendall(wire.unbind(9))
    asked.clients[1].sendall(wire.compare(10))
    time.sleep(0.05)
    assert list(asked.ask()) == []
    # What is held behind it is asked about once that was told.
    assert not asked.driver.asked
    happened, is_asked, end = asked.driver.wait(time.monotonic() + PATIENCE_SECONDS)
    assert happened is not None
    assert [type(event) for _, events in happened for event in events] == [Event.Close]
    assert (is_asked, end) == (True, 0)
    assert asked.driver.asked == (0, 0, "compare")


def test_it_waits_no_longer_than_the_wait_before(asked: Asked) -> None:
    until = time.monotonic() + 0.3
    asked.say(wire.compare(1), wire.compare(2), wire.compare(3))
    assert asked.driver.wait(until) == (None, True, 0)
    for name in asked.names:
        asked.driver.show(name, None)
    assert list(asked.ask()) == []
    assert time.monotonic() >= until
    assert asked.driver.wait(None) == (None, False, 1)


def test_a_request_that_somebody_keeps_stays_what_it_is(asked: Asked) -> None:
    kept, lent = [], 0
    for turn in range(3):
        requests = [wire.compare(10 * turn + each) for each in (1, 2, 3)]
        asked.held(*requests)
        place = 0
        asked.driver.is_wanted = True
        while asked.driver.asked is not None:
            questions, lent = asked.ask(), lent + 1
            for _, request in questions:
                assert (request.message_id, request.raw) == (10 * turn + place + 1, requests[place])
                if place != turn:
                    kept.append((request, request.message, request.raw))
                questions.answer(Verdict.Refuse(53, ""))
                del request
                place += 1
        assert [asked.told(each)[0][0] for each in range(3)] == [10 * turn + each for each in (1, 2, 3)]
    # One to begin with, and one behind each that was kept, if anything was.
    assert lent == 2 + 2 + 3
    assert len({id(request) for request, *_ in kept}) == 6
    assert [request.message_id for request, *_ in kept] == [2, 3, 11, 13, 21, 22]
    for request, message, raw in kept:
        assert (request.message, request.raw) == (message, raw)
        assert (raw, message.message_id) == (wire.compare(request.message_id), request.message_id)
