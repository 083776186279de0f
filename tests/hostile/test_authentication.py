"""Binds: those that are refused, what waits behind one, and who the client is afterwards (T9, T23 to T27)."""

from __future__ import annotations

import threading

import pytest

from ..real import wire
from ..real.fake_directory import UpstreamConnection, answer_plainly
from .stage import ANONYMOUS_BIND, Case, Refusal, Stage, notice, passed

LOGIN = wire.bind(1, b"cn=x", b"password")
BOUND = wire.result(1, wire.BIND_RESPONSE)


def bind_refusal(code: int, message_id: int = 2) -> Refusal:
    return Refusal(message_id, wire.BIND_RESPONSE, code)


def sicily(tag: int) -> bytes:
    return wire.message(2, wire.tlv(wire.BIND_REQUEST, wire.integer(3), wire.octets(b""), wire.octets(b"NTLM", tag)))


ALWAYS_REFUSED = {
    "unauthenticated": (wire.bind(2, b"cn=x", b""), wire.UNWILLING_TO_PERFORM),
    "password of one NUL": (wire.bind(2, b"cn=x", b"\x00"), wire.UNWILLING_TO_PERFORM),
    "password of NULs": (wire.bind(2, b"cn=x", bytes(16)), wire.UNWILLING_TO_PERFORM),
    "LDAPv2": (wire.bind(2, b"cn=x", b"password", version=2), wire.PROTOCOL_ERROR),
    "LDAPv2, anonymous": (wire.bind(2, version=2), wire.PROTOCOL_ERROR),
    "LDAPv4": (wire.bind(2, b"cn=x", b"password", version=4), wire.PROTOCOL_ERROR),
    "LDAPv1": (wire.bind(2, b"cn=x", b"password", version=1), wire.PROTOCOL_ERROR),
    "Sicily package discovery": (sicily(0x89), wire.AUTH_METHOD_NOT_SUPPORTED),
    "Sicily negotiate": (sicily(0x8A), wire.AUTH_METHOD_NOT_SUPPORTED),
    "Sicily response": (sicily(0x8B), wire.AUTH_METHOD_NOT_SUPPORTED),
}

REFUSED = [Case(name, [(sent, [bind_refusal(code)])], closes=False) for name, (sent, code) in ALWAYS_REFUSED.items()]
# The identity before it must not outlive a refused bind, on the server's side either.
REFUSED_WHEN_BOUND = [
    Case(f"{name}, bound before", [(LOGIN, [BOUND]), (sent, [bind_refusal(code)])],
         [LOGIN, ANONYMOUS_BIND], closes=False)
    for name, (sent, code) in ALWAYS_REFUSED.items()
]  # fmt: skip
ONE_FLIGHT = [
    Case(f"{name}, in one flight", [(sent + LOGIN, [bind_refusal(code), BOUND])], [LOGIN], closes=False)
    for name, (sent, code) in ALWAYS_REFUSED.items()
]
ALLOWED = [
    passed(f"{name}, where allowed", sent, wire.result(2, wire.BIND_RESPONSE), listener="lenient")
    for name, (sent, _) in ALWAYS_REFUSED.items()
    if name not in ("LDAPv4", "LDAPv1")
]
PASSED = [
    passed("anonymous", wire.bind(1), BOUND),
    passed("simple", LOGIN, BOUND),
    passed("SASL ANONYMOUS", wire.sasl_bind(1, b"ANONYMOUS", b"trace"), BOUND),
    passed("SASL PLAIN", wire.sasl_bind(1, b"PLAIN", b"\0x\0password"), BOUND),
    passed("SASL of an unknown mechanism", wire.sasl_bind(1, b"X-UNKNOWN"), BOUND),
    passed("password with a NUL in it", wire.bind(1, b"cn=x", b"a\0b"), BOUND),
]


@pytest.mark.parametrize(
    "case", [*REFUSED, *REFUSED_WHEN_BOUND, *ONE_FLIGHT, *ALLOWED, *PASSED], ids=lambda case: case.name
)
def test_bind(case: Case, stage: Stage) -> None:
    stage.play(case)


def in_stages(connection: UpstreamConnection, request: wire.Message) -> None:
    """SASL binds with credentials "first" are not finished."""
    if request.tag == wire.BIND_REQUEST and b"first" in request.content:
        connection.send(wire.result(request.message_id, wire.BIND_RESPONSE, wire.SASL_BIND_IN_PROGRESS))
    else:
        answer_plainly(connection, request)


FIRST = wire.sasl_bind(1, b"SCRAM-SHA-256", b"first")
SECOND = wire.sasl_bind(2, b"SCRAM-SHA-256", b"second")
IN_PROGRESS = wire.result(1, wire.BIND_RESPONSE, wire.SASL_BIND_IN_PROGRESS)
BOUND_2, BOUND_3 = wire.result(2, wire.BIND_RESPONSE), wire.result(3, wire.BIND_RESPONSE)
SIMPLE = wire.bind(3, b"cn=x", b"password")
STAGES = [
    Case("two stages", [(FIRST, [IN_PROGRESS]), (SECOND, [BOUND_2])], [FIRST, SECOND], closes=False,
         answer=in_stages),
    Case("two stages in one flight", [(FIRST + SECOND, [IN_PROGRESS, BOUND_2])], [FIRST, SECOND], closes=False,
         answer=in_stages),
    Case("a search between the stages",
         [(FIRST, [IN_PROGRESS]), (wire.search(5), [Refusal(5, wire.SEARCH_DONE, wire.OPERATIONS_ERROR)]),
          (SECOND, [BOUND_2])], [FIRST, SECOND], closes=False, answer=in_stages),
    Case("a simple bind between the stages", [(FIRST, [IN_PROGRESS]), (SIMPLE, [BOUND_3])], [FIRST, SIMPLE],
         closes=False, answer=in_stages),
    Case("an unauthenticated bind between the stages",
         [(FIRST, [IN_PROGRESS]), (wire.bind(2, b"cn=x"), [bind_refusal(wire.UNWILLING_TO_PERFORM)])],
         [FIRST, ANONYMOUS_BIND], closes=False, answer=in_stages),
    Case("StartTLS between the stages",
         [(FIRST, [IN_PROGRESS]), (wire.start_tls(5), [Refusal(5, wire.EXTENDED_RESPONSE, wire.OPERATIONS_ERROR)]),
          (SECOND, [BOUND_2])], [FIRST, SECOND], closes=False, answer=in_stages, listener="open"),
]  # fmt: skip


