"""Requests that hooks are asked about, as scripts: what waits, what goes on, and what a verdict does."""

from __future__ import annotations

import pytest

from ostiary._core import Event, Policy, Verdict

from . import wire
from .playbook import Playbook, bound, connected, policy

ALL = ["bind", "search", "compare", "add", "modify", "delete", "modify_dn", "extended"]


def hooks(*operations: str, finished: tuple[str, ...] = ()) -> Policy:
    return policy(("hook", {"operations": list(operations), "finished": list(finished)}))


def test_a_search_is_held_until_a_verdict() -> None:
    play = Playbook(policy=hooks("search")).client(wire.search(1))
    hold = play.held(0, wire.search(1))
    play.upstream_sees().resume(hold, Verdict.Pass()).connects().ready().upstream_sees(wire.search(1))
    play.upstream(wire.entry(1), wire.done(1)).client_sees(wire.entry(1), wire.done(1)).ends()


def test_what_no_hook_is_asked_about_passes_a_held_request() -> None:
    play = connected(policy=hooks("compare")).client(wire.compare(2), wire.search(3)).upstream_sees(wire.search(3))
    play.resume(play.held(0, wire.compare(2)), Verdict.Pass()).upstream_sees(wire.compare(2)).ends()


def test_verdicts_may_come_in_any_order() -> None:
    play = connected(policy=hooks("compare")).client(wire.compare(2), wire.compare(3))
    first, second = play.held(0, wire.compare(2)), play.held(0, wire.compare(3))
    play.resume(second, Verdict.Pass()).upstream_sees(wire.compare(3))
    play.resume(first, Verdict.Pass()).upstream_sees(wire.compare(2)).ends()


def test_a_refusal_answers_with_its_code_and_nothing_goes_upstream() -> None:
    play = Playbook(policy=hooks("delete")).client(wire.delete(1))
    play.resume(play.held(0, wire.delete(1)), Verdict.Refuse(53, "not now")).tells_of_hook(53)
    play.client_sees(wire.result(1, 0x6B, 53, b"not now")).ends()


def test_a_replacement_goes_instead() -> None:
    play = connected(policy=hooks("compare")).client(wire.compare(2))
    other = wire.message(2, wire.tlv(0x6E, wire.octets(b"cn=y"), wire.tlv(0x30, wire.octets(b"sn"), wire.octets(b""))))
    play.resume(play.held(0, wire.compare(2)), Verdict.Replace(other)).upstream_sees(other).ends()


@pytest.mark.parametrize("other", [b"", b"\x30\x03", wire.compare(3), wire.search(2), wire.compare(2) + b"\0"])
def test_a_replacement_that_is_none_refuses(other: bytes) -> None:
    play = connected(policy=hooks("compare")).client(wire.compare(2))
    play.resume(play.held(0, wire.compare(2)), Verdict.Replace(other)).client_gets((2, 0x6F, 80))
    assert play.event(Event.BadReplacement).stage == 0
    play.tells_of_hook(80).upstream_sees().ends()


def test_a_verdict_may_close() -> None:
    play = Playbook(policy=hooks("compare")).client(wire.compare(1))
    play.resume(play.held(0, wire.compare(1)), Verdict.Close("go")).client_gets((0, 0x78, 53))
    play.tells_of_hook(None).closes("policy").ends()


def test_everything_behind_a_held_bind_waits() -> None:
    play = connected(policy=hooks("bind")).client(wire.bind(2), wire.compare(3)).upstream_sees()
    play.resume(play.held(0, wire.bind(2)), Verdict.Pass()).upstream_sees(wire.bind(2))
    assert play.session.identity == ""
    play.upstream(wire.bind_response(2)).client_sees(wire.bind_response(2)).upstream_sees(wire.compare(3)).ends()
    assert play.session.identity == "cn=a"


def test_hooks_are_told_when_a_client_becomes_somebody_else() -> None:
    play = bound(policy=hooks("compare"))
    assert len(play.changes) == 1
    # Anonymous at once when a bind begins; the failure changes nothing more.
    play.client(wire.bind(2)).upstream_sees(wire.bind(2))
    assert len(play.changes) == 2
    play.upstream(wire.bind_response(2, 49)).client_sees(wire.bind_response(2, 49)).ends()
    assert len(play.changes) == 2
    # Rules need not be told.
    assert bound(policy=policy(("limits", {"attributes": 9}))).changes == []


