"""What passes, what is held and what is refused, as scripts."""

from __future__ import annotations

import pytest

from ostiary._core import Event

from . import wire
from .playbook import Playbook, bound, connected

NOTICE = (0, 0x78, 2)
UNBIND = (2**31 - 1, 0x42, None)


def test_dials_at_the_first_request_that_needs_the_upstream() -> None:
    play = Playbook().client(wire.search(7))
    play.upstream_sees()
    play.connects().ready().upstream_sees(wire.search(7))
    play.upstream(wire.entry(7), wire.done(7)).client_sees(wire.entry(7), wire.done(7)).ends()


def test_requests_before_the_upstream_is_ready_wait_in_their_order() -> None:
    play = Playbook().client(wire.search(1)).client(wire.search(2), wire.delete(3))
    play.connects().ready().upstream_sees(wire.search(1), wire.search(2), wire.delete(3)).ends()


def test_an_unreachable_upstream_answers_unavailable_and_the_next_request_dials_again() -> None:
    play = Playbook().client(wire.search(1), wire.delete(2), wire.bind(3)).is_unreachable()
    assert b"upstream directory is unavailable" in play.to_client
    play.client_gets((1, 0x65, 52), (2, 0x6B, 52), (3, 0x61, 52))
    play.client(wire.search(4)).connects().ready().upstream_sees(wire.search(4)).ends()


def test_every_split_of_a_stream_gives_the_same() -> None:
    stream = wire.bind(1) + wire.search(2) + wire.abandon(3, 2) + wire.compare(4)
    for cut in range(1, len(stream)):
        play = Playbook().client(stream[:cut])
        play.client(stream[cut:]).connects().ready().upstream_sees(wire.bind(1))
        play.upstream(wire.bind_response(1)).client_sees(wire.bind_response(1))
        play.upstream_sees(stream[len(wire.bind(1)) :]).ends()


def test_responses_split_octet_by_octet_arrive_whole() -> None:
    play = connected().client(wire.search(2)).upstream_sees(wire.search(2))
    stream = wire.entry(2) + wire.reference(2) + wire.intermediate(2) + wire.done(2)
    for position in range(len(stream)):
        play.upstream(stream[position : position + 1])
    play.client_sees(stream).ends()


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (b"\x30\x80", "bad_framing"),
        (b"\x30\x85\0\0\0\0\0", "bad_framing"),
        (b"GET / HTTP/1.1\r\n", "bad_framing"),
        (wire.message(0, wire.tlv(0x42)), "malformed_message"),
        (wire.message(-1, wire.tlv(0x42)), "malformed_message"),
        (wire.done(1), "malformed_message"),
        (wire.message(1, wire.tlv(0x7D)), "malformed_message"),
        (wire.message(1, wire.tlv(0x60)), "malformed_message"),
        (b"\x30\x84\x7f\xff\xff\xff", "message_too_large"),
    ],
)
def test_what_is_no_request_gets_a_notice_and_goes_nowhere(octets: bytes, kind: str) -> None:
    play = connected().client(octets)
    play.violates(kind).closes("client_violation").client_gets(NOTICE).upstream_gets(UNBIND).ends()


def test_a_tls_client_on_a_plain_listener_gets_no_ldap() -> None:
    play = Playbook().client(b"\x16\x03\x01\x02\x00\x01")
    play.violates("unexpected_tls").closes("client_violation").client_sees().ends()


def test_an_id_in_use_ends_the_session() -> None:
    play = connected().client(wire.search(5)).upstream_sees(wire.search(5)).client(wire.search(5))
    play.violates("message_id_in_use").closes("client_violation").client_gets(NOTICE).upstream_gets(UNBIND).ends()


def test_a_finished_id_may_be_used_again() -> None:
    connected().client(wire.search(1)).upstream_sees(wire.search(1)).ends()


def test_an_abandoned_search_says_nothing_more() -> None:
    play = connected().client(wire.search(2), wire.abandon(3, 2))
    play.upstream_sees(wire.search(2), wire.abandon(3, 2))
    play.upstream(wire.entry(2), wire.done(2)).client_sees().ends()


