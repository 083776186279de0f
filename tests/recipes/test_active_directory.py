"""docs/recipes/active-directory.md before Samba as the domain controller.

A domain controller listens on fixed ports, so it has a network of its own, and the gateway and its clients come into
it.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..real.authority import LOCAL_NAMES, Authority, Identity
from ..real.process import Process
from .recipe import Recipe, await_listening_in, can_have_namespace, needs

PROVISION = [
    "samba-tool", "domain", "provision", "--realm=CORP.EXAMPLE.ORG", "--domain=CORP", "--server-role=dc",
    "--dns-backend=NONE", "--adminpass=Adm1n-password", "--host-name=dc1", "--host-ip=127.0.0.1",
    "--option=interfaces=lo", "--option=bind interfaces only=yes",
]  # fmt: skip
PEOPLE = (
    (
        "user", "create", "alice", "Alice-passw0rd",
        "--given-name=Alice", "--surname=Archer", "--mail-address=alice@example.org",
    ),
    ("user", "create", "svc-intranet", "Intranet-passw0rd"),
    ("group", "add", "wiki-users"),
    ("group", "add", "everybody"),
    ("group", "addmembers", "wiki-users", "alice"),
    ("group", "addmembers", "everybody", "wiki-users"),
)  # fmt: skip


def provision(home: Path) -> None:
    subprocess.run([*PROVISION, f"--targetdir={home}"], check=True, capture_output=True, timeout=50)
    database = ["-H", str(home / "private/sam.ldb"), "-s", str(home / "etc/smb.conf")]
    for command in PEOPLE:
        subprocess.run(["samba-tool", *command, *database], check=True, capture_output=True, timeout=30)


@pytest.fixture
def controller(place: Path, authority: Authority) -> Iterator[Process]:
    """A domain controller, alone in a network where it has the usual ports."""
    needs(samba="samba-ad-dc", ip="iproute2", unshare="util-linux", nsenter="util-linux")
    if not shutil.which("samba-tool") or not list(Path("/usr/share/samba").glob("setup/provision*")):
        pytest.skip("the templates of a domain are absent: apt-get install samba-ad-provision")
    if not can_have_namespace():
        pytest.skip("a domain controller is tried as root and in a network namespace")
    home = place / "dc"
    home.mkdir()
    provision(home)
    own = authority.issue("controller", *LOCAL_NAMES, use_rsa=True)
    options = {
        "server services": "ldap", "pid directory": home, "ncalrpc dir": home / "ncalrpc", "log file": home / "log",
        "tls certfile": own.certificate, "tls keyfile": own.key, "tls cafile": authority.certificate,
    }  # fmt: skip
    samba = ["samba", "-i", "-M", "single", "--debug-stdout", "--configfile", str(home / "etc/smb.conf")]
    samba += [f"--option={name}={value}" for name, value in options.items()]
    script = 'ip link set lo up; exec "$@"'
    process = Process(["unshare", "--net", "bash", "-c", script, "bash", *samba], place / "samba.log")
    yield process
    process.stop()


@pytest.mark.timeout(180)
def test_an_application_without_tls_reaches_a_domain_that_demands_it(
    controller: Process, place: Path, identity: Identity, authority: Authority
) -> None:
    servers = {
        "ldaps://dc1.corp.example.org:636": "ldaps://127.0.0.1:636",
        "ldaps://dc2.corp.example.org:636": "ldaps://localhost:636",
        "ldap://dc1.corp.example.org": "ldap://127.0.0.1",
    }
    recipe = Recipe("active-directory", place, servers, identity, authority.certificate)
    recipe.prefix = ["nsenter", "--net", "--target", str(controller.pid)]
    await_listening_in(controller, recipe.prefix, 636)
    for enforced in (False, True):
        with recipe.gateway(enforced=enforced, prefix=recipe.prefix):
            told = recipe.run(enforced=enforced)
            assert "Strong(er) authentication required (8)" in told
            assert "sAMAccountName: alice\nmail: alice@example.org\nmemberOf: CN=wiki-users," in told.replace("\n ", "")
            assert "cn: everybody" in told
            assert "# refldap" not in told
    asked = {(each["operation"], each.get("result")) for each in recipe.audit()}
    assert asked >= {("search", "success"), ("bind", "success"), ("bind", "invalidCredentials")}
    assert ("search", "insufficientAccessRights") in asked
