"""The demo directory as ldap3 sees it, over plain LDAP and StartTLS."""

from __future__ import annotations

import contextlib
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from ostiary._core import (
    START_TLS_OID,
    WHO_AM_I_OID,
    Dn,
    ExtendedRequest,
    Filter,
    Framer,
    LdapResult,
    Message,
    SearchRequest,
    SearchResultEntry,
    decode_response,
)
from ostiary.demo.client import Client
from ostiary.demo.directory import Directory
from ostiary.demo.result import ResultCode

from .library import code, connect, ldap3, names

BASE = "dc=example,dc=org"
PEOPLE = f"ou=people,{BASE}"
ALICE = f"uid=alice,{PEOPLE}"


@pytest.mark.parametrize(
    ("name", "password", "expected"),
    [
        (ALICE, "sesame", ResultCode.SUCCESS),
        ("UID=Alice, OU=People,dc=example,dc=org", "sesame", ResultCode.SUCCESS),
        (f"cn=wiki,ou=services,{BASE}", "wiki-password", ResultCode.SUCCESS),
        (ALICE, "Sesame", ResultCode.INVALID_CREDENTIALS),
        (f"uid=nobody,{PEOPLE}", "sesame", ResultCode.INVALID_CREDENTIALS),
        (f"ou=people,{BASE}", "sesame", ResultCode.INVALID_CREDENTIALS),
        ("alice", "sesame", ResultCode.INVALID_DN_SYNTAX),
    ],
)
def test_bind_proves_who_knows_the_password(directory: Directory, name: str, password: str, expected: int) -> None:
    connection = connect(directory, name, password)
    connection.bind()
    assert code(connection) == expected
    who = connection.extend.standard.who_am_i()
    assert who == (None if expected else f"dn:{directory.tree.find(Dn(name)).name}")
    connection.unbind()


def test_sasl_is_not_spoken(directory: Directory) -> None:
    connection = connect(
        directory, authentication=ldap3.SASL, sasl_mechanism="PLAIN", sasl_credentials=(None, "a", "b")
    )
    connection.bind()
    assert code(connection) == ResultCode.AUTH_METHOD_NOT_SUPPORTED
    connection.unbind()


@pytest.mark.parametrize(
    ("base", "scope", "count"),
    [
        (BASE, ldap3.BASE, 1),
        (BASE, ldap3.LEVEL, 4),
        (f"ou=groups,{BASE}", ldap3.LEVEL, 6),
        (f"ou=groups,{BASE}", ldap3.SUBTREE, 7),
    ],
)
def test_scope_is_kept(anybody: Any, base: str, scope: str, count: int) -> None:
    assert anybody.search(base, "(objectClass=*)", scope)
    assert len(names(anybody)) == count


def test_missing_base_names_the_nearest_entry(anybody: Any) -> None:
    anybody.search(f"cn=x,uid=nobody,{PEOPLE}", "(objectClass=*)")
    assert code(anybody) == ResultCode.NO_SUCH_OBJECT
    assert anybody.result["dn"] == PEOPLE


def test_size_limit_gives_as_many_entries_and_says_so(anybody: Any) -> None:
    anybody.search(PEOPLE, "(uid=*)", size_limit=3)
    assert (code(anybody), len(names(anybody))) == (ResultCode.SIZE_LIMIT_EXCEEDED, 3)
    anybody.search(PEOPLE, "(uid=alice)", size_limit=1)
    assert (code(anybody), len(names(anybody))) == (ResultCode.SUCCESS, 1)


@pytest.mark.parametrize(
    ("asked", "present", "absent"),
    [
        ([], {"cn", "sn", "jpegPhoto"}, {"entryUUID", "userPassword"}),
        (["*"], {"cn", "sn"}, {"entryUUID"}),
        (["+"], {"entryUUID", "entryDN", "hasSubordinates", "createTimestamp"}, {"cn"}),
        (["*", "+"], {"cn", "entryUUID"}, {"userPassword"}),
        (["1.1"], set(), {"cn", "entryUUID"}),
        (["CN", "unheardOf"], {"cn"}, {"sn"}),
        (["2.5.4.4"], {"sn"}, {"cn"}),
        (["name"], {"cn", "sn", "givenName"}, {"mail"}),
        (["userPassword"], set(), {"userPassword"}),
    ],
)
def test_attributes_are_those_asked_for(
    directory: Directory, asked: list[str], present: set[str], absent: set[str]
) -> None:
    with socket.create_connection(("127.0.0.1", directory.port), 5) as stream:
        stream.sendall(Message(1, SearchRequest(BASE, 2, Filter("(uid=alice)"), asked)).encode())
        entry = receive(stream)[0].operation
    assert isinstance(entry, SearchResultEntry)
    found = {attribute.description for attribute in entry.attributes}
    assert present <= found
    assert not absent & found


