"""Rate limits and bind guards as sessions see them, as scripts: what waits, for how long, and what is answered."""

from __future__ import annotations

from typing import Any

import pytest

from ostiary._core import Event, Policy

from . import wire
from .playbook import Playbook, bound, connected, policy


def rate_limit(**limit: Any) -> Policy:
    options = {"name": "one", "key": ["client"], "operations": ["compare"], **limit}
    return policy(("rate_limit", {"limits": [options]}))


def decided(play: Playbook, plugin: str, rule: str, code: int | None = None, mode: str = "enforce") -> None:
    event = play.event(Event.Decided)
    assert (event.plugin, event.rule, event.code, event.mode) == (plugin, rule, code, mode)


def test_more_than_the_burst_is_answered_busy_until_time_goes_by() -> None:
    play = connected(policy=rate_limit(rate="1/s", burst=2))
    play.client(wire.compare(2), wire.compare(3), wire.compare(4)).upstream_sees(wire.compare(2), wire.compare(3))
    play.client_gets((4, 0x6F, 51))
    decided(play, "rate_limit", "one", 51)
    play.now += 1.0
    play.client(wire.compare(5)).upstream_sees(wire.compare(5)).ends()


def test_a_limit_that_delays_holds_the_client_back_and_keeps_the_order() -> None:
    play = connected(policy=rate_limit(rate="1/s", burst=1, exceeded="delay"))
    play.client(wire.compare(2), wire.compare(3), wire.search(4)).upstream_sees(wire.compare(2))
    decided(play, "rate_limit", "one")
    assert play.event(Event.Deadline).at == pytest.approx(1.0)
    play.waits(0.5).upstream_sees().ends()
    play.waits(0.5).upstream_sees(wire.compare(3), wire.search(4)).ends()


def test_a_delay_that_would_be_too_long_is_answered_busy() -> None:
    play = connected(policy=rate_limit(rate="1/min", burst=1, exceeded="delay", delay_seconds=5))
    play.client(wire.compare(2), wire.compare(3)).upstream_sees(wire.compare(2)).client_gets((3, 0x6F, 51))
    decided(play, "rate_limit", "one", 51)
    play.ends()


def test_a_limit_may_close_the_client() -> None:
    play = bound(policy=rate_limit(rate="1/min", burst=1, exceeded="close"))
    play.client(wire.compare(2), wire.compare(3)).client_gets((0, 0x78, 53))
    decided(play, "rate_limit", "one")
    play.closes("policy").upstream_gets((2, 0x6E, None), (2**31 - 1, 0x42, None)).ends()


def test_a_limit_in_monitor_mode_is_told_and_nothing_else() -> None:
    play = connected(policy=rate_limit(rate="1/min", burst=1, mode="monitor"))
    play.client(wire.compare(2), wire.compare(3)).upstream_sees(wire.compare(2), wire.compare(3))
    decided(play, "rate_limit", "one", 51, "monitor")
    play.ends()


def test_a_plugin_in_monitor_mode_is_told_and_nothing_else() -> None:
    options = {"limits": [{"name": "one", "key": ["global"], "rate": "1/min", "exceeded": "close"}]}
    play = connected(policy=policy(("rate_limit", options), mode="monitor"))
    play.client(wire.compare(2)).upstream_sees(wire.compare(2))
    decided(play, "rate_limit", "one", None, "monitor")
    play.ends()


@pytest.mark.parametrize("answer", [wire.result(2, 0x6F, 6), None])
def test_what_is_in_use_is_given_back_with_the_answer_or_an_abandon(answer: bytes | None) -> None:
    play = connected(policy=rate_limit(concurrent=1))
    play.client(wire.compare(2), wire.compare(3)).client_gets((3, 0x6F, 51)).upstream_sees(wire.compare(2))
    decided(play, "rate_limit", "one", 51)
    if answer is None:
        play.client(wire.abandon(4, 2)).upstream_sees(wire.abandon(4, 2))
    else:
        play.upstream(answer).client_sees(answer)
    play.client(wire.compare(5)).upstream_sees(wire.compare(5)).ends()


