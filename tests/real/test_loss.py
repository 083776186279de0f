"""Servers that die, lie or cannot be reached, and clients that half-close.

The client always gets an answer of the right type, and never plaintext where TLS was asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from . import gateway as gateways
from . import wire
from .authority import LOCAL_NAMES, Authority, Identity
from .fake_directory import FakeDirectory, Script, UpstreamConnection, answer_plainly, answering
from .gateway import GatewayFactory
from .raw_client import RawClient, free_address
from .servers import entries, slapd
from .servers.directory import Directory, Target

SILENT = b"cn=silent"


def silent_for_one_base(connection: UpstreamConnection, request: wire.Message) -> None:
    """Answers everything but searches of one base."""
    if request.tag != wire.SEARCH_REQUEST or request.parts[0][1] != SILENT:
        answer_plainly(connection, request)


@pytest.fixture
def mortal(tmp_path: Path, authority: Authority) -> Directory:
    """A slapd of this test's own, to be killed."""
    if slapd.is_absent():
        pytest.skip(slapd.MISSING)
    few = "\n".join(entry for entry, _ in zip(entries.entries(), range(6), strict=False))
    return slapd.start(tmp_path / "mortal", authority, content=few)


def test_killed_server_ends_bound_clients_with_a_notice_and_anonymous_ones_dial_again(
    mortal: Directory, gateway: GatewayFactory
) -> None:
    running = gateway([gateways.listener("front")], [gateways.upstream(mortal.plain)])
    with RawClient(running.address) as bound, RawClient(running.address) as anonymous:
        password = entries.APP_PASSWORD.encode()
        assert bound.ask(wire.bind(1, entries.APP.encode(), password)).code == wire.SUCCESS
        assert anonymous.ask(wire.search(1)).code == wire.SUCCESS
        mortal.process.kill()
        told = bound.receive_to_end()
        assert [message.is_notice for message in told] == [True]
        assert told[0].code == wire.UNAVAILABLE
        refused = anonymous.ask(wire.search(2))
        assert (refused.message_id, refused.tag, refused.code) == (2, wire.SEARCH_DONE, wire.UNAVAILABLE)


def test_outstanding_requests_of_a_bound_client_are_answered_before_the_notice(
    gateway: GatewayFactory,
) -> None:
    with FakeDirectory(answering(silent_for_one_base)) as directory:
        running = gateway([gateways.listener("front")], [gateways.upstream(directory.address)])
        with RawClient(running.address) as client:
            assert client.ask(wire.bind(1, b"cn=x", b"x")).code == wire.SUCCESS
            client.send(wire.search(2, SILENT), wire.search(3, SILENT))
            (connection,) = directory.await_connections(1)
            connection.await_messages(3)
            connection.close()
            told = client.receive_to_end()
    assert [(message.message_id, message.tag, message.code) for message in told[:2]] == [
        (2, wire.SEARCH_DONE, wire.UNAVAILABLE),
        (3, wire.SEARCH_DONE, wire.UNAVAILABLE),
    ]
    assert [(message.is_notice, message.code) for message in told[2:]] == [(True, wire.UNAVAILABLE)]


def test_anonymous_client_whose_server_went_dials_again(gateway: GatewayFactory) -> None:
    with FakeDirectory(answering(silent_for_one_base)) as directory:
        running = gateway([gateways.listener("front")], [gateways.upstream(directory.address)])
        with RawClient(running.address) as client:
            client.send(wire.search(1, SILENT))
            (connection,) = directory.await_connections(1)
            connection.await_messages(1)
            connection.close()
            lost = client.receive()
            assert (lost.message_id, lost.tag, lost.code) == (1, wire.SEARCH_DONE, wire.UNAVAILABLE)
            assert client.ask(wire.search(2)).code == wire.SUCCESS
            assert len(directory.connections) == 2


def unreachable_result(gateway: GatewayFactory, upstream: gateways.Table) -> wire.Message:
    running = gateway([gateways.listener("front")], [upstream], limits={"connect_seconds": 2})
    with RawClient(running.address) as client:
        first = client.ask(wire.bind(1, b"cn=x", b"never-in-plaintext"))
        assert (first.message_id, first.tag) == (1, wire.BIND_RESPONSE)
        second = client.ask(wire.search(2))
        assert (second.message_id, second.tag, second.code) == (2, wire.SEARCH_DONE, wire.UNAVAILABLE)
    return first


def test_unreachable_upstream_is_unavailable_and_named(gateway: GatewayFactory) -> None:
    nowhere = free_address()
    answer = unreachable_result(gateway, gateways.upstream(nowhere))
    assert answer.code == wire.UNAVAILABLE
    assert b"directory" in answer.text
    # The client learns which upstream, not the inside of the network.
    assert b"127.0.0.1" not in answer.text
    assert str(nowhere.port).encode() not in answer.text


def test_next_server_is_tried_when_the_first_refuses(gateway: GatewayFactory) -> None:
    with FakeDirectory() as directory:
        running = gateway([gateways.listener("front")], [gateways.upstream(free_address(), directory.address)])
        with RawClient(running.address) as client:
            assert client.ask(wire.search(1)).code == wire.SUCCESS


def start_tls_by(context_of: Callable[[], object]) -> Script:
    """A server that takes StartTLS with this certificate, and then answers plainly."""

    def script(connection: UpstreamConnection) -> None:
        request = connection.next_message()
        if request is None:
            return
        connection.send(wire.extended_response(request.message_id))
        connection.wrap(context_of())  # type: ignore[arg-type]
        answering(answer_plainly)(connection)

    return script


