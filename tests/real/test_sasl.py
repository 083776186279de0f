"""SASL binds without a security layer pass; those that would add one, or borrow the gateway's
certificate, do not."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from . import gateway as gateways
from . import wire
from .authority import Authority, Identity
from .gateway import Gateway
from .raw_client import RawClient
from .servers import entries
from .servers.directory import Directory, Target

pytestmark = pytest.mark.skipif(
    shutil.which("ldapwhoami") is None, reason="ldapwhoami is absent: apt-get install ldap-utils"
)

PLUGINS = {"PLAIN": "plain", "DIGEST-MD5": "digestmd5", "CRAM-MD5": "crammd5", "SCRAM": "scram"}
MECHANISMS = ("PLAIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512")
Ask = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Who `ldapwhoami` says it is after a bind by this mechanism."""

    def run(
        target: Target, mechanism: str, *arguments: str, password: str = entries.APP_PASSWORD, layer: int = 0
    ) -> subprocess.CompletedProcess[str]:
        name = PLUGINS["SCRAM" if mechanism.startswith("SCRAM") else mechanism]
        if not list(Path("/usr/lib").glob(f"*/sasl2/lib{name}.so")):
            pytest.skip(f"the SASL mechanism {mechanism} is absent: apt-get install libsasl2-modules")
        return subprocess.run(
            ["ldapwhoami", "-H", target.plain.url(), "-Y", mechanism, "-U", "app", "-w", password,
             "-O", f"none,minssf={layer},maxssf={layer}", *arguments],
            capture_output=True, text=True, timeout=25,
            env={"PATH": "/usr/bin:/bin", "LDAPTLS_CACERT": str(target.ca), "HOME": str(tmp_path)},
        )  # fmt: skip

    return run


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_mechanism_without_layer_binds(through: Target, ask: Ask, mechanism: str) -> None:
    found = ask(through, mechanism, "-ZZ")
    assert found.returncode == 0, found.stderr
    assert entries.APP in found.stdout


@pytest.mark.parametrize("mechanism", ["PLAIN", "DIGEST-MD5", "SCRAM-SHA-256"])
def test_mechanism_with_wrong_password_is_refused(through: Target, ask: Ask, mechanism: str) -> None:
    assert ask(through, mechanism, "-ZZ", password="wrong").returncode == wire.INVALID_CREDENTIALS


def test_security_layer_works_directly(openldap: Directory, ask: Ask) -> None:
    assert ask(openldap, "DIGEST-MD5", layer=128).returncode == 0


def test_security_layer_is_refused_with_a_reason_in_the_log(
    openldap: Directory, gateway: Callable[..., Gateway], authority: Authority, ask: Ask
) -> None:
    running = gateway([gateways.listener("plain")], [gateways.upstream(openldap.plain)])
    front = Target(
        product="slapd", plain=running.address, ldaps=running.address, ca=authority.certificate,
        root_dn=openldap.root_dn,
    )  # fmt: skip
    assert ask(front, "DIGEST-MD5", layer=128).returncode != 0
    assert ask(front, "DIGEST-MD5", layer=0).returncode == 0
    assert "security layer" in running.log.lower().replace("_", " ")


def test_security_layer_passes_unread_where_configured(
    openldap: Directory, gateway: Callable[..., Gateway], authority: Authority, ask: Ask
) -> None:
    running = gateway([gateways.listener("plain", sasl_security_layers="opaque")], [gateways.upstream(openldap.plain)])
    front = Target(
        product="slapd", plain=running.address, ldaps=running.address, ca=authority.certificate,
        root_dn=openldap.root_dn,
    )  # fmt: skip
    found = ask(front, "DIGEST-MD5", layer=128)
    assert found.returncode == 0, found.stderr
    assert entries.APP in found.stdout


def test_external_takes_the_certificate_directly(openldap: Directory, client_identity: Identity) -> None:
    context = openldap.tls
    context.load_cert_chain(client_identity.certificate, client_identity.key)
    with RawClient(openldap.ldaps, context) as client:
        assert client.ask(wire.sasl_bind(1, b"EXTERNAL", b"")).code == wire.SUCCESS
        assert client.ask(wire.extended(2, wire.WHO_AM_I)).response_value == b"dn:" + entries.APP.encode()


@pytest.mark.parametrize("credentials", [None, b"", b"dn:" + entries.APP.encode()])
def test_external_never_borrows_the_certificate_of_the_gateway(
    openldap: Directory,
    gateway: Callable[..., Gateway],
    authority: Authority,
    client_identity: Identity,
    credentials: bytes | None,
) -> None:
    # The server would believe the certificate it sees, which is the gateway's and not the client's (T29).
    running = gateway(
        [gateways.listener("plain")],
        [gateways.upstream(openldap.ldaps, mode="ldaps", authority=authority, identity=client_identity)],
    )
    with RawClient(running.address) as client:
        refused = client.ask(wire.sasl_bind(1, b"EXTERNAL", credentials))
        assert refused.code not in (wire.SUCCESS, wire.SASL_BIND_IN_PROGRESS)
        assert client.ask(wire.extended(2, wire.WHO_AM_I)).response_value in (None, b"")


def test_external_never_borrows_the_user_of_the_gateway_on_a_unix_socket(
    openldap: Directory, gateway: Callable[..., Gateway]
) -> None:
    # On ldapi:// slapd takes the identity from the kernel, which again is the gateway's.
    assert openldap.unix is not None
    with RawClient(openldap.unix) as direct:
        assert direct.ask(wire.sasl_bind(1, b"EXTERNAL", b"")).code == wire.SUCCESS
    running = gateway([gateways.listener("plain")], [gateways.upstream(openldap.unix)])
    with RawClient(running.address) as client:
        assert client.ask(wire.sasl_bind(1, b"EXTERNAL", b"")).code not in (
            wire.SUCCESS,
            wire.SASL_BIND_IN_PROGRESS,
        )
        assert client.ask(wire.extended(2, wire.WHO_AM_I)).response_value in (None, b"")