def test_a_bind_with_a_verdict_waits_for_its_upstream() -> None:
    play = Playbook(policy=hooks("bind")).client(wire.bind(1), wire.compare(2))
    play.resume(play.held(0, wire.bind(1)), Verdict.Pass()).connects().ready().upstream_sees(wire.bind(1))
    play.upstream(wire.bind_response(1)).client_sees(wire.bind_response(1)).upstream_sees(wire.compare(2)).ends()


def test_a_bind_with_a_verdict_and_no_upstream_is_answered_unavailable() -> None:
    play = Playbook(policy=hooks("bind")).client(wire.bind(1), wire.compare(2))
    play.resume(play.held(0, wire.bind(1)), Verdict.Pass()).is_unreachable()
    play.client_gets((1, 0x61, 52), (2, 0x6F, 52)).ends()


def test_a_replaced_bind_is_who_the_client_is() -> None:
    play = connected(policy=hooks("bind")).client(wire.bind(2, b"cn=a", b"secret123456"))
    hold = play.held(0, wire.bind(2, b"cn=a", b"secret123456"))
    play.resume(hold, Verdict.Replace(wire.bind(2, b"cn=b", b"secret"))).upstream_sees(wire.bind(2, b"cn=b", b"secret"))
    play.upstream(wire.bind_response(2)).client_sees(wire.bind_response(2)).ends()
    assert play.session.identity == "cn=b"


def test_a_refused_bind_takes_back_the_earlier_one() -> None:
    play = Playbook(policy=hooks("bind")).client(wire.bind(1))
    play.resume(play.held(0, wire.bind(1)), Verdict.Pass()).connects().ready().upstream_sees(wire.bind(1))
    play.upstream(wire.bind_response(1)).client_sees(wire.bind_response(1)).client(wire.bind(2), wire.compare(3))
    play.resume(play.held(0, wire.bind(2)), Verdict.Refuse(49, "")).upstream_sees(wire.bind(2, b"", b"")).client_sees()
    assert play.session.identity == ""
    play.tells_of_hook(49).upstream(wire.bind_response(2)).client_gets((2, 0x61, 49)).upstream_sees(
        wire.compare(3)
    ).ends()


def test_a_held_request_keeps_its_id_and_may_be_abandoned() -> None:
    play = connected(policy=hooks("compare")).client(wire.compare(2), wire.abandon(3, 2))
    hold = play.held(0, wire.compare(2))
    play.upstream_sees().resume(hold, Verdict.Pass()).upstream_sees().client_sees().ends()
    play = connected(policy=hooks("compare")).client(wire.compare(2)).client(wire.compare(2))
    play.held(0, wire.compare(2))
    play.violates("message_id_in_use").client_gets((0, 0x78, 2)).closes("client_violation")


def test_a_verdict_for_a_client_that_has_gone_does_nothing() -> None:
    play = Playbook(policy=hooks("compare")).client(wire.compare(1))
    hold = play.held(0, wire.compare(1))
    play._take(play.session.client_gone())
    play.closes("client_closed").resume(hold, Verdict.Pass()).resume(99, Verdict.Pass()).ends()


def test_a_client_that_half_closes_still_gets_its_verdict() -> None:
    play = connected(policy=hooks("compare")).client(wire.compare(2)).client_ends()
    play.resume(play.held(0, wire.compare(2)), Verdict.Pass()).upstream_sees(wire.compare(2))
    play.upstream(wire.result(2, 0x6F, 6)).client_sees(wire.result(2, 0x6F, 6)).closes("client_closed")
    play.upstream_gets((2**31 - 1, 0x42, None)).ends()


def test_no_more_requests_are_held_than_may_be_outstanding() -> None:
    play = connected(policy=hooks("compare"), outstanding_requests=2)
    play.client(wire.compare(2), wire.compare(3), wire.compare(4))
    first, second = play.held(0, wire.compare(2)), play.held(0, wire.compare(3))
    play.resume(first, Verdict.Refuse(50, "")).client_gets((2, 0x6F, 50)).tells_of_hook(50)
    third = play.held(0, wire.compare(4))
    for hold in (second, third):
        play.resume(hold, Verdict.Pass())
    play.upstream_sees(wire.compare(3), wire.compare(4)).ends()


def test_a_bind_waits_for_what_is_held_under_the_identity_before_it() -> None:
    play = connected(policy=hooks("compare")).client(wire.compare(2), wire.bind(3), wire.search(4)).upstream_sees()
    play.resume(play.held(0, wire.compare(2)), Verdict.Pass()).upstream_sees(wire.compare(2), wire.bind(3))
    play.upstream(wire.bind_response(3)).client_sees(wire.bind_response(3)).upstream_sees(wire.search(4)).ends()


