"""What waits for something, what may not get in between, and what ends the waiting, as scripts."""

from __future__ import annotations

from time import process_time

import pytest

from ostiary._core import Event

from . import wire
from .playbook import Playbook, bound, connected

UNBIND = (2**31 - 1, 0x42, None)
LARGE = wire.entry(2, value=b"x" * 5_000)
ENDLESS = wire.controls(wire.control(b"2.16.840.1.113730.3.4.3", True, wire.tlv(0x30, wire.integer(1))))


def within_a_large_response() -> Playbook:
    play = connected(buffered_bytes=1_000).client(wire.search(2)).upstream_sees(wire.search(2))
    return play.upstream(LARGE[:400]).client_sees(LARGE[:400])


def test_no_refusal_lands_within_a_large_response() -> None:
    play = within_a_large_response().client(wire.bind(3, b"cn=a", b"")).client_sees()
    play.upstream(LARGE[400:], wire.done(2))
    assert play.to_client.startswith(LARGE[400:])
    play.to_client = play.to_client[len(LARGE[400:]) :]
    play.client_gets((2, 0x65, 0), (3, 0x61, 53)).ends()


def test_no_notice_lands_within_a_large_response() -> None:
    play = within_a_large_response().client(b"GET / HTTP/1.1").client_sees().upstream(LARGE[400:])
    play.violates("bad_framing").closes("client_violation")
    assert play.to_client.startswith(LARGE[400:])
    play.to_client = play.to_client[len(LARGE[400:]) :]
    play.client_gets((0, 0x78, 2)).upstream_gets(UNBIND).ends()
    play = within_a_large_response()
    play._take(play.session.shut_down()).closes("draining").client_sees().upstream_gets(UNBIND).ends()


def test_a_client_that_sends_much_within_a_large_response_is_paused_until_its_end() -> None:
    play = within_a_large_response().client(wire.delete(3, b"cn=" + b"x" * 2_000))
    play.event(Event.PauseClient)
    play.upstream(LARGE[400:]).client_sees(LARGE[400:]).event(Event.ResumeClient)
    play.upstream_gets((3, 0x4A, None)).ends()


def test_a_bind_response_larger_than_the_buffer_is_waited_for() -> None:
    play = connected(buffered_bytes=100).client(wire.bind(2)).upstream_sees(wire.bind(2))
    response = wire.result(2, 0x61, text=b"x" * 500)
    play.upstream(response[:50]).client_sees().upstream(response[50:]).client_sees(response).ends()
    assert play.session.identity == "cn=a"


def test_a_dropped_large_response_is_in_nobodys_way() -> None:
    play = connected(buffered_bytes=1_000).client(wire.search(2), wire.abandon(3, 2)).upstream(LARGE[:400])
    play.upstream_gets((2, 0x63, None), (3, 0x50, None)).client(wire.bind(4, b"cn=a", b"")).client_gets((4, 0x61, 53))
    play._take(play.session.shut_down()).closes("draining").client_gets((0, 0x78, 52)).upstream_gets(UNBIND).ends()


def test_a_half_closed_client_whose_search_never_ends_goes_as_soon_as_it_is_sent() -> None:
    play = Playbook().client(wire.search(1, controls=ENDLESS)).client_ends().connects().ready()
    play.closes("client_closed").upstream_gets((1, 0x63, None), UNBIND).ends()


def test_a_half_closed_client_is_answered_what_it_sent_behind_an_abandon() -> None:
    stream = wire.search(1), wire.abandon(2, 1), wire.search(3)
    play = Playbook().client(*stream).client_ends().connects().ready().upstream_sees(*stream)
    play.upstream(wire.done(3)).client_sees(wire.done(3)).closes("client_closed").upstream_gets(UNBIND).ends()