def test_an_abandoned_id_stays_taken_until_its_late_response() -> None:
    play = connected().client(wire.search(2), wire.abandon(3, 2)).upstream_sees(wire.search(2), wire.abandon(3, 2))
    play.upstream(wire.done(2)).client(wire.search(2)).upstream_sees(wire.search(2)).ends()
    play.client(wire.abandon(4, 2), wire.search(2)).upstream_gets((4, 0x50, None), UNBIND)
    play.violates("message_id_in_use").closes("client_violation").client_gets(NOTICE).ends()


@pytest.mark.parametrize("abandoned", [0, -1, 9])
def test_an_abandon_of_what_cannot_be_is_ignored(abandoned: int) -> None:
    connected().client(wire.abandon(9, abandoned)).upstream_sees().ends()


def test_unbind_goes_upstream_and_ends_the_session() -> None:
    connected().client(wire.unbind(2)).closes("unbind").upstream_sees(wire.unbind(2)).ends()


def test_a_filter_that_is_too_deep_is_refused_alone() -> None:
    deep = wire.octets(b"cn", 0x87)
    for _ in range(70):
        deep = wire.tlv(0xA2, deep)
    play = connected().client(wire.search(2, filter=deep), wire.search(3))
    play.client_gets((2, 0x65, 11)).upstream_sees(wire.search(3)).ends()


def test_a_large_request_is_for_the_authenticated() -> None:
    large = wire.delete(2, b"cn=" + b"x" * 70_000)
    connected().client(large).violates("message_too_large").closes("client_violation").client_gets(NOTICE)
    bound().client(large).upstream_sees(large).ends()


def test_more_than_the_outstanding_wait_for_an_answer() -> None:
    play = connected(outstanding_requests=2).client(wire.search(2), wire.search(3), wire.search(4))
    play.upstream_sees(wire.search(2), wire.search(3))
    play.upstream(wire.done(2)).client_sees(wire.done(2)).upstream_sees(wire.search(4)).ends()


def test_a_client_that_half_closes_gets_its_answers_first() -> None:
    play = connected().client(wire.search(2)).upstream_sees(wire.search(2)).client_ends()
    play.upstream(wire.entry(2)).client_sees(wire.entry(2)).upstream_sees()
    play.upstream(wire.done(2)).client_sees(wire.done(2)).closes("client_closed").upstream_gets(UNBIND).ends()


def test_a_half_closed_client_of_a_server_that_never_answers_goes_when_it_is_idle() -> None:
    play = connected().client(wire.search(2)).upstream_sees(wire.search(2)).client_ends()
    play.waits(901).closes("client_closed").upstream_gets(UNBIND).ends()


def test_a_search_that_never_ends_does_not_keep_a_half_closed_client() -> None:
    persistent = wire.controls(wire.control(b"2.16.840.1.113730.3.4.3", True, wire.tlv(0x30, wire.integer(1))))
    play = connected().client(wire.search(2, controls=persistent))
    play.upstream_gets((2, 0x63, None)).client_ends().closes("client_closed").upstream_gets(UNBIND).ends()


def test_an_idle_client_gets_a_notice_but_not_while_it_waits() -> None:
    play = connected().client(wire.search(2)).upstream_sees(wire.search(2)).waits(901)
    play.upstream(wire.done(2)).client_sees(wire.done(2)).waits(899).waits(2)
    play.closes("idle").client_gets((0, 0x78, 52)).upstream_gets(UNBIND).ends()


def test_an_idle_limit_below_the_first_message_limit_counts_from_the_first_message_on() -> None:
    play = Playbook(idle_seconds=1.0).client(wire.search(1))
    assert play.event(Event.Deadline).at == 1.0
    play.connects().ready()
    play.upstream(wire.done(1)).waits(2).closes("idle")


def test_a_client_that_says_nothing_is_told_and_cut() -> None:
    Playbook().waits(31).closes("first_message_timeout").client_gets((0, 0x78, 52)).ends()