@pytest.mark.parametrize("case", STAGES, ids=lambda case: case.name)
def test_bind_in_stages(case: Case, stage: Stage) -> None:
    stage.play(case)


class Gate:
    """A server that answers binds only when told to."""

    def __init__(self) -> None:
        self.opened = threading.Event()

    def __call__(self, connection: UpstreamConnection, request: wire.Message) -> None:
        if request.tag == wire.BIND_REQUEST and b"held" in request.content:
            assert self.opened.wait(15)
        answer_plainly(connection, request)


HELD = wire.bind(1, b"cn=held", b"password")
BEHIND = {
    "a search": (wire.search(2, b"cn=y"), [wire.entry(2, b"cn=y", (b"cn", b"found")), wire.done(2)]),
    "a second bind": (wire.bind(2, b"cn=y", b"password"), [BOUND_2]),
    "an anonymous bind": (wire.bind(2), [BOUND_2]),
    "who am I": (wire.extended(2, wire.WHO_AM_I), [wire.extended_response(2)]),
    "a delete": (wire.delete(2, b"cn=y"), [wire.result(2, wire.DELETE_RESPONSE)]),
}


@pytest.mark.parametrize("in_one_flight", [True, False])
@pytest.mark.parametrize("name", BEHIND)
def test_request_behind_a_bind_waits_for_its_result(name: str, in_one_flight: bool, stage: Stage) -> None:
    behind, answers = BEHIND[name]
    gate = Gate()
    stage.answer_by(gate)
    with stage.connect() as client:
        for flight in [HELD + behind] if in_one_flight else [HELD, behind]:
            client.send(flight)
        connection = stage.await_connection()
        connection.await_messages(1)
        stage.directory.script = stage.plain_script
        stage.round_trip()
        # The server is waiting inside its answer to the bind: what was sent would lie in its socket.
        assert connection.unread() == b""
        gate.opened.set()
        found = [client.receive().raw for _ in range(1 + len(answers))]
    assert found == [BOUND, *answers]
    assert [message.raw for message in connection.await_closed()[:2]] == [HELD, behind]


class SilentSearches:
    """A server that answers searches of "cn=late" only with the bind that follows them."""

    def __init__(self) -> None:
        self.late: list[int] = []

    def __call__(self, connection: UpstreamConnection, request: wire.Message) -> None:
        if request.tag == wire.SEARCH_REQUEST and request.parts[0][1] == b"cn=late":
            self.late.append(request.message_id)
            return
        answer_plainly(connection, request)
        if request.tag == wire.BIND_REQUEST:
            connection.send(*(wire.done(message_id) for message_id in self.late))


def test_search_outstanding_when_a_bind_comes_is_still_answered(stage: Stage) -> None:
    stage.answer_by(SilentSearches())
    late, bind = wire.search(1, b"cn=late"), wire.bind(2, b"cn=x", b"password")
    with stage.connect() as client:
        client.send(late, bind)
        assert [client.receive().raw for _ in range(2)] == [BOUND_2, wire.done(1)]
    assert [message.raw for message in stage.await_connection().await_closed()[:2]] == [late, bind]


TOKEN = bytes.fromhex("00 00 00 20") + bytes(32)


def test_security_layer_of_the_client_ends_the_session(stage: Stage) -> None:
    gssapi = wire.sasl_bind(1, b"GSSAPI", b"token")
    stage.play(Case("layer", [(gssapi, [BOUND]), (TOKEN, [notice()])], [gssapi]))


def test_security_layer_of_the_server_reaches_nobody(stage: Stage) -> None:
    def answer(connection: UpstreamConnection, request: wire.Message) -> None:
        answer_plainly(connection, request)
        connection.send(TOKEN)

    stage.answer_by(answer)
    with stage.connect() as client:
        client.send(wire.sasl_bind(1, b"GSSAPI", b"token"))
        found = client.receive_to_end()
    assert found[0].raw == BOUND
    assert [notice(wire.UNAVAILABLE).matches(message) for message in found[1:]] == [True]


def test_wrapped_token_behind_a_failed_sasl_bind_is_bad_framing(stage: Stage) -> None:
    def answer(connection: UpstreamConnection, request: wire.Message) -> None:
        connection.send(wire.result(request.message_id, wire.BIND_RESPONSE, wire.INVALID_CREDENTIALS))

    failed = wire.result(1, wire.BIND_RESPONSE, wire.INVALID_CREDENTIALS)
    gssapi = wire.sasl_bind(1, b"GSSAPI", b"token")
    stage.play(Case("failed", [(gssapi, [failed]), (TOKEN, [notice()])], [gssapi], answer=answer))
