"""docs/recipes/sssd.md with SSSD, which runs without systemd in a mount namespace of its own.

SSSD's paths are fixed when it is compiled, and the machine's own names must not change: so what it writes, and what
says that it is asked, is laid over the machine's directories for the processes of this test alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..real.authority import Identity
from ..real.process import Process
from .directory import Behind
from .recipe import Recipe, await_file, can_have_namespace, needs

NAMES = "passwd: files sss\ngroup: files sss\nshadow: files sss\nhosts: files dns\n"
PAM = "auth required pam_sss.so\naccount required pam_sss.so\n"
STATE = ("db", "mc", "pipes/private", "pubconf/krb5.include.d", "gpo_cache", "keytabs", "deskprofile", "secrets")
SCRIPT = """\
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /var/lib/sss
cd /var/lib/sss
mkdir -p {state}
chmod 700 db pipes/private
mkdir -p {home}/log /run/sssd
mount --bind {home}/log /var/log/sssd
mount -t tmpfs tmpfs /run
mount --bind {home}/etc/sssd /etc/sssd
mount --bind {home}/pam.d /etc/pam.d
mount --bind {home}/nsswitch.conf /etc/nsswitch.conf
exec /usr/sbin/sssd --interactive --logger=stderr -d 2
"""


@contextmanager
def sssd(recipe: Recipe) -> Iterator[Process]:
    script = SCRIPT.format(home=recipe.place, state=" ".join(STATE))
    process = Process(["unshare", "--mount", "bash", "-c", script], recipe.place / "sssd.log")
    try:
        for pipe in ("nss", "pam"):
            await_file(process, Path("/proc", str(process.pid), "root", "var/lib/sss/pipes", pipe))
        yield process
    finally:
        process.stop()


def test_people_of_the_directory_log_in(behind: Behind, place: Path, identity: Identity) -> None:
    needs(sssd="sssd-ldap", pamtester="pamtester", unshare="util-linux", nsenter="util-linux")
    if not can_have_namespace():
        pytest.skip("sssd needs root and a mount namespace")
    recipe = Recipe("sssd", place, {"ldap://dc1.example.org:389": behind.plain.url()}, identity, behind.ca)
    (place / "nsswitch.conf").write_text(NAMES)
    shutil.copytree("/etc/pam.d", place / "pam.d", symlinks=True)
    (place / "pam.d/login").write_text(PAM)
    recipe.file("/etc/sssd/sssd.conf").chmod(0o600)
    for enforced in (False, True):
        with recipe.gateway(enforced=enforced), sssd(recipe) as daemon:
            recipe.prefix = ["nsenter", "--mount", "--target", str(daemon.pid)]
            told = recipe.run(enforced=enforced)
            assert "alice:*:10000:20000:Alice Archer:/home/alice:/bin/bash\n" in told, daemon.output
            assert "bob:*:10001:" in told
            assert told.count("staff:*:20000:alice,bob\n") == 2
            assert "successfully authenticated" in told
            assert "Authentication failure" in told
    asked = recipe.audit()
    assert any("userPassword" in each.get("attributes", ()) for each in asked), "what narrow is for"
    assert ("search", "insufficientAccessRights") in {(each["operation"], each.get("result")) for each in asked}
