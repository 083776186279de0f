"""The OpenLDAP command line tools, as administrators use them, directly and through the gateway."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .servers import entries
from .servers.directory import Target

MISSING = "the OpenLDAP tools are absent: apt-get install ldap-utils"
pytestmark = pytest.mark.skipif(shutil.which("ldapsearch") is None, reason=MISSING)

SCHEMES = ("plain", "starttls", "ldaps")
Tool = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    """``tool(target, scheme, "ldapsearch", *arguments)`` runs one with the throwaway CA trusted."""

    def run(
        target: Target, scheme: str, name: str, *arguments: str, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        url = target.ldaps.url("ldaps") if scheme == "ldaps" else target.plain.url()
        start_tls = ["-ZZ"] if scheme == "starttls" else []
        return subprocess.run(
            [name, "-H", url, *start_tls, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=25,
            env={"PATH": "/usr/bin:/bin", "LDAPTLS_CACERT": str(target.ca), "HOME": str(tmp_path)},
        )

    return run


def as_writer(*arguments: str) -> tuple[str, ...]:
    return ("-x", "-D", entries.WRITER, "-w", entries.APP_PASSWORD, *arguments)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_ldapsearch_finds_one_person(through: Target, tool: Tool, scheme: str) -> None:
    found = tool(
        through, scheme, "ldapsearch", *as_writer("-LLL", "-o", "ldif_wrap=no", "-b", entries.PEOPLE),
        "(uid=user00042)", "mail",
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert "mail: user00042@example.test" in found.stdout


@pytest.mark.parametrize("scheme", SCHEMES)
def test_ldapsearch_reports_wrong_password(through: Target, tool: Tool, scheme: str) -> None:
    refused = tool(through, scheme, "ldapsearch", "-x", "-D", entries.APP, "-w", "wrong", "-b", "")
    assert refused.returncode == 49, refused.stderr


def test_ldapwhoami_names_the_account(through: Target, tool: Tool) -> None:
    found = tool(through, "starttls", "ldapwhoami", *as_writer())
    assert found.returncode == 0, found.stderr
    assert entries.WRITER in found.stdout


def test_entry_is_added_changed_renamed_compared_and_deleted(through: Target, tool: Tool) -> None:
    dn = f"cn=tools,{entries.SCRATCH}"
    renamed = f"cn=renamed-tools,{entries.SCRATCH}"
    steps = [
        ("ldapadd", (), f"dn: {dn}\nobjectClass: inetOrgPerson\ncn: tools\nsn: one\n", 0),
        ("ldapmodify", (), f"dn: {dn}\nchangetype: modify\nreplace: sn\nsn: two\n", 0),
        ("ldapcompare", (dn, "sn:two"), "", 6),
        ("ldapcompare", (dn, "sn:one"), "", 5),
        ("ldapmodrdn", ("-r", dn, "cn=renamed-tools"), "", 0),
        ("ldapdelete", (renamed,), "", 0),
        ("ldapdelete", (renamed,), "", 32),
    ]
    for name, arguments, stdin, status in steps:
        done = tool(through, "ldaps", name, *as_writer(), *arguments, stdin=stdin)
        assert done.returncode == status, (name, done.stdout, done.stderr)


def test_ldapsearch_pages_through_everybody(through: Target, tool: Tool) -> None:
    found = tool(
        through, "ldaps", "ldapsearch", *as_writer("-LLL", "-b", entries.PEOPLE, "-E", "pr=1000/noprompt"),
        "(objectClass=inetOrgPerson)", "1.1",
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("dn: uid=user") == entries.PEOPLE_COUNT


def test_ldapsearch_shows_referral(through: Target, tool: Tool) -> None:
    found = tool(through, "plain", "ldapsearch", "-x", "-b", entries.SUFFIX, "(ou=nothing)", "1.1")
    assert found.returncode == 0, found.stderr
    assert f"ref: {entries.REFERRAL_URL}" in found.stdout


def test_ldappasswd_changes_own_password(through: Target, tool: Tool) -> None:
    for old, new in (
        (entries.APP_PASSWORD, entries.CHANGED_PASSWORD),
        (entries.CHANGED_PASSWORD, entries.APP_PASSWORD),
    ):
        account = ("-x", "-D", entries.APP, "-w", old)
        changed = tool(through, "ldaps", "ldappasswd", *account, "-a", old, "-s", new, entries.APP)
        assert changed.returncode == 0, changed.stderr
    assert tool(through, "ldaps", "ldapwhoami", "-x", "-D", entries.APP, "-w", new).returncode == 0
