"""The document of /status: sums over workers, rates, quantiles, and what needs attention."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ostiary.admin.attention import attention
from ostiary.admin.figures import Figures, quantile
from ostiary.admin.history import POINTS, STEP_SECONDS, History
from ostiary.admin.prober import ServerState
from ostiary.admin.status import Health, merged
from ostiary.metrics import Family

from .gateway import FAMILIES, Gateway, busy_gateway, turn

DOCUMENT = Path(__file__).parents[2] / "docs" / "admin.md"
FAMILY = [Family(name, kind, tuple(labels), told, tuple(bounds)) for name, kind, labels, told, bounds in FAMILIES]


def figures(gateway: Gateway, monotonic: float = 0.0) -> Figures:
    return Figures(FAMILY, gateway.samples(), monotonic)


def document(gateway: Gateway, servers: tuple[ServerState, ...] = (), reason: str | None = None) -> dict[str, Any]:
    now = [0.0]
    history = History(lambda: figures(gateway, now[0]))
    history.note()
    turn(gateway)
    now[0] = STEP_SECONDS
    history.note()
    processes = {"gateway": {"pid": 7.0, "resident_bytes": 3e7, "cpu_seconds": 2.0, "open_fds": 9.0}}
    health = Health("1.2.3", 5.0, reason, servers, gateway.certificates, processes, history.rates, gateway.reload)
    made = merged(gateway.workers, figures(gateway), health) | {"history": history.document()}
    return made | {"attention": attention(made)}


def test_workers_are_summed() -> None:
    made = document(busy_gateway())
    assert [each["connections"] for each in made["workers"]] == [221, 222]
    assert {each["name"]: each["connections"] for each in made["listeners"]} == {"ldaps": 412, "legacy": 31}
    assert made["top"]["identities"][0][0] == "cn=wiki,ou=services,dc=corp,dc=example"
    assert made["top"]["identities"][0][1] > 2 * 310_200
    times = [each["time"] for each in made["refusals"]]
    assert len(times) == 8
    assert times == sorted(times, reverse=True)


def test_what_failed_is_told_from_what_only_answers_no() -> None:
    gateway = Gateway()
    for result in ("success", "compareTrue", "compare_false", "saslBindInProgress", "referral", "noSuchObject", "busy"):
        gateway.add("operations_total", "ldaps", "directory", "compare", result)
    made = merged([], figures(gateway), Health("", 0, None, (), (), {}, {}))
    assert made["operations"][0]["count"] == 7
    assert made["operations"][0]["failed"] == 2


def test_refusals_are_told_by_plugin_and_rule() -> None:
    plugins = {each["name"]: each for each in document(busy_gateway())["plugins"]}
    assert plugins["applications"]["rules"][0]["rule"] == "default"
    assert (plugins["tomorrow"]["refusals"], plugins["tomorrow"]["monitored"]) == (0, 644)


def test_everything_a_document_holds_is_json_of_plain_numbers() -> None:
    text = json.dumps(document(busy_gateway(), (ServerState("directory", "ldap://dc1"),)), allow_nan=False)
    assert len(text) < 20_000


@given(st.lists(st.floats(1e-6, 20), min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99]))
@example([1.0, 1.0, 1.0, 0.5, 0.5, 0.5], 0.5)
def test_quantiles_lie_in_the_bucket_of_the_real_one(values: list[float], share: float) -> None:
    gateway = Gateway()
    for value in values:
        gateway.observe("overhead_seconds", "bind", seconds=value)
    found = figures(gateway).histogram("ostiary_overhead_seconds")
    told = quantile(share, found)
    real = sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]
    bounds = (0.0, *found[0])
    low = max(each for each in bounds if each < real)
    high = min((each for each in bounds if each >= real), default=bounds[-1])
    assert told is not None
    assert low <= told <= high or told == bounds[-1]


def test_quantile_of_nothing_is_none() -> None:
    found = figures(Gateway()).histogram("ostiary_overhead_seconds")
    assert quantile(0.5, found) is None
    assert quantile(0.5, found, found) is None


def test_history_tells_rates_and_forgets() -> None:
    gateway, now = busy_gateway(), [0.0]
    history = History(lambda: figures(gateway, now[0]))
    assert history.rates == {}
    for _ in range(POINTS + 10):
        history.note()
        now[0] += STEP_SECONDS
        turn(gateway)
    told = history.document()
    lengths = {len(each) for each in told.values() if isinstance(each, list)}
    assert lengths == {POINTS}
    assert told["operations"]["search"][-1] == pytest.approx((1_640 + 41) / 2, rel=0.05)
    assert 0.0005 < told["seconds_50"][-1] < 0.001
    assert told["bytes"]["client sent"][-1] == 950_000
    assert len(json.dumps(told)) < 40_000


def test_history_of_a_counter_that_begins_anew_has_no_negative_rate() -> None:
    gateway, now = busy_gateway(), [0.0]
    history = History(lambda: figures(gateway, now[0]))
    history.note()
    gateway.numbers.clear()
    now[0] = 2.0
    history.note()
    assert history.rates["operations"] == {}
    assert history.rates["bind_failures"] == 0


def test_nothing_needs_attention_where_all_is_well() -> None:
    gateway = Gateway()
    gateway.certificates = [("client", "ldaps", time.time() + 60 * 86_400)]
    assert document(gateway, (ServerState("directory", "ldap://dc1", is_up=True),))["attention"] == []


def test_attention_begins_with_what_is_serious() -> None:
    gateway = busy_gateway()
    gateway.add("plugin_errors_total", "one_time_password", by=3)
    gateway.add("worker_restarts_total", by=1)
    gateway.add("audit_records_lost_total", by=12)
    now = time.time()
    gateway.certificates = [("client", name, now + days * 86_400) for name, days in [("a", 20), ("b", 6), ("c", -1)]]
    made = document(gateway, (ServerState("directory", "ldap://dc1", is_up=False, error="connection refused"),), "x")
    assert [(each["level"], each["text"]) for each in made["attention"]] == [
        ("serious", "ldap://dc1 of upstream directory does not answer: connection refused"),
        ("serious", "the client certificate c has expired"),
        ("serious", "the client certificate b ends in 6 days"),
        ("serious", "12 audit records were lost"),
        (
            "serious",
            "the configuration could not be read again: "
            "listeners[0].tls.key: not readable: no such file or directory: tls.key",
        ),
        ("warning", "the client certificate a ends in 20 days"),
        ("warning", "workers died and were replaced: 1"),
        ("warning", "plugin one_time_password failed, and so refused: 3"),
        ("warning", "binds in the clear at listener legacy: 12"),
    ]


def test_attention_is_drawn_to_binds_that_begin_to_fail() -> None:
    made = document(Gateway())
    steady, rising, busy = [1.0] * 150, [0.1] * 135 + [6.0] * 15, [5.0] * 135 + [6.0] * 15
    for rates, told in [(steady, False), (rising, True), (busy, False), ([6.0] * 15, False), ([], False)]:
        made["history"]["bind_failures"] = rates
        assert any("binds fail" in each["text"] for each in attention(made)) is told


def test_not_ready_needs_attention() -> None:
    assert document(Gateway(), reason="the gateway is stopping")["attention"] == [
        {"level": "serious", "text": "not ready: the gateway is stopping"}
    ]


def test_every_key_is_documented_and_no_other() -> None:
    made = document(busy_gateway(), (ServerState("directory", "ldap://dc1"),))
    told = set(re.findall(r"^\| `([a-z0-9_.\[\]]+)` \|", DOCUMENT.read_text(), re.MULTILINE))
    assert set(paths(made)) == {each for each in told if not each.startswith("admin.")}


BY_NAME = re.compile(
    r"(processes|config_reloads|handshakes|tls_versions|results|history\.operations|history\.bytes|servers\[\]\.connections)\Z"
)


def paths(value: Any, prefix: str = "") -> list[str]:
    """The keys of the document, as its description writes them; names that are no keys are left out."""
    found = []
    for key, each in value.items():
        path = f"{prefix}{key}"
        if isinstance(each, list) and each and isinstance(each[0], dict):
            found += paths(each[0], f"{path}[].")
        elif isinstance(each, dict) and BY_NAME.search(path):
            found += paths(next(iter(each.values())), "processes[].") if path == "processes" else [path]
        elif isinstance(each, dict):
            found += paths(each, f"{path}.")
        else:
            found.append(path)
    return found
