"""What records say of who decided: the rule that refused, or the one that let pass, whichever way a request went."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ostiary._core import Event, Shared, Verdict

from . import wire
from .playbook import Playbook

NAMES = {
    "listeners": [["test", "none", "directory"]],
    "upstreams": [["directory", ["ldap://directory"]]],
    "plugins": [],
}
Stage = tuple[str, str, dict[str, Any]]


def stage(use: str, mode: str = "enforce", **options: Any) -> Stage:
    return use, mode, options


def rules(*named: tuple[str, str, str], default: str = "deny", mode: str = "enforce") -> Stage:
    """A list of rules: name, effect, operation."""
    each = [{"name": name, "effect": effect, "operations": [operation]} for name, effect, operation in named]
    return stage("allow_list", mode, default=default, rules=each)


READS = rules(("reads", "allow", "search"), ("tests", "allow", "compare"), ("no-deletes", "deny", "delete"))


def spec(*stages: Stage) -> str:
    return json.dumps(
        {"stages": [{"plugin": use, "mode": mode, "rules": {use: options}} for use, mode, options in stages]}
    )


class Recorded:
    """A session whose operations are recorded."""

    def __init__(self, *stages: Stage, form: str = "json") -> None:
        audit = json.dumps({"format": form, "buffer_bytes": 1 << 16})
        self.shared = Shared(bytes(16), json.dumps(NAMES), policy=spec(*stages), audit=audit)
        self.play = Playbook(policy=self.shared.policy, counted=self.shared)
        self.play.session.enter(1, 4711, 0.0)

    def renew(self, *stages: Stage) -> None:
        later = self.shared.renewed(json.dumps(NAMES), policy=spec(*stages))
        self.play.renew(policy=later.policy, counted=later, generation=1)

    def lines(self) -> list[str]:
        return self.shared.drain()[0].decode().splitlines()

    def told(self) -> dict[int, tuple[str, ...]]:
        """Who decided of each operation, by its number: plugin, rule, verdict, mode."""
        operations = [record for line in self.lines() if (record := json.loads(line))["event"] == "operation"]
        assert len(operations) == len({record["message"] for record in operations})
        keys = ("plugin", "rule", "verdict", "mode")
        return {each["message"]: tuple(each[key] for key in keys if key in each) for each in operations}


def test_what_let_pass_is_told_of_every_operation_that_was_judged() -> None:
    recorded = Recorded(READS)
    play = recorded.play
    play.client(wire.search(1)).connects()
    play.client(wire.compare(2), wire.delete(3), wire.bind(4))
    play.upstream(wire.done(1), wire.result(2, 0x6F, 6))
    play.client(wire.unbind(5))
    assert recorded.told() == {
        1: ("allow_list", "reads", "allowed", "enforce"),
        2: ("allow_list", "tests", "allowed", "enforce"),
        3: ("allow_list", "no-deletes", "refused", "enforce"),
        4: ("allow_list", "default", "refused", "enforce"),
        5: (),
    }


def test_a_server_that_is_away_does_not_hide_who_let_pass() -> None:
    recorded = Recorded(READS)
    recorded.play.client(wire.search(1)).is_unreachable()
    assert recorded.told() == {1: ("allow_list", "reads", "allowed", "enforce")}


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("json", '"plugin":"allow_list","rule":"reads","verdict":"allowed","mode":"enforce"}'),
        ("ecs", '"rule.ruleset":"allow_list","rule.name":"reads","ldap.verdict":"allowed","ldap.mode":"enforce"}'),
        ("cef", " ldapPlugin=allow_list ldapRule=reads ldapVerdict=allowed ldapMode=enforce"),
    ],
)
def test_every_format_tells_it(form: str, expected: str) -> None:
    recorded = Recorded(READS, form=form)
    recorded.play.client(wire.search(1)).connects()
    recorded.play.upstream(wire.done(1))
    assert recorded.lines()[-1].endswith(expected)


def test_what_is_tried_and_would_not_have_let_pass_says_more() -> None:
    trial = rules(("tests", "allow", "compare"), mode="monitor")
    recorded = Recorded(READS, trial)
    play = recorded.play.client(wire.search(1), wire.compare(2))
    assert play.event(Event.Decided).mode == "monitor"
    play.connects().upstream(wire.done(1), wire.result(2, 0x6F, 6))
    assert recorded.told() == {
        1: ("allow_list", "default", "refused", "monitor"),
        2: ("allow_list", "tests", "allowed", "enforce"),
    }


def test_what_would_be_hidden_of_the_answer_says_more() -> None:
    hides = stage("redact", "monitor", rules=[{"name": "secrets", "attributes": ["cn"]}])
    recorded = Recorded(READS, hides)
    recorded.play.client(wire.search(1), wire.search(2)).connects()
    recorded.play.upstream(wire.entry(1), wire.done(1), wire.done(2))
    assert recorded.told() == {
        1: ("redact", "secrets", "hidden", "monitor"),
        2: ("allow_list", "reads", "allowed", "enforce"),
    }


def test_a_delay_and_a_close_are_called_so() -> None:
    limits = [
        {"name": "slow", "key": "global", "rate": "1/s", "burst": 1, "exceeded": "delay", "operations": ["search"]},
        {"name": "last", "key": "global", "rate": "1/h", "burst": 1, "exceeded": "close", "operations": ["compare"]},
    ]
    recorded = Recorded(READS, stage("rate_limit", limits=limits, entries=64))
    play = recorded.play
    play.client(wire.search(1), wire.search(2)).connects()
    play.waits(1.1).upstream(wire.done(1), wire.done(2))
    play.client(wire.compare(3), wire.compare(4))
    assert recorded.told() == {
        1: ("allow_list", "reads", "allowed", "enforce"),
        2: ("rate_limit", "slow", "delayed", "enforce"),
        3: ("allow_list", "tests", "allowed", "enforce"),
        4: ("rate_limit", "last", "closed", "enforce"),
    }


def test_a_hook_that_lets_pass_says_less_than_a_rule_and_one_that_refuses_more() -> None:
    recorded = Recorded(READS, stage("hook", operations=["search", "compare"], finished=[]))
    play = recorded.play
    play.client(wire.search(1), wire.search(2), wire.compare(3))
    holds = [play.held(1, request) for request in (wire.search(1), wire.search(2), wire.compare(3))]
    play.resume(holds[0], Verdict.Pass()).connects()
    play.resume(holds[1], Verdict.Refuse(53, "no")).resume(holds[2], Verdict.Close("no"))
    told = recorded.told()
    assert told == {
        1: ("allow_list", "reads", "allowed", "enforce"),
        2: ("hook", "hook", "refused", "enforce"),
        3: ("hook", "hook", "closed", "enforce"),
    }


def test_who_let_pass_is_named_by_the_policy_of_then() -> None:
    recorded = Recorded(READS, stage("hook", operations=["compare"], finished=[]))
    play = recorded.play
    play.client(wire.search(1), wire.search(2)).connects().ready()
    play.client(wire.compare(3))
    hold = play.held(1, wire.compare(3))
    recorded.renew(rules(("other", "allow", "search"), ("others", "allow", "compare")))
    play.client(wire.search(4))
    play.upstream(wire.done(1))
    # Its way goes on under the policy that it began under, and ends under the second after that.
    play.resume(hold, Verdict.Pass())
    recorded.renew(rules(("third", "allow", "search"), ("thirds", "allow", "compare")))
    play.client(wire.search(5), wire.compare(6))
    play.upstream(*(wire.done(number) for number in (2, 4, 5)))
    play.upstream(*(wire.result(number, 0x6F, 6) for number in (3, 6)))
    assert {number: told[1] for number, told in recorded.told().items()} == {
        1: "reads", 2: "reads", 3: "tests", 4: "other", 5: "third", 6: "thirds",
    }  # fmt: skip
    assert not [each for each in play.events if isinstance(each, Event.Decided)]


def test_without_a_list_nobody_lets_pass() -> None:
    limit = {"name": "few", "key": "global", "rate": "9/s"}
    recorded = Recorded(stage("rate_limit", limits=[limit], entries=64))
    recorded.play.client(wire.search(1)).connects()
    recorded.play.upstream(wire.done(1))
    assert recorded.told() == {1: ()}
