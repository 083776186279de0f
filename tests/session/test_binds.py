"""Binds: refused here, held behind, and who the client is, as scripts."""

from __future__ import annotations

import pytest

from . import wire
from .playbook import Playbook, bound, connected

UNBIND = (2**31 - 1, 0x42, None)


def test_requests_behind_a_bind_wait_for_its_result() -> None:
    play = connected().client(wire.bind(2), wire.search(3), wire.search(4)).upstream_sees(wire.bind(2))
    play.upstream(wire.bind_response(2)).client_sees(wire.bind_response(2))
    play.upstream_sees(wire.search(3), wire.search(4)).ends()


def test_searches_outstanding_when_a_bind_comes_go_on() -> None:
    play = connected().client(wire.search(2), wire.bind(3)).upstream_sees(wire.search(2), wire.bind(3))
    play.upstream(wire.entry(2), wire.bind_response(3), wire.done(2))
    play.client_sees(wire.entry(2), wire.bind_response(3), wire.done(2)).ends()


def test_identity_comes_with_success_and_goes_when_a_bind_begins() -> None:
    play = bound()
    assert play.session.identity == "cn=a"
    play.client(wire.bind(2, b"cn=b")).upstream_sees(wire.bind(2, b"cn=b"))
    assert play.session.identity == ""
    play.upstream(wire.bind_response(2, 49)).client_sees(wire.bind_response(2, 49)).ends()
    assert play.session.identity == ""


def test_success_for_an_empty_name_or_password_proves_nobody() -> None:
    play = Playbook(allow_unauthenticated_bind=True).client(wire.bind(1, b"cn=a", b"")).connects().ready()
    play.upstream(wire.bind_response(1))
    assert play.session.identity == ""


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (wire.bind(2, b"cn=a", b""), 53),
        (wire.bind(2, b"cn=a", b"\0\0"), 53),
        (wire.bind(2, b"", b"secret"), 49),
        (wire.bind(2, version=2), 2),
        (wire.bind(2, version=4), 2),
        (wire.sicily_bind(2), 7),
        (wire.message(2, wire.tlv(0x60, wire.integer(3), wire.octets(b""), wire.octets(b"", 0x85))), 7),
    ],
)
def test_a_refused_bind_makes_the_session_anonymous_upstream_too(request_: bytes, code: int) -> None:
    play = bound().client(request_, wire.search(3))
    play.upstream_sees(wire.bind(2, b"", b"")).client_sees()
    assert play.session.identity == ""
    play.upstream(wire.bind_response(2)).client_gets((2, 0x61, code)).upstream_sees(wire.search(3)).ends()


@pytest.mark.parametrize(("code", "taken_back"), [(49, False), (51, True), (53, True)])
def test_only_a_bind_that_was_checked_and_failed_surely_leaves_nobody_upstream(code: int, taken_back: bool) -> None:
    play = bound().client(wire.bind(2)).upstream_sees(wire.bind(2)).upstream(wire.bind_response(2, code))
    play.client_sees(wire.bind_response(2, code)).client(wire.bind(3, b"cn=a", b""))
    if taken_back:
        play.upstream_sees(wire.bind(3, b"", b"")).upstream(wire.bind_response(3))
    play.client_gets((3, 0x61, 53)).upstream_sees().ends()


def test_a_refused_bind_of_an_anonymous_session_needs_no_upstream() -> None:
    Playbook().client(wire.bind(1, b"cn=a", b"")).client_gets((1, 0x61, 53)).ends()


def test_the_keys_that_allow_let_them_pass() -> None:
    v2 = wire.bind(2, version=2)
    connected(allow_ldapv2=True).client(v2).upstream_sees(v2).ends()
    sicily = wire.sicily_bind(2)
    connected(allow_sicily=True).client(sicily).upstream_sees(sicily).ends()


def test_external_does_not_borrow_the_identity_of_the_gateway() -> None:
    external = wire.sasl_bind(2, b"external", b"")
    connected(upstream_knows_gateway=True).client(external).client_gets((2, 0x61, 7)).upstream_sees().ends()
    connected().client(external).upstream_sees(external).ends()


def test_several_stages_of_a_sasl_bind_pass_and_nothing_comes_between() -> None:
    play = connected().client(wire.sasl_bind(2, b"DIGEST-MD5")).upstream_sees(wire.sasl_bind(2, b"DIGEST-MD5"))
    play.upstream(wire.bind_response(2, 14)).client_sees(wire.bind_response(2, 14))
    play.client(wire.search(3), wire.start_tls(4)).client_gets((3, 0x65, 1), (4, 0x78, 2)).upstream_sees()
    play.client(wire.sasl_bind(5, b"DIGEST-MD5", b"y")).upstream_sees(wire.sasl_bind(5, b"DIGEST-MD5", b"y"))
    play.upstream(wire.bind_response(5)).client_sees(wire.bind_response(5))
    assert play.session.identity == "sasl:DIGEST-MD5"
    play.client(wire.search(6)).upstream_sees(wire.search(6)).ends()


@pytest.mark.parametrize("refused", [True, False])
def test_a_security_layer_of_the_client_is_refused_or_passed(refused: bool) -> None:
    play = connected(sasl_security_layers="refuse" if refused else "opaque")
    play.client(wire.sasl_bind(2, b"GSSAPI")).upstream_sees(wire.sasl_bind(2, b"GSSAPI"))
    play.upstream(wire.bind_response(2)).client_sees(wire.bind_response(2))
    play.client(b"\0\0\0\x10wrapped")
    if refused:
        play.violates("sasl_security_layer").closes("client_violation").client_gets((0, 0x78, 2)).upstream_gets(UNBIND)
    else:
        play.upstream_sees(b"\0\0\0\x10wrapped").events.clear()
        play.upstream(b"\0\0\0\x05other").client_sees(b"\0\0\0\x05other").client(b"more").upstream_sees(b"more")
    play.ends()


def test_a_security_layer_of_the_server_is_seen_behind_its_success() -> None:
    play = connected(sasl_security_layers="opaque").client(wire.sasl_bind(2, b"GSSAPI"))
    play.upstream_sees(wire.sasl_bind(2, b"GSSAPI"))
    play.upstream(wire.bind_response(2), b"\0\0\0\x05other").client_sees(wire.bind_response(2), b"\0\0\0\x05other")
    play.events.clear()
    play.ends()


def test_no_layer_is_seen_where_no_sasl_bind_was() -> None:
    connected().client(b"\0\0\0\x10wrapped").violates("bad_framing")


def test_tls_can_be_required_for_everything_or_for_binds() -> None:
    play = Playbook(require_tls="all").client(wire.bind(1), wire.search(2), wire.delete(3), wire.abandon(4, 2))
    play.client_gets((1, 0x61, 13), (2, 0x65, 13), (3, 0x6B, 13)).client(wire.unbind(5)).closes("unbind").ends()
    play = Playbook(require_tls="bind").client(wire.bind(1)).client_gets((1, 0x61, 13))
    play.client(wire.bind(2, b"", b"")).connects().ready().upstream_sees(wire.bind(2, b"", b"")).ends()


def test_a_half_closed_client_still_gets_the_answer_to_its_bind_and_what_it_held() -> None:
    play = connected().client(wire.bind(2), wire.search(3)).client_ends().upstream_sees(wire.bind(2))
    play.upstream(wire.bind_response(2)).client_sees(wire.bind_response(2)).upstream_sees(wire.search(3))
    play.upstream(wire.done(3)).client_sees(wire.done(3)).closes("client_closed").upstream_gets(UNBIND).ends()