def receive(stream: socket.socket) -> list[Message]:
    """Every message up to and with the first result, or what came before the end."""
    framer = Framer(10_000_000)
    messages: list[Message] = []
    while not messages or not isinstance(messages[-1].operation, LdapResult):
        data = stream.recv(65536)
        if not data:
            break
        messages += [decode_response(frame) for frame in framer.feed(data)]
    return messages


def test_types_only_leaves_values_out(anybody: Any) -> None:
    anybody.search(BASE, "(uid=alice)", attributes=["cn", "mail"], types_only=True)
    found = anybody.response[0]["raw_attributes"]
    assert set(found) == {"cn", "mail"}
    assert not any(found.values())


def test_secrets_are_neither_shown_nor_found_out(anybody: Any) -> None:
    anybody.search(BASE, "(userPassword=wiki-password)")
    assert names(anybody) == []
    anybody.search(BASE, "(!(userPassword=wiki-password))")
    assert f"cn=wiki,ou=services,{BASE}" in names(anybody)
    anybody.compare(f"cn=wiki,ou=services,{BASE}", "userPassword", "wiki-password")
    assert code(anybody) == ResultCode.INSUFFICIENT_ACCESS_RIGHTS


def test_administrators_see_secrets(administrator: Any) -> None:
    administrator.search(BASE, "(userPassword=wiki-password)", attributes=["userPassword"])
    assert administrator.response[0]["raw_attributes"] == {"userPassword": [b"wiki-password"]}


def test_root_dse_says_what_is_spoken(anybody: Any) -> None:
    anybody.search("", "(objectClass=*)", ldap3.BASE, attributes=["+"])
    attributes = anybody.response[0]["raw_attributes"]
    assert attributes["namingContexts"] == [BASE.encode()]
    assert START_TLS_OID.encode() in attributes["supportedExtension"]


def test_schema_is_one_that_clients_read(directory: Directory) -> None:
    server = ldap3.Server("127.0.0.1", port=directory.port, get_info=ldap3.ALL)
    with ldap3.Connection(server, receive_timeout=5) as connection:
        assert server.schema is not None
        assert server.schema.attribute_types["uidNumber"].single_value
        connection.search(BASE, "(uid=alice)", attributes=["uidNumber", "jpegPhoto"])
        assert connection.entries[0].uidNumber.value == 10000


@pytest.mark.parametrize(
    ("attribute", "value", "expected"),
    [
        ("departmentNumber", "Engineering", ResultCode.COMPARE_TRUE),
        ("departmentNumber", "sales", ResultCode.COMPARE_FALSE),
        ("manager", f"UID=Grace,{PEOPLE}", ResultCode.COMPARE_TRUE),
        ("uidNumber", "many", ResultCode.INVALID_ATTRIBUTE_SYNTAX),
        ("initials", "A", ResultCode.NO_SUCH_ATTRIBUTE),
        ("unheardOf", "x", ResultCode.UNDEFINED_ATTRIBUTE_TYPE),
    ],
)
def test_compare_tells_undefined_from_false(anybody: Any, attribute: str, value: str, expected: int) -> None:
    anybody.compare(ALICE, attribute, value)
    assert code(anybody) == expected


def test_paged_search_gives_everything_once(anybody: Any) -> None:
    pages = list(anybody.extend.standard.paged_search(PEOPLE, "(uid=*)", paged_size=4, generator=True))
    found = [entry["dn"] for entry in pages]
    assert len(found) == len(set(found)) == 25


def test_paged_search_keeps_to_its_question(anybody: Any) -> None:
    anybody.search(PEOPLE, "(uid=*)", paged_size=4)
    cookie = anybody.result["controls"]["1.2.840.113556.1.4.319"]["value"]["cookie"]
    anybody.search(PEOPLE, "(cn=*)", paged_size=4, paged_cookie=cookie)
    assert code(anybody) == ResultCode.UNWILLING_TO_PERFORM
    anybody.search(PEOPLE, "(uid=*)", paged_size=4, paged_cookie=b"made up")
    assert code(anybody) == ResultCode.UNWILLING_TO_PERFORM


def test_size_limit_counts_all_pages(anybody: Any) -> None:
    anybody.search(PEOPLE, "(uid=*)", paged_size=4, size_limit=6)
    cookie = anybody.result["controls"]["1.2.840.113556.1.4.319"]["value"]["cookie"]
    anybody.search(PEOPLE, "(uid=*)", paged_size=4, size_limit=6, paged_cookie=cookie)
    assert (code(anybody), len(names(anybody))) == (ResultCode.SIZE_LIMIT_EXCEEDED, 2)


def test_unknown_critical_control_refuses(anybody: Any) -> None:
    anybody.search(BASE, "(uid=alice)", controls=[("1.2.3.4", True, None)])
    assert code(anybody) == ResultCode.UNAVAILABLE_CRITICAL_EXTENSION
    anybody.search(BASE, "(uid=alice)", controls=[("1.2.3.4", False, None)])
    assert names(anybody) == [ALICE]


