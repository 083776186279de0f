"""What a listener and an upstream can be: sockets, names, certificates, keys and old TLS."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from . import gateway as gateways
from . import wire
from .authority import Authority, Identity
from .fake_directory import FakeDirectory, UpstreamConnection, answer_plainly, answering
from .gateway import GatewayFactory
from .raw_client import Address, RawClient, free_address
from .servers.directory import Directory

KEY_PASSWORD = "key-password-2Hs"


def answers(address: Address, tls: ssl.SSLContext | None = None, server_name: str = "localhost") -> bool:
    with RawClient(address, tls, server_name=server_name) as client:
        return client.ask(wire.search(1, attributes=[b"1.1"])).code == wire.SUCCESS


def test_unix_socket_and_both_address_families_are_served(
    gateway: GatewayFactory, openldap: Directory, tmp_path: Path
) -> None:
    unix = Address(str(tmp_path / "ldapi"))
    running = gateway(
        [
            gateways.listener("unix", address=unix),
            gateways.listener("ipv4"),
            gateways.listener("ipv6", address=free_address("::1")),
        ],
        [gateways.upstream(openldap.plain)],
    )
    assert all(answers(address) for address in running.addresses.values())


def test_unix_socket_that_a_killed_gateway_left_is_replaced(
    gateway: GatewayFactory, openldap: Directory, tmp_path: Path
) -> None:
    unix = Address(str(tmp_path / "ldapi"))
    for _ in range(2):
        running = gateway([gateways.listener("unix", address=unix)], [gateways.upstream(openldap.plain)])
        assert answers(unix)
        running.kill()
    running = gateway([gateways.listener("unix", address=unix)], [gateways.upstream(openldap.plain)])
    assert answers(unix)


def test_upstream_may_be_ipv6_or_a_unix_socket(gateway: GatewayFactory, openldap: Directory) -> None:
    assert openldap.plain_ipv6 is not None
    assert openldap.unix is not None
    for server in (openldap.plain_ipv6, openldap.unix):
        running = gateway([gateways.listener("front")], [gateways.upstream(server)])
        assert answers(running.address)


def test_certificate_is_chosen_by_the_name_the_client_asks_for(
    gateway: GatewayFactory, openldap: Directory, authority: Authority, server_identity: Identity
) -> None:
    one = authority.issue("one", "one.example.test")
    two = authority.issue("two", "two.example.test")
    further = [{"certificate": str(each.certificate), "key": str(each.key)} for each in (one, two)]
    running = gateway(
        [gateways.listener("front", "ldaps", identity=server_identity, tls={"certificates": further})],
        [gateways.upstream(openldap.plain)],
    )
    for name in ("localhost", "one.example.test", "two.example.test", "TWO.example.test"):
        assert answers(running.address, authority.trusting(), name)
    with pytest.raises(ssl.SSLCertVerificationError):
        answers(running.address, authority.trusting(), "three.example.test")


@pytest.mark.parametrize("mode", ["ldaps", "starttls"])
@pytest.mark.parametrize("demand", ["optional", "required"])
def test_client_certificates_are_asked_for_and_checked(
    demand: str,
    mode: str,
    gateway: GatewayFactory,
    openldap: Directory,
    authority: Authority,
    server_identity: Identity,
    client_identity: Identity,
    tmp_path: Path,
) -> None:
    running = gateway(
        [
            gateways.listener(
                "front",
                mode,
                identity=server_identity,
                tls={"client_ca": str(authority.certificate), "client_auth": demand},
            )
        ],
        [gateways.upstream(openldap.plain)],
    )
    stranger = Authority(tmp_path / "stranger", "Another CA").issue("stranger", "stranger", client=True)

    def served(identity: Identity | None) -> bool:
        context = authority.trusting(identity)
        try:
            if mode == "ldaps":
                return answers(running.address, context)
            with RawClient(running.address) as client:
                client.start_tls(context)
                return client.ask(wire.search(2, attributes=[b"1.1"])).code == wire.SUCCESS
        except (ssl.SSLError, EOFError, ConnectionError):
            return False

    assert served(client_identity)
    assert served(None) is (demand == "optional")
    assert not served(stranger)
    assert served(client_identity)


def key_forms(authority: Authority, directory: Path, source: str) -> gateways.Table:
    identity = authority.issue(f"form-{source}", "localhost", password=KEY_PASSWORD.encode())
    certificate, key = str(identity.certificate), str(identity.key)
    password_file = directory / "password"
    password_file.write_text(KEY_PASSWORD + "\n")
    if source == "encrypted":
        return {"certificate": certificate, "key": key, "password_file": str(password_file)}
    bundle = authority.directory / f"form-{source}.p12"
    return {"certificate": str(bundle), "password_file": str(password_file)}


@pytest.mark.parametrize("source", ["encrypted", "pkcs12"])
def test_keys_may_be_encrypted_or_in_a_bundle(
    source: str, gateway: GatewayFactory, openldap: Directory, authority: Authority, tmp_path: Path
) -> None:
    running = gateway(
        [gateways.listener("front", "ldaps", tls=key_forms(authority, tmp_path, source))],
        [gateways.upstream(openldap.plain)],
    )
    running.secrets.append(KEY_PASSWORD)
    assert answers(running.address, authority.trusting())


@pytest.mark.parametrize("source", ["encrypted", "pkcs12"])
def test_keys_towards_the_server_may_be_encrypted_or_in_a_bundle(
    source: str, gateway: GatewayFactory, authority: Authority, server_identity: Identity, tmp_path: Path
) -> None:
    identity = authority.issue(f"towards-{source}", "client", client=True, password=KEY_PASSWORD.encode())
    password_file = tmp_path / "password"
    password_file.write_text(KEY_PASSWORD)
    files = {"certificate": str(identity.certificate), "key": str(identity.key)}
    if source == "pkcs12":
        files = {"certificate": str(authority.directory / f"towards-{source}.p12")}
    context = authority.serving(server_identity)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.certificate)

    def script(connection: UpstreamConnection) -> None:
        connection.wrap(context)
        answering(answer_plainly)(connection)

    with FakeDirectory(script) as directory:
        running = gateway(
            [gateways.listener("front")],
            [
                gateways.upstream(
                    directory.address,
                    mode="ldaps",
                    authority=authority,
                    tls={**files, "password_file": str(password_file)},
                )
            ],
        )
        running.secrets.append(KEY_PASSWORD)
        assert answers(running.address)


def old_server(authority: Authority, mode: str) -> FakeDirectory:
    """TLS 1.0 and nothing newer, as on an appliance nobody updates."""
    context = authority.serving(authority.issue(f"old-{mode}", "127.0.0.1", use_rsa=True))
    context.set_ciphers("ALL:@SECLEVEL=0")
    # What is deprecated is what this server is about.
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion.TLSv1

    def script(connection: UpstreamConnection) -> None:
        if mode == "starttls":
            request = connection.next_message()
            assert request is not None
            connection.send(wire.extended_response(request.message_id))
        connection.wrap(context)
        answering(answer_plainly)(connection)

    return FakeDirectory(script)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("mode", ["starttls", "ldaps"])
def test_server_that_only_speaks_tls_1_0_needs_the_openssl_engine(
    mode: str, gateway: GatewayFactory, authority: Authority
) -> None:
    with old_server(authority, mode) as directory:
        refusing = gateway(
            [gateways.listener("front")],
            [gateways.upstream(directory.address, mode=mode, authority=authority)],
        )
        with RawClient(refusing.address) as client:
            assert client.ask(wire.search(1)).code == wire.UNAVAILABLE
        old = {"engine": "openssl", "min_version": "1.0"}
        running = gateway(
            [gateways.listener("front")],
            [gateways.upstream(directory.address, mode=mode, authority=authority, tls=old)],
        )
        assert answers(running.address)
        # Loud: an operator must not have to look for it.
        notices = [line for line in running.log.splitlines() if '"level": "warning"' in line]
        assert any("min_version" in line for line in notices), running.log


def test_openssl_engine_verifies_as_well(gateway: GatewayFactory, authority: Authority) -> None:
    context = authority.serving(authority.issue("misnamed", "elsewhere.example.test"))

    def script(connection: UpstreamConnection) -> None:
        connection.wrap(context)
        answering(answer_plainly)(connection)

    with FakeDirectory(script) as directory:
        tls = {"engine": "openssl"}
        running = gateway(
            [gateways.listener("front")],
            [gateways.upstream(directory.address, mode="ldaps", authority=authority, tls=tls)],
        )
        with RawClient(running.address) as client:
            assert client.ask(wire.search(1)).code == wire.UNAVAILABLE