def test_a_refused_bind_waits_for_what_is_held_too() -> None:
    play = connected(policy=hooks("compare")).client(wire.compare(2), wire.bind(3, password=b"")).client_sees()
    play.resume(play.held(0, wire.compare(2)), Verdict.Pass()).upstream_sees(wire.compare(2))
    play.client_gets((3, 0x61, 53)).ends()


def test_start_tls_is_refused_while_a_request_is_held() -> None:
    play = connected(policy=hooks("compare")).client(wire.compare(2)).client(wire.start_tls(3))
    # No TLS is offered here; where it is, what is held counts as outstanding.
    play.client_gets((3, 0x78, 2))
    play.held(0, wire.compare(2))


def test_a_client_that_is_held_too_much_is_not_read_any_more() -> None:
    play = connected(policy=hooks("compare"), buffered_bytes=4_096)
    compares, searches = map(wire.compare, range(2, 200)), map(wire.search, range(200, 700))
    play.client(*compares, *searches)
    holds = [event for event in play.events if isinstance(event, Event.Held)]
    assert len(holds) < 198
    assert any(isinstance(event, Event.PauseClient) for event in play.events)
    play.upstream_sees()


def test_hooks_of_several_plugins_are_asked_in_order() -> None:
    stages = policy(("hook", {"operations": ["compare"]}), ("hook", {"operations": ["compare"]}))
    play = connected(policy=stages).client(wire.compare(2))
    play.resume(play.held(0, wire.compare(2)), Verdict.Pass()).upstream_sees()
    play.resume(play.held(1, wire.compare(2)), Verdict.Pass()).upstream_sees(wire.compare(2)).ends()


def test_whoever_observes_is_told_how_a_request_ended() -> None:
    play = connected(policy=hooks(finished=("compare", "search")))
    assert play.event(Event.Finished).code == 0
    play.client(wire.search(2), wire.compare(3)).upstream_sees(wire.search(2), wire.compare(3))
    play.upstream(wire.entry(2), wire.entry(2), wire.result(3, 0x6F, 6), wire.done(2, 4))
    play.client_sees(wire.entry(2), wire.entry(2), wire.result(3, 0x6F, 6), wire.done(2, 4))
    compared, found = play.event(Event.Finished), play.event(Event.Finished)
    assert (compared.request, compared.code, compared.entries) == (wire.compare(3), 6, 0)
    assert (found.request, found.code, found.entries) == (wire.search(2), 4, 2)
    play.ends()


def test_an_observed_request_of_a_lost_upstream_has_ended_too() -> None:
    play = connected(policy=hooks(finished=("compare",))).client(wire.compare(2)).upstream_sees(wire.compare(2))
    play.upstream_ends().client_gets((2, 0x6F, 52))
    assert play.event(Event.CloseUpstream).reason
    assert play.event(Event.Finished).code == 52
    play.ends()


def test_a_bound_client_is_unbound_by_no_hook() -> None:
    play = bound(policy=hooks("compare")).client(wire.unbind(2)).upstream_sees(wire.unbind(2))
    play.closes("unbind").ends()


def test_what_waits_is_answered_when_a_server_is_lost_under_a_bound_client() -> None:
    play = bound(policy=hooks("compare")).client(wire.search(3), wire.compare(4), wire.compare(5))
    play.upstream_sees(wire.search(3)).held(0, wire.compare(4))
    play.held(0, wire.compare(5))
    play.upstream_ends().event(Event.CloseUpstream)
    play.client_gets((3, 0x65, 52), (4, 0x6F, 52), (5, 0x6F, 52), (0, 0x78, 52)).closes("upstream_lost").ends()


def test_what_is_delayed_is_answered_when_a_server_is_lost_under_a_bound_client() -> None:
    delay = {"name": "slow", "key": "client", "rate": "1/s", "burst": 1, "exceeded": "delay", "operations": ["search"]}
    play = bound(policy=policy(("rate_limit", {"entries": 64, "limits": [delay]})))
    play.client(wire.search(3), wire.search(4), wire.delete(5), wire.abandon(6, 3)).upstream_sees(wire.search(3))
    play.event(Event.Decided)
    play.event(Event.Deadline)
    play.upstream_ends().event(Event.CloseUpstream)
    play.client_gets((3, 0x65, 52), (4, 0x65, 52), (5, 0x6B, 52), (0, 0x78, 52)).closes("upstream_lost").ends()
