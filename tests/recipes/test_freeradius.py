"""docs/recipes/freeradius.md with FreeRADIUS."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from benches.ports import free_port

from ..real.authority import Identity
from ..real.process import Process
from .directory import Behind
from .recipe import Recipe, await_saying, needs

MODULES = Path("/usr/lib/freeradius")
SKELETON = """\
prefix = /usr
raddbdir = {home}/etc/freeradius/3.0
confdir = {home}/etc/freeradius/3.0
libdir = {modules}
run_dir = {home}
db_dir = {home}
logdir = {home}
pidfile = {home}/pid
log {{
    destination = stdout
}}
security {{
    allow_vulnerable_openssl = yes
    reject_delay = 0
}}
client localhost {{
    ipaddr = 127.0.0.1
    secret = testing123
}}
modules {{
    $INCLUDE /etc/freeradius/3.0/mods-available/always
    $INCLUDE mods-enabled/
}}
$INCLUDE sites-enabled/
"""


@contextmanager
def freeradius(recipe: Recipe) -> Iterator[Process]:
    folder = recipe.file("/etc/freeradius/3.0")
    (folder / "radiusd.conf").write_text(SKELETON.format(home=recipe.place, modules=MODULES))
    process = Process(["/usr/sbin/freeradius", "-X", "-d", str(folder), "-n", "radiusd"], recipe.place / "radius.log")
    try:
        await_saying(process, "Ready to process requests")
        yield process
    finally:
        process.stop()


def test_people_of_a_group_are_accepted(behind: Behind, place: Path, identity: Identity) -> None:
    needs(freeradius="freeradius", radtest="freeradius-utils")
    if not (MODULES / "rlm_ldap.so").exists():
        pytest.skip("rlm_ldap is absent: apt-get install freeradius-ldap")
    port = free_port(kind=socket.SOCK_DGRAM)
    servers = {"ldap://dc1.example.org:389": behind.plain.url()}
    further = {"127.0.0.1:1812": f"127.0.0.1:{port}", "port = 1812": f"port = {port}"}
    recipe = Recipe("freeradius", place, servers, identity, behind.ca, further)
    for enforced in (False, True):
        with recipe.gateway(enforced=enforced), freeradius(recipe) as daemon:
            told = recipe.run(enforced=enforced)
            assert told.count("Received Access-Accept") == 1, daemon.output
            assert told.count("Received Access-Reject") == 2, daemon.output
    asked = {(each["operation"], each.get("result"), each.get("entries")) for each in recipe.audit()}
    assert asked >= {("search", "success", 1), ("search", "success", 0), ("bind", "success", None)}
    assert asked >= {("bind", "invalidCredentials", None), ("search", "insufficientAccessRights", 0)}
