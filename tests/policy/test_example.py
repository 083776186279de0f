"""The example configuration works as it is printed, in the design and in the manual."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import pytest

from ..real import wire
from ..real.authority import Authority, Identity
from ..real.gateway import Gateway
from ..real.process import Process
from ..real.raw_client import RawClient, free_address
from ..real.servers.directory import Directory
from .content import ALICE, ALICE_PASSWORD, APP, PASSWORD, PEOPLE, WIKI
from .example import SOURCES, adapted
from .server_log import ServerLog
from .spelling import BASE, SUB, all_of

REFUSED, BUSY = 50, 51
ELSEWHERE = "127.0.0.2"
LOGIN = all_of(wire.equality(b"objectClass", b"person"), wire.equality(b"uid", b"alice"))
BURST, BINDS = 40, 70


@pytest.fixture(scope="module", params=SOURCES)
def door(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    openldap: Directory,
    authority: Authority,
    server_identity: Identity,
) -> Iterator[Gateway]:
    assert openldap.plain_ipv6 is not None
    address = free_address()
    text = adapted(
        str(request.param),
        {
            "0.0.0.0:636": address.text,
            "tls.crt": str(server_identity.certificate),
            "tls.key": str(server_identity.key),
            "ldap://dc1.corp.example:389": openldap.plain.url(),
            "ldap://dc2.corp.example:389": openldap.plain_ipv6.url(),
            "corp-ca.pem": str(authority.certificate),
            "10.20.0.0/16": "127.0.0.1/32",
            "dc=corp,dc=example": "dc=example,dc=test",
        },
    )
    home = tmp_path_factory.mktemp("example")
    path = home / "ostiary.toml"
    path.write_text(text)
    process = Process([sys.executable, "-m", "ostiary", "run", "--config", str(path)], home / "ostiary.log")
    process.await_listening(address)
    running = Gateway(process, {"ldaps": address})
    yield running
    running.stop()


@pytest.fixture
def client(door: Gateway, authority: Authority) -> Iterator[RawClient]:
    with RawClient(door.address, authority.trusting()) as connected:
        yield connected


def bind(name: str = WIKI, password: str = PASSWORD) -> bytes:
    return wire.bind(1, name.encode(), password.encode())


def search(base: str = PEOPLE, scope: int = SUB, filter: bytes = LOGIN, *attributes: bytes) -> bytes:
    return wire.search(2, base.encode(), scope=scope, filter=filter, attributes=attributes or (b"uid", b"cn", b"mail"))


def test_wiki_binds_and_looks_people_up_by_uid(client: RawClient) -> None:
    assert client.ask(bind()).code == wire.SUCCESS
    entry, done = client.send(search()).receive_final()
    assert (entry.dn, done.code) == (ALICE.encode(), wire.SUCCESS)


@pytest.mark.parametrize(
    "request_",
    [
        search(scope=BASE),
        search(PEOPLE.partition(",")[2]),
        search(PEOPLE, SUB, wire.present(b"uid")),
        search(PEOPLE, SUB, LOGIN, b"userPassword"),
        wire.compare(2, ALICE.encode(), b"mail", b"x"),
        wire.modify(2, ALICE.encode(), b"mail", b"x"),
        wire.delete(2, ALICE.encode()),
        wire.extended(2, wire.WHO_AM_I),
    ],
    ids=["scope", "base", "filter", "attributes", "compare", "modify", "delete", "whoami"],
)
def test_wiki_does_nothing_else(client: RawClient, server_log: ServerLog, request_: bytes) -> None:
    assert client.ask(bind()).code == wire.SUCCESS
    server_log.mark()
    assert client.ask(request_).code == REFUSED
    assert server_log.requests() == []


@pytest.mark.parametrize("name", [APP, ALICE])
def test_nobody_else_binds(client: RawClient, server_log: ServerLog, name: str) -> None:
    assert client.ask(bind(name, ALICE_PASSWORD)).code == REFUSED
    assert server_log.requests() == []


def test_wiki_comes_from_its_network_alone(door: Gateway, authority: Authority) -> None:
    with RawClient(door.address, authority.trusting(), source=ELSEWHERE) as stranger:
        assert stranger.ask(bind()).code == REFUSED


def test_binds_beyond_the_burst_are_told_that_the_gateway_is_busy(door: Gateway, authority: Authority) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawClient(door.address, authority.trusting())) for _ in range(BINDS)]
        # All at once: while they wait to be answered, the machine may be as slow as it likes.
        for each in clients:
            each.send(bind())
        codes = [each.receive().code for each in clients]
    assert set(codes) <= {wire.SUCCESS, BUSY}
    assert codes.count(BUSY) > 0
