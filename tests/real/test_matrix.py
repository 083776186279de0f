"""Every TLS mode of a client with every TLS mode of an upstream, on both directories.

One test on purpose: what works in one cell and not in another is the gateway's fault, and the name of
the failing cell says where.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from . import gateway as gateways
from . import wire
from .authority import Authority, Identity
from .conftest import PRODUCTS
from .gateway import Gateway
from .raw_client import RawClient
from .servers import entries, slapd
from .servers.directory import Directory

CLIENT_MODES = ("plain", "starttls", "ldaps")
UPSTREAM_MODES = ("none", "starttls", "ldaps", "ldaps-certificate")

# Small: this directory only shows that the gateway's client certificate arrives.
DEMANDING_CONTENT = "\n".join(entry for entry, _ in zip(entries.entries(), range(6), strict=False))

Fronts = Callable[[str, str], tuple[Gateway, Directory]]


@pytest.fixture(scope="module")
def demanding(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Directory]:
    """A slapd that ends every handshake without a client certificate."""
    if slapd.is_absent():
        pytest.skip(slapd.MISSING)
    home = tmp_path_factory.mktemp("demanding")
    directory = slapd.start(home, authority, content=DEMANDING_CONTENT, verify="demand")
    yield directory
    directory.process.stop()


@pytest.fixture(scope="module")
def fronts(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    server_identity: Identity,
    client_identity: Identity,
) -> Iterator[Fronts]:
    """One gateway for each pair of product and upstream mode, with a listener for each client mode."""
    running: dict[tuple[str, str], tuple[Gateway, Directory]] = {}

    def front(product: str, mode: str) -> tuple[Gateway, Directory]:
        if (product, mode) in running:
            return running[product, mode]
        with_certificate = mode == "ldaps-certificate"
        if product == "slapd":
            directory = request.getfixturevalue("demanding" if with_certificate else "openldap")
        else:
            directory = request.getfixturevalue("ds389")
        gateway = gateways.run(
            tmp_path_factory.mktemp(f"{product}-{mode}"),
            [
                gateways.listener("plain"),
                gateways.listener("starttls", "starttls", identity=server_identity),
                gateways.listener("ldaps", "ldaps", identity=server_identity),
            ],
            [
                gateways.upstream(
                    directory.ldaps if mode.startswith("ldaps") else directory.plain,
                    mode=mode.removesuffix("-certificate"),
                    authority=authority,
                    identity=client_identity if with_certificate else None,
                )
            ],
        )
        running[product, mode] = gateway, directory
        return running[product, mode]

    yield front
    for gateway, _ in running.values():
        gateway.stop()


def connect(gateway: Gateway, mode: str, authority: Authority) -> RawClient:
    address = gateway.addresses[mode]
    if mode == "ldaps":
        return RawClient(address, authority.trusting())
    client = RawClient(address)
    if mode == "starttls":
        client.start_tls(authority.trusting(), message_id=77)
    return client


@pytest.mark.parametrize("upstream_mode", UPSTREAM_MODES)
@pytest.mark.parametrize("client_mode", CLIENT_MODES)
@pytest.mark.parametrize("product", PRODUCTS)
def test_bind_search_write_and_unbind_pass(
    product: str, client_mode: str, upstream_mode: str, fronts: Fronts, authority: Authority
) -> None:
    gateway, directory = fronts(product, upstream_mode)
    target = f"cn=matrix-{client_mode}-{upstream_mode},{entries.SCRATCH}".encode()
    read = wire.search(2, entries.APP.encode(), attributes=[b"mail", b"cn"])
    writer, password = entries.WRITER.encode(), entries.APP_PASSWORD.encode()
    with connect(gateway, client_mode, authority) as client:
        assert client.ask(wire.bind(1, writer, b"not the password")).code == wire.INVALID_CREDENTIALS
        assert client.ask(wire.bind(1, writer, password)).code == wire.SUCCESS
        through = client.send(read).receive_final()
        added = client.ask(wire.add(3, target, objectClass=b"inetOrgPerson", cn=b"matrix", sn=b"matrix"))
        changed = client.ask(wire.modify(4, target, b"sn", b"changed"))
        compared = client.ask(wire.compare(5, target, b"sn", b"changed"))
        renamed = client.ask(wire.modify_dn(6, target, b"cn=renamed-" + target.split(b",")[0][3:]))
        removed = client.ask(wire.delete(7, target.replace(b"cn=", b"cn=renamed-", 1)))
        assert client.send(wire.unbind(8)).receive_to_end() == []
    with RawClient(directory.plain) as plain:
        plain.ask(wire.bind(1, writer, password))
        direct = plain.send(read).receive_final()
    assert [each.raw for each in through] == [each.raw for each in direct]
    assert [each.code for each in (added, changed, compared, renamed, removed)] == [0, 0, 6, 0, 0]


@pytest.mark.parametrize("client_mode", CLIENT_MODES)
def test_server_that_demands_a_certificate_is_unavailable_without_one(
    client_mode: str,
    demanding: Directory,
    gateway: Callable[..., Gateway],
    authority: Authority,
    server_identity: Identity,
) -> None:
    identity = None if client_mode == "plain" else server_identity
    mode = "none" if client_mode == "plain" else client_mode
    running = gateway(
        [gateways.listener(client_mode, mode, identity=identity)],
        [gateways.upstream(demanding.ldaps, mode="ldaps", authority=authority)],
    )
    with connect(running, client_mode, authority) as client:
        assert client.ask(wire.search(1)).code == wire.UNAVAILABLE
