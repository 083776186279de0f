"""TLS on both sides as scripts: Python's TLS is the peer. Traps T1 to T6, certificates, names, ends."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ostiary._core import Event, ListenerTls, ServerSetup, UpstreamTls
from ostiary.tls import Throwaway, throwaway_authority

from . import wire
from .playbook import Playbook
from .secured import Peer, SecuredPlaybook

UNBIND = (2**31 - 1, 0x42, None)
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
# A handshake record with the first octets of a ClientHello of 4,096: a fragment, whose rest never comes.
FRAGMENT = bytes.fromhex("16030100050100100003")


@dataclass(frozen=True)
class Ground:
    """An authority, and what both ends make of it."""

    authority: Throwaway
    directory: Path

    def listener(self, mode: str = "ldaps", more: tuple[Throwaway, ...] = (), **asked: object) -> ListenerTls:
        identities = [(each.server.chain, each.server.key, each.server.names) for each in (self.authority, *more)]
        return ListenerTls(mode, identities, **asked)  # type: ignore[arg-type]

    def peer(self, name: str | None = "localhost", version: str | None = None, certificate: bool = False) -> Peer:
        """A client."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.authority.ca)
        context.check_hostname = name is not None
        if version is not None:
            context.minimum_version = context.maximum_version = VERSIONS[version]
        files = self.authority.files
        if certificate and files is not None:
            context.load_cert_chain(files.client_certificate, files.client_key)
        return Peer(context, name=name)

    def server(self, version: str | None = None, demands_certificate: bool = False) -> Peer:
        """A directory."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        files = self.authority.files
        assert files is not None
        context.load_cert_chain(files.server_certificate, files.server_key)
        if version is not None:
            context.minimum_version = context.maximum_version = VERSIONS[version]
        if demands_certificate:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=self.authority.ca)
        return Peer(context, server=True)

    def setup(self, mode: str, name: str = "localhost", ca: bytes | None = None, own: bool = False) -> ServerSetup:
        client = self.authority.client
        identity = (client.chain, client.key, client.names) if own else None
        return ServerSetup(mode, UpstreamTls([ca or self.authority.ca], identity=identity), name)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    directory = tmp_path_factory.mktemp("ground")
    return Ground(throwaway_authority(directory), directory)


@pytest.fixture(scope="module")
def stranger() -> Throwaway:
    return throwaway_authority()


# The client's side.


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("pieces", [1, 7, 1 << 20])
def test_a_handshake_in_any_pieces_leads_to_a_session(ground: Ground, version: str, pieces: int) -> None:
    peer = ground.peer(version=version)
    play = SecuredPlaybook(ground.listener(), peer=peer, pieces=pieces)
    assert peer.established
    play.client(wire.search(1)).connects().ready().upstream_sees(wire.search(1))
    play.upstream(wire.entry(1), wire.done(1)).client_sees(wire.entry(1), wire.done(1)).ends()
    facts = play.session.client_tls
    assert facts is not None
    assert (facts.version, facts.peer_certificate) == (version, None)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_start_tls_then_a_session_inside(ground: Ground, version: str) -> None:
    play = SecuredPlaybook(ground.listener("starttls"), require_tls="all", pieces=1)
    play.client(wire.search(1)).client_gets((1, 0x65, 13)).client(wire.start_tls(2)).client_gets((2, 0x78, 0))
    play.client_starts_tls(ground.peer(version=version)).event(Event.Deadline)
    play.client(wire.search(2)).connects().ready().upstream_sees(wire.search(2))
    play.upstream(wire.done(2)).client_sees(wire.done(2)).ends()


def test_octets_behind_start_tls_end_the_session_without_a_response(ground: Ground) -> None:
    peer = ground.peer()
    peer.receive(b"")
    for behind in (wire.search(2), b"\x30", b"\x16", peer.outgoing.read()):
        play = Playbook(ground.listener("starttls")).client(wire.start_tls(1), behind)
        play.violates("bytes_behind_start_tls").closes("client_violation").client_sees().ends()


def test_a_request_in_plain_after_the_start_tls_response_is_not_taken(ground: Ground) -> None:
    play = Playbook(ground.listener("starttls")).client(wire.start_tls(1)).client_gets((1, 0x78, 0))
    play.event(Event.Deadline)
    play.client(wire.search(2))
    assert "plain LDAP" in play.event(Event.Violation).detail
    play.closes("client_violation")
    assert wire.search(2) not in play.to_upstream


def test_start_tls_with_something_outstanding_is_refused_and_plain_goes_on(ground: Ground) -> None:
    play = Playbook(ground.listener("starttls")).client(wire.search(1)).connects().ready()
    play.client(wire.start_tls(2)).client_gets((2, 0x78, 1)).upstream_sees(wire.search(1))
    play.upstream(wire.done(1)).client_sees(wire.done(1))
    play.client(wire.bind(3), wire.start_tls(4)).upstream_sees(wire.bind(3))
    play.upstream(wire.bind_response(3)).client_gets((3, 0x61, 0), (4, 0x78, 1))
    play.client(wire.sasl_bind(5, b"DIGEST-MD5")).upstream_gets((5, 0x60, None))
    play.upstream(wire.bind_response(5, 14)).client_gets((5, 0x61, 14))
    play.client(wire.start_tls(6)).client_gets((6, 0x78, 1)).ends()


def test_start_tls_while_the_upstream_is_dialled_is_refused(ground: Ground) -> None:
    play = Playbook(ground.listener("starttls")).client(wire.search(1), wire.start_tls(2))
    play.connects().ready().upstream_sees(wire.search(1)).client_gets((2, 0x78, 1)).ends()


def test_start_tls_with_a_value_is_refused(ground: Ground) -> None:
    play = Playbook(ground.listener("starttls")).client(wire.extended(1, wire.START_TLS, b"x"))
    play.client_gets((1, 0x78, 2)).ends()


def test_start_tls_with_a_critical_control_is_refused(ground: Ground) -> None:
    unknown = wire.controls(wire.control(b"1.2.3.4", True))
    asked = wire.message(1, wire.tlv(0x77, wire.octets(wire.START_TLS, 0x80)), unknown)
    Playbook(ground.listener("starttls")).client(asked).client_gets((1, 0x78, 12)).ends()
    ignored = wire.message(
        1, wire.tlv(0x77, wire.octets(wire.START_TLS, 0x80)), wire.controls(wire.control(b"1.2.3.4"))
    )
    Playbook(ground.listener("starttls")).client(ignored).client_gets((1, 0x78, 0))


@pytest.mark.parametrize("spelling", [b"1.3.6.1.4.1.1466.020037", b"01.3.6.1.4.1.1466.20037"])
def test_start_tls_is_never_forwarded_however_it_is_spelt(ground: Ground, spelling: bytes) -> None:
    Playbook(ground.listener("none")).client(wire.extended(1, spelling)).client_gets((1, 0x78, 2)).ends()
    play = Playbook(ground.listener("starttls")).client(wire.extended(1, spelling)).client_gets((1, 0x78, 0))
    assert play.session.client_tls is None


def test_start_tls_inside_tls_is_refused(ground: Ground) -> None:
    play = SecuredPlaybook(ground.listener(), peer=ground.peer()).client(wire.start_tls(1), wire.start_tls(2))
    play.client_gets((1, 0x78, 1), (2, 0x78, 1)).ends()


def test_nothing_proved_in_plain_counts_after_start_tls(ground: Ground) -> None:
    play = SecuredPlaybook(ground.listener("starttls")).client(wire.bind(1)).connects().ready()
    play.upstream_sees(wire.bind(1)).upstream(wire.bind_response(1)).client_gets((1, 0x61, 0))
    assert play.session.identity == "cn=a"
    play.client(wire.start_tls(2)).client_gets((2, 0x78, 0)).upstream_sees(wire.bind(2, b"", b""))
    assert play.session.identity == ""
    play.event(Event.Deadline)
    play.client_starts_tls(ground.peer()).client(wire.search(3)).upstream_sees()
    play.upstream(wire.bind_response(2)).client_sees().upstream_sees(wire.search(3))
    play.upstream(wire.done(3)).client_sees(wire.done(3)).ends()


def test_an_unsolicited_notification_in_the_middle_of_a_handshake_spoils_nothing(ground: Ground) -> None:
    play = SecuredPlaybook(ground.listener("starttls")).client(wire.search(1)).connects().ready()
    play.upstream(wire.done(1)).client(wire.start_tls(2)).client_gets((1, 0x65, 0), (2, 0x78, 0))
    play.event(Event.Deadline)
    play.upstream(wire.extended_response(0, 0, b"1.2.3"))
    play.client_starts_tls(ground.peer()).client(wire.delete(3))
    play.upstream_sees(wire.search(1), wire.delete(3)).ends()


@pytest.mark.parametrize("end", ["client_ends", "waits", "gone", "shut_down"])
@pytest.mark.parametrize("mode", ["ldaps", "starttls"])
@pytest.mark.parametrize("begun", [b"", b"\x16", FRAGMENT, FRAGMENT + b"\x16\x03\x01"])
def test_a_session_may_end_anywhere_in_a_handshake(ground: Ground, end: str, mode: str, begun: bytes) -> None:
    play = SecuredPlaybook(ground.listener(mode))
    if mode == "starttls":
        play.client(wire.start_tls(1)).client_gets((1, 0x78, 0)).event(Event.Deadline)
    play.raw_client(begun)
    if end == "client_ends":
        play.client_ends().closes("client_closed")
    elif end == "waits":
        play.waits(9).waits(2).closes("handshake_timeout")
    elif end == "gone":
        play._take(play.session.client_gone()).closes("client_closed")
    else:
        play._take(play.session.shut_down()).closes("draining")
    play.client_sees().ends()


def test_a_fragment_followed_by_another_kind_of_record_ends_the_session(ground: Ground) -> None:
    play = SecuredPlaybook(ground.listener()).raw_client(FRAGMENT + bytes.fromhex("17030300021111"))
    play.violates("tls_failed").closes("client_violation")


def test_plain_ldap_on_a_tls_port_is_named(ground: Ground) -> None:
    play = Playbook(ground.listener()).client(wire.search(1))
    assert "plain LDAP" in play.event(Event.Violation).detail
    play.closes("client_violation")
    assert not play.to_upstream


def test_a_listener_can_demand_tls_13(ground: Ground) -> None:
    peer = ground.peer(version="1.2")
    play = SecuredPlaybook(ground.listener(min_version="1.3"), peer=peer)
    play.violates("tls_failed").closes("client_violation")
    assert not peer.established
    assert peer.fault is not None
    peer = ground.peer(version="1.3")
    assert SecuredPlaybook(ground.listener(min_version="1.3"), peer=peer).session.client_tls is not None


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(
    ("auth", "certificate", "passes"),
    [("none", True, True), ("optional", True, True), ("optional", False, True), ("required", True, True),
     ("required", False, False)],
)  # fmt: skip
def test_client_certificates(ground: Ground, version: str, auth: str, certificate: bool, passes: bool) -> None:
    authorities = [] if auth == "none" else [ground.authority.ca]
    listener = ground.listener(client_auth=auth, client_authorities=authorities)
    play = SecuredPlaybook(listener, peer=ground.peer(version=version, certificate=certificate))
    if not passes:
        play.violates("tls_failed").closes("client_violation")
        assert play.session.client_tls is None
        return
    facts = play.session.client_tls
    assert facts is not None
    shown = ground.authority.client.chain[0] if certificate and auth != "none" else None
    assert facts.peer_certificate == shown


def test_a_client_certificate_of_a_stranger_ends_the_handshake(ground: Ground, stranger: Throwaway) -> None:
    for auth in ("optional", "required"):
        listener = ground.listener(client_auth=auth, client_authorities=[stranger.ca])
        play = SecuredPlaybook(listener, peer=ground.peer(certificate=True))
        play.violates("tls_failed").closes("client_violation")


def test_the_certificate_is_chosen_by_the_name_asked_for(ground: Ground) -> None:
    second = throwaway_authority(names=("ldap.corp.example", "*.wild.example"))
    listener = ground.listener(more=(second,))
    for name, expected in (
        ("localhost", ground.authority),
        ("LDAP.corp.example", second),
        ("a.wild.example", second),
        ("a.b.wild.example", ground.authority),
        ("unknown.example", ground.authority),
        (None, ground.authority),
    ):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        peer = Peer(context, name=name)
        SecuredPlaybook(listener, peer=peer)
        assert peer.tls.getpeercert(binary_form=True) == expected.server.chain[0], name


def test_the_notice_comes_before_close_notify(ground: Ground) -> None:
    peer = ground.peer()
    play = SecuredPlaybook(ground.listener(), peer=peer)
    play._take(play.session.shut_down()).client_gets((0, 0x78, 52)).closes("draining").ends()
    assert peer.closed


def test_close_notify_is_a_half_close(ground: Ground) -> None:
    peer = ground.peer()
    play = SecuredPlaybook(ground.listener(), peer=peer).client(wire.search(1)).connects().ready()
    play.raw_client(peer.says_close_notify()).upstream_sees(wire.search(1))
    play.upstream(wire.entry(1), wire.done(1))
    play.closes("client_closed").client_sees(wire.entry(1), wire.done(1)).upstream_gets(UNBIND).ends()


def test_what_comes_behind_close_notify_is_neither_taken_nor_kept(ground: Ground) -> None:
    peer = ground.peer()
    play = SecuredPlaybook(ground.listener(), peer=peer).client(wire.search(1)).connects().ready()
    play.upstream_sees(wire.search(1)).raw_client(peer.says_close_notify())
    for _ in range(100):
        play.raw_client(wire.delete(2) * 1_000)
    play.upstream_sees().client_sees().upstream(wire.done(1)).closes("client_closed").client_sees(wire.done(1))
    play = SecuredPlaybook(ground.listener(), peer=(peer := ground.peer()))
    play.raw_client(peer.says_close_notify() + wire.delete(2)).closes("client_closed").client_sees().ends()


def test_requests_before_a_bad_record_are_kept(ground: Ground) -> None:
    peer = ground.peer()
    play = SecuredPlaybook(ground.listener(), peer=peer).client(wire.search(1)).connects().ready()
    play.raw_client(peer.wraps(wire.delete(2)) + b"\x17\x03\x03\0\x20" + bytes(32))
    play.violates("tls_failed").closes("client_violation").client_sees()
    play.upstream_gets((1, 0x63, None), (2, 0x4A, None), UNBIND).ends()


# The upstream's side.


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("pieces", [1, 1 << 20])
def test_ldaps_upstream(ground: Ground, version: str, pieces: int) -> None:
    play = SecuredPlaybook(setup=ground.setup("ldaps"), server=ground.server(version), pieces=pieces)
    play.client(wire.search(1)).connects()
    facts = play.event(Event.UpstreamReady).tls
    assert (facts.version, facts.peer_certificate) == (version, ground.authority.server.chain[0])
    play.upstream_sees(wire.search(1)).upstream(wire.done(1)).client_sees(wire.done(1)).ends()


def long_form(message_id: int, code: int = 0) -> bytes:
    """As Active Directory writes every length."""
    body = wire.integer(code, 0x0A) + b"\x04\x84\0\0\0\0" * 2
    operation = b"\x78\x84" + len(body).to_bytes(4, "big") + body
    content = b"\x02\x01" + bytes([message_id]) + operation
    return b"\x30\x84" + len(content).to_bytes(4, "big") + content


@pytest.mark.parametrize(
    "response", [wire.extended_response(1, 0, wire.START_TLS), wire.extended_response(1), long_form(1)]
)
@pytest.mark.parametrize("pieces", [1, 1 << 20])
def test_start_tls_upstream(ground: Ground, response: bytes, pieces: int) -> None:
    play = SecuredPlaybook(setup=ground.setup("starttls"), pieces=pieces)
    play.client(wire.search(1)).connects().upstream_sees(wire.start_tls(1)).upstream(response)
    play.server_starts_tls(ground.server())
    play.ready().upstream_sees(wire.search(1)).upstream(wire.done(1)).client_sees(wire.done(1)).ends()


@pytest.mark.parametrize(
    "response",
    [
        wire.extended_response(1, 0) + wire.bind_response(1),
        wire.extended_response(1, 0) + b"\x16",
        wire.extended_response(1, 52),
        wire.extended_response(1, 2),
        long_form(1, 1),
        wire.extended_response(2),
        wire.notice(),
        wire.bind_response(1),
        wire.done(1),
        b"\x30\x84\x00\x01\x00\x01" + bytes(70_000),
        b"\x16\x03\x01",
    ],
)
@pytest.mark.parametrize("engine", ["rustls", "openssl"])
def test_a_failed_start_tls_upstream_is_never_plaintext(ground: Ground, response: bytes, engine: str) -> None:
    setup = ground.setup("starttls") if engine == "rustls" else ServerSetup("starttls")
    play = Playbook(setup=setup).client(wire.bind(1)).connects().upstream_sees(wire.start_tls(1)).upstream(response)
    play.event(Event.UpstreamFailed)
    play.upstream_sees().client_sees()
    # The next server starts afresh, and if there is none the client is told.
    play._take(play.session.upstream_connected(setup, 0.0)).upstream_sees(wire.start_tls(1))
    play.upstream_ends().event(Event.UpstreamFailed)
    play._take(play.session.upstream_unreachable(0.0)).client_gets((1, 0x61, 52)).upstream_sees().ends()


def test_octets_in_plain_after_the_start_tls_response_fail_the_server(ground: Ground) -> None:
    play = SecuredPlaybook(setup=ground.setup("starttls")).client(wire.bind(1)).connects()
    play.upstream(wire.extended_response(1)).upstream(wire.bind_response(1)).event(Event.UpstreamFailed)
    assert wire.bind(1) not in play.to_upstream
    play.client_sees()
    play = SecuredPlaybook(setup=ServerSetup("starttls")).client(wire.bind(1)).connects()
    play.upstream(wire.extended_response(1)).event(Event.StartUpstreamTls)
    play.upstream(wire.bind_response(1)).upstream_sees(wire.start_tls(1)).event(Event.UpstreamFailed)
    play.client_sees().ends()


def test_the_engine_of_the_driver_takes_over_after_start_tls() -> None:
    play = Playbook(setup=ServerSetup("starttls")).client(wire.bind(1)).connects().upstream_sees(wire.start_tls(1))
    play.upstream(wire.extended_response(1)).event(Event.StartUpstreamTls)
    play.upstream_sees()._take(play.session.upstream_tls_established(0.0))
    play.ready().upstream_sees(wire.bind(1)).upstream(wire.bind_response(1)).client_sees(wire.bind_response(1)).ends()


Fault = Callable[[Ground, Throwaway], tuple[ServerSetup, Peer]]


def other_authority(ground: Ground, stranger: Throwaway) -> tuple[ServerSetup, Peer]:
    return ground.setup("ldaps", ca=stranger.ca), ground.server()


def other_name(ground: Ground, _stranger: Throwaway) -> tuple[ServerSetup, Peer]:
    return ground.setup("ldaps", name="ldap.corp.example"), ground.server()


def expired(ground: Ground, _stranger: Throwaway) -> tuple[ServerSetup, Peer]:
    late = Ground(throwaway_authority(ground.directory / "late", valid_days=-3), ground.directory)
    return late.setup("ldaps"), late.server()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("fault", [other_authority, other_name, expired])
def test_a_server_that_does_not_verify_gets_no_request(
    ground: Ground, stranger: Throwaway, fault: Fault, version: str
) -> None:
    setup, server = fault(ground, stranger)
    server.tls.context.minimum_version = server.tls.context.maximum_version = VERSIONS[version]
    play = SecuredPlaybook(setup=setup, server=server).client(wire.bind(1)).connects()
    assert "certificate" in play.event(Event.UpstreamFailed).reason
    play.upstream_sees().client_sees().ends()
    assert server.fault is not None, "an alert says why"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_gateway_shows_its_certificate_to_a_server_that_asks(ground: Ground, version: str) -> None:
    server = ground.server(version, demands_certificate=True)
    play = SecuredPlaybook(setup=ground.setup("ldaps", own=True), server=server)
    play.client(wire.search(1)).connects().ready().upstream_sees(wire.search(1)).ends()
    assert server.tls.getpeercert(binary_form=True) == ground.authority.client.chain[0]


def test_a_server_may_go_anywhere_in_its_handshake(ground: Ground) -> None:
    for octets in (b"", b"\x16", b"\x16\x03\x03\0\5\2\0\x10\0\3", b"\x15\x03\x03\0\2\2\x28", b"HTTP/1.1 400"):
        play = Playbook(setup=ground.setup("ldaps")).client(wire.search(1)).connects()
        if octets:
            play.upstream(octets)
        if not any(isinstance(event, Event.UpstreamFailed) for event in play.events):
            play.upstream_ends()
        play.event(Event.UpstreamFailed)
        play.to_upstream = b""
        play._take(play.session.upstream_unreachable(0.0)).client_gets((1, 0x65, 52)).ends()


def test_a_client_may_go_in_the_handshake_of_a_server(ground: Ground) -> None:
    play = Playbook(setup=ground.setup("ldaps")).client(wire.search(1)).connects()
    play.upstream(b"\x16\x03\x03\0\5\2\0\x10\0\3")
    play._take(play.session.client_gone()).closes("client_closed").client_sees()
    assert play.events == []


def test_a_server_that_says_close_notify_is_lost(ground: Ground) -> None:
    server = ground.server()
    play = SecuredPlaybook(setup=ground.setup("ldaps"), server=server).client(wire.search(1)).connects().ready()
    play.raw_upstream(server.says_close_notify()).event(Event.CloseUpstream)
    play.client_gets((1, 0x65, 52)).upstream_sees(wire.search(1)).ends()


def test_a_bad_record_of_a_server_loses_it(ground: Ground) -> None:
    play = SecuredPlaybook(setup=ground.setup("ldaps"), server=ground.server()).client(wire.search(1)).connects()
    play.ready().upstream_sees(wire.search(1))
    play.raw_upstream(b"\x17\x03\x03\0\x20" + bytes(32)).violates("tls_failed", "upstream")
    play.event(Event.CloseUpstream)
    play.client_gets((1, 0x65, 52))


# Both.


@pytest.mark.parametrize("mode", ["ldaps", "starttls"])
def test_large_results_arrive_as_they_were_sent(ground: Ground, mode: str) -> None:
    entries = b"".join(wire.entry(1, b"cn=%d" % number, b"x" * (number % 300)) for number in range(1_000))
    results = entries + wire.entry(1, value=bytes(range(256)) * 20_480) + wire.done(1)
    server = ground.server()
    play = SecuredPlaybook(ground.listener(), ground.setup(mode), peer=ground.peer(), pieces=65_536)
    if mode == "ldaps":
        play.server = server
    play.client(wire.search(1)).connects()
    if mode == "starttls":
        play.upstream_sees(wire.start_tls(1)).upstream(wire.extended_response(1))
        play.server_starts_tls(server)
    play.ready().upstream_sees(wire.search(1)).upstream(results)
    assert play.to_client == results
    play.to_client = b""
    play.ends()
    assert play.session.outstanding == 0


def test_a_large_request_arrives_as_it_was_sent(ground: Ground) -> None:
    play = SecuredPlaybook(
        ground.listener(), ground.setup("ldaps"), peer=ground.peer(), server=ground.server(), pieces=4_096
    )
    play.client(wire.bind(1)).connects().ready().upstream_sees(wire.bind(1)).upstream(wire.bind_response(1))
    large = wire.delete(2, b"cn=" + b"x" * (5 << 20))
    play.client_gets((1, 0x61, 0)).client(large)
    assert play.to_upstream == large
