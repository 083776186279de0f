"""Sessions that get other settings on the way: what comes is judged by the new ones, what is under way by the old."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ostiary._core import Event, Policy, Shared, Totals, Verdict

from . import wire
from .playbook import Playbook, bound, connected, policy
from .test_verdicts import hooks


def denies(*operations: str) -> Policy:
    rules = [{"name": "no", "effect": "deny", "operations": list(operations)}]
    return policy(("allow_list", {"default": "allow", "rules": rules}))


def at_once(most: int) -> tuple[str, dict[str, Any]]:
    limit = {"name": "few", "key": "global", "concurrent": most, "operations": ["search"]}
    return "rate_limit", {"entries": 64, "limits": [limit]}


def test_the_next_request_is_judged_by_the_new_policy() -> None:
    play = bound(policy=denies("delete"))
    play.client(wire.delete(2)).client_gets((2, 0x6B, 50))
    assert play.event(Event.Decided).rule == "no"
    play.renew(policy=denies("compare"))
    play.client(wire.delete(3)).upstream_sees(wire.delete(3))
    play.client(wire.compare(4)).client_gets((4, 0x6F, 50))
    assert play.event(Event.Decided).rule == "no"
    assert play.session.identity == "cn=a"
    play.ends()


def test_a_request_under_way_gives_back_to_the_policy_that_it_began_under() -> None:
    first, second = policy(at_once(1)), policy(at_once(1))
    play = connected(policy=first).client(wire.search(2)).upstream_sees(wire.search(2))
    other = Playbook(policy=first).client(wire.search(1)).client_gets((1, 0x65, 51))
    assert other.event(Event.Decided).rule == "few"
    before = play.renew(policy=second)
    assert before.is_in_use
    # What it may do now is the new policy's to say, where nothing is under way.
    play.client(wire.search(3)).upstream_sees(wire.search(3))
    play.upstream(wire.done(2)).client_sees(wire.done(2))
    assert not before.is_in_use
    connected(policy=first)
    refused = Playbook(policy=second).client(wire.search(1)).client_gets((1, 0x65, 51))
    assert refused.event(Event.Decided).rule == "few"
    play.upstream(wire.done(3)).client_sees(wire.done(3)).ends()
    connected(policy=second)


def test_a_held_request_goes_on_under_the_hooks_that_it_began_under() -> None:
    asks = ("hook", {"operations": ["compare"], "finished": []})
    play = connected(policy=policy(asks, asks), generation=1).client(wire.compare(2))
    first = play.event(Event.Held)
    assert (first.stage, first.generation) == (0, 1)
    before = play.renew(policy=hooks("delete"), generation=2)
    play.client(wire.delete(3))
    new = play.event(Event.Held)
    assert (new.stage, new.generation) == (0, 2)
    play.resume(first.hold, Verdict.Pass()).upstream_sees()
    later = play.event(Event.Held)
    assert (later.stage, later.generation) == (1, 1)
    play.renew(policy=hooks("search"), generation=3)
    play.resume(later.hold, Verdict.Pass()).upstream_sees(wire.compare(2))
    play.client(wire.compare(4)).upstream_sees(wire.compare(4))
    assert not before.is_in_use
    play.resume(new.hold, Verdict.Refuse(53, "no")).client_gets((3, 0x6B, 53))
    play.tells_of_hook(53).ends()


def test_what_is_hidden_of_an_answer_is_as_it_was_asked() -> None:
    hides = policy(("redact", {"rules": [{"name": "cn", "attributes": ["cn"]}]}))
    play = connected(policy=hides).client(wire.search(2)).upstream_sees(wire.search(2))
    play.renew(policy=denies("delete"))
    play.client(wire.search(3)).upstream_sees(wire.search(3))
    play.upstream(wire.entry(2), wire.done(2))
    hidden, play.to_client = play.to_client, b""
    play.upstream(wire.entry(3), wire.done(3)).client_sees(wire.entry(3), wire.done(3)).ends()
    assert hidden != wire.entry(2) + wire.done(2)


def test_a_delayed_request_waits_on_under_its_policy() -> None:
    rate = {"name": "slow", "key": "global", "rate": "1/s", "burst": 1, "exceeded": "delay", "operations": ["search"]}
    delays = policy(("rate_limit", {"entries": 64, "limits": [rate]}))
    play = connected(policy=delays).client(wire.search(2)).upstream_sees()
    assert play.event(Event.Decided).rule == "slow"
    play.event(Event.Deadline)
    play.renew(policy=denies("search"))
    play.upstream_sees().waits(1.1).upstream_sees(wire.search(2))
    play.client(wire.search(3)).client_gets((3, 0x65, 50))
    play.event(Event.Decided)
    play.upstream(wire.done(2)).client_sees(wire.done(2)).ends()


def test_a_bind_at_the_server_is_told_to_the_guard_that_let_it_pass() -> None:
    guard = policy(("bind_guard", {"entries": 64, "failures": 1, "negative_cache_seconds": 0.0}))
    play = connected(policy=guard).client(wire.bind(2)).upstream_sees(wire.bind(2))
    play.renew(policy=denies("delete"))
    play.upstream(wire.bind_response(2, 49)).client_sees(wire.bind_response(2, 49)).ends()
    again = connected(policy=guard).client(wire.bind(2)).upstream_sees()
    assert again.event(Event.Decided).rule == "lockout_pair"


def test_a_client_without_a_policy_is_known_to_the_first_one() -> None:
    only_a = [{"name": "a", "identity": "cn=a", "from": ["192.0.2.0/24"], "operations": ["search"]}]
    play = bound(address=None)
    play.renew("192.0.2.1", policy=policy(("allow_list", {"rules": only_a})))
    play.client(wire.search(2)).upstream_sees(wire.search(2))
    play.client(wire.compare(3)).client_gets((3, 0x6F, 50))
    play.event(Event.Decided)
    undecided = connected(address=None).client(wire.bind(2)).upstream_sees(wire.bind(2))
    undecided.renew("192.0.2.1", policy=policy(("allow_list", {"rules": only_a})))
    undecided.upstream(wire.bind_response(2)).client_sees(wire.bind_response(2))
    undecided.client(wire.search(3)).upstream_sees(wire.search(3)).ends()


def test_without_a_policy_in_them_settings_leave_the_one_there_is() -> None:
    play = bound(policy=denies("delete"))
    play.renew()
    play.client(wire.delete(2)).client_gets((2, 0x6B, 50))
    play.event(Event.Decided)
    play.ends()


def test_a_shorter_time_limit_is_told() -> None:
    play = bound().waits(31)
    assert play.session.deadline == 900.0
    play.renew(idle_seconds=60.0)
    assert play.event(Event.Deadline).at == 60.0
    play.waits(30).client_gets((0, 0x78, 52)).upstream_gets((2**31 - 1, 0x42, None)).closes("idle").ends()


def test_what_waited_for_a_limit_goes_on_under_a_higher_one() -> None:
    play = connected(outstanding_requests=1).client(wire.search(2), wire.search(3)).upstream_sees(wire.search(2))
    play.renew(outstanding_requests=2)
    play.upstream_sees(wire.search(3)).ends()


def test_a_closed_session_stays_closed() -> None:
    play = bound()
    play._take(play.session.shut_down())
    play.closes("draining")
    play.to_client = play.to_upstream = b""
    play.renew(policy=denies("delete"))
    play.ends()


def test_since_when_nobody_waits_is_known() -> None:
    play = connected()
    play.now = 5.0
    play.client(wire.search(2)).upstream_sees(wire.search(2))
    assert play.session.idle_since is None
    play.now = 6.0
    play.upstream(wire.done(2)).client_sees(wire.done(2))
    assert play.session.idle_since == 6.0
    play.client(wire.search(3)[:4])
    assert play.session.idle_since is None
    held = connected(policy=hooks("compare")).client(wire.compare(2))
    assert held.session.idle_since is None


NAMES = {
    "listeners": [["test", "none", "directory"]],
    "upstreams": [["directory", ["ldap://directory"]]],
    "plugins": [],
}


def spec(*names: str) -> str:
    rules = [{"name": name, "effect": "deny", "operations": ["compare"]} for name in names]
    stage = {"plugin": "rules", "rules": {"allow_list": {"default": "allow", "rules": rules}}}
    return json.dumps({"stages": [stage]})


def test_counts_of_rules_that_come_and_go_add_up() -> None:
    first = Shared(bytes(16), json.dumps(NAMES), policy=spec("a", "b"))
    totals = Totals(0, first)
    play = Playbook(policy=first.policy, counted=first)
    play.session.enter(1, 4711, 0.0)
    play.client(wire.compare(1)).client_gets((1, 0x6F, 50))
    second = first.renewed(json.dumps(NAMES), policy=spec("b"))
    totals.succeed(1, second)
    play.event(Event.Decided)
    play.renew(policy=second.policy, counted=second)
    play.client(wire.compare(2)).client_gets((2, 0x6F, 50))
    assert play.event(Event.Decided).rule == "b"

    def samples(family: str) -> dict[str, Any]:
        found = [(labels, value) for name, labels, value in totals.samples() if name == f"ostiary_{family}"]
        return {",".join(labels): value for labels, value in found if value}

    def look() -> None:
        assert samples("refusals_total") == {"rules,a,enforce": 1, "rules,b,enforce": 1}
        assert samples("operations_total") == {"test,directory,compare,insufficientAccessRights": 2}
        assert samples("connections") == {"test": 1}
        assert samples("connections_total") == {"test,none": 1}

    look()
    totals.fold(totals.in_use)
    assert (totals.in_use, totals.earlier) == ([0, 1], 1)
    del first
    # The settings that the play had went with its last request under them.
    assert totals.in_use == [1]
    totals.fold(totals.in_use)
    assert totals.earlier == 0
    look()


@pytest.mark.parametrize("later", [spec("a"), None])
def test_tables_stay_what_they_are(later: str | None) -> None:
    shared = Shared(bytes(16), json.dumps(NAMES), policy=None)
    hold = shared.acquire(b"one", 1)
    assert hold is not None
    assert shared.needs(json.dumps(NAMES), policy=later) == (False, later is not None)
    renewed = shared.renewed(json.dumps(NAMES), policy=later)
    assert renewed.layout == shared.layout
    assert renewed.acquire(b"one", 1) is None
    hold.release()
    assert renewed.acquire(b"one", 1) is not None
