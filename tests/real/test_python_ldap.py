"""python-ldap, the binding of OpenLDAP's client library, directly and through the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .servers import entries
from .servers.directory import Target

# python-ldap has no type stubs: it is reached through one untyped name, and only in this file.
MISSING = "python-ldap is absent: apt-get install libldap-dev libsasl2-dev, then pip install -r requirements/real.in"
ldap: Any = pytest.importorskip("ldap", reason=MISSING)
controls: Any = pytest.importorskip("ldap.controls", reason=MISSING)
syncrepl: Any = pytest.importorskip("ldap.syncrepl", reason=MISSING)
ldapobject: Any = pytest.importorskip("ldap.ldapobject", reason=MISSING)

SCHEMES = ("plain", "starttls", "ldaps")


def opened(target: Target, scheme: str, kind: Any = None) -> Any:
    url = target.ldaps.url("ldaps") if scheme == "ldaps" else target.plain.url()
    connection = (kind or ldap.initialize)(url)
    connection.set_option(ldap.OPT_NETWORK_TIMEOUT, 10)
    connection.set_option(ldap.OPT_TIMEOUT, 25)
    connection.set_option(ldap.OPT_REFERRALS, 0)
    connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(target.ca))
    connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    if scheme == "starttls":
        connection.start_tls_s()
    return connection


@pytest.fixture(params=SCHEMES)
def bound(request: pytest.FixtureRequest, through: Target) -> Iterator[Any]:
    connection = opened(through, str(request.param))
    connection.simple_bind_s(entries.WRITER, entries.APP_PASSWORD)
    yield connection
    connection.unbind_s()


def test_python_ldap_reads_ten_thousand_entries(bound: Any) -> None:
    found = bound.search_s(entries.PEOPLE, ldap.SCOPE_ONELEVEL, "(objectClass=*)", ["uid"])
    assert len(found) == entries.PEOPLE_COUNT


def test_python_ldap_reads_five_mebibytes_in_one_value(bound: Any) -> None:
    ((_, attributes),) = bound.search_s(entries.BLOB, ldap.SCOPE_BASE, "(objectClass=*)", ["jpegPhoto"])
    assert attributes["jpegPhoto"] == [entries.blob()]


def test_python_ldap_writes_and_reads_back(bound: Any) -> None:
    dn = f"cn=python-ldap,{entries.SCRATCH}"
    bound.add_s(
        dn,
        [("objectClass", [b"inetOrgPerson"]), ("sn", [b"one"]), ("jpegPhoto", [entries.every_octet()])],
    )
    try:
        bound.modify_s(dn, [(ldap.MOD_REPLACE, "sn", [b"two"])])
        assert bound.compare_s(dn, "sn", b"two")
        ((_, attributes),) = bound.search_s(dn, ldap.SCOPE_BASE, "(sn=two)", ["jpegPhoto"])
    finally:
        bound.delete_s(dn)
    assert attributes["jpegPhoto"] == [entries.every_octet()]


def test_python_ldap_pages(bound: Any) -> None:
    page = controls.SimplePagedResultsControl(True, size=3000, cookie="")
    found = 0
    while True:
        request = bound.search_ext(entries.PEOPLE, ldap.SCOPE_ONELEVEL, "(objectClass=*)", ["uid"], serverctrls=[page])
        _, rows, _, answered = bound.result3(request)
        found += len(rows)
        page.cookie = answered[0].cookie
        if not page.cookie:
            break
    assert found == entries.PEOPLE_COUNT


def test_python_ldap_asks_who_it_is(bound: Any) -> None:
    assert entries.WRITER in bound.whoami_s()


@pytest.mark.parametrize("scheme", ["starttls", "ldaps"])
def test_python_ldap_changes_a_password(through: Target, scheme: str) -> None:
    connection = opened(through, scheme)
    connection.simple_bind_s(entries.WRITER, entries.APP_PASSWORD)
    connection.passwd_s(entries.WRITER, entries.APP_PASSWORD, entries.CHANGED_PASSWORD)
    connection.passwd_s(entries.WRITER, entries.CHANGED_PASSWORD, entries.APP_PASSWORD)
    connection.unbind_s()


class Consumer(syncrepl.SyncreplConsumer, ldapobject.ReconnectLDAPObject):  # type: ignore[misc]
    """Collects what a refresh-and-persist search brings."""

    def __init__(self, url: str) -> None:
        ldapobject.ReconnectLDAPObject.__init__(self, url)
        self.seen: dict[str, str] = {}
        self.deleted: list[str] = []
        self.is_refreshed = False

    def syncrepl_entry(self, _dn: str, attributes: dict[str, list[bytes]], uuid: str) -> None:
        self.seen[uuid] = attributes.get("sn", [b""])[0].decode()

    def syncrepl_delete(self, uuids: list[str]) -> None:
        self.deleted += uuids

    def syncrepl_present(self, uuids: list[str] | None, refreshDeletes: bool = False) -> None:
        """Nothing is kept between runs, so nothing can be stale."""

    def syncrepl_set_cookie(self, cookie: str) -> None:
        """The cookie is not used: each run starts empty."""

    def syncrepl_get_cookie(self) -> None:
        return None

    def syncrepl_refreshdone(self) -> None:
        self.is_refreshed = True


def test_python_ldap_follows_changes_by_syncrepl(through_openldap: Target) -> None:
    dn = f"cn=followed,{entries.SCRATCH}"
    consumer = opened(through_openldap, "ldaps", Consumer)
    writer = opened(through_openldap, "ldaps")
    writer.simple_bind_s(entries.WRITER, entries.APP_PASSWORD)
    consumer.simple_bind_s(entries.APP, entries.APP_PASSWORD)
    request = consumer.syncrepl_search(
        entries.SCRATCH, ldap.SCOPE_SUBTREE, mode="refreshAndPersist", filterstr="(objectClass=inetOrgPerson)"
    )

    def follow(until: Any) -> None:
        while not until():
            consumer.syncrepl_poll(msgid=request, timeout=10, all=0)

    follow(lambda: consumer.is_refreshed)
    writer.add_s(dn, [("objectClass", [b"inetOrgPerson"]), ("sn", [b"one"])])
    follow(lambda: "one" in consumer.seen.values())
    writer.modify_s(dn, [(ldap.MOD_REPLACE, "sn", [b"two"])])
    follow(lambda: "two" in consumer.seen.values())
    writer.delete_s(dn)
    follow(lambda: consumer.deleted)
    consumer.unbind_s()
    writer.unbind_s()
