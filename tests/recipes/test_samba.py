"""docs/recipes/samba.md with Samba's smbd, in a mount namespace where the directory's people are the machine's too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..real.authority import Authority, Identity
from ..real.process import Process
from ..real.raw_client import Address, free_address
from . import directory
from .recipe import Recipe, can_have_namespace, needs

# The hash is of "carol-password".
ACCOUNTS = """
dn: sambaDomainName=FILES,dc=example,dc=org
objectClass: sambaDomain
sambaDomainName: FILES
sambaSID: S-1-5-21-1234567890-1234567890-1234567890

dn: uid=carol,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
objectClass: posixAccount
objectClass: sambaSamAccount
uid: carol
cn: Carol Cook
sn: Cook
uidNumber: 10002
gidNumber: 20000
homeDirectory: /home/carol
userPassword: carol-password
sambaSID: S-1-5-21-1234567890-1234567890-1234567890-1002
sambaNTPassword: 7B145179CD1BBC92C0C0B7E759FDE89E
sambaAcctFlags: [U          ]
sambaPwdLastSet: 1700000000
"""
SKELETON = """\
[global]
    private dir = {home}/private
    lock directory = {home}/lock
    state directory = {home}/state
    cache directory = {home}/cache
    pid directory = {home}
    ncalrpc dir = {home}/ncalrpc
    log level = 2 passdb:5
    interfaces = {address.host}
    bind interfaces only = yes
    smb ports = {address.port}
    include = {home}/etc/samba/smb.conf
"""
NAMES = "carol:x:10002:20000:Carol Cook:/home/carol:/bin/sh\n"
SCRIPT = """\
set -e
mount --make-rprivate /
mount --bind {home}/passwd /etc/passwd
mkdir -p {home}/private {home}/lock {home}/state {home}/cache {home}/ncalrpc
smbpasswd -c {home}/smb.conf -w samba-password
exec /usr/sbin/smbd --foreground --debug-stdout --configfile {home}/smb.conf
"""


@contextmanager
def smbd(recipe: Recipe, address: Address) -> Iterator[Process]:
    home = recipe.place
    (home / "smb.conf").write_text(SKELETON.format(home=home, address=address))
    script = SCRIPT.format(home=home)
    process = Process(
        ["unshare", "--mount", "bash", "-c", script], home / "smbd.log", environment={"LDAPTLS_CACERT": str(recipe.ca)}
    )
    try:
        process.await_listening(address)
        yield process
    finally:
        process.stop()


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[directory.Behind]:
    """A directory with Samba's schema and accounts in it."""
    if directory.is_absent():
        pytest.skip(directory.MISSING)
    if not directory.SAMBA_SCHEMA.exists():
        pytest.skip(f"{directory.SAMBA_SCHEMA} is absent: apt-get install samba")
    running = directory.start(tmp_path_factory.mktemp("samba-slapd"), authority, ACCOUNTS)
    yield running
    running.process.stop()


def test_a_file_server_keeps_its_accounts_in_the_directory(
    behind: directory.Behind, place: Path, identity: Identity
) -> None:
    needs(smbd="samba", smbclient="smbclient", unshare="util-linux")
    if not can_have_namespace():
        pytest.skip("smbd is tried as root and in a mount namespace")
    address = free_address()
    servers = {"ldap://dc1.example.org:389": behind.plain.url()}
    further = {
        "//files.example.org": f"--port {address.port} //{address.host}",
        "/srv/projects": f"{place}/projects",
    }
    recipe = Recipe("samba", place, servers, identity, behind.ca, further)
    (place / "projects").mkdir()
    (place / "passwd").write_text(Path("/etc/passwd").read_text() + NAMES)
    for enforced in (False, True):
        with recipe.gateway(enforced=enforced), smbd(recipe, address) as daemon:
            told = recipe.run(enforced=enforced)
            assert "blocks available" in told, daemon.output
            assert "NT_STATUS_LOGON_FAILURE" in told
    asked = {(each["operation"], each.get("result")) for each in recipe.audit()}
    assert asked >= {("search", "success"), ("bind", "success"), ("search", "insufficientAccessRights")}
