"""What the core asks hooks: real sockets, a session that holds requests, and whoever answers."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from ostiary._core import Driver, Event, Questions, Session, Stopwatch, Verdict
from ostiary.plugins import Request

from ..session import wire
from ..session.playbook import Playbook, policy

PATIENCE_SECONDS = 20.0


@dataclass
class Asked:
    """Clients whose compares a hook is asked about, and what they were told."""

    driver: Driver
    clients: list[socket.socket] = field(default_factory=list)
    names: list[int] = field(default_factory=list)

    def act(self, events: tuple[Event, ...]) -> None:
        """Nobody has events but who comes."""

    def fail(self) -> None:
        """It raised."""

    def held(self, *requests: bytes) -> Questions:
        """Each of the clients asks for one; all are told of together."""
        for client, request in zip(self.clients, requests, strict=True):
            client.sendall(request)
        time.sleep(0.05)
        _, held, _ = self.driver.wait(time.monotonic() + PATIENCE_SECONDS)
        assert held is not None
        [(generation, stage, operation, questions)] = held
        assert (generation, stage, operation) == (0, 0, "compare")
        assert questions.owners == [self] * len(requests)
        return questions

    def told(self, place: int) -> list[tuple[int, int, int | None]]:
        """What one of the clients is told."""
        self.driver.wait(time.monotonic())
        self.clients[place].settimeout(PATIENCE_SECONDS)
        return wire.summary(self.clients[place].recv(1_024))


@pytest.fixture
def asked() -> Iterator[Asked]:
    """Three clients."""
    asked = Asked(Driver())
    hooks = policy(("hook", {"operations": ["compare"], "finished": []}))
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


def shown(questions: Questions, stopwatch: Stopwatch | None = None) -> Iterator[tuple[object, Request]]:
    """All, one after the other; what is lent is lent as late as can be."""
    asking, given = questions.ask(stopwatch), 0
    while given < len(questions):
        for client, request in asking:
            given += 1
            yield client, request
        questions.lend(Request("search", b""))


def test_hooks_are_shown_clients_as_they_are_now_and_requests_as_they_came(asked: Asked) -> None:
    requests = [wire.compare(1), wire.compare(2), wire.compare(3)]
    questions = asked.held(*requests)
    asked.driver.show(asked.names[1], "another")
    seen = [(client, type(request), request.operation, request.raw) for client, request in shown(questions)]
    clients = ["client 0", "another", "client 2"]
    assert seen == [(client, Request, "compare", raw) for client, raw in zip(clients, requests, strict=True)]


def test_who_is_gone_is_not_asked_about_and_the_others_get_their_own_verdicts(asked: Asked) -> None:
    questions = asked.held(wire.compare(1), wire.compare(2), wire.compare(3))
    asked.driver.show(asked.names[1], None)
    asked.driver.remove(asked.names[2])
    assert [client for client, _ in shown(questions)] == ["client 0"]
    questions.answer([Verdict.Refuse(53, "no")])
    assert asked.told(0) == [(1, 0x6F, 53)]


def test_each_gets_the_verdict_at_its_place(asked: Asked) -> None:
    questions = asked.held(wire.compare(1), wire.compare(2), wire.compare(3))
    assert len(list(shown(questions))) == 3
    owner, hold, client, raw = questions.at(1)
    assert (owner, client, raw) == (asked, "client 1", wire.compare(2))
    questions.answer([Verdict.Refuse(1, ""), None, Verdict.Refuse(3, "")])
    assert (asked.told(0), asked.told(2)) == ([(1, 0x6F, 1)], [(3, 0x6F, 3)])
    asked.driver.resume(asked.names[1], hold, Verdict.Refuse(2, ""))
    assert asked.told(1) == [(2, 0x6F, 2)]
    with pytest.raises(IndexError):
        questions.at(3)


def test_nothing_passes_that_was_not_asked_about_or_has_another_outcome(asked: Asked) -> None:
    questions, passing = asked.held(wire.compare(1), wire.compare(2), wire.compare(3)), object()
    asking = shown(questions)
    next(asking)
    assert not questions.passed([passing], passing)
    with pytest.raises(ValueError, match="1 verdicts on 3 requests"):
        questions.answer([Verdict.Pass()])
    assert len(list(asking)) == 2
    verdicts: list[Any] = [Verdict.Pass(), passing, Verdict.Pass()]
    with pytest.raises(TypeError):
        questions.answer(verdicts)
    assert questions.owners == [asked] * 3
    for outcomes in ([passing] * 2, [passing] * 4, [passing, object(), passing], [passing, None, passing]):
        assert not questions.passed(list(outcomes), passing)
    assert questions.passed([passing] * 3, passing)
    # All ask for the upstream now.
    happened, held, _ = asked.driver.wait(time.monotonic())
    assert happened is not None
    assert [[type(event) for event in events] for _, events in happened] == [[Event.Connect]] * 3
    assert held is None


def test_time_is_taken_from_one_to_the_next(asked: Asked) -> None:
    questions, stopwatch = asked.held(wire.compare(1), wire.compare(2), wire.compare(3)), Stopwatch()
    laps, began = [], time.monotonic()
    for place, _ in enumerate(shown(questions, stopwatch)):
        laps.append(stopwatch.laps)
        if place == 1:
            time.sleep(0.05)
            questions.over()
            time.sleep(0.5)
    assert (laps, stopwatch.laps) == ([0, 1, 2], 3)
    assert 0.05 <= stopwatch.seconds <= time.monotonic() - began - 0.5


def test_a_request_that_somebody_keeps_stays_what_it_is(asked: Asked) -> None:
    kept = []
    for turn in range(3):
        requests = [wire.compare(10 * turn + each) for each in (1, 2, 3)]
        questions = asked.held(*requests)
        for place, (_, request) in enumerate(shown(questions)):
            assert (request.message_id, request.raw) == (10 * turn + place + 1, requests[place])
            if place != turn:
                kept.append((request, request.message, request.raw))
        questions.answer([Verdict.Refuse(53, "")] * 3)
        assert [asked.told(each)[0][0] for each in range(3)] == [10 * turn + each for each in (1, 2, 3)]
    assert len({id(request) for request, *_ in kept}) == 6
    assert [request.message_id for request, *_ in kept] == [2, 3, 11, 13, 21, 22]
    for request, message, raw in kept:
        assert (request.message, request.raw) == (message, raw)
        assert (raw, message.message_id) == (wire.compare(request.message_id), request.message_id)
