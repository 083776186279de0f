"""Large and unusual results arrive as the server sent them, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from . import wire
from .conftest import PRODUCTS
from .raw_client import RawClient
from .servers import entries
from .servers.directory import Directory, Target

WRITER, PASSWORD = entries.WRITER.encode(), entries.APP_PASSWORD.encode()


@pytest.fixture(params=PRODUCTS)
def both(request: pytest.FixtureRequest) -> tuple[Directory, Target]:
    """A directory, and a gateway before it."""
    name = "openldap" if request.param == "slapd" else "ds389"
    return request.getfixturevalue(name), request.getfixturevalue(f"before_{name}")


def answers(client: RawClient, *requests: bytes) -> list[bytes]:
    """The raw responses to a bind and these requests, asked one after the other."""
    found: list[bytes] = []
    with client:
        for request in (wire.bind(1, WRITER, PASSWORD), *requests):
            found += [message.raw for message in client.send(request).receive_final()]
    return found


def assert_identical(both: tuple[Directory, Target], requests: Sequence[bytes], count: int) -> None:
    directory, front = both
    direct = answers(directory.connect(), *requests)
    assert len(direct) == count
    for client in (front.connect(), front.connect_tls()):
        assert answers(client, *requests) == direct


def test_ten_thousand_entries_are_identical(both: tuple[Directory, Target]) -> None:
    everybody = wire.search(2, entries.PEOPLE.encode(), scope=1)
    assert_identical(both, [everybody], entries.PEOPLE_COUNT + 2)


def test_five_mebibytes_in_one_value_are_identical(both: tuple[Directory, Target]) -> None:
    read = wire.search(2, entries.BLOB.encode(), attributes=[b"jpegPhoto"])
    assert_identical(both, [read], 3)
    with both[1].connect_tls() as client:
        found = client.send(read).receive()
    assert found.attributes == {b"jpegPhoto": [entries.blob()]}


def test_binary_values_are_identical(both: tuple[Directory, Target]) -> None:
    every_octet = wire.equality(b"jpegPhoto", entries.every_octet())
    read = wire.search(2, entries.BINARY.encode(), attributes=[b"jpegPhoto"])
    filtered = wire.search(3, entries.BINARY.encode(), filter=every_octet, attributes=[b"1.1"])
    assert_identical(both, [read], 3)
    directory, front = both
    assert answers(directory.connect(), filtered) == answers(front.connect(), filtered)


def test_referrals_are_identical(both: tuple[Directory, Target]) -> None:
    below = f"cn=nobody,{entries.REFERRAL}".encode()
    continued = wire.search(2, entries.SUFFIX.encode(), scope=1, filter=wire.equality(b"ou", b"none"))
    assert_identical(both, [continued], 3)
    assert_identical(both, [wire.search(3, below), wire.delete(4, below), wire.compare(5, below, b"cn", b"x")], 4)
    if both[0].product == "slapd":
        with both[1].connect() as client:
            assert client.ask(wire.search(3, below)).code == 10


def test_errors_with_matched_dn_and_text_are_identical(both: tuple[Directory, Target]) -> None:
    absent = f"cn=absent,{entries.PEOPLE}".encode()
    requests = [
        wire.search(2, absent),
        wire.modify(3, absent, b"sn", b"x"),
        wire.add(4, entries.APP.encode(), objectClass=b"inetOrgPerson", cn=b"x", sn=b"x"),
        wire.add(5, f"cn=odd,{entries.SCRATCH}".encode(), objectClass=b"noSuchClass", cn=b"odd"),
        wire.extended(6, b"1.3.6.1.4.1.99999.1"),
        wire.search(7, b"", controls=[wire.control(b"1.3.6.1.4.1.99999.2", critical=True)]),
        wire.search(8, b"not a dn"),
        wire.search(9, entries.PEOPLE.encode(), scope=1, size_limit=7),
        wire.modify_dn(10, absent, b"cn=other"),
    ]
    directory, front = both
    assert answers(front.connect(), *requests) == answers(directory.connect(), *requests)


def test_five_mebibytes_are_written(through: Target) -> None:
    dn = f"cn=large-{through.is_gateway},{entries.SCRATCH}".encode()
    with through.connect_tls() as client:
        client.ask(wire.bind(1, WRITER, PASSWORD))
        made = wire.add(2, dn, objectClass=b"inetOrgPerson", cn=b"large", sn=b"large", jpegPhoto=entries.blob())
        assert client.ask(made).code == wire.SUCCESS
        found = client.send(wire.search(3, dn, attributes=[b"jpegPhoto"])).receive_final()
        assert found[0].attributes == {b"jpegPhoto": [entries.blob()]}
        assert client.ask(wire.delete(4, dn)).code == wire.SUCCESS


def test_thousand_pipelined_searches_are_all_answered(through: Target) -> None:
    requests = [
        wire.search(100 + number, f"uid=user{number:05},{entries.PEOPLE}".encode(), attributes=[b"uid"])
        for number in range(1000)
    ]
    with through.connect_tls() as client:
        assert client.ask(wire.bind(1, WRITER, PASSWORD)).code == wire.SUCCESS
        client.send(*requests)
        found = [client.receive() for _ in range(2000)]
    by_id = {message.message_id: message for message in found if message.tag == wire.SEARCH_ENTRY}
    finals = [message for message in found if message.tag == wire.SEARCH_DONE]
    assert {message.message_id for message in finals} == set(range(100, 1100))
    assert {message.code for message in finals} == {wire.SUCCESS}
    assert {by_id[100 + number].attributes[b"uid"][0] for number in range(1000)} == {
        b"user%05d" % number for number in range(1000)
    }
    assert all(by_id[100 + number].attributes[b"uid"] == [b"user%05d" % number] for number in range(1000))
