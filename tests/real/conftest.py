"""The servers and gateways the tests with real parts share.

Directories are started once a run and filled once; a gateway is cheap and started where a test needs
its own settings. What is absent from the machine is skipped by name, with the package that brings it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from . import gateway as gateways
from .authority import Authority, Identity
from .fixtures import authority, gateway, server_identity
from .gateway import Gateway
from .servers import directory389, slapd
from .servers.directory import Directory, Target

__all__ = ["authority", "gateway", "server_identity"]

PRODUCTS = ("slapd", "389-ds")


@pytest.fixture(scope="session")
def client_identity(authority: Authority) -> Identity:
    """A client certificate that slapd maps to the account "app"."""
    subject = x509.Name.from_rfc4514_string("CN=app,O=certificates")
    return authority.issue("client", "client", client=True, use_rsa=True, subject=subject)


@pytest.fixture(scope="session")
def openldap(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Directory]:
    if slapd.is_absent():
        pytest.skip(slapd.MISSING)
    directory = slapd.start(tmp_path_factory.mktemp("slapd"), authority)
    yield directory
    directory.process.stop()


@pytest.fixture(scope="session")
def ds389(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Directory]:
    reason = directory389.missing()
    if reason is not None:
        pytest.skip(reason)
    directory = directory389.start(tmp_path_factory.mktemp("ds389"), authority)
    yield directory
    directory.process.stop()


@pytest.fixture(params=PRODUCTS)
def directory(request: pytest.FixtureRequest) -> Directory:
    """Each directory product in turn."""
    found: Directory = request.getfixturevalue("openldap" if request.param == "slapd" else "ds389")
    return found


def _front(home: Path, behind: Directory, authority: Authority, identity: Identity) -> tuple[Gateway, Target]:
    """A gateway that takes every TLS mode from clients and adds StartTLS towards the directory."""
    running = gateways.run(
        home,
        [
            gateways.listener("open", "starttls", identity=identity, require_tls="off"),
            gateways.listener("ldaps", "ldaps", identity=identity),
        ],
        [gateways.upstream(behind.plain, mode="starttls", authority=authority)],
        log_level="info",
    )
    target = Target(
        product=behind.product,
        plain=running.addresses["open"],
        ldaps=running.addresses["ldaps"],
        ca=authority.certificate,
        root_dn=behind.root_dn,
        is_gateway=True,
    )
    return running, target


@pytest.fixture(scope="session")
def before_openldap(
    tmp_path_factory: pytest.TempPathFactory,
    openldap: Directory,
    authority: Authority,
    server_identity: Identity,
) -> Iterator[Target]:
    home = tmp_path_factory.mktemp("gateway-slapd")
    running, target = _front(home, openldap, authority, server_identity)
    yield target
    running.stop()


@pytest.fixture(scope="session")
def before_ds389(
    tmp_path_factory: pytest.TempPathFactory,
    ds389: Directory,
    authority: Authority,
    server_identity: Identity,
) -> Iterator[Target]:
    home = tmp_path_factory.mktemp("gateway-ds389")
    running, target = _front(home, ds389, authority, server_identity)
    yield target
    running.stop()


def _target(request: pytest.FixtureRequest, product: str, way: str) -> Target:
    name = "openldap" if product == "slapd" else "ds389"
    found: Target = request.getfixturevalue(name if way == "direct" else f"before_{name}")
    return found


@pytest.fixture(params=[f"{product}-{way}" for product in PRODUCTS for way in ("direct", "gateway")])
def through(request: pytest.FixtureRequest) -> Target:
    """Each directory, asked directly and through a gateway: the same must come out."""
    product, _, way = str(request.param).rpartition("-")
    return _target(request, product, way)


@pytest.fixture(params=["direct", "gateway"])
def through_openldap(request: pytest.FixtureRequest) -> Target:
    """slapd alone, for what only slapd does."""
    return _target(request, "slapd", str(request.param))
