"""OpenLDAP's command line tools against the demo directory, plain and with StartTLS."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ostiary.demo.directory import ADMINISTRATOR, ADMINISTRATOR_PASSWORD, Directory

TOOLS = ("ldapsearch", "ldapadd", "ldapmodify", "ldapmodrdn", "ldapdelete", "ldapcompare", "ldapwhoami")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed (package ldap-utils): {', '.join(MISSING)}")

PEOPLE = "ou=people,dc=example,dc=org"
ENTRY = f"dn: uid=new,{PEOPLE}\nobjectClass: inetOrgPerson\ncn: New\nsn: New\njpegPhoto:: /9j/AAECAw==\n"


@pytest.fixture(params=["plain", "starttls"])
def tls(request: pytest.FixtureRequest) -> list[str]:
    return ["-ZZ"] if request.param == "starttls" else []


def run(directory: Directory, ca: Path, tool: str, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    login = ["-x", "-D", ADMINISTRATOR, "-w", ADMINISTRATOR_PASSWORD]
    return subprocess.run(
        [tool, "-H", f"ldap://127.0.0.1:{directory.port}", *login, *words],
        input=stdin,
        env={**os.environ, "LDAPTLS_CACERT": str(ca)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_tools_read_and_write(directory: Directory, ca: Path, tls: list[str]) -> None:
    assert run(directory, ca, "ldapwhoami", *tls).stdout == f"dn:{ADMINISTRATOR}\n"
    assert run(directory, ca, "ldapadd", *tls, stdin=ENTRY).returncode == 0
    change = f"dn: uid=new,{PEOPLE}\nchangetype: modify\nreplace: mail\nmail: new@example.org\n-\ndelete: jpegPhoto\n"
    assert run(directory, ca, "ldapmodify", *tls, stdin=change).returncode == 0
    assert run(directory, ca, "ldapmodrdn", *tls, "-r", f"uid=new,{PEOPLE}", "uid=newer").returncode == 0
    found = run(directory, ca, "ldapsearch", *tls, "-LLL", "-b", PEOPLE, "(mail=new@*)", "uid", "jpegPhoto")
    assert found.stdout == f"dn: uid=newer,{PEOPLE}\nuid: newer\n\n"
    compared = run(directory, ca, "ldapcompare", *tls, f"uid=newer,{PEOPLE}", "sn:NEW")
    assert compared.returncode == 6, compared.stderr
    assert run(directory, ca, "ldapdelete", *tls, f"uid=newer,{PEOPLE}").returncode == 0
    assert run(directory, ca, "ldapdelete", *tls, f"uid=newer,{PEOPLE}").returncode == 32


def test_paged_search_brings_everybody(directory: Directory, ca: Path, tls: list[str]) -> None:
    found = run(directory, ca, "ldapsearch", *tls, "-LLL", "-E", "pr=7/noprompt", "-b", PEOPLE, "(uid=*)", "1.1")
    assert found.stdout.count("dn: uid=") == 25
    assert found.returncode == 0, found.stderr


def test_every_entry_can_be_read_back_as_ldif(directory: Directory, ca: Path, tls: list[str]) -> None:
    found = run(directory, ca, "ldapsearch", *tls, "-LLL", "-o", "ldif-wrap=no", "-b", "dc=example,dc=org", "*", "+")
    assert found.stdout.count("\ndn:") + 1 == len(directory.tree)
    assert found.stdout.count("entryUUID: ") == len(directory.tree)
