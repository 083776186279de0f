"""docs/recipes/postgresql.md with PostgreSQL."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..real.authority import Identity
from ..real.process import Process
from ..real.raw_client import Address, free_address
from .directory import Behind
from .recipe import Recipe, needs

NEWEST = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/nowhere"))
CONFIGURATION = """\
listen_addresses = '{address.host}'
port = {address.port}
unix_socket_directories = ''
ssl = on
ssl_cert_file = '{home}/gateway.crt'
ssl_key_file = '{home}/gateway.key'
hba_file = '{home}/etc/postgresql/15/main/pg_hba.conf'
fsync = off
"""


def as_postgres(*command: str) -> list[str]:
    """The command, as a user that PostgreSQL agrees to: it never runs as root."""
    return (
        ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        if os.getuid() == 0
        else [*command]
    )


def make_cluster(recipe: Recipe, identity: Identity, address: Address) -> None:
    home, data = recipe.place, recipe.place / "data"
    for name, source in (("gateway.crt", identity.certificate), ("gateway.key", identity.key)):
        shutil.copy(source, home / name)
        (home / name).chmod(0o600)
    data.mkdir()
    if os.getuid() == 0:
        for each in (data, home / "gateway.crt", home / "gateway.key"):
            shutil.chown(each, "postgres", "postgres")
    initdb = [str(NEWEST / "initdb"), "--pgdata", str(data), "--auth=trust", "--username=postgres", "--no-sync"]
    subprocess.run(as_postgres(*initdb), check=True, capture_output=True, timeout=50, cwd="/")
    subprocess.run(
        as_postgres(str(NEWEST / "postgres"), "--single", "-D", str(data), "postgres"),
        input=b"create role alice login\n",
        check=True,
        capture_output=True,
        timeout=30,
        cwd="/",
    )
    with (data / "postgresql.conf").open("a") as file:
        file.write(CONFIGURATION.format(home=home, address=address))


@contextmanager
def postgresql(recipe: Recipe, address: Address, environment: Mapping[str, str]) -> Iterator[Process]:
    command = as_postgres(str(NEWEST / "postgres"), "-D", str(recipe.place / "data"))
    process = Process(command, recipe.place / "postgresql.log", environment=environment)
    try:
        process.await_listening(address)
        yield process
    finally:
        process.stop(signal.SIGINT)


def test_roles_log_in_with_their_password_of_the_directory(behind: Behind, place: Path, identity: Identity) -> None:
    needs(psql="postgresql-client", setpriv="util-linux")
    if not (NEWEST / "postgres").exists():
        pytest.skip("postgres is absent: apt-get install postgresql")
    address = free_address()
    servers = {"ldap://dc1.example.org:389": behind.plain.url()}
    recipe = Recipe("postgresql", place, servers, identity, behind.ca)
    recipe.replaced |= {
        "--host db.example.org": f"--host {address.host} --port {address.port}",
        "ldapport=389": f"ldapport={recipe.listen.port}",
    }
    recipe.write()
    environment = dict(
        re.findall(r"^(\w+) = '(.*)'$", recipe.file("/etc/postgresql/15/main/environment").read_text(), re.M)
    )
    assert set(environment) == {"LDAPTLS_CACERT", "LDAPTLS_REQCERT"}
    make_cluster(recipe, identity, address)
    for enforced in (False, True):
        with recipe.gateway(enforced=enforced), postgresql(recipe, address, environment) as daemon:
            told = recipe.run(enforced=enforced)
            assert told.startswith("alice\n"), daemon.output
            assert 'LDAP authentication failed for user "alice"' in told
    asked = {(each["operation"], each.get("result")) for each in recipe.audit()}
    assert asked >= {("search", "success"), ("bind", "success"), ("bind", "invalidCredentials")}
    assert ("search", "insufficientAccessRights") in asked
