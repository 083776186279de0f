"""Controls pass in both directions: paging, sorting, and the searches that never end."""

from __future__ import annotations

import pytest

from . import wire
from .raw_client import RawClient
from .servers import entries
from .servers.directory import Target

WRITER, PASSWORD = entries.WRITER.encode(), entries.APP_PASSWORD.encode()
SORT_RESPONSE = b"1.2.840.113556.1.4.474"


def bound(target: Target) -> RawClient:
    client = target.connect_tls()
    assert client.ask(wire.bind(1, WRITER, PASSWORD)).code == wire.SUCCESS
    return client


def response_control(message: wire.Message, oid: bytes) -> bytes:
    for _, content in wire.children(message.controls):
        parts = wire.children(content)
        if parts[0][1] == oid:
            return parts[-1][1]
    raise AssertionError(f"no control {oid!r} in {message.raw.hex(' ')}")


def page(size: int, cookie: bytes) -> bytes:
    return wire.control(wire.PAGED_RESULTS, wire.sequence(wire.integer(size), wire.octets(cookie)), critical=True)


def test_pages_follow_each_other_by_cookie(through: Target) -> None:
    seen: list[bytes] = []
    cookie, message_id = b"", 2
    with bound(through) as client:
        while True:
            client.send(
                wire.search(
                    message_id, entries.PEOPLE.encode(), scope=1, attributes=[b"uid"],
                    controls=[page(700, cookie)],
                )
            )  # fmt: skip
            *found, last = client.receive_final()
            assert last.code == wire.SUCCESS
            assert len(found) <= 700
            seen += [message.dn for message in found]
            (_, value), *_ = wire.children(response_control(last, wire.PAGED_RESULTS))
            cookie = wire.children(value)[1][1]
            message_id += 1
            if not cookie:
                break
    assert len(set(seen)) == len(seen) == entries.PEOPLE_COUNT
    assert message_id == 2 + 15


def test_server_side_sort_orders_by_surname(through: Target) -> None:
    # slapd's sn has no ordering rule of its own, and 389 does not know the rule by this name.
    rule = [wire.octets(b"caseIgnoreOrderingMatch", 0x80)] if through.product == "slapd" else []
    keys = wire.sequence(wire.sequence(wire.octets(b"sn"), *rule))
    some = wire.tlv(0xA4, wire.octets(b"uid"), wire.sequence(wire.octets(b"user000", 0x80)))
    with bound(through) as client:
        client.send(
            wire.search(
                2, entries.PEOPLE.encode(), scope=1, filter=some, attributes=[b"sn"],
                controls=[wire.control(wire.SORT_REQUEST, keys, critical=True)],
            )
        )  # fmt: skip
        *found, last = client.receive_final()
    assert last.code == wire.SUCCESS
    response_control(last, SORT_RESPONSE)
    surnames = [message.attributes[b"sn"][0] for message in found]
    assert len(surnames) == 100
    assert surnames == sorted(surnames)


def refresh_and_persist(message_id: int) -> bytes:
    mode = wire.sequence(wire.enumerated(3))
    return wire.search(
        message_id, entries.SCRATCH.encode(), scope=2, filter=wire.equality(b"objectClass", b"inetOrgPerson"),
        controls=[wire.control(wire.SYNC_REQUEST, mode, critical=True)],
    )  # fmt: skip


def persistent_search(message_id: int) -> bytes:
    value = wire.sequence(wire.integer(15), wire.boolean(True), wire.boolean(True))
    return wire.search(
        message_id, entries.SCRATCH.encode(), scope=2, filter=wire.equality(b"objectClass", b"inetOrgPerson"),
        controls=[wire.control(wire.PERSISTENT_SEARCH, value, critical=True)],
    )  # fmt: skip


def test_refresh_and_persist_shows_a_change_while_others_are_answered(through_openldap: Target) -> None:
    dn = f"cn=synchronised,{entries.SCRATCH}".encode()
    with bound(through_openldap) as follower, bound(through_openldap) as writer:
        follower.send(refresh_and_persist(2))
        refreshed = follower.receive()
        while refreshed.tag == wire.SEARCH_ENTRY:
            refreshed = follower.receive()
        assert refreshed.tag == wire.INTERMEDIATE_RESPONSE
        added = wire.add(2, dn, objectClass=b"inetOrgPerson", cn=b"synchronised", sn=b"one")
        assert writer.ask(added).code == wire.SUCCESS
        shown = follower.receive()
        assert (shown.tag, shown.message_id, shown.dn) == (wire.SEARCH_ENTRY, 2, dn)
        # The open search does not stand in the way of another on the same connection.
        assert follower.ask(wire.search(3, b"")).message_id == 3
        assert writer.ask(wire.delete(3, dn)).code == wire.SUCCESS
        assert follower.receive().message_id == 2
        # Cancel answers both, the search first (RFC 3909).
        follower.send(wire.cancel(4, 2))
        ended = [follower.receive(), follower.receive()]
    assert sorted((message.message_id, message.tag) for message in ended) == [
        (2, wire.SEARCH_DONE),
        (4, wire.EXTENDED_RESPONSE),
    ]
    assert {message.code for message in ended} == {wire.CANCELED, wire.SUCCESS}


@pytest.fixture(params=["direct", "gateway"])
def through_ds389(request: pytest.FixtureRequest) -> Target:
    name = "ds389" if request.param == "direct" else "before_ds389"
    found: Target = request.getfixturevalue(name)
    return found


def test_persistent_search_shows_a_change_until_abandoned(through_ds389: Target) -> None:
    dn = f"cn=watched,{entries.SCRATCH}".encode()
    with bound(through_ds389) as follower, bound(through_ds389) as writer:
        # 389 answers requests of one connection in order only while none is persistent: the answer to
        # the second search says that the first is being watched.
        follower.send(persistent_search(2))
        assert follower.ask(wire.search(3, b"")).message_id == 3
        added = wire.add(2, dn, objectClass=b"inetOrgPerson", cn=b"watched", sn=b"one")
        assert writer.ask(added).code == wire.SUCCESS
        shown = follower.receive()
        assert (shown.tag, shown.message_id, shown.dn.lower()) == (wire.SEARCH_ENTRY, 2, dn.lower())
        follower.send(wire.abandon(4, 2))
        assert follower.ask(wire.search(5, b"")).message_id == 5
        assert writer.ask(wire.delete(3, dn)).code == wire.SUCCESS
        assert follower.send(wire.search(6, b"")).receive().message_id == 6
