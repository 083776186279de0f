"""docs/recipes/openldap.md and 389-ds.md before slapd and ns-slapd."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..real.authority import LOCAL_NAMES, Authority, Identity
from ..real.process import Process
from ..real.raw_client import free_address
from ..real.servers import directory389, entries
from ..real.servers.directory import Directory
from .directory import LDIF, MISSING, is_absent
from .recipe import Recipe, needs


def hold(recipe: Recipe) -> None:
    """What both pages promise: people are found, log in and change their password; the account can do no more."""
    for enforced in (False, True):
        with recipe.gateway(enforced=enforced):
            told = recipe.run(enforced=enforced)
            assert "mail: alice@example.org\n" in told
            assert "uid=alice,ou=people," in told
            assert "onfidentiality required (13)" in told
    asked = {(each["operation"], each.get("result"), each.get("extended", "")[:23]) for each in recipe.audit()}
    assert ("extended", "success", "1.3.6.1.4.1.4203.1.11.1") in asked
    assert ("search", "insufficientAccessRights", "") in asked


def test_openldap(place: Path, authority: Authority, identity: Identity) -> None:
    needs(ldappasswd="ldap-utils")
    if is_absent():
        pytest.skip(MISSING)
    plain, data = free_address(), place / "data"
    servers = {"ldap://dc1.example.org:389": plain.url(), "/etc/ldap/dc1": f"{place}/dc1", "/var/lib/ldap": str(data)}
    recipe = Recipe("openldap", place, servers, identity, authority.certificate)
    own = authority.issue("openldap", *LOCAL_NAMES, use_rsa=True)
    shutil.copy(own.certificate, place / "dc1.crt")
    shutil.copy(own.key, place / "dc1.key")
    data.mkdir()
    configuration = recipe.file("/etc/ldap/slapd.conf")
    load = ["/usr/sbin/slapadd", "-q", "-f", str(configuration), "-l", str(LDIF)]
    subprocess.run(load, check=True, capture_output=True, timeout=30)
    process = Process(["/usr/sbin/slapd", "-d", "0", "-h", plain.url(), "-f", str(configuration)], place / "slapd.log")
    try:
        process.await_listening(plain)
        hold(recipe)
    finally:
        process.stop()


@pytest.fixture
def ds389(tmp_path: Path, authority: Authority) -> Iterator[Directory]:
    reason = directory389.missing()
    if reason is not None:
        pytest.skip(reason)
    content = LDIF.read_text().replace("dc=example,dc=org", entries.SUFFIX)
    running = directory389.start(tmp_path / "ds389", authority, content=content)
    yield running
    running.process.stop()


def test_389_directory_server(ds389: Directory, place: Path, authority: Authority, identity: Identity) -> None:
    needs(ldappasswd="ldap-utils", ldapmodify="ldap-utils")
    servers = {
        "ldaps://dc1.example.org:636": ds389.ldaps.url("ldaps"),
        "ldap://dc1.example.org:389": ds389.plain.url(),
        "dc=example,dc=org": entries.SUFFIX,
        "manager-password": entries.ROOT_PASSWORD,
    }
    hold(Recipe("389-ds", place, servers, identity, authority.certificate))