def test_a_half_closed_client_that_abandons_all_it_asked_for_goes() -> None:
    play = connected().client(wire.bind(2), wire.search(3), wire.abandon(4, 3)).client_ends()
    play.upstream(wire.bind_response(2)).closes("client_closed").client_gets((2, 0x61, 0))
    play.upstream_gets((2, 0x60, None), (3, 0x63, None), (4, 0x50, None), UNBIND).ends()


def test_abandon_and_unbind_pass_with_as_many_outstanding_as_may_be() -> None:
    play = connected(outstanding_requests=2).client(wire.search(2, controls=ENDLESS), wire.search(3, controls=ENDLESS))
    play.client(wire.abandon(4, 2), wire.search(5), wire.search(6))
    play.upstream_gets((2, 0x63, None), (3, 0x63, None), (4, 0x50, None), (5, 0x63, None))
    play.upstream(wire.done(5)).client_sees(wire.done(5)).upstream_gets((6, 0x63, None))
    play.client(wire.unbind(7)).closes("unbind").upstream_sees(wire.unbind(7)).ends()


def test_a_client_over_the_limit_is_paused_and_resumed() -> None:
    requests = [wire.search(number) for number in range(2, 102)]
    play = connected(outstanding_requests=2, buffered_bytes=500).client(*requests).upstream_sees(*requests[:2])
    play.event(Event.PauseClient)
    for number in range(2, 102):
        play.upstream(wire.done(number)).client_sees(wire.done(number))
    play.upstream_sees(*requests[2:]).event(Event.ResumeClient)
    play.ends()


def test_a_forgotten_abandoned_id_does_not_hide_the_answer_to_the_gateways_own_bind() -> None:
    play = bound().client(*(wire.search(number) + wire.abandon(number + 5_000, number) for number in range(10, 1_040)))
    play.to_upstream = b""
    play.client(wire.bind(10, b"cn=a", b""), wire.search(6_000)).upstream_sees(wire.bind(10, b"", b""))
    play.upstream(wire.bind_response(10)).client_gets((10, 0x61, 53)).upstream_sees(wire.search(6_000)).ends()


def test_a_password_of_nul_octets_that_may_pass_is_taken_back_upstream_too() -> None:
    play = connected(allow_unauthenticated_bind=True).client(wire.bind(2, b"cn=a", b"\0"))
    play.upstream(wire.bind_response(2))
    play.upstream_gets((2, 0x60, None)).client_gets((2, 0x61, 0)).client(wire.bind(3, version=2))
    play.upstream_sees(wire.bind(3, b"", b"")).ends()


def test_what_a_client_had_sent_goes_into_the_layer_that_the_server_begins() -> None:
    play = connected(sasl_security_layers="opaque").client(wire.sasl_bind(2, b"GSSAPI"), wire.search(3))
    play.upstream_sees(wire.sasl_bind(2, b"GSSAPI")).upstream(wire.bind_response(2), b"\0\0\0\x05other")
    play.event(Event.Opaque)
    play.upstream_sees(wire.search(3)).client_sees(wire.bind_response(2), b"\0\0\0\x05other").ends()


def test_no_layer_is_seen_once_the_server_of_the_bind_is_gone() -> None:
    play = connected(sasl_security_layers="opaque").client(wire.sasl_bind(2, b"ANONYMOUS"))
    play.upstream(wire.bind_response(2)).upstream_ends().event(Event.CloseUpstream)
    play.client(b"\0\0\0\x10wrapped").violates("bad_framing").closes("client_violation")


@pytest.mark.parametrize("state", ["dialling", "outstanding", "bind"])
def test_many_small_pieces_behind_a_held_request_cost_little(state: str) -> None:
    """A tenth of a second here was minutes when each octet had the held request judged again."""
    big = wire.search(9, filter=wire.tlv(0xA1, *([wire.octets(b"objectClass", 0x87)] * 4_000)))
    if state == "dialling":
        play = Playbook(buffered_bytes=1 << 30).client(big)
    elif state == "bind":
        play = connected().client(wire.bind(2), big)
    else:
        play = connected(outstanding_requests=1).client(wire.search(2), big)
    started = process_time()
    for octet in wire.delete(3, b"x" * 10_000):
        play.session.client_data(bytes([octet]), 0.0)
    assert process_time() - started < 1.0


