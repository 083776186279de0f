"""What sessions count: each operation once, by how it ended, whoever ended it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ostiary._core import Shared

from . import wire
from .playbook import Playbook

RULES = {
    "stages": [
        {
            "plugin": "rules",
            "rules": {
                "allow_list": {
                    "default": "allow",
                    "rules": [{"name": "no", "effect": "deny", "operations": ["compare"]}],
                }
            },
        }
    ]
}


class Counted:
    """A session whose operations are counted."""

    def __init__(self, policy: dict[str, Any] | None = None) -> None:
        names = {
            "listeners": [["test", "none", "directory"]],
            "upstreams": [["directory", ["ldap://directory"]]],
            "plugins": [],
        }
        self.shared = Shared(bytes(16), json.dumps(names), policy=None if policy is None else json.dumps(policy))
        self.play = Playbook(policy=self.shared.policy, counted=self.shared)
        self.play.session.enter(1, 4711, 0.0)

    def samples(self, family: str) -> dict[str, Any]:
        found = [(labels, value) for name, labels, value in self.shared.meters.samples() if name == f"ostiary_{family}"]
        return {",".join(labels): value for labels, value in found}

    def operations(self) -> dict[str, Any]:
        return {key.removeprefix("test,directory,"): value for key, value in self.samples("operations_total").items()}


@pytest.fixture
def counted() -> Counted:
    return Counted()


def test_a_search_is_counted_when_it_is_done(counted: Counted) -> None:
    play = counted.play
    play.client(wire.search(1)).connects()
    assert counted.operations() == {}
    play.upstream(wire.entry(1), wire.entry(1), wire.done(1))
    assert counted.operations() == {"search,success": 1}
    assert counted.samples("entries_total") == {"directory": 2}
    counts, seconds = counted.samples("operation_duration_seconds")["directory,search"]
    assert sum(counts) == 1
    assert seconds > 0
    assert sum(counted.samples("overhead_seconds")["search"][0]) == 1


def test_what_the_policy_refuses_is_counted_with_its_rule() -> None:
    counted = Counted(RULES)
    counted.play.client(wire.compare(1))
    assert counted.operations() == {"compare,insufficientAccessRights": 1}
    assert counted.samples("refusals_total")["rules,no,enforce"] == 1
    assert counted.samples("operation_duration_seconds") == {}


def test_failed_binds_and_passwords_in_plain_have_counters(counted: Counted) -> None:
    counted.play.client(wire.bind(1)).connects()
    counted.play.upstream(wire.bind_response(1, 49))
    assert counted.samples("bind_failures_total") == {"test": 1}
    assert counted.samples("plaintext_binds_total") == {"test": 1}
    assert counted.operations() == {"bind,invalidCredentials": 1}


def test_abandoned_and_unanswered_operations_are_counted_once(counted: Counted) -> None:
    play = counted.play
    play.client(wire.search(1), wire.search(2)).connects()
    play.client(wire.abandon(3, 1))
    play.upstream(wire.done(1))
    assert counted.operations() == {"search,abandoned": 1, "abandon,none": 1}
    play._take(play.session.client_gone())
    assert counted.operations() == {"search,abandoned": 2, "abandon,none": 1}


def test_an_upstream_that_is_not_there_is_a_result(counted: Counted) -> None:
    counted.play.client(wire.search(1)).is_unreachable()
    assert counted.operations() == {"search,unavailable": 1}


def test_connections_are_a_gauge(counted: Counted) -> None:
    assert counted.samples("connections_total") == {"test,none": 1}
    assert counted.samples("connections") == {"test": 1}
    del counted.play
    assert counted.samples("connections") == {"test": 0}


def test_octets_are_counted_on_all_four_ways(counted: Counted) -> None:
    play = counted.play
    request, response = wire.search(1), wire.done(1)
    play.client(request).connects()
    play.upstream(response)
    assert counted.samples("bytes_total") == {
        "client,received": len(request),
        "client,sent": len(response),
        "upstream,received": len(response),
        "upstream,sent": len(request),
    }
