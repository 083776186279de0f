"""Rules as sessions apply them, as scripts: what is refused, what is narrowed, and what of the answers passes."""

from __future__ import annotations

from typing import Any

import pytest

from ostiary._core import Event, Policy

from . import wire
from .playbook import Playbook, bound, connected, policy

PEOPLE = b"ou=people,dc=x"


def rules(*each: dict[str, Any], default: str = "deny") -> Policy:
    named = [{"name": f"rule-{number}", **one} for number, one in enumerate(each)]
    return policy(("allow_list", {"default": default, "rules": named}))


def decided(
    play: Playbook, rule: str, code: int | None = 50, plugin: str = "allow_list", mode: str = "enforce"
) -> None:
    event = play.event(Event.Decided)
    assert (event.plugin, event.rule, event.code, event.mode) == (plugin, rule, code, mode)


def test_what_no_rule_allows_is_refused_and_asks_for_no_upstream() -> None:
    play = Playbook(policy=rules({"operations": ["compare"]})).client(wire.search(1), wire.delete(2))
    play.client_gets((1, 0x65, 50), (2, 0x6B, 50))
    decided(play, "default")
    decided(play, "default")
    play.ends()


def test_what_a_rule_allows_passes_as_it_came() -> None:
    request = wire.search(1, b"uid=a,OU=People, dc=x", filter=wire.equality(b"uid", b"a"))
    allowed = rules({"operations": ["search"], "base": PEOPLE.decode(), "filter": "(uid=?)"})
    Playbook(policy=allowed).client(request).connects().ready().upstream_sees(request).ends()


def test_rules_know_a_client_once_it_has_proved_who_it_is() -> None:
    allowed = rules({"identity": "cn=A", "operations": ["bind", "search"]})
    play = Playbook(policy=allowed).client(wire.search(1)).client_gets((1, 0x65, 50))
    decided(play, "default")
    play.client(wire.bind(2)).connects().ready().upstream_sees(wire.bind(2))
    play.upstream(wire.bind_response(2)).client_sees(wire.bind_response(2))
    play.client(wire.search(3)).upstream_sees(wire.search(3))
    # From the beginning of the next bind on it is nobody again.
    play.client(wire.bind(4, b"cn=b"), wire.search(5)).upstream_sees(wire.bind(4, b"", b""))
    decided(play, "default")
    play.upstream(wire.done(3)).upstream(wire.bind_response(4))
    play.client_gets((3, 0x65, 0), (4, 0x61, 50), (5, 0x65, 50))
    decided(play, "default")
    play.ends()


def test_a_failed_bind_leaves_nobody() -> None:
    allowed = rules(
        {"identity": "cn=a", "operations": ["bind", "search"]}, {"identity": "cn=b", "operations": ["bind"]}
    )
    play = bound(policy=allowed).client(wire.bind(2, b"cn=b", b"wrong"), wire.search(3))
    play.upstream_sees(wire.bind(2, b"cn=b", b"wrong")).upstream(wire.bind_response(2, 49))
    play.client_gets((2, 0x61, 49), (3, 0x65, 50))
    decided(play, "default")
    play.ends()


@pytest.mark.parametrize(
    ("rule", "asked", "sent"),
    [
        ({"aliases": False}, wire.search(2, deref=3), wire.search(2)),
        ({"aliases": True}, wire.search(2, deref=3), wire.search(2, deref=3)),
        ({"size_limit": 300}, wire.search(2), wire.search(2, size=300)),
        ({"size_limit": 300}, wire.search(2, size=5), wire.search(2, size=5)),
        ({"time_limit": 5}, wire.search(2, time=9), wire.search(2, time=5)),
        (
            {"attributes": ["cn", "mail"], "narrow": True},
            wire.search(2, controls=wire.paged(9)),
            wire.search(2, controls=wire.paged(9), attributes=(b"cn", b"mail")),
        ),
        (
            {"attributes": ["cn", "mail"], "narrow": True},
            wire.search(2, attributes=(b"userPassword", b"CN;lang-de")),
            wire.search(2, attributes=(b"CN;lang-de",)),
        ),
        (
            {"attributes": ["cn"], "narrow": True},
            wire.search(2, attributes=(b"userPassword",)),
            wire.search(2, attributes=(b"1.1",)),
        ),
    ],
)
def test_a_search_is_cut_down_to_what_its_rule_says(rule: dict[str, Any], asked: bytes, sent: bytes) -> None:
    allowed = rules({"operations": ["search"], **rule})
    play = Playbook(policy=allowed).client(asked).connects().ready()
    # What is narrowed keeps what it may keep, however that was spelt.
    assert play.to_upstream.lower() == sent.lower()