def test_unknown_extended_operation_is_a_protocol_error(anybody: Any) -> None:
    anybody.extended("1.2.3.4")
    assert code(anybody) == ResultCode.PROTOCOL_ERROR


@pytest.mark.filterwarnings(r"ignore:ssl\.match_hostname:DeprecationWarning")
def test_start_tls_turns_tls_on(directory: Directory, ca: Path) -> None:
    tls = ldap3.Tls(ca_certs_file=str(ca), validate=ssl.CERT_REQUIRED)
    server = ldap3.Server("127.0.0.1", port=directory.port, get_info=ldap3.NONE, tls=tls)
    connection = ldap3.Connection(server, ALICE, "sesame", receive_timeout=5)
    connection.open(read_server_info=False)
    assert connection.bind()
    assert connection.start_tls(read_server_info=False)
    assert connection.extend.standard.who_am_i() is None
    assert connection.bind()
    assert connection.search(BASE, "(uid=alice)")
    assert directory.seen[-1].tls.startswith("TLSv1")
    connection.unbind()


async def test_start_tls_inside_tls_is_an_operations_error(directory: Directory, ca: Path) -> None:
    client = await Client.connect("127.0.0.1", directory.port)
    context = ssl.create_default_context(cafile=str(ca))
    assert (await client.start_tls(context, "127.0.0.1")).result.result_code == ResultCode.SUCCESS
    again = await client.request(ExtendedRequest(START_TLS_OID))
    assert again.result.result_code == ResultCode.OPERATIONS_ERROR
    assert (await client.bind(ALICE, "sesame")).result.result_code == ResultCode.SUCCESS
    await client.close()


@pytest.mark.parametrize(
    ("name", "password", "version", "expected"),
    [
        ("", "", 3, ResultCode.SUCCESS),
        ("", "sesame", 3, ResultCode.INVALID_CREDENTIALS),
        (ALICE, "", 3, ResultCode.UNWILLING_TO_PERFORM),
        (ALICE, "sesame", 2, ResultCode.PROTOCOL_ERROR),
    ],
)
async def test_odd_binds_leave_nobody_bound(
    directory: Directory, name: str, password: str, version: int, expected: int
) -> None:
    client = await Client.connect("127.0.0.1", directory.port)
    assert (await client.bind(ALICE, "sesame")).result.result_code == ResultCode.SUCCESS
    assert (await client.bind(name, password, version)).result.result_code == expected
    assert (await client.request(ExtendedRequest(WHO_AM_I_OID))).result.response_value == b""
    await client.close()


def test_request_in_the_last_flight_of_the_handshake_is_answered_inside_tls(directory: Directory, ca: Path) -> None:
    context = ssl.create_default_context(cafile=str(ca))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    inside = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with socket.create_connection(("127.0.0.1", directory.port), 5) as stream:
        stream.sendall(Message(1, ExtendedRequest(START_TLS_OID)).encode())
        receive(stream)
        while inside.version() is None or outgoing.pending:
            try:
                inside.do_handshake()
            except ssl.SSLWantReadError:
                stream.sendall(outgoing.read())
                incoming.write(stream.recv(65536))
            else:
                # The last flight waits for the request, and both leave as one.
                inside.write(Message(2, ExtendedRequest(WHO_AM_I_OID)).encode())
                stream.sendall(outgoing.read())
        answer = b""
        while not answer:
            received = stream.recv(65536)
            assert received[0] in (0x14, 0x16, 0x17), "a TLS record"
            incoming.write(received)
            with contextlib.suppress(ssl.SSLWantReadError):
                answer = inside.read()
    assert decode_response(answer).message_id == 2


@pytest.mark.parametrize("behind", [b"\x30", Message(2, SearchRequest("", 0, Filter("(cn=*)"))).encode()])
def test_bytes_behind_start_tls_end_the_connection(directory: Directory, behind: bytes) -> None:
    with socket.create_connection(("127.0.0.1", directory.port), 5) as stream:
        stream.sendall(Message(1, ExtendedRequest(START_TLS_OID)).encode() + behind)
        assert stream.recv(1000) == b""


@pytest.mark.parametrize(
    "sent", [b"GET / HTTP/1.1\r\n\r\n", b"\x30\x05\x02\x01\x01\x65\x00", b"\x30\x84\x7f\xff\xff\xff"]
)
def test_what_is_no_request_gets_a_notice_and_the_end(directory: Directory, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", directory.port), 5) as stream:
        stream.sendall(sent)
        (notice,) = receive(stream)
        assert isinstance(notice.operation, LdapResult)
        assert (notice.message_id, notice.operation.result_code) == (0, ResultCode.PROTOCOL_ERROR)
        assert stream.recv(1000) == b""
