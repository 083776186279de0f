"""Extended operations and Abandon, asked directly and through the gateway."""

from __future__ import annotations

from . import wire
from .raw_client import RawClient
from .servers import entries
from .servers.directory import Target

APP, PASSWORD = entries.APP.encode(), entries.APP_PASSWORD.encode()
CHANGED = entries.CHANGED_PASSWORD.encode()


def password_modify(message_id: int, old: bytes, new: bytes) -> bytes:
    value = wire.sequence(wire.octets(APP, 0x80), wire.octets(old, 0x81), wire.octets(new, 0x82))
    return wire.extended(message_id, wire.PASSWORD_MODIFY, value)


def identity(client: RawClient, message_id: int) -> bytes:
    answer = client.ask(wire.extended(message_id, wire.WHO_AM_I))
    assert answer.code == wire.SUCCESS
    return (answer.response_value or b"").removeprefix(b"dn:").strip()


def test_who_am_i_follows_every_bind(through: Target) -> None:
    with through.connect_tls() as client:
        assert identity(client, 1) == b""
        assert client.ask(wire.bind(2, APP, PASSWORD)).code == wire.SUCCESS
        assert identity(client, 3) == APP
        assert client.ask(wire.bind(4, APP, b"wrong")).code == wire.INVALID_CREDENTIALS
        assert identity(client, 5) == b""
        assert client.ask(wire.bind(6, APP, PASSWORD)).code == wire.SUCCESS
        assert client.ask(wire.bind(7)).code == wire.SUCCESS
        assert identity(client, 8) == b""


def test_who_am_i_behind_a_bind_in_one_flight_names_the_new_identity(
    before_openldap: Target, before_ds389: Target
) -> None:
    for target in (before_openldap, before_ds389):
        with target.connect_tls() as client:
            client.send(wire.bind(1, APP, PASSWORD), wire.extended(2, wire.WHO_AM_I))
            assert client.receive().code == wire.SUCCESS
            assert (client.receive().response_value or b"").removeprefix(b"dn:").strip() == APP


def test_start_tls_makes_the_session_anonymous(through_openldap: Target) -> None:
    with through_openldap.connect() as client:
        assert client.ask(wire.bind(1, APP, PASSWORD)).code == wire.SUCCESS
        client.start_tls(through_openldap.tls, 2)
        assert identity(client, 3) == b""


def test_password_modify_changes_what_binds(through: Target) -> None:
    with through.connect_tls() as client:
        assert client.ask(wire.bind(1, APP, PASSWORD)).code == wire.SUCCESS
        assert client.ask(password_modify(2, PASSWORD, CHANGED)).code == wire.SUCCESS
        assert client.ask(wire.bind(3, APP, PASSWORD)).code == wire.INVALID_CREDENTIALS
        assert client.ask(wire.bind(4, APP, CHANGED)).code == wire.SUCCESS
        assert client.ask(password_modify(5, CHANGED, PASSWORD)).code == wire.SUCCESS


def test_abandoned_search_is_silent_and_its_connection_goes_on(through: Target) -> None:
    with through.connect_tls() as client:
        assert client.ask(wire.bind(1, APP, PASSWORD)).code == wire.SUCCESS
        client.send(wire.search(2, entries.PEOPLE.encode(), scope=1))
        client.send(wire.abandon(3, 2))
        client.send(wire.search(4, b"", attributes=[b"1.1"]))
        found = [client.receive()]
        while found[-1].message_id != 4 or not found[-1].is_final:
            found.append(client.receive())
        # What the server sent before it saw the Abandon may arrive; nothing does behind the answer to a
        # request made later, except that directories answer out of order: so ask again and look.
        assert client.ask(wire.search(5, b"", attributes=[b"1.1"])).code == wire.SUCCESS


def test_nothing_of_an_abandoned_search_reaches_the_client(before_openldap: Target) -> None:
    with before_openldap.connect_tls() as client:
        client.send(wire.search(2, entries.PEOPLE.encode(), scope=1), wire.abandon(3, 2))
        client.send(wire.search(4, b"", attributes=[b"1.1"]))
        found = client.receive_final()
        while found[-1].message_id != 4:
            found += client.receive_final()
    # Both went in one flight, so the gateway knew of the Abandon before any answer could come.
    assert {message.message_id for message in found} == {4}


def test_abandoning_what_is_not_there_changes_nothing(through: Target) -> None:
    with through.connect() as client:
        client.send(wire.abandon(1, 99), wire.abandon(2, 2))
        assert client.ask(wire.search(3, b"", attributes=[b"1.1"])).code == wire.SUCCESS


def test_cancel_of_nothing_is_answered_by_the_server(through: Target) -> None:
    with through.connect() as client:
        answer = client.ask(wire.cancel(1, 99))
    assert (answer.message_id, answer.tag) == (1, wire.EXTENDED_RESPONSE)
    assert answer.code != wire.SUCCESS


def test_unknown_extended_operation_is_refused_by_the_server(through: Target) -> None:
    with through.connect() as client:
        assert client.ask(wire.extended(1, b"1.3.6.1.4.1.99999.7", b"x")).code == wire.PROTOCOL_ERROR