def limited(*, paged: bool = False, size: int = 2) -> Playbook:
    """A session whose searches may have two entries, with one asked."""
    controls = wire.paged(1) if paged else b""
    play = Playbook(policy=rules({"operations": ["search"], "size_limit": size}))
    play.client(wire.search(1, controls=controls)).connects().ready()
    return play.upstream_sees(wire.search(1, controls=controls, size=size))


def test_a_server_that_sends_more_entries_than_allowed_is_cut_short() -> None:
    play = limited().upstream(wire.entry(1), wire.entry(1), wire.entry(1), wire.entry(1), wire.done(1))
    assert play.to_client.startswith(wire.entry(1) + wire.entry(1))
    play.client_gets((1, 0x64, None), (1, 0x64, None), (1, 0x65, 4)).ends()
    # Its late result has freed the id.
    play.client(wire.search(1)).upstream_sees(wire.search(1, size=2)).ends()


def test_an_id_whose_search_was_cut_short_may_be_used_again_and_waits_for_the_server() -> None:
    play = limited().upstream(wire.entry(1), wire.entry(1), wire.entry(1))
    play.client_gets((1, 0x64, None), (1, 0x64, None), (1, 0x65, 4))
    play.client(wire.search(1, b"dc=y"), wire.search(2)).upstream_sees().client_sees()
    play.upstream(wire.entry(1), wire.done(1)).client_sees()
    play.upstream_sees(wire.search(1, b"dc=y", size=2), wire.search(2, size=2)).ends()


def test_as_many_entries_as_allowed_are_no_fault() -> None:
    limited().upstream(wire.entry(1), wire.entry(1), wire.done(1)).client_gets(
        (1, 0x64, None), (1, 0x64, None), (1, 0x65, 0)
    ).ends()


def page(play: Playbook, message_id: int, cookie: bytes, following: bytes, entries: int) -> Playbook:
    """Asks for a page by its cookie, and has it answered with so many entries and the next cookie."""
    play.client(wire.search(message_id, controls=wire.paged(1, cookie)))
    assert wire.summary(play.to_upstream) == [(message_id, 0x63, None)]
    play.to_upstream = b""
    return play.upstream(*[wire.entry(message_id)] * entries, wire.done(message_id, controls=wire.paged(0, following)))


def test_a_size_limit_counts_all_pages_of_a_search_together() -> None:
    play = limited(paged=True).upstream(wire.entry(1), wire.done(1, controls=wire.paged(0, b"next")))
    play.client_gets((1, 0x64, None), (1, 0x65, 0))
    page(play, 2, b"next", b"further", 1).client_gets((2, 0x64, None), (2, 0x65, 0))
    page(play, 3, b"further", b"last", 1).client_gets((3, 0x65, 4)).ends()


@pytest.mark.parametrize("cookie", [b"next", b"guessed"])
def test_a_cookie_serves_once_and_no_other_serves_at_all(cookie: bytes) -> None:
    play = limited(paged=True).upstream(wire.entry(1), wire.done(1, controls=wire.paged(0, b"next")))
    play.client_gets((1, 0x64, None), (1, 0x65, 0))
    page(play, 2, b"next", b"further", 0).client_gets((2, 0x65, 0))
    page(play, 3, cookie, b"", 1).client_gets((3, 0x65, 4))


def test_a_search_that_takes_longer_than_allowed_is_ended_where_the_server_does_not() -> None:
    play = Playbook(policy=rules({"operations": ["search", "compare"], "time_limit": 5}))
    play.client(wire.search(1)).connects().ready().upstream_sees(wire.search(1, time=5))
    assert play.session.deadline == pytest.approx(6.0)
    if play.events:
        play.event(Event.Deadline)
    play.waits(5.5).client_sees().waits(0.6).client_gets((1, 0x65, 3)).upstream_sees()
    play.upstream(wire.entry(1), wire.done(1)).client_sees().ends()


def test_a_search_that_the_server_ends_in_time_is_over() -> None:
    play = Playbook(policy=rules({"operations": ["search"], "time_limit": 5}))
    play.client(wire.search(1)).connects().ready().upstream(wire.done(1, 3)).client_sees(wire.done(1, 3))
    assert play.session.deadline > 100.0


def paging(oid: bytes, cookie: bytes) -> bytes:
    return wire.control(oid, value=wire.tlv(0x30, wire.integer(1), wire.octets(cookie)))


PAGED = b"1.2.840.113556.1.4.319"


@pytest.mark.parametrize(
    "controls",
    [
        (paging(b"1.2.840.113556.1.4.0319", b"next"),),
        (paging(PAGED, b""), paging(PAGED, b"next")),
        (paging(PAGED, b"next"), paging(PAGED, b"")),
    ],
)
def test_pages_count_however_the_paging_control_is_spelt_or_repeated(controls: tuple[bytes, ...]) -> None:
    play = limited(paged=True, size=1).upstream(wire.entry(1), wire.done(1, controls=wire.paged(0, b"next")))
    play.client_gets((1, 0x64, None), (1, 0x65, 0)).client(wire.search(2, controls=wire.controls(*controls)))
    assert wire.summary(play.to_upstream) == [(2, 0x63, None)]
    play.to_upstream = b""
    play.upstream(wire.entry(2)).client_gets((2, 0x65, 4)).ends()