def test_what_is_in_use_is_given_back_when_the_client_goes() -> None:
    shared = rate_limit(concurrent=1)
    first, second = connected(policy=shared), connected(policy=shared)
    first.client(wire.compare(2)).upstream_sees(wire.compare(2))
    second.client(wire.compare(2)).client_gets((2, 0x6F, 51))
    first._take(first.session.client_gone())
    second.client(wire.compare(3)).upstream_sees(wire.compare(3))


def test_a_request_that_waits_for_its_upstream_is_counted_once() -> None:
    play = Playbook(policy=rate_limit(rate="1/min", burst=1)).client(wire.compare(1))
    play.connects().ready().upstream_sees(wire.compare(1)).ends()


def guard(**options: Any) -> Policy:
    return policy(("bind_guard", options))


def fail(play: Playbook, message_id: int, password: bytes, name: bytes = b"cn=a") -> None:
    """One wrong password, which the server refuses after 50 ms."""
    request = wire.bind(message_id, name, password)
    play.client(request).upstream_sees(request)
    play.now += 0.05
    play.upstream(wire.bind_response(message_id, 49)).client_sees(wire.bind_response(message_id, 49))


def test_a_password_that_was_wrong_is_not_asked_again() -> None:
    play = connected(policy=guard())
    fail(play, 2, b"wrong")
    for message_id in range(3, 103):
        play.client(wire.bind(message_id, b"CN = a", b"wrong")).upstream_sees().client_sees()
        decided(play, "bind_guard", "negative_cache", 49)
        # As long as the server took.
        assert 0.0 < play.session.deadline - play.now < 0.2
        if play.events:
            play.event(Event.Deadline)
        play.waits(0.2).client_gets((message_id, 0x61, 49))
        play.events.clear()
    fail(play, 200, b"another")
    play.ends()


def test_requests_behind_a_bind_that_is_refused_wait_for_its_answer() -> None:
    play = connected(policy=guard())
    fail(play, 2, b"wrong")
    play.client(wire.bind(3, b"cn=a", b"wrong"), wire.search(4)).upstream_sees().client_sees()
    decided(play, "bind_guard", "negative_cache", 49)
    play.event(Event.Deadline)
    play.waits(0.2).client_gets((3, 0x61, 49)).upstream_sees(wire.search(4)).ends()


def test_a_client_that_guesses_is_locked_out_and_others_are_not() -> None:
    shared = guard(failures=3, lockout_seconds=60, negative_cache_seconds=0)
    play = connected(policy=shared)
    for number in range(3):
        fail(play, 2 + number, b"guess%d" % number)
    play.client(wire.bind(9, b"cn=a", b"secret")).upstream_sees()
    decided(play, "bind_guard", "lockout_pair", 49)
    other = connected(policy=shared, address="198.51.100.1")
    other.client(wire.bind(2)).upstream_sees(wire.bind(2)).upstream(wire.bind_response(2))
    assert other.session.identity == "cn=a"


def test_a_locked_out_bind_takes_back_what_was_proved_before() -> None:
    play = bound(policy=guard(failures=1, lockout_seconds=60, negative_cache_seconds=0))
    fail(play, 2, b"wrong", b"cn=b")
    play.client(wire.bind(3)).upstream_sees(wire.bind(3)).upstream(wire.bind_response(3))
    play.client_sees(wire.bind_response(3)).client(wire.bind(4, b"cn=b", b"right"), wire.search(5)).upstream_sees()
    assert play.session.identity == ""
    decided(play, "bind_guard", "lockout_pair", 49)
    play.event(Event.Deadline)
    play.waits(0.2).upstream_sees(wire.bind(4, b"", b"")).client_sees().upstream(wire.bind_response(4))
    play.client_gets((4, 0x61, 49)).upstream_sees(wire.search(5)).ends()
