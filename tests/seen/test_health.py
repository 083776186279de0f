"""Whether clients should be sent here, and what a document and a page tell while there is traffic."""

from __future__ import annotations

import os
import re
import signal
import threading
import time

import pytest

from ..house.tree import ROOT
from ..policy import content
from ..real import gateway as gateways
from ..real import wire
from ..real.fake_directory import FakeDirectory, UpstreamConnection, answer_plainly, answering
from ..real.process import pause
from ..real.raw_client import free_address
from ..real.servers.directory import Directory
from .figures import WAIT_SECONDS, Endpoint
from .stage import APP, MIXED, PASSWORD, SeenFactory, search, wrong_bind
from .volume import Crowd

POLICY = """
[[plugins]]
use = "allow_list"
default = "allow"
[[plugins.rules]]
name = "nobody-compares"
effect = "deny"
operations = "compare"
[[plugins]]
name = "watcher"
use = "tests.deploy.hooks:Watcher"
"""


def await_status(endpoint: Endpoint, path: str, wanted: int) -> str:
    deadline = time.monotonic() + WAIT_SECONDS
    while (answer := endpoint.fetch(path))[0] != wanted:
        assert time.monotonic() < deadline, answer
        pause(0.05)
    return answer[1]


def await_asked(directory: FakeDirectory) -> None:
    """Returns once somebody has asked the directory; the prober only connects."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not any(connection.messages for connection in directory.connections):
        assert time.monotonic() < deadline, "nobody asks"
        pause(0.01)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_gateway_that_drains_is_alive_and_not_ready(seen: SeenFactory, workers: int) -> None:
    may_answer = threading.Event()

    def answer(connection: UpstreamConnection, request: wire.Message) -> None:
        if request.tag == wire.SEARCH_REQUEST:
            may_answer.wait(WAIT_SECONDS)
        answer_plainly(connection, request)

    with FakeDirectory(answering(answer)) as directory:
        running = seen(upstreams=[gateways.upstream(directory.address)], workers=workers, audit={})
        await_status(running.endpoint, "/readyz", 200)
        assert running.endpoint.fetch("/healthz")[0] == 200
        client = running.connect()
        client.send(search(1))
        await_asked(directory)
        running.gateway.process.signal(15)
        reason = await_status(running.endpoint, "/readyz", 503)
        assert "stopping" in reason
        assert running.endpoint.fetch("/healthz")[0] == 200
        assert running.endpoint.status()["ready"] is False
        may_answer.set()
        assert client.receive_final()[-1].code == wire.SUCCESS
        assert client.receive().is_notice
        running.gateway.stop()
    assert [record["result"] for record in running.operations()] == ["success"]
    assert running.records()[-1]["reason"] == "draining"


@pytest.mark.timeout(90)
def test_a_gateway_without_a_server_is_alive_and_not_ready(seen: SeenFactory) -> None:
    with FakeDirectory() as directory:
        running = seen(upstreams=[gateways.upstream(directory.address)])
        server = directory.address.url()
        running.endpoint.await_figures(lambda figures: figures.each("ostiary_upstream_up", "server") == {server: 1})
        client = running.connect()
        assert client.ask(search(1)).code == wire.SUCCESS
    # A client that finds nobody there tells before the prober looks again.
    reason = await_status(running.endpoint, "/readyz", 503)
    assert server in reason
    assert running.endpoint.fetch("/healthz")[0] == 200
    assert running.endpoint.figures().each("ostiary_upstream_up", "server") == {server: 0}
    assert running.endpoint.status()["upstreams"][0]["servers"][0]["up"] is False
    figures = running.endpoint.figures()
    assert figures.total("ostiary_upstream_connections") == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_the_document_is_complete_under_traffic(seen: SeenFactory, openldap: Directory, workers: int) -> None:
    running = seen(
        [gateways.listener("plain"), {**gateways.listener("astray"), "upstream": "down"}],
        [gateways.upstream(openldap.plain), {"name": "down", "servers": [free_address().url()],
                                                   "tls": {"mode": "none"}}],
        plugins=POLICY, workers=workers, audit={}, environment={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    clients = [running.connect() for _ in range(6)]
    for client in clients:
        assert client.ask(wire.bind(1, APP, PASSWORD)).code == wire.SUCCESS
    failing = running.connect()
    assert failing.ask(wrong_bind(1)).code == wire.INVALID_CREDENTIALS
    asking = Crowd(clients)
    asking.start(MIXED, window=20)
    try:
        pause(4.5)
        document = running.endpoint.status()
    finally:
        tally = asking.stop()
    assert asking.failures == []
    told = re.findall(r"^\| `([a-z_.\[\]0-9]+)` \|", (ROOT / "docs/admin.md").read_text(), re.MULTILINE)
    assert len(told) > 60
    empty = {"certificates[].", "violations[].", "reload."}
    assert [key for key in told if not has(document, key) and not any(key.startswith(one) for one in empty)] == []
    assert [worker["worker"] for worker in document["workers"]] == list(range(workers))
    assert sum(worker["connections"] for worker in document["workers"]) == 7
    (plain,) = [each for each in document["listeners"] if each["name"] == "plain"]
    assert (plain["connections"], plain["bind_failures"], plain["plaintext_binds"]) == (7, 1, 7)
    assert {each["operation"] for each in document["operations"]} >= {"bind", "search", "compare"}
    assert all(each["rate"] > 0 for each in document["operations"] if each["operation"] in ("search", "compare"))
    assert dict(document["top"]["identities"]).get(content.APP, 0) > 100
    assert dict(document["top"]["clients"])["127.0.0.1"] > 100
    (plugin,) = [each for each in document["plugins"] if each["name"] == "allow_list"]
    assert plugin["refusals"] == plugin["rules"][0]["count"] > 0
    assert len(document["refusals"]) == 50
    assert document["refusals"][0]["rule"] == "nobody-compares"
    ended = running.endpoint.status()
    assert sum(each["count"] for each in ended["operations"]) == tally.codes.total() + 7
    status, page = running.endpoint.fetch("/")
    assert status == 200
    assert "<title>" in page


def has(document: object, key: str) -> bool:
    """Whether a document has a key, as docs/admin.md writes it; of several, whether the first one has."""
    found = document
    for name in key.split("."):
        if not isinstance(found, dict) or name.removesuffix("[]") not in found:
            return False
        found = found[name.removesuffix("[]")]
        if name.endswith("[]"):
            found = list(found.values()) if isinstance(found, dict) else found
            if not isinstance(found, list) or not found:
                return False
            found = found[0]
    return True


def test_a_worker_that_hangs_is_left_out_and_the_others_are_told_of(seen: SeenFactory) -> None:
    with FakeDirectory() as directory:
        running = seen(upstreams=[gateways.upstream(directory.address)], workers=2)
        deadline = time.monotonic() + WAIT_SECONDS
        while len(workers := running.endpoint.status()["workers"]) != 2:
            assert time.monotonic() < deadline, workers
            pause(0.05)
        hanging, other = (each["pid"] for each in workers)
        os.kill(hanging, signal.SIGSTOP)
        try:
            for _ in range(3):
                assert [each["pid"] for each in running.endpoint.status()["workers"]] == [other]
        finally:
            os.kill(hanging, signal.SIGCONT)


def test_a_drain_lets_a_client_that_never_pauses_have_every_answer(seen: SeenFactory) -> None:
    def answer(connection: UpstreamConnection, request: wire.Message) -> None:
        if request.tag == wire.SEARCH_REQUEST:
            # The client asks again as soon as it is answered, so it is hardly ever between two requests.
            pause(0.2)
        answer_plainly(connection, request)

    with FakeDirectory(answering(answer)) as directory:
        running = seen(upstreams=[gateways.upstream(directory.address)], audit={}, limits={"drain_seconds": 3})
        client = running.connect()
        answered = 0
        stopping = threading.Timer(0.5, running.gateway.process.signal, [15])
        stopping.start()
        while not (said := client.send(search(answered + 1)).receive()).is_notice:
            assert [said.tag, client.receive().code] == [wire.SEARCH_ENTRY, wire.SUCCESS]
            answered += 1
        stopping.join()
        assert running.gateway.process.wait() == 0
    assert [record["result"] for record in running.operations()] == ["success"] * answered
