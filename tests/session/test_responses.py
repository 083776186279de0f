"""What servers say and how they go, as scripts."""

from __future__ import annotations

import pytest

from ostiary._core import Event

from . import wire
from .playbook import bound, connected

UNBIND = (2**31 - 1, 0x42, None)


def test_unsolicited_notifications_and_intermediate_responses_pass() -> None:
    other = wire.extended_response(0, 0, b"1.2.3.4")
    play = connected().client(wire.search(2)).upstream_sees(wire.search(2))
    play.upstream(other, wire.intermediate(2)).client_sees(other, wire.intermediate(2)).ends()


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (wire.done(99), "unknown_message_id"),
        (wire.done(0), "unknown_message_id"),
        (wire.bind_response(2), "unexpected_response"),
        (wire.search(2), "malformed_message"),
        (b"\x30\x80\x00", "malformed_message"),
        (b"HTTP/1.1 400", "malformed_message"),
    ],
)
def test_a_server_that_breaks_the_protocol_is_left(response: bytes, kind: str) -> None:
    play = connected().client(wire.search(2)).upstream_sees(wire.search(2))
    play.upstream(wire.entry(2), response, wire.entry(2)).violates(kind, "upstream")
    play.event(Event.CloseUpstream)
    play.client_gets((2, 0x64, None), (2, 0x65, 52))
    play.client(wire.search(3)).connects().ready().upstream_sees(wire.search(3)).ends()


@pytest.mark.parametrize("way", ["eof", "notice"])
def test_a_server_lost_under_a_bound_client_ends_its_session(way: str) -> None:
    play = bound().client(wire.search(2), wire.delete(3)).upstream_sees(wire.search(2), wire.delete(3))
    if way == "eof":
        play.upstream_ends()
    else:
        play.upstream(wire.notice())
    play.event(Event.CloseUpstream)
    play.closes("upstream_lost").client_gets((2, 0x65, 52), (3, 0x6B, 52), (0, 0x78, 52)).ends()


@pytest.mark.parametrize("way", ["eof", "notice"])
def test_a_server_lost_under_an_anonymous_client_is_dialled_again(way: str) -> None:
    play = connected().client(wire.search(2)).upstream_sees(wire.search(2))
    if way == "eof":
        play.upstream_ends()
    else:
        play.upstream(wire.notice())
    play.event(Event.CloseUpstream)
    play.client_gets((2, 0x65, 52)).client(wire.search(3)).connects().ready().upstream_sees(wire.search(3)).ends()


def test_a_server_lost_in_a_bind_leaves_an_anonymous_client() -> None:
    play = bound().client(wire.bind(2), wire.search(3)).upstream_sees(wire.bind(2)).upstream_ends()
    play.event(Event.CloseUpstream)
    play.client_gets((2, 0x61, 52)).connects().ready().upstream_sees(wire.search(3)).ends()


def test_a_response_larger_than_the_buffer_goes_through_as_it_comes() -> None:
    play = connected(buffered_bytes=1_000).client(wire.search(2)).upstream_sees(wire.search(2))
    large = wire.entry(2, value=b"x" * 5_000)
    play.upstream(wire.entry(2), large[:400]).client_sees(wire.entry(2), large[:400])
    play.upstream(large[400:900]).client_sees(large[400:900])
    play.upstream(large[900:], wire.done(2)).client_sees(large[900:], wire.done(2)).ends()


def test_a_server_lost_within_a_large_response_ends_the_session_without_a_word() -> None:
    play = connected(buffered_bytes=1_000).client(wire.search(2)).upstream_sees(wire.search(2))
    large = wire.entry(2, value=b"x" * 5_000)
    play.upstream(large[:400]).client_sees(large[:400]).upstream_ends()
    play.event(Event.CloseUpstream)
    play.closes("upstream_lost").client_sees().ends()


def test_a_large_response_to_an_abandoned_search_is_dropped_whole() -> None:
    play = connected(buffered_bytes=1_000).client(wire.search(2), wire.abandon(3, 2))
    large = wire.entry(2, value=b"x" * 5_000)
    play.upstream(large[:400]).upstream(large[400:], wire.done(2)).client_sees()
    play.upstream_gets((2, 0x63, None), (3, 0x50, None)).ends()


def test_unbind_within_a_large_response_ends_the_session_at_once() -> None:
    play = connected(buffered_bytes=1_000).client(wire.search(2)).upstream_sees(wire.search(2))
    large = wire.entry(2, value=b"x" * 5_000)
    play.upstream(large[:1_400]).client_sees(large[:1_400])
    play.client(wire.unbind(3)).closes("unbind").upstream_sees(wire.unbind(3)).client_sees().ends()


def test_an_extended_response_ends_any_request_but_a_bind_as_samba_sends_it() -> None:
    answer = wire.extended_response(2, 12)
    play = bound().client(wire.delete(2)).upstream_sees(wire.delete(2)).upstream(answer).client_sees(answer)
    play.client(wire.search(2)).upstream_sees(wire.search(2)).upstream(answer).client_sees(answer)
    play.client(wire.bind(2)).upstream_sees(wire.bind(2)).upstream(answer).violates("unexpected_response", "upstream")
