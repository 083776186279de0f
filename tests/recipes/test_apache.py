"""docs/recipes/apache.md with Apache httpd."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..real.authority import Identity
from ..real.process import Process
from ..real.raw_client import Address, free_address
from .directory import Behind
from .recipe import Recipe, needs

MODULES = Path("/usr/lib/apache2/modules")
NEEDED = ("mpm_event", "authn_core", "authz_core", "authz_user", "auth_basic", "ldap", "authnz_ldap", "alias")
SKELETON = """\
ServerName www.example.org
ServerRoot {home}
PidFile {home}/pid
DefaultRuntimeDir {home}
Mutex posixsem
Listen {address}
DocumentRoot {home}/pages
ErrorLog /dev/stderr
LogLevel authnz_ldap:debug
{modules}
{user}
Include {home}/etc/apache2/conf-available/wiki.conf
"""


@contextmanager
def apache(recipe: Recipe, address: Address) -> Iterator[Process]:
    home = recipe.place
    modules = "\n".join(f"LoadModule {each}_module {MODULES}/mod_{each}.so" for each in NEEDED)
    user = "User www-data\nGroup www-data" if os.getuid() == 0 else ""
    (home / "httpd.conf").write_text(SKELETON.format(home=home, address=address.text, modules=modules, user=user))
    process = Process(["apache2", "-DFOREGROUND", "-f", str(home / "httpd.conf")], home / "apache.log")
    try:
        process.await_listening(address)
        yield process
    finally:
        process.stop()


def test_people_of_a_group_come_in_and_the_account_can_do_no_more(
    behind: Behind, place: Path, identity: Identity
) -> None:
    needs(apache2="apache2", curl="curl")
    address = free_address()
    servers = {"ldap://dc1.example.org:389": behind.plain.url()}
    further = {
        "http://www.example.org": f"http://{address.text}",
        "/etc/apache2/ldap-password": f"{place}/etc/apache2/ldap-password",
    }
    recipe = Recipe("apache", place, servers, identity, behind.ca, further)
    (place / "pages").mkdir()
    (place / "pages/wiki").write_text("welcome")
    for enforced in (False, True):
        with recipe.gateway(enforced=enforced), apache(recipe, address) as daemon:
            told = recipe.run(enforced=enforced)
            assert told.splitlines()[:3] == ["200", "401", "401"], daemon.output
    asked = {(each["operation"], each.get("result")) for each in recipe.audit()}
    assert asked >= {
        ("search", "success"),
        ("compare", "compareTrue"),
        ("compare", "compareFalse"),
        ("bind", "success"),
    }
    assert ("bind", "invalidCredentials") in asked
    assert ("search", "insufficientAccessRights") in asked