def test_many_held_requests_are_taken_at_the_cost_of_each() -> None:
    """Moving what waits for each one that goes would take seconds."""
    requests = b"".join(wire.delete(number) for number in range(2, 50_002))
    play = connected(outstanding_requests=1, buffered_bytes=1 << 30).client(requests)
    responses = [wire.result(number, 0x6B) for number in range(2, 50_002)]
    started = process_time()
    for response in responses:
        play.session.upstream_data(response, 0.0)
    assert process_time() - started < 3.0
    assert play.session.outstanding == 0


def test_an_opaque_session_without_traffic_is_idle() -> None:
    play = connected(sasl_security_layers="opaque").client(wire.sasl_bind(2, b"GSSAPI"))
    play.upstream(wire.bind_response(2), b"\0\0\0\x05other").waits(901)
    assert play.events[-1].reason == "idle"  # type: ignore[attr-defined]


def test_a_server_that_does_not_answer_the_gateways_own_bind_does_not_keep_the_client() -> None:
    play = bound().client(wire.bind(2, b"cn=a", b"")).upstream_sees(wire.bind(2, b"", b"")).waits(901)
    play.closes("idle").client_gets((0, 0x78, 52))


def test_between_and_within_large_responses_an_abandon_is_heard() -> None:
    play = within_a_large_response().client(wire.abandon(3, 2)).upstream_gets((3, 0x50, None))
    # The one that has begun is whole; of the others nothing comes, and the next search does not wait for them.
    play.client(wire.search(4)).upstream(LARGE[400:] + LARGE + LARGE[:900]).client_sees(LARGE[400:])
    play.upstream_sees(wire.search(4)).upstream(LARGE[900:], wire.done(2), wire.done(4)).client_sees(
        wire.done(4)
    ).ends()


def test_between_two_large_responses_requests_are_taken() -> None:
    play = within_a_large_response().client(wire.delete(3)).upstream_sees()
    play.upstream(LARGE[400:] + LARGE[:900]).client_sees(LARGE[400:] + LARGE[:900]).upstream_sees(wire.delete(3)).ends()


def test_a_drain_waits_for_answers_and_takes_no_more_requests() -> None:
    play = connected().client(wire.search(2)).upstream_sees(wire.search(2))
    play._take(play.session.drain()).client_sees().ends()
    play.client(wire.search(3), wire.search(4)).upstream_sees().ends()
    play.upstream(wire.entry(2)).client_sees(wire.entry(2))
    play.upstream(wire.done(2)).client_gets((2, 0x65, 0), (0, 0x78, 52)).closes("draining").upstream_gets(UNBIND).ends()


def test_a_drain_ends_who_waits_for_nothing_at_once() -> None:
    endless = wire.search(2, controls=ENDLESS)
    for play in (connected(), connected().client(endless).upstream_sees(endless)):
        play._take(play.session.drain()).client_gets((0, 0x78, 52)).closes("draining").upstream_gets(UNBIND).ends()


def test_a_client_that_sends_much_during_a_drain_is_paused() -> None:
    play = connected(buffered_bytes=1_000).client(wire.search(2)).upstream_sees(wire.search(2))
    play._take(play.session.drain()).client(wire.delete(3, b"cn=" + b"x" * 2_000)).event(Event.PauseClient)
    play.ends()


def test_an_unbind_is_taken_during_a_drain() -> None:
    play = connected().client(wire.search(2)).upstream_sees(wire.search(2))
    play._take(play.session.drain()).client(wire.unbind(3)).upstream_gets((3, 0x42, None)).closes("unbind").ends()
