"""StartTLS, and TLS where it is required: never forwarded, never mixed with plaintext (T1 to T6, T39)."""

from __future__ import annotations

import ssl

import pytest

from ..real import wire
from ..real.fake_directory import UpstreamConnection, answer_plainly
from .stage import ANONYMOUS_BIND, PROBE, PROBE_ANSWER, Case, Refusal, Stage

START = wire.start_tls(1)
STARTED = wire.extended_response(1, wire.SUCCESS, wire.START_TLS)
LOGIN = wire.bind(2, b"cn=x", b"password")
BOUND = wire.result(2, wire.BIND_RESPONSE)
HELLO = bytes.fromhex("16 03 01 00 40 01 00 00 3c 03 03") + bytes(58)


def extended_refusal(code: int, message_id: int = 1) -> Refusal:
    return Refusal(message_id, wire.EXTENDED_RESPONSE, code)


def late_search(connection: UpstreamConnection, request: wire.Message) -> None:
    """Answers one search only behind the next request."""
    if request.raw == LATE:
        return
    answer_plainly(connection, request)
    if request.tag == wire.SEARCH_REQUEST:
        connection.send(wire.done(5))


LATE = wire.search(5, b"cn=late")
NOT_OFFERED = extended_refusal(wire.PROTOCOL_ERROR)
NOT_NOW = extended_refusal(wire.OPERATIONS_ERROR)

ROWS = [
    Case("on a plain listener", [(START, [NOT_OFFERED])], closes=False),
    Case("inside LDAPS", [(START, [NOT_NOW])], closes=False, listener="ldaps"),
    Case("with a search behind it, on a plain listener",
         [(START + wire.delete(2, b"cn=x"), [NOT_OFFERED, wire.result(2, wire.DELETE_RESPONSE)])],
         [wire.delete(2, b"cn=x")], closes=False),
    Case("accepted", [(START, [STARTED])], closes=False, listener="open", tls_after=0),
    Case("accepted where TLS is required", [(START, [STARTED])], closes=False, listener="all", tls_after=0),
    Case("twice", [(START, [STARTED]), (wire.start_tls(2), [extended_refusal(wire.OPERATIONS_ERROR, 2)])],
         closes=False, listener="open", tls_after=0),
    Case("with a search outstanding", [(LATE, []), (START, [NOT_NOW])], [LATE], closes=False, listener="open",
         answer=late_search),
    Case("in the flight of a search", [(LATE + START, [NOT_NOW])], [LATE], closes=False, listener="open",
         answer=late_search),
    Case("with a search in the same flight", [(START + wire.search(2), [])], listener="open"),
    Case("with a bind in the same flight", [(START + LOGIN, [])], listener="open"),
    Case("with one byte in the same flight", [(START + b"\x16", [])], listener="open"),
    Case("with a ClientHello in the same flight", [(START + HELLO, [])], listener="open"),
    Case("with an Unbind in the same flight", [(START + wire.unbind(2), [])], listener="all"),
    Case("with a second StartTLS in the same flight", [(START + wire.start_tls(2), [])], listener="all"),
    Case("identity before it is gone", [(LOGIN, [BOUND]), (wire.start_tls(1), [STARTED])],
         [LOGIN, ANONYMOUS_BIND], closes=False, listener="open", tls_after=1),
]  # fmt: skip


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_start_tls(case: Case, stage: Stage) -> None:
    stage.play(case)


@pytest.mark.parametrize("sent", [wire.search(2), LOGIN, b"\x00" * 16, b"\x16\x03\x01\x00\x04\x01\x00\x00\x00"])
def test_anything_but_a_handshake_behind_start_tls_ends_the_session(sent: bytes, stage: Stage) -> None:
    with stage.connect("open") as client:
        assert client.ask(START).raw == STARTED
        client.send(sent)
        answered = b""
        while data := client.socket.recv(4096):
            answered += data
    # A TLS alert at most: nothing of LDAP, and nothing in plaintext.
    assert answered == b"" or answered[0] == 0x15
    assert stage.connections == []


def test_plaintext_on_an_ldaps_listener_is_never_answered_in_plaintext(stage: Stage) -> None:
    address = stage.gateway.addresses["ldaps"]
    with address.connect() as plain:
        plain.sendall(wire.search(1))
        answered = b""
        while data := plain.recv(4096):
            answered += data
    assert answered == b"" or answered[0] == 0x15
    assert stage.connections == []


