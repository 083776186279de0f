"""ldap3, a client library in pure Python, directly and through the gateway."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from .servers import entries
from .servers.directory import Target

with warnings.catch_warnings():
    # ldap3 2.9 still uses names that pyasn1 0.6 calls deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import ldap3

# ldap3 2.9 checks host names by a function that Python 3.11 calls deprecated.
pytestmark = pytest.mark.filterwarnings(r"ignore:ssl\.match_hostname:DeprecationWarning")

SCHEMES = ("plain", "starttls", "ldaps")


def connection(target: Target, scheme: str) -> ldap3.Connection:
    tls = ldap3.Tls(
        validate=ssl.CERT_REQUIRED, ca_certs_file=str(target.ca), version=ssl.PROTOCOL_TLS_CLIENT,
        valid_names=["127.0.0.1", "localhost"],
    )  # fmt: skip
    address = target.ldaps if scheme == "ldaps" else target.plain
    server = ldap3.Server(
        address.host,
        address.port,
        use_ssl=scheme == "ldaps",
        tls=tls,
        get_info=ldap3.NONE,
        connect_timeout=10,
    )
    opened = ldap3.Connection(server, entries.WRITER, entries.APP_PASSWORD, raise_exceptions=True, receive_timeout=20)
    opened.open()
    if scheme == "starttls":
        opened.start_tls(read_server_info=False)
    opened.bind()
    return opened


@pytest.fixture(params=SCHEMES)
def bound(request: pytest.FixtureRequest, through: Target) -> Iterator[Any]:
    opened = connection(through, str(request.param))
    yield opened
    opened.unbind()


def test_ldap3_searches_as_bound(bound: Any) -> None:
    bound.search(entries.PEOPLE, "(&(uid=user0004*)(!(uid=user00041)))", attributes=["mail"])
    assert sorted(str(entry.mail) for entry in bound.entries) == [
        f"user0004{digit}@example.test" for digit in "023456789"
    ]


def test_ldap3_pages_through_everybody(bound: Any) -> None:
    found = bound.extend.standard.paged_search(
        entries.PEOPLE, "(objectClass=inetOrgPerson)", attributes=["uid"], paged_size=1500, generator=False
    )
    assert len(found) == entries.PEOPLE_COUNT


def test_ldap3_writes_and_reads_back(bound: Any) -> None:
    dn = f"cn=ldap3,{entries.SCRATCH}"
    bound.add(dn, "inetOrgPerson", {"sn": "one", "jpegPhoto": entries.every_octet()})
    try:
        bound.modify(dn, {"sn": [(ldap3.MODIFY_REPLACE, ["two"])]})
        bound.search(dn, "(objectClass=*)", ldap3.BASE, attributes=["sn", "jpegPhoto"])
        assert bound.response is not None
        raw = bound.response[0]["raw_attributes"]
    finally:
        bound.delete(dn)
    assert raw == {"sn": [b"two"], "jpegPhoto": [entries.every_octet()]}


def test_ldap3_asks_who_it_is(bound: Any) -> None:
    assert entries.WRITER in bound.extend.standard.who_am_i()