def test_a_rule_in_monitor_mode_is_told_and_the_next_one_decides() -> None:
    play = connected(
        policy=rules(
            {"effect": "deny", "operations": ["compare"], "mode": "monitor"}, {"operations": ["compare", "search"]}
        )
    )
    play.client(wire.compare(2)).upstream_sees(wire.compare(2))
    decided(play, "rule-0", mode="monitor")
    play.ends()


def redacted(**options: Any) -> Playbook:
    hidden = {"name": "secrets", "attributes": ["mail"], **options.pop("rule", {})}
    play = Playbook(policy=policy(("redact", {"rules": [hidden], **options})))
    return play.client(wire.search(1)).connects().ready().upstream_sees(wire.search(1))


def test_hidden_attributes_are_cut_out_of_entries_and_the_rest_passes_as_it_came() -> None:
    play = redacted().upstream(wire.entry(1, mail=b"a@x"), wire.entry(1), wire.done(1))
    play.client_sees(wire.entry(1), wire.entry(1), wire.done(1)).ends()


@pytest.mark.parametrize("cut", [1, 5, 17, 30])
def test_entries_that_come_in_pieces_are_cut_alike(cut: int) -> None:
    octets = wire.entry(1, mail=b"a@x") + wire.done(1)
    play = redacted().upstream(octets[:cut]).upstream(octets[cut:])
    play.client_sees(wire.entry(1), wire.done(1)).ends()


def test_hidden_entries_do_not_reach_the_client() -> None:
    play = redacted(rule={"hide": ["ou=hr,dc=x"], "attributes": []})
    play.upstream(wire.entry(1, b"cn=a,OU=HR,dc=x"), wire.entry(1, b"cn=b,dc=x"), wire.done(1))
    play.client_sees(wire.entry(1, b"cn=b,dc=x"), wire.done(1)).ends()


def test_what_would_be_hidden_in_monitor_mode_is_told_once_a_request_and_passes() -> None:
    play = redacted(rule={"mode": "monitor"})
    play.upstream(wire.entry(1, mail=b"a@x"), wire.entry(1, mail=b"b@x"), wire.done(1))
    play.client_sees(wire.entry(1, mail=b"a@x"), wire.entry(1, mail=b"b@x"), wire.done(1))
    decided(play, "secrets", None, "redact", "monitor")
    play.ends()


def test_a_filter_on_a_hidden_attribute_is_refused() -> None:
    play = redacted().upstream(wire.done(1)).client_sees(wire.done(1))
    play.client(wire.search(2, filter=wire.equality(b"0.9.2342.19200300.100.1.3", b"a@x"))).client_gets((2, 0x65, 50))
    decided(play, "secrets", 50, "redact")
    play.ends()


def test_an_entry_that_cannot_be_read_is_the_servers_fault_where_attributes_are_cut_out() -> None:
    play = redacted().upstream(wire.message(1, wire.tlv(0x64, wire.octets(b"cn=a"), b"\x30\x05")))
    play.violates("malformed_message", "upstream").client_gets((1, 0x65, 52))
    assert play.event(Event.CloseUpstream).reason
    play.ends()


def test_an_entry_too_large_to_be_read_ends_its_search() -> None:
    hidden = {"rules": [{"name": "secrets", "attributes": ["mail"]}]}
    play = Playbook(policy=policy(("redact", hidden)), buffered_bytes=4_096, message_bytes=8_192)
    play.client(wire.search(1)).connects().ready().upstream_sees(wire.search(1))
    large = wire.entry(1, value=b"v" * 10_000)
    play.upstream(large[:5_000]).upstream(large[5_000:], wire.done(1)).client_gets((1, 0x65, 11)).ends()


def test_a_search_that_began_under_a_rule_goes_on_under_it() -> None:
    hidden = {"rules": [{"name": "secrets", "attributes": ["mail"], "identity": "anonymous"}]}
    play = Playbook(policy=policy(("redact", hidden)))
    play.client(wire.search(1), wire.bind(2)).connects().ready().upstream_sees(wire.search(1), wire.bind(2))
    play.upstream(wire.bind_response(2), wire.entry(1, mail=b"a@x"), wire.done(1))
    play.client_sees(wire.bind_response(2), wire.entry(1), wire.done(1))
    play.client(wire.search(3)).upstream_sees(wire.search(3)).upstream(wire.entry(3, mail=b"a@x"))
    play.client_sees(wire.entry(3, mail=b"a@x")).ends()
