"""What a reload changes for those who are there, what it leaves alone, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from ..policy.content import ALICE, ALICE_PASSWORD, PROBE
from ..policy.server_log import ServerLog
from ..real import gateway as gateways
from ..real import wire
from ..real.process import pause
from ..real.raw_client import RawClient, free_address
from .site import SiteFactory
from .test_load import persistent

BUSY, DENIED = 51, 50
alice, password = ALICE.encode(), ALICE_PASSWORD.encode()

DENIES_SEARCH = """
[[plugins]]
use = "allow_list"
default = "allow"
[[plugins.rules]]
name = "no-search"
operations = ["search"]
effect = "deny"
"""


def search(message_id: int = 1) -> bytes:
    return wire.search(message_id, PROBE.encode(), attributes=[b"1.1"])


def limit(**keys: object) -> str:
    lines = "".join(f"{key} = {gateways.toml(value)}\n" for key, value in keys.items())  # type: ignore[arg-type]
    return f'[[plugins]]\nuse = "rate_limit"\n[[plugins.limits]]\nname = "all"\nkey = "global"\n{lines}'


@pytest.mark.parametrize("workers", [1, 2])
def test_the_next_request_is_judged_by_the_new_rules(site: SiteFactory, workers: int) -> None:
    running = site(workers=workers)
    with RawClient(running.address) as client:
        assert client.ask(wire.bind(1, alice, password)).code == wire.SUCCESS
        running.reload(plugins=DENIES_SEARCH)
        assert client.ask(search(2)).code == DENIED
        assert client.ask(wire.compare(3, PROBE.encode(), b"cn", b"probe")).code == 6
        running.reload(plugins="")
        assert client.ask(search(4)).code == wire.SUCCESS
    assert running.events("reloaded", by="order")


@pytest.mark.parametrize("workers", [1, 2])
def test_who_is_locked_out_stays_so(site: SiteFactory, server_log: ServerLog, workers: int) -> None:
    guard = '[[plugins]]\nuse = "bind_guard"\nfailures = 2\nlockout_seconds = 120\nnegative_cache_seconds = 0\n'
    spent = limit(operations="compare", rate="1/h", burst=1)
    running = site(plugins=guard + spent, workers=workers)
    compare = wire.compare(9, PROBE.encode(), b"cn", b"probe")
    with RawClient(running.address) as client:
        for number in (1, 2):
            assert client.ask(wire.bind(number, alice, b"guess")).code == wire.INVALID_CREDENTIALS
        assert client.ask(compare).code == 6
    running.reload(plugins=guard.replace("120", "300") + spent + DENIES_SEARCH)
    server_log.mark()
    with RawClient(running.address) as client:
        assert client.ask(wire.bind(1, alice, password)).code == wire.INVALID_CREDENTIALS
        assert client.ask(compare).code == BUSY
        assert client.ask(search(2)).code == DENIED
    assert not any("method=128" in line for line in server_log.requests())


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_request_under_way_has_in_use_stays_so_until_its_end(site: SiteFactory, workers: int) -> None:
    one = limit(operations="search", concurrent=1)
    running = site(plugins=one, workers=workers)
    with RawClient(running.address) as client, RawClient(running.address) as other:
        client.send(wire.search(1, PROBE.encode(), attributes=[b"1.1"], controls=[persistent()]))
        assert client.receive().tag == wire.SEARCH_ENTRY
        running.reload(plugins=one + '[[plugins]]\nuse = "allow_list"\ndefault = "allow"\n')
        assert other.ask(search(1)).code == BUSY
        client.send(wire.abandon(2, 1))
        for message_id in range(2, 100):
            code = other.ask(search(message_id)).code
            if code == wire.SUCCESS:
                break
            pause(0.02)
        assert code == wire.SUCCESS


@pytest.mark.parametrize("workers", [1, 2])
def test_listeners_come_and_go_and_clients_stay(site: SiteFactory, workers: int) -> None:
    first, second = gateways.listener("first"), gateways.listener("second")
    running = site(listeners=[first, second], workers=workers)
    old = running.addresses["second"]
    with RawClient(old) as client:
        assert client.ask(search(1)).code == wire.SUCCESS
        third = gateways.listener("third")
        running.reload(listeners=[first, third])
        with pytest.raises(ConnectionRefusedError):
            RawClient(old)
        with RawClient(running.addresses["third"]) as new:
            assert new.ask(search(1)).code == wire.SUCCESS
        assert client.ask(search(2)).code == wire.SUCCESS
        # Its rules are those of today.
        running.reload(plugins=DENIES_SEARCH)
        assert client.ask(search(3)).code == DENIED
        assert running.metric("ostiary_connections", 'listener="second"') == 1
        # A listener of the same name is the same one, wherever it listens.
        moved = gateways.listener("third", address=free_address())
        before = running.addresses["third"]
        running.reload(listeners=[first, moved], plugins="")
        with pytest.raises(ConnectionRefusedError):
            RawClient(before)
        with RawClient(running.addresses["third"]) as new:
            assert new.ask(search(1)).code == wire.SUCCESS
        # And one with the same address takes over its socket.
        running.reload(listeners=[{**first, "name": "renamed"}, moved])
        with RawClient(running.addresses["renamed"]) as new:
            assert new.ask(search(1)).code == wire.SUCCESS
        assert client.ask(search(4)).code == wire.SUCCESS
    assert {each["name"] for each in running.status()["listeners"]} == {"renamed", "third"}


def test_a_new_dial_goes_to_the_new_servers(site: SiteFactory) -> None:
    running = site()
    gone = gateways.upstream(free_address())
    with RawClient(running.address) as client:
        assert client.ask(search(1)).code == wire.SUCCESS
        real, running.upstreams = running.upstreams, [gone]
        running.reload()
        assert client.ask(search(2)).code == wire.SUCCESS
        with RawClient(running.address) as new:
            assert new.ask(search(1)).code == 52
        running.reload(upstreams=real)
        with RawClient(running.address) as new:
            assert new.ask(search(1)).code == wire.SUCCESS


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bad_file_changes_nothing_and_is_told(site: SiteFactory, workers: int) -> None:
    running = site(plugins=DENIES_SEARCH, workers=workers)
    assert running.status()["reload"] is None
    running.write(plugins='[[plugins]]\nuse = "nothing"\n[[plugins]]\nuse = "allow_list"\ndefault = "perhaps"\n')
    done = running.ask("reload", "--control", str(running.control))
    assert done.returncode == 2
    assert "plugins[0].use" in done.stderr
    assert "plugins[1].default" in done.stderr
    (failed,) = running.await_event("reload_failed")
    assert failed["count"] == 2
    assert any(each.startswith("plugins[1].default") for each in failed["faults"])
    assert running.metric("ostiary_config_reloads_total", 'result="failure"') == 1
    told = running.status()["reload"]
    assert (told["result"], told["by"], len(told["faults"])) == ("failure", "order", 2)
    assert any("could not be read again" in each["text"] for each in running.status()["attention"])
    with RawClient(running.address) as client:
        assert client.ask(search(1)).code == DENIED
    running.reload(plugins="")
    assert running.status()["reload"]["result"] == "success"
    assert running.metric("ostiary_config_reloads_total", 'result="success"') == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_what_cannot_be_had_changes_nothing(site: SiteFactory, workers: int) -> None:
    running = site(workers=workers)
    first = running.listeners[0]
    with RawClient(running.address) as taken_from:
        here = taken_from.socket.getsockname()
        # Somebody else's address, behind one that could be had.
        wanted = gateways.listener("wanted")
        other = site(listeners=[gateways.listener("other")])
        running.write(listeners=[first, wanted, {**gateways.listener("taken"), "address": other.address.text}])
        done = running.ask("reload", "--control", str(running.control))
        assert done.returncode == 2
        assert "listener taken: cannot listen" in done.stderr
        assert here == taken_from.socket.getsockname()
        assert taken_from.ask(search(1)).code == wire.SUCCESS
    with pytest.raises(ConnectionRefusedError):
        RawClient(running.addresses["wanted"])
    running.reload(listeners=[first, wanted])
    with RawClient(running.addresses["wanted"]) as client:
        assert client.ask(search(1)).code == wire.SUCCESS


def test_what_needs_a_restart_is_refused_by_name(site: SiteFactory) -> None:
    running = site()
    running.write(workers=2, extra='[audit]\noutput = "audit.log"\n')
    done = running.ask("reload", "--control", str(running.control))
    assert done.returncode == 2
    for key in ("workers", "audit"):
        assert f"{key}: " in done.stderr
    assert "--takeover" in done.stderr
    running.admin = free_address()
    running.write(workers=1, extra="")
    assert "admin.address: " in running.ask("reload", "--control", str(running.control)).stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_a_hang_up_reads_again_and_opens_the_audit_anew(site: SiteFactory, workers: int) -> None:
    running = site(extra='[audit]\noutput = "audit.log"\n', workers=workers)
    audit, moved = running.home / "audit.log", running.home / "audit.log.1"
    with RawClient(running.address) as client:
        assert client.ask(search(1)).code == wire.SUCCESS
        while "search" not in audit.read_text():
            pause(0.02)
        audit.rename(moved)
        running.write(plugins=DENIES_SEARCH)
        running.hang_up()
        running.await_event("reloaded", by="signal")
        running.await_event("reopened", workers)
        assert client.ask(search(2)).code == DENIED
        while not audit.exists() or "no-search" not in audit.read_text():
            pause(0.02)
        # Where records go may change; those of the same request are in one place.
        running.reload(extra='[audit]\noutput = "elsewhere.log"\n')
        assert client.ask(search(3)).code == DENIED
        elsewhere = running.home / "elsewhere.log"
        while "no-search" not in (elsewhere.read_text() if elsewhere.exists() else ""):
            pause(0.02)
    records = [json.loads(line) for line in audit.read_text().splitlines()]
    assert {each["rule"] for each in records if each["event"] == "operation"} == {"no-search"}
    assert running.metric("ostiary_audit_records_lost_total") == 0


def test_files_are_watched_unless_told_not_to(site: SiteFactory) -> None:
    running = site(watch=True)
    running.write(plugins=DENIES_SEARCH)
    running.await_event("reloaded", by="watch")
    with RawClient(running.address) as client:
        assert client.ask(search(1)).code == DENIED
    running.write(plugins="x = 1")
    running.await_event("reload_failed", by="watch")
    running.write(plugins="", watch=False)
    running.await_event("reloaded", 2, by="watch")
    running.write(plugins=DENIES_SEARCH)
    pause(3)
    assert len(running.events("reloaded")) == 2
    # A signal is heard.
    assert "asked" in running.ask("reload", "--pid", str(running.process.pid)).stdout
    running.await_event("reloaded", by="signal")


PLUGIN = """
import asyncio, os
from ostiary.plugins import PASS, Options, Plugin, refuse

