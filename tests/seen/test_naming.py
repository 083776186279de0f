"""Who did what, by which way, and who decided: each record says it as it was, also where the answer was no."""

from __future__ import annotations

from typing import Any

import pytest

from ..house.tree import ROOT
from ..policy import content
from ..real import gateway as gateways
from ..real import wire
from ..real.authority import Authority, Identity
from ..real.gateway import toml
from ..real.raw_client import RawClient, free_address
from ..real.servers.directory import Directory
from .stage import APP, PASSWORD, PROBE, Seen, SeenFactory, compare_true, search

ALICE, DESK = content.ALICE.encode(), content.DESK.encode()
SUBJECT = "CN=app,O=certificates"

POLICY = """
[[plugins]]
use = "bind_guard"
failures = 2
lockout_seconds = 120
negative_cache_seconds = 0

[[plugins]]
name = "trial"
use = "allow_list"
mode = "monitor"
[[plugins.rules]]
name = "all-but-compares"
operations = ["bind", "search", "modify", "delete", "extended"]

[[plugins]]
use = "allow_list"
default = "allow"
[[plugins.rules]]
name = "nobody-deletes"
effect = "deny"
operations = "delete"
code = "unwillingToPerform"
[[plugins.rules]]
name = "few-attributes"
operations = "search"
base = {people}
attributes = ["uid", "cn"]
narrow = true
size_limit = 3

[[plugins]]
name = "watcher"
use = "tests.deploy.hooks:Watcher"
"""


@pytest.fixture
def running(seen: SeenFactory, openldap: Directory, authority: Authority, server_identity: Identity) -> Seen:
    """A gateway with every kind of listener, a policy, and an upstream that is down."""
    dead = free_address()
    down = {"name": "down", "servers": [dead.url()], "tls": {"mode": "none"}}
    asking = {"client_ca": str(authority.certificate), "client_auth": "optional"}
    return seen(
        [
            gateways.listener("plain"),
            gateways.listener("open", "starttls", identity=server_identity, require_tls="bind"),
            gateways.listener("ldaps", "ldaps", identity=server_identity, tls=asking),
            {**gateways.listener("astray"), "upstream": "down"},
        ],
        [gateways.upstream(openldap.plain, mode="starttls", authority=authority), down],
        audit={},
        plugins=POLICY.format(people=toml(content.PEOPLE)),
        environment={"PYTHONPATH": str(ROOT)},
        limits={"filter_depth": 4},
    )


def told(running: Seen, *clients: RawClient) -> list[dict[str, Any]]:
    """The records of operations, when the clients have gone and the gateway has stopped."""
    for client in clients:
        client.close()
    running.gateway.stop()
    return running.operations()


