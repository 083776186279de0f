"""A real gateway before slapd with everything on that is counted, and clients that do what there is to count.

It knows what clients do, not how it is counted: each thing is done again and again until it is told to stop, so that
every counter grows between two scrapes.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..house.tree import ROOT
from ..policy import content
from ..real import gateway as gateways
from ..real.authority import LOCAL_NAMES, Authority
from ..real.gateway import Gateway
from ..real.raw_client import Address, free_address
from ..real.servers import slapd

WAIT_SECONDS = 25.0

TABLES = """
[[plugins]]
use = "allow_list"
[[plugins.rules]]
name = "people"
operations = ["bind", "search", "compare", "modify"]
base = "{people}"
[[plugins.rules]]
name = "accounts"
operations = "bind"

[[plugins]]
name = "trial"
use = "allow_list"
mode = "monitor"
[[plugins.rules]]
name = "binds-alone"
operations = "bind"

[[plugins]]
name = "watcher"
use = "tests.deploy.hooks:Watcher"

[admin]
address = "{admin}"

[audit]
output = "{audit}"
"""


@contextmanager
def serving(home: Path) -> Iterator[Address]:
    """The admin address of a gateway under traffic."""
    authority = Authority(home)
    identity = authority.issue("gateway", *LOCAL_NAMES)
    admin = free_address()
    directory = slapd.start(home / "slapd", authority, content=content.ldif())
    try:
        running = gateways.run(
            home / "gateway",
            [
                gateways.listener("ldaps", "ldaps", identity=identity),
                gateways.listener("open", "starttls", identity=identity, require_tls="off"),
            ],
            [gateways.upstream(directory.plain, mode="starttls", authority=authority)],
            log_level="info",
            plugins=TABLES.format(people=content.PEOPLE, admin=admin.text, audit=home / "audit.json"),
            environment={"PYTHONPATH": str(ROOT)},
        )
        try:
            running.process.await_listening(admin)
            with _asking(running, authority.certificate):
                yield admin
        finally:
            running.stop()
    finally:
        directory.process.stop()


@contextmanager
def _asking(gateway: Gateway, ca: Path) -> Iterator[None]:
    """Clients of both listeners, until the end."""
    may_end = threading.Event()
    failures: list[str] = []

    def ask() -> None:
        while not may_end.is_set() and not failures:
            failures.extend(_round(gateway, ca))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        may_end.set()
        thread.join(WAIT_SECONDS)
    assert failures == []


def _round(gateway: Gateway, ca: Path) -> Iterator[str]:
    """One of everything; what came out otherwise than it has to."""
    ldaps = gateway.addresses["ldaps"].url("ldaps")
    plain = gateway.addresses["open"].url()
    app = ("-x", "-D", content.APP, "-w", content.PASSWORD)
    desk = ("-x", "-D", content.DESK, "-w", content.PASSWORD)
    found = ("-LLL", "-b", content.PEOPLE, "(uid=alice)", "cn")
    change = f"dn: {content.ALICE}\nchangetype: modify\nreplace: description\ndescription: seen\n"
    for status, command, stdin in (
        (0, ("ldapsearch", "-H", ldaps, *app, *found), ""),
        (0, ("ldapsearch", "-H", plain, *app, *found), ""),
        (0, ("ldapsearch", "-H", plain, "-ZZ", *app, *found), ""),
        (6, ("ldapcompare", "-H", ldaps, *app, content.ALICE, "uid:alice"), ""),
        (50, ("ldapmodify", "-H", ldaps, *desk), change),
        (49, ("ldapsearch", "-H", ldaps, "-x", "-D", content.APP, "-w", "wrong", *found), ""),
        (49, ("ldapsearch", "-H", plain, "-x", "-D", content.APP, "-w", "wrong", *found), ""),
        (50, ("ldapsearch", "-H", ldaps, *app, "-LLL", "-b", content.GROUPS), ""),
    ):
        ended = _run(command, ca, stdin)
        if ended.returncode != status:
            yield f"{command}: {ended.returncode}, not {status}: {ended.stderr}"
    _misbehave(gateway)


def _run(command: Sequence[str], ca: Path, stdin: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=WAIT_SECONDS,
        env={"PATH": "/usr/bin:/bin", "LDAPTLS_CACERT": str(ca), "HOME": "/nonexistent"},
    )  # fmt: skip


def _misbehave(gateway: Gateway) -> None:
    """What is no LDAP, and what is no TLS."""
    for name in ("open", "ldaps"):
        with gateway.addresses[name].connect() as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            while client.recv(4_096):
                pass