def test_removing_tls_ends_the_session(stage: Stage) -> None:
    """RFC 4511 section 4.14.3 would let it go on in plaintext; a downgrade is not offered (T6)."""
    with stage.connect("open") as client:
        client.start_tls(stage.tls)
        assert client.ask(wire.search(2)).code == wire.SUCCESS
        wrapped = client.socket
        assert isinstance(wrapped, ssl.SSLSocket)
        client.socket = wrapped.unwrap()
        try:
            client.send(wire.search(3))
        except OSError:
            return
        assert client.receive_to_end() == []
    seen = [message.raw for message in stage.connections[0].await_closed()]
    assert wire.search(3) not in seen


OPERATIONS = {
    "search": (wire.search(2), wire.SEARCH_DONE),
    "bind": (LOGIN, wire.BIND_RESPONSE),
    "anonymous bind": (wire.bind(2), wire.BIND_RESPONSE),
    "SASL bind": (wire.sasl_bind(2, b"PLAIN", b"\0x\0password"), wire.BIND_RESPONSE),
    "modify": (wire.modify(2, b"cn=x", b"sn", b"x"), wire.MODIFY_RESPONSE),
    "add": (wire.add(2, b"cn=x", sn=b"x"), wire.ADD_RESPONSE),
    "delete": (wire.delete(2, b"cn=x"), wire.DELETE_RESPONSE),
    "modify DN": (wire.modify_dn(2, b"cn=x", b"cn=y"), wire.MODIFY_DN_RESPONSE),
    "compare": (wire.compare(2, b"cn=x", b"cn", b"x"), wire.COMPARE_RESPONSE),
    "who am I": (wire.extended(2, wire.WHO_AM_I), wire.EXTENDED_RESPONSE),
    "cancel": (wire.cancel(2, 1), wire.EXTENDED_RESPONSE),
    "unknown extended": (wire.extended(2, b"1.2.3"), wire.EXTENDED_RESPONSE),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_without_tls_where_it_is_required_every_answer_has_the_right_type(name: str, stage: Stage) -> None:
    sent, tag = OPERATIONS[name]
    refusal = Refusal(2, tag, wire.CONFIDENTIALITY_REQUIRED)
    stage.play(Case(name, [(sent, [refusal])], closes=False, listener="all"))


@pytest.mark.parametrize("name", OPERATIONS)
def test_inside_tls_where_it_is_required_everything_passes(name: str, stage: Stage) -> None:
    sent, tag = OPERATIONS[name]
    with stage.connect("all") as client:
        client.start_tls(stage.tls)
        final = client.send(sent).receive_final()[-1]
        assert (final.message_id, final.tag, final.code) == (2, tag, wire.SUCCESS)
    assert stage.await_connection().await_closed()[0].raw == sent


def test_unbind_and_abandon_need_no_tls_and_get_no_answer(stage: Stage) -> None:
    stage.play(Case("abandon", [(wire.abandon(3, 2), [])], closes=False, listener="all"))
    stage.play(Case("unbind", [(wire.unbind(3), [])], listener="all"))


CREDENTIALS = {
    "simple": (wire.bind(2, b"cn=x", b"password"), True),
    "SASL PLAIN": (wire.sasl_bind(2, b"PLAIN", b"\0x\0password"), True),
    "SASL SCRAM": (wire.sasl_bind(2, b"SCRAM-SHA-256", b"n,,n=x,r=y"), True),
    "anonymous": (wire.bind(2), False),
    "search": (wire.delete(2, b"cn=x"), False),
}


@pytest.mark.parametrize("name", CREDENTIALS)
def test_where_binds_need_tls_only_credentials_are_refused(name: str, stage: Stage) -> None:
    sent, is_refused = CREDENTIALS[name]
    tag = wire.BIND_RESPONSE if sent[5] == wire.BIND_REQUEST else wire.DELETE_RESPONSE
    expected = Refusal(2, tag, wire.CONFIDENTIALITY_REQUIRED) if is_refused else wire.result(2, tag)
    upstream = [] if is_refused else [sent]
    stage.play(Case(name, [(sent, [expected])], upstream, closes=False, listener="bind"))


def test_refused_bind_without_tls_never_shows_its_password(stage: Stage) -> None:
    secret = b"seen-by-nobody-5Tr"
    with stage.connect("all") as client:
        assert client.ask(wire.bind(2, b"cn=x", secret)).code == wire.CONFIDENTIALITY_REQUIRED
        client.start_tls(stage.tls, 3)
        client.send(PROBE)
        assert [client.receive().raw for _ in PROBE_ANSWER] == list(PROBE_ANSWER)
    assert secret.decode() not in stage.gateway.log
    assert all(secret not in connection.received for connection in stage.connections)