def refuse_start_tls(code: int) -> Script:
    def script(connection: UpstreamConnection) -> None:
        while (request := connection.next_message()) is not None:
            connection.send(wire.extended_response(request.message_id, code))

    return script


def close_at_once(connection: UpstreamConnection) -> None:
    connection.next_message()
    connection.close()


def never_answer(connection: UpstreamConnection) -> None:
    while connection.next_message() is not None:
        pass


def inject_behind_response(connection: UpstreamConnection) -> None:
    """What a man in the middle would do: a plaintext answer behind the StartTLS response (T2)."""
    request = connection.next_message()
    assert request is not None
    connection.send(wire.extended_response(request.message_id), wire.done(2))
    never_answer(connection)


REFUSALS: dict[str, Script] = {
    "protocol_error": refuse_start_tls(wire.PROTOCOL_ERROR),
    "unavailable": refuse_start_tls(wire.UNAVAILABLE),
    "operations_error": refuse_start_tls(wire.OPERATIONS_ERROR),
    "closed": close_at_once,
    "silence": never_answer,
    "injected": inject_behind_response,
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refused_start_tls_upstream_is_unavailable_and_never_plaintext(
    name: str, gateway: GatewayFactory, authority: Authority
) -> None:
    with FakeDirectory(REFUSALS[name]) as directory:
        answer = unreachable_result(gateway, gateways.upstream(directory.address, mode="starttls", authority=authority))
    assert answer.code == wire.UNAVAILABLE
    assert directory.connections
    for connection in directory.connections:
        requests = [message for message in connection.messages if message.tag != wire.UNBIND_REQUEST]
        assert [message.part(0x80) for message in requests] == [wire.START_TLS]
        assert b"never-in-plaintext" not in connection.received


WRONG = {
    "authority": ("other", LOCAL_NAMES),
    "name": ("own", ("elsewhere.example.test",)),
    "no name": ("own", ()),
}


@pytest.mark.parametrize("mode", ["starttls", "ldaps"])
@pytest.mark.parametrize("fault", WRONG)
def test_wrong_certificate_upstream_is_unavailable_and_never_plaintext(
    fault: str, mode: str, gateway: GatewayFactory, authority: Authority, tmp_path: Path
) -> None:
    issuer, names = WRONG[fault]
    signed_by = authority if issuer == "own" else Authority(tmp_path / "other", "Another CA")
    identity = signed_by.issue(f"wrong-{fault.replace(' ', '-')}-{mode}", *names)
    context = signed_by.serving(identity)

    def ldaps(connection: UpstreamConnection) -> None:
        connection.wrap(context)
        answering(answer_plainly)(connection)

    script = start_tls_by(lambda: context) if mode == "starttls" else ldaps
    with FakeDirectory(script) as directory:
        answer = unreachable_result(gateway, gateways.upstream(directory.address, mode=mode, authority=authority))
    assert answer.code == wire.UNAVAILABLE
    assert directory.connections
    for connection in directory.connections:
        assert b"never-in-plaintext" not in connection.received
        assert {message.tag for message in connection.messages} <= {wire.EXTENDED_REQUEST}


def test_name_to_verify_may_differ_from_the_address(gateway: GatewayFactory, authority: Authority) -> None:
    context = authority.serving(authority.issue("other-name", "elsewhere.example.test"))
    with FakeDirectory(start_tls_by(lambda: context)) as directory:
        running = gateway(
            [gateways.listener("front")],
            [
                gateways.upstream(
                    directory.address,
                    mode="starttls",
                    authority=authority,
                    tls={"verify_name": "elsewhere.example.test"},
                )
            ],
        )
        with RawClient(running.address) as client:
            assert client.ask(wire.search(1)).code == wire.SUCCESS


@pytest.mark.parametrize(("mode", "say_so"), [("none", True), ("ldaps", True), ("ldaps", False)])
def test_everything_outstanding_is_answered_after_a_half_close(
    mode: str, say_so: bool, gateway: GatewayFactory, authority: Authority, server_identity: Identity
) -> None:
    gate = threading.Event()

    def late(connection: UpstreamConnection) -> None:
        first, second = connection.next_message(), connection.next_message()
        assert first is not None
        assert second is not None
        gate.wait(10)
        connection.send(wire.done(first.message_id), wire.done(second.message_id))
        # Had the FIN been passed on, the next read would end before an Unbind or a close of the gateway's.
        connection.next_message()

    with FakeDirectory(late) as directory:
        tls = authority.trusting() if mode == "ldaps" else None
        running = gateway(
            [gateways.listener("front", mode, identity=server_identity if tls else None)],
            [gateways.upstream(directory.address)],
        )
        with RawClient(running.address, tls) as client:
            client.send(wire.search(1), wire.search(2))
            (connection,) = directory.await_connections(1)
            connection.await_messages(2)
            client.half_close(say_so=say_so)
            gate.set()
            answered = client.receive_to_end()
    assert [(message.message_id, message.code) for message in answered] == [(1, 0), (2, 0)]


def test_half_close_of_a_real_client_is_answered(before_openldap: Target) -> None:
    """slapd itself drops pending answers when its client half-closes (S7)."""
    with before_openldap.connect() as client:
        client.send(*(wire.search(number, attributes=[b"1.1"]) for number in range(1, 51)))
        client.half_close()
        finals = [message for message in client.receive_to_end() if message.is_final]
    assert {message.message_id for message in finals} == set(range(1, 51))