class Counting(Plugin):
    class Options(Options):
        most: int = 2
        until: str = ""

    def __init__(self, options):
        super().__init__(options)
        self.seen = 0

    async def on_compare(self, client, request):
        self.seen += 1
        most = self.options.most
        while self.options.until and not os.path.exists(self.options.until):
            await asyncio.sleep(0.02)
        return PASS if self.seen <= most else refuse(53, f"more than {most}")
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_plugins_keep_what_they_know_and_requests_under_way_keep_their_plugin(
    site: SiteFactory, tmp_path: Path, workers: int
) -> None:
    (tmp_path / "counting.py").write_text(PLUGIN)
    use = '[[plugins]]\nuse = "counting:Counting"\ntime_limit_seconds = 30\n'
    running = site(plugins=use, workers=workers, environment={"PYTHONPATH": str(tmp_path)})
    compare = wire.compare(9, PROBE.encode(), b"cn", b"probe")
    with RawClient(running.address) as client:
        assert client.ask(compare).code == 6
        # The same plugin in another place.
        running.reload(plugins='[[plugins]]\nuse = "allow_list"\ndefault = "allow"\n' + use)
        assert [client.ask(compare).code for _ in range(2)] == [6, 53]
        # Another one, since its options are others.
        sign = tmp_path / "go on"
        running.reload(plugins=use + f'most = 1\nuntil = "{sign}"\n')
        client.send(compare)
        pause(0.3)
        running.reload(plugins="")
        assert client.ask(search(3)).code == wire.SUCCESS
        sign.touch()
        assert client.receive().code == 6
        assert [client.ask(compare).code for _ in range(2)] == [6, 6]
    assert running.metric("ostiary_plugin_errors_total") == 0


