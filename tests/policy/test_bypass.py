"""Attempts to get past rules, by raw octets through a gateway to slapd: each is refused, and slapd never sees it."""

from __future__ import annotations

import pytest

from ..real import gateway as gateways
from ..real import wire
from ..real.authority import Authority, Identity
from ..real.gateway import Gateway, GatewayFactory
from ..real.raw_client import RawClient
from ..real.servers.directory import Directory
from .attempts import ATTEMPTS, ID, LOGIN, REFUSED, Attempt, alice, people, search, suffix
from .content import APP, PROBE
from .rules import LISTENERS, RULES, log_in
from .server_log import ServerLog
from .spelling import BASE, ONE, SUB, all_of, any_of, asserting, none_of, paged, sort_by

PROBING_ID = 77
PROBE_LINE = f'SRCH base="{PROBE}" scope=0'
# The gateway's own, where a bind that it refuses takes an identity away upstream.
ANONYMOUS_BIND = 'BIND dn="" method=128'


def probe(client: RawClient) -> None:
    """A search that passes: what was sent before it has reached slapd by now, or never will."""
    request = wire.search(PROBING_ID, PROBE.encode(), filter=wire.equality(b"cn", b"alive"), attributes=[b"cn"])
    assert client.ask(request).message_id == PROBING_ID


def played(client: RawClient, attempt: Attempt) -> list[wire.Message]:
    if attempt.together:
        client.send(*attempt.sends)
        return [message for _ in attempt.sends for message in client.receive_final()]
    return [message for each in attempt.sends for message in client.send(each).receive_final()]


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt.name)
def test_attempt_is_refused_and_unseen(attempt: Attempt, ruled: Gateway, server_log: ServerLog) -> None:
    with RawClient(ruled.addresses[attempt.listener]) as client:
        if attempt.login is not None:
            log_in(client, attempt.login)
        server_log.mark()
        answers = played(client, attempt)
        probe(client)
    # One response for each request, of its own kind, and not an entry.
    expected = []
    for code, each in zip(attempt.codes, attempt.sends, strict=True):
        request = wire.decode(each)
        tag = wire.DELETE_RESPONSE if request.tag == wire.DELETE_REQUEST else request.tag + 1
        tag = wire.SEARCH_DONE if request.tag == wire.SEARCH_REQUEST else tag
        expected.append((request.message_id, tag, code))
    entries = [each for each in answers if not each.is_final]
    assert [(each.message_id, each.tag, each.code) for each in answers if each.is_final] == expected
    assert not entries
    assert all(each.parts[1][1] == b"" and each.response_name is None for each in answers)
    seen = [line for line in server_log.requests() if not line.startswith(ANONYMOUS_BIND)]
    assert len(seen) == len(attempt.reaches) + 1, seen
    assert all(line.startswith(start) for line, start in zip(seen, [*attempt.reaches, PROBE_LINE], strict=True)), seen


ALLOWED: dict[str, tuple[str, bytes]] = {
    "plain": ("narrow", search()),
    "base in other words": ("narrow", search(b"OU = People , domainComponent=#16074578616d706c65;DC=test")),
    "base below": ("narrow", search(alice, scope=SUB)),
    "filter in other order and words": (
        "narrow",
        search(
            filter=all_of(wire.equality(b"0.9.2342.19200300.100.1.1", b"x"), wire.equality(b"OBJECTCLASS", b" Person "))
        ),
    ),
    "attributes in other words": ("narrow", search(ask=[b"UID", b"2.5.4.3", b"rfc822Mailbox", b"cn;lang-de"])),
    "no attributes": ("narrow", search(ask=[b"1.1"])),
    "pages": ("narrow", search(with_=paged(5))),
    "compare": ("narrow", wire.compare(ID, alice, b"MAIL", b"alice@example.test")),
    "other attributes tested": ("tested", search(filter=any_of(wire.present(b"uid"), none_of(LOGIN)))),
    "beside a denied base": ("holes", search(b"ou=vaults," + people)),
    "above a denied base, its own entry": ("holes", search(people, scope=BASE)),
    "above a denied base, one level of two": ("holes", search(suffix, scope=ONE)),
    "beside a denied attribute": ("holes", search(alice, ask=[b"cn"], filter=wire.present(b"cn"))),
    "no attribute beside a denied one": ("holes", search(alice, ask=[b"1.1"])),
    "sorted by what may be seen": ("listed", search(with_=sort_by(b"cn", rule=b"2.5.13.3"))),
    "asserted by what may be tested": ("listed", search(with_=asserting(wire.present(b"uid")))),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_allowed_passes_in_other_words(name: str, ruled: Gateway) -> None:
    listener, request = ALLOWED[name]
    with RawClient(ruled.addresses[listener]) as client:
        log_in(client, APP)
        # What slapd says to it is slapd's, and may be that it cannot read such a name itself.
        assert client.send(request).receive_final()[-1].code != REFUSED


def test_identity_does_not_outlive_start_tls(
    gateway: GatewayFactory, openldap: Directory, authority: Authority, server_identity: Identity, server_log: ServerLog
) -> None:
    listeners = [gateways.listener(name, "starttls", identity=server_identity, require_tls="off") for name in LISTENERS]
    running = gateway(listeners, [gateways.upstream(openldap.plain)], plugins=RULES)
    with RawClient(running.addresses["narrow"]) as client:
        log_in(client, APP)
        client.start_tls(authority.trusting(), message_id=2)
        server_log.mark()
        assert client.ask(search()).code == REFUSED
    assert all(line.startswith(ANONYMOUS_BIND) for line in server_log.requests())


def test_the_table_is_long_and_says_nothing_twice() -> None:
    assert len(ATTEMPTS) >= 80
    assert len({attempt.name for attempt in ATTEMPTS}) == len(ATTEMPTS)
