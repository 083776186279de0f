"""Reloads, new certificates, drains and takeovers while clients ask without a pause: none of them notices."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import threading
from pathlib import Path
from typing import Any, Self

import pytest

from ..policy.content import PROBE
from ..real import gateway as gateways
from ..real import wire
from ..real.authority import LOCAL_NAMES, Authority
from ..real.process import pause
from ..real.raw_client import Address, RawClient, free_address
from .load import loads
from .site import Site, SiteFactory


def rules(number: int) -> str:
    """A policy that is another one each time, and lets the load pass."""
    names = "".join(
        f'[[plugins.rules]]\nname = "rule-{number % 7}-{each}"\noperations = ["compare"]\neffect = "deny"\n'
        for each in range(number % 3)
    )
    limits = f'[[plugins.limits]]\nname = "all"\nkey = "global"\nrate = "{900_000 + number}/s"\n'
    rate = f'[[plugins]]\nuse = "rate_limit"\n{limits}'
    return f'[[plugins]]\nuse = "allow_list"\ndefault = "allow"\n{names}\n{rate if number % 4 else ""}'


def descriptors(site: Site) -> dict[str, float]:
    """How many descriptors each process has open."""
    return {name: told["open_fds"] for name, told in site.status()["processes"].items()}


class Watcher:
    """Reads what was counted again and again: it never goes back."""

    def __init__(self, site: Site) -> None:
        self.faults: list[str] = []
        self._site = site
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        before: dict[str, float] = {}
        while not self._ends.wait(0.05):
            for line in self._site.read("/metrics")[1].splitlines():
                name, _, value = line.rpartition(" ")
                if name.startswith("ostiary_") and "_total" in name:
                    if float(value) < before.get(name, 0.0):
                        self.faults.append(f"{name}: {before[name]} then {value}")
                    before[name] = float(value)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_fault: object) -> None:
        self._ends.set()
        self._thread.join(10)
        assert self.faults == []


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("workers", "reloads"), [(1, 100), (2, 20)])
def test_a_hundred_reloads_are_noticed_by_nobody(site: SiteFactory, workers: int, reloads: int) -> None:
    first = gateways.listener("plain")
    others = [gateways.listener(f"other{number}") for number in range(3)]
    running = site(listeners=[first], workers=workers, plugins=rules(0))
    before = descriptors(running)
    with Watcher(running), RawClient(running.address) as lasting, loads(running.address, 3) as clients:
        for number in range(1, reloads + 1):
            listeners = [first, *others[: number % 4]]
            limits = {**running.limits, "idle_seconds": 600 + number}
            answer = running.reload_quickly(listeners=listeners, plugins=rules(number), limits=limits)
            assert answer["result"] == "success", answer
            for each in listeners[1:]:
                with RawClient(running.addresses[str(each["name"])]) as client:
                    assert client.ask(wire.search(1, PROBE.encode())).code == wire.SUCCESS
            assert lasting.ask(wire.search(number, PROBE.encode())).code == wire.SUCCESS
    asked = sum(each.codes.total() for each in clients)
    assert running.metric("ostiary_config_reloads_total", 'result="success"') == reloads
    # Everything was counted, once: what the loads asked, and what was asked here.
    here = reloads + sum(number % 4 for number in range(1, reloads + 1))
    counted = running.metric("ostiary_operations_total", 'result="success"')
    assert counted == asked + here
    # Gauges went with their clients.
    for _ in range(200):
        if running.metric("ostiary_connections") == running.metric("ostiary_upstream_connections") == 0:
            break
        pause(0.05)
    assert running.metric("ostiary_connections") == 0
    assert running.metric("ostiary_upstream_connections") == 0
    # Nothing stays open of what came and went.
    running.reload_quickly(listeners=[first])
    after = descriptors(running)
    assert all(after[name] <= count + 2 for name, count in before.items()), (before, after)


@pytest.mark.timeout(200)
def test_memory_does_not_grow_by_reloads(site: SiteFactory) -> None:
    running = site(plugins=rules(0))
    with RawClient(running.address) as client:
        sizes = []
        for number in range(1, 41):
            assert running.reload_quickly(plugins=rules(number))["result"] == "success"
            assert client.ask(wire.search(number, PROBE.encode())).code == wire.SUCCESS
            sizes.append(running.process.resident_bytes)
    assert max(sizes[-10:]) - max(sizes[5:15]) < 3 << 20, [size >> 10 for size in sizes]


def secret(home: Path, authority: Authority, number: int) -> dict[str, Any]:
    """A new version of a secret, in force at once by the exchange of a link, as Kubernetes mounts it."""
    version = home / f"..version{number}"
    version.mkdir()
    issued = authority.issue(f"version{number}", *LOCAL_NAMES)
    (version / "tls.crt").write_bytes(issued.certificate.read_bytes())
    (version / "tls.key").write_bytes(issued.key.read_bytes())
    (version / "tls.key").chmod(0o600)
    link = home / "..data_tmp"
    link.symlink_to(version.name)
    link.rename(home / "..data")
    for name in ("tls.crt", "tls.key"):
        if not (home / name).is_symlink():
            (home / name).symlink_to(f"..data/{name}")
    return {"mode": "ldaps", "certificate": str(home / "tls.crt"), "key": str(home / "tls.key")}


def shown(address: Address, context: ssl.SSLContext) -> bytes:
    """The certificate that a client is shown."""
    plain = socket.create_connection((address.host, address.port), 15)
    with context.wrap_socket(plain, server_hostname="localhost") as secured:
        found = secured.getpeercert(binary_form=True)
        assert found is not None
        return found


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("workers", "changes"), [(1, 20), (2, 4)])
def test_twenty_certificates_change_under_load(
    site: SiteFactory, authority: Authority, tmp_path: Path, workers: int, changes: int
) -> None:
    home = tmp_path / "secret"
    home.mkdir()
    tls = secret(home, authority, 0)
    running = site(listeners=[gateways.listener("ldaps", tls=tls)], watch=True, workers=workers)
    context = authority.trusting()
    seen = {shown(running.address, context)}
    # A client that was there before stays, whatever is shown to others.
    with RawClient(running.address, context) as lasting, loads(running.address, 3, searches=3, tls=lambda: context):
        for number in range(1, changes + 1):
            if number % 2:
                secret(home, authority, number)
            else:
                # In place, the certificate first: for a moment it does not fit to the key.
                issued = authority.issue(f"plain{number}", *LOCAL_NAMES)
                for name, source in (("tls.crt", issued.certificate), ("tls.key", issued.key)):
                    (home / "..data" / name).write_bytes(source.read_bytes())
            running.await_event("reloaded", number, by="watch")
            found = shown(running.address, context)
            assert found not in seen
            seen.add(found)
            assert lasting.ask(wire.search(number, PROBE.encode())).code == wire.SUCCESS
    assert running.metric("ostiary_config_reloads_total", 'result="success"') == changes


@pytest.mark.timeout(200)
@pytest.mark.parametrize(("before", "after"), [(1, 1), (1, 2), (2, 2), (3, 2)])
def test_another_process_takes_over_under_load(site: SiteFactory, tmp_path: Path, before: int, after: int) -> None:
    local = gateways.listener("local", address=Address(str(tmp_path / "ldapi")))
    running = site(listeners=[gateways.listener("plain"), local], workers=before)
    addresses = [running.addresses["plain"], running.addresses["local"]]
    with loads(addresses[0], 3) as clients, loads(addresses[1], 1):
        for turn in range(3):
            pause(0.3)
            old = running.process
            running.start("--takeover", workers=after if turn % 2 == 0 else before)
            assert old.wait() == 0
            assert running.events("listener_inherited", listener="plain")
            for address in addresses:
                with RawClient(address) as client:
                    assert client.ask(wire.search(1, PROBE.encode())).code == wire.SUCCESS
            assert running.read("/readyz")[0] == 200
    # Whoever came was served to the end by the one or the other.
    assert sum(each.notices for each in clients) == 0
    running.process.stop()
    assert not Path(addresses[1].host).exists()
    assert not running.control.exists()


def test_who_waits_to_be_accepted_is_served_by_the_next(site: SiteFactory) -> None:
    running = site()
    old = running.process
    with RawClient(running.address) as busy:
        # An answer that does not end keeps the old one for a while; it accepts nobody any more.
        busy.send(wire.search(1, PROBE.encode(), controls=[persistent()]))
        assert busy.receive().tag == wire.SEARCH_ENTRY
        running.start("--takeover")
        clients = [RawClient(running.address).send(wire.search(1, PROBE.encode())) for _ in range(50)]
        for client in clients:
            with client:
                assert client.receive_final()[-1].code == wire.SUCCESS
        while not (said := busy.receive()).is_notice:
            assert said.message_id == 1
    assert old.wait() == 0


def persistent() -> bytes:
    """Asks for what is there, and then for every change: a search that does not end (RFC 4533)."""
    return wire.control(wire.SYNC_REQUEST, wire.sequence(wire.enumerated(3)))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_drain_under_load_loses_no_answer(site: SiteFactory, workers: int) -> None:
    running = site(workers=workers, limits={"drain_seconds": 6, "drain_delay_seconds": 1})
    other = site(listeners=[gateways.listener("plain", address=free_address())])
    # As a balancer does: clients are sent where it is ready.
    state = {"address": running.address}
    with loads(lambda: state["address"], 4) as clients:
        pause(0.5)
        os.kill(running.process.pid, signal.SIGTERM)
        while running.read("/readyz")[0] == 200:
            pause(0.005)
        state["address"] = other.address
        assert running.process.wait() == 0
        pause(0.3)
    assert sum(each.notices for each in clients) == 0
    assert running.events("drain_delayed", seconds=1)