KNOWING = """
from ostiary.plugins import PASS, Plugin, refuse

class Knowing(Plugin):
    def on_compare(self, client, request):
        return refuse(53) if client.name else PASS
"""


def test_hooks_see_who_a_client_became_while_there_were_none(site: SiteFactory, tmp_path: Path) -> None:
    (tmp_path / "knowing.py").write_text(KNOWING)
    use, none = '[[plugins]]\nuse = "knowing:Knowing"\n', '[[plugins]]\nuse = "allow_list"\ndefault = "allow"\n'
    running = site(plugins=use, environment={"PYTHONPATH": str(tmp_path)})
    compare = wire.compare(9, PROBE.encode(), b"cn", b"probe")
    with RawClient(running.address) as client:
        assert client.ask(compare).code == 6
        running.reload(plugins=none)
        assert client.ask(wire.bind(1, alice, password)).code == wire.SUCCESS
        running.reload(plugins=use)
        assert client.ask(compare).code == 53
        running.reload(plugins=none)
        assert client.ask(wire.bind(2, b"", b"")).code == wire.SUCCESS
        running.reload(plugins=use)
        assert client.ask(compare).code == 6


def test_no_other_user_gives_orders(site: SiteFactory) -> None:
    running = site()
    assert running.control.stat().st_mode & 0o777 == 0o600
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    running.control.chmod(0o666)
    for folder in running.control.parents:
        folder.chmod(folder.stat().st_mode | 0o011) if folder.owner() == "root" and len(folder.parts) > 2 else None
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setuid(65_534)
            from ostiary.commanding import CommandError, asked

            try:
                asked(str(running.control), "reload", 5)
            except CommandError:
                status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    running.await_event("control_refused", uid=65_534)
    assert running.events("reloaded") == []


def test_a_takeover_that_fails_leaves_the_running_one_alone(site: SiteFactory) -> None:
    running = site()
    running.write(listeners=[*running.listeners, {**gateways.listener("taken"), "address": "203.0.113.1:1"}])
    done = running.ask("run", "--takeover", "--config", str(running.path))
    assert done.returncode == 1
    assert "start_failed" in done.stderr
    running.await_event("handover_failed")
    with RawClient(running.address) as client:
        assert client.ask(search(1)).code == wire.SUCCESS
    done = running.ask("run", "--takeover", "--config", str(running.path))
    assert done.returncode == 1
    running.process.stop(signal.SIGINT)
    done = running.ask("run", "--takeover", "--config", str(running.path))
    assert done.returncode == 1
    assert "no gateway takes orders there" in done.stderr
