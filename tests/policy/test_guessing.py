"""Guesses of passwords, and too much of anything: what reaches slapd, and what others notice of it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import pytest

from ..real import gateway as gateways
from ..real import wire
from ..real.gateway import Gateway, GatewayFactory
from ..real.raw_client import RawClient
from ..real.servers.directory import Directory
from .content import ALICE, ALICE_PASSWORD, BOB
from .server_log import ServerLog

GUARD = """
[[plugins]]
use = "bind_guard"
"""
# Nobody who guesses on this machine is done before this has passed.
PATIENT = "lockout_seconds = 120\n"
GUESSES, CONNECTIONS = 1_000, 50
HANDFUL = 8
ELSEWHERE = "127.0.0.2"

alice, password = ALICE.encode(), ALICE_PASSWORD.encode()


@pytest.fixture
def guarded(gateway: GatewayFactory, openldap: Directory) -> Gateway:
    running = gateway([gateways.listener("plain")], [gateways.upstream(openldap.plain)], plugins=GUARD + PATIENT)
    running.secrets += [ALICE_PASSWORD, "guess-"]
    return running


def binds_of_alice(server_log: ServerLog) -> int:
    return sum(f'BIND dn="{ALICE}" method=128' in line for line in server_log.requests())


def in_parallel(guarded: Gateway, guesses: Sequence[bytes]) -> list[wire.Message]:
    """The answers to these guesses, sent by one client over many connections at once, several in a flight.

    The gateway lets each wait as long as slapd would: one after the other they would take as long as slapd is slow.
    """
    flights = [guesses[start::CONNECTIONS] for start in range(CONNECTIONS)]
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawClient(guarded.address)) for _ in flights]
        for client, flight in zip(clients, flights, strict=True):
            client.send(*(wire.bind(number, alice, guess) for number, guess in enumerate(flight, 1)))
        return [client.receive() for client, flight in zip(clients, flights, strict=True) for _ in flight]


@pytest.mark.parametrize("kind", ["one password again and again", "another one each time"])
def test_a_thousand_guesses_reach_the_server_a_handful_of_times(
    kind: str, guarded: Gateway, server_log: ServerLog
) -> None:
    guesses = [f"guess-{number if kind.startswith('another') else 'old'}".encode() for number in range(GUESSES)]
    with RawClient(guarded.address, source=ELSEWHERE) as owner:
        for part in (guesses[: GUESSES // 2], guesses[GUESSES // 2 :]):
            for answer in in_parallel(guarded, part):
                # A guess that is answered here looks like one that the server refused.
                assert (answer.tag, answer.code) == (wire.BIND_RESPONSE, wire.INVALID_CREDENTIALS)
                assert answer.parts[1][1] == answer.text == b""
            assert owner.ask(wire.bind(1, alice, password)).code == wire.SUCCESS
    # Two of them the owner's.
    assert binds_of_alice(server_log) - 2 <= HANDFUL


def test_guesses_over_many_connections_count_as_one_clients(guarded: Gateway, server_log: ServerLog) -> None:
    for number in range(50):
        with RawClient(guarded.address) as guesser:
            guess = wire.bind(1, alice.upper() if number % 2 else alice, f"guess-{number}".encode())
            assert guesser.ask(guess).code == wire.INVALID_CREDENTIALS
    assert len(server_log.requests()) <= HANDFUL


def test_a_client_that_is_locked_out_of_one_name_gets_in_by_another(guarded: Gateway) -> None:
    with RawClient(guarded.address) as client:
        for number in range(1, 20):
            client.ask(wire.bind(number, alice, f"guess-{number}".encode()))
        # Its own right password does not help it now, and somebody else's does.
        assert client.ask(wire.bind(20, alice, password)).code == wire.INVALID_CREDENTIALS
        assert client.ask(wire.bind(21, BOB.encode(), password)).code == wire.SUCCESS


def test_right_passwords_are_never_counted(guarded: Gateway, server_log: ServerLog) -> None:
    with RawClient(guarded.address) as client:
        for number in range(1, 101):
            assert client.ask(wire.bind(number, alice, password)).code == wire.SUCCESS
    assert binds_of_alice(server_log) == 100


def test_a_guard_that_monitors_lets_guesses_pass(
    gateway: GatewayFactory, openldap: Directory, server_log: ServerLog
) -> None:
    watched = gateway(
        [gateways.listener("plain")],
        [gateways.upstream(openldap.plain)],
        plugins=GUARD + 'mode = "monitor"\n' + PATIENT,
    )
    with RawClient(watched.address) as client:
        for number in range(1, 31):
            assert client.ask(wire.bind(number, alice, b"guess")).code == wire.INVALID_CREDENTIALS
        assert client.ask(wire.bind(31, alice, password)).code == wire.SUCCESS
    assert binds_of_alice(server_log) == 31
    assert "would_decide" in watched.log