def part(record: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(record.get(name) for name in names)


def test_an_answer_of_the_server_names_who_asked_and_the_server(running: Seen, openldap: Directory) -> None:
    client = running.connect()
    assert client.ask(search(1)).code == wire.SUCCESS
    assert client.ask(wire.bind(2, APP, PASSWORD)).code == wire.SUCCESS
    assert client.ask(compare_true(3)).code == 6
    assert client.ask(wire.bind(4, APP, b"wrong")).code == wire.INVALID_CREDENTIALS
    assert client.ask(search(5)).code == wire.SUCCESS
    port = client.socket.getsockname()[1]
    client.send(wire.unbind(6))
    client.receive_to_end()
    records = told(running, client)
    names = ("message", "operation", "identity_asked", "identity", "code", "result")
    app = content.APP
    assert [part(record, *names) for record in records] == [
        (1, "search", None, None, 0, "success"),
        (2, "bind", app, app, 0, "success"),
        (3, "compare", None, app, 6, "compareTrue"),
        (4, "bind", app, None, 49, "invalidCredentials"),
        (5, "search", None, None, 0, "success"),
        (6, "unbind", None, None, None, None),
    ]
    answered = [record for record in records if record["operation"] != "unbind"]
    assert {record["server"] for record in answered} == {openldap.plain.url()}
    assert {part(record, "client", "port", "listener", "upstream") for record in records} == {
        ("127.0.0.1", port, "plain", "directory")
    }
    assert all("tls_version" not in record for record in records)
    who = ("plugin", "rule", "verdict", "mode")
    assert part(records[0], *who) == ("allow_list", "default", "allowed", "enforce")
    assert part(records[2], *who) == ("trial", "default", "refused", "monitor")
    assert part(records[5], *who) == (None, None, None, None)
    assert part(records[0], "entries", "base", "scope", "filter", "attributes") == (
        1, content.PROBE, "base", "(objectClass=*)", ["1.1"],
    )  # fmt: skip


def test_what_the_gateway_refuses_names_the_rule_and_no_server(running: Seen) -> None:
    client = running.connect()
    assert client.ask(wire.bind(1, APP, PASSWORD)).code == wire.SUCCESS
    assert client.ask(wire.delete(2, ALICE)).code == wire.UNWILLING_TO_PERFORM
    deep = wire.present(b"cn")
    for _ in range(8):
        deep = wire.tlv(0xA2, deep)
    assert client.ask(wire.search(3, PROBE, filter=deep)).code == wire.ADMIN_LIMIT_EXCEEDED
    records = told(running, client)
    assert part(records[1], "operation", "base", "identity", "server", "plugin", "rule", "verdict", "result") == (
        "delete", content.ALICE, content.APP, None, "allow_list", "nobody-deletes", "refused", "unwillingToPerform",
    )  # fmt: skip
    # A filter that nobody reads has a record all the same.
    assert part(records[2], "message", "operation", "identity", "server", "result") == (
        3, "search", content.APP, None, "adminLimitExceeded",
    )  # fmt: skip


def test_a_narrowed_search_is_recorded_as_it_was_asked_for(running: Seen) -> None:
    client = running.connect()
    people = content.PEOPLE.encode()
    answers = client.send(wire.search(1, people, scope=2, attributes=[b"*"])).receive_final()
    assert answers[-1].code == 4
    records = told(running, client)
    assert part(records[0], "attributes", "entries", "result", "rule", "verdict") == (
        ["*"], 3, "sizeLimitExceeded", "few-attributes", "allowed",
    )  # fmt: skip
    assert "server" in records[0]


def test_who_is_locked_out_is_told_with_the_name_that_was_tried(running: Seen) -> None:
    client = running.connect()
    for number in range(1, 5):
        assert client.ask(wire.bind(number, ALICE, b"guess")).code == wire.INVALID_CREDENTIALS
    records = told(running, client)
    assert [part(each, "server", "plugin", "rule", "mode", "identity_asked", "identity") for each in records[2:]] == [
        (None, "bind_guard", "lockout_pair", "enforce", content.ALICE, None)
    ] * 2
    assert all("server" in record and record["verdict"] == "allowed" for record in records[:2])


def test_what_is_abandoned_and_what_its_client_leaves_have_no_result(running: Seen) -> None:
    endless = wire.search(
        1, PROBE, attributes=[b"1.1"], controls=[wire.control(wire.SYNC_REQUEST, wire.sequence(wire.enumerated(3)))]
    )
    client, other = running.connect(), running.connect()
    for each in (client, other):
        assert each.send(endless).receive().tag == wire.SEARCH_ENTRY
    client.send(wire.abandon(2, 1))
    assert client.ask(search(3)).code == wire.SUCCESS
    records = told(running, client, other)
    names = ("message", "operation", "code", "result")
    of_client = [each for each in records if each["connection"] == records[0]["connection"]]
    assert [part(each, *names) for each in of_client] == [
        (1, "search", None, None), (2, "abandon", None, None), (3, "search", 0, "success"),
    ]  # fmt: skip
    (left,) = [each for each in records if each not in of_client]
    assert part(left, *names) == (1, "search", None, None)
    assert "server" in left


def test_an_upstream_that_is_down_is_told_and_no_server(running: Seen) -> None:
    client = running.connect("astray")
    assert client.ask(wire.bind(1, APP, PASSWORD)).code == wire.UNAVAILABLE
    assert client.ask(search(2)).code == wire.UNAVAILABLE
    figures = running.endpoint.figures()
    assert figures.each("ostiary_operations_total", "operation", result="unavailable") == {"bind": 1, "search": 1}
    assert figures.total("ostiary_upstream_connections", upstream="down") == 0
    assert running.endpoint.fetch("/readyz")[0] == 200
    records = told(running, client)
    assert [part(each, "upstream", "server", "identity", "result", "rule", "verdict") for each in records] == [
        ("down", None, None, "unavailable", "default", "allowed")
    ] * 2


def test_tls_and_certificates_are_told_from_when_they_are_there(running: Seen, authority: Authority) -> None:
    from cryptography import x509

    mine = Authority.issue(
        authority, "client-of-naming", "client", client=True, subject=x509.Name.from_rfc4514_string(SUBJECT)
    )
    addresses = running.gateway.addresses
    with_certificate = RawClient(addresses["ldaps"], authority.trusting(mine))
    without = RawClient(addresses["ldaps"], authority.trusting())
    upgraded = RawClient(addresses["open"])
    assert with_certificate.ask(search(1)).code == without.ask(search(1)).code == wire.SUCCESS
    assert upgraded.ask(wire.bind(1, APP, PASSWORD)).code == wire.CONFIDENTIALITY_REQUIRED
    upgraded.start_tls(authority.trusting(), 2)
    assert upgraded.ask(wire.bind(3, APP, PASSWORD)).code == wire.SUCCESS
    figures = running.endpoint.figures()
    assert figures.each("ostiary_plaintext_binds_total", "listener")["open"] == 1
    handshakes = figures.each("ostiary_tls_handshakes_total", "listener", version="1.3", result="success")
    assert handshakes == {"ldaps": 2, "open": 1}
    records = told(running, with_certificate, without, upgraded)
    names = ("listener", "operation", "tls_version", "certificate")
    assert [part(each, *names) for each in records] == [
        # In the normal form in which the policy compares it.
        ("ldaps", "search", "1.3", SUBJECT.lower()),
        ("ldaps", "search", "1.3", None),
        ("open", "bind", None, None),
        ("open", "extended", None, None),
        ("open", "bind", "1.3", None),
    ]
    assert records[3]["extended"].endswith(" start_tls")
    assert all(each["tls_cipher"].startswith("TLS13_") for each in (records[0], records[1], records[4]))


def test_writes_say_what_they_touch(running: Seen) -> None:
    client = running.connect()
    assert client.ask(wire.bind(1, DESK, PASSWORD)).code == wire.SUCCESS
    client.ask(wire.modify(2, ALICE, b"mail", b"alice@example.net"))
    client.ask(wire.add(3, b"uid=new," + content.PEOPLE.encode(), objectClass=b"account", uid=b"new"))
    client.ask(wire.modify_dn(4, ALICE, b"uid=al", content.GROUPS.encode()))
    records = told(running, client)
    assert all(record["identity"] == content.DESK for record in records)
    assert part(records[1], "base", "attributes", "changes") == (content.ALICE, ["mail"], ["replace:mail"])
    assert part(records[2], "base", "attributes") == (f"uid=new,{content.PEOPLE}", ["objectClass", "uid"])
    assert part(records[3], "base", "new_dn") == (content.ALICE, f"uid=al,{content.GROUPS}")


def kept_out(running: Seen) -> dict[str, Any]:
    """The record of a second client, where one alone is let in."""
    running.endpoint.await_figures(lambda figures: figures.total("ostiary_connections") == 0)
    with running.connect() as client:
        assert client.ask(search(1)).code == wire.SUCCESS
        with running.connect() as other:
            assert other.receive_to_end() == []
        running.endpoint.await_figures(lambda figures: figures.total("ostiary_connections") == 1)
    running.gateway.stop()
    (refused,) = [record for record in running.records() if record["event"] == "connection_refused"]
    return refused


def test_clients_that_are_not_let_in_have_a_record_of_their_own(seen: SeenFactory) -> None:
    refused = kept_out(seen(audit={}, limits={"connections": 1}))
    assert part(refused, "client", "listener", "reason") == ("127.0.0.1", "plain", "connections")
    assert part(refused, "plugin", "rule", "verdict", "mode") == (None, None, None, None)


ONE_AT_A_TIME = """
[[plugins]]
use = "rate_limit"
[[plugins.limits]]
name = "one-at-a-time"
operations = "connect"
key = "client"
concurrent = 1
"""


def test_clients_that_a_rule_keeps_out_have_it_named(seen: SeenFactory) -> None:
    refused = kept_out(seen(audit={}, plugins=ONE_AT_A_TIME))
    assert part(refused, "client", "reason") == ("127.0.0.1", "rate_limit: one-at-a-time")
    assert part(refused, "plugin", "rule", "verdict", "mode") == ("rate_limit", "one-at-a-time", "refused", "enforce")
