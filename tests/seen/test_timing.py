"""Whose time it was: the server's, or the gateway's own, waiting for hooks and rate limits included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..real import gateway as gateways
from ..real import wire
from ..real.fake_directory import FakeDirectory, UpstreamConnection, answer_plainly, answering
from ..real.process import pause
from .figures import OPENMETRICS, Figures
from .stage import SeenFactory, search

SERVER_SECONDS = 0.05
HOOK_SECONDS = 0.03
OPERATIONS = 20

SLEEPING = f"""
import asyncio, time
from ostiary.plugins import PASS, Plugin

class Sleeping(Plugin):
    async def on_search(self, client, request):
        await asyncio.sleep({HOOK_SECONDS})
        return PASS

    def on_compare(self, client, request):
        time.sleep({HOOK_SECONDS})
        return PASS
"""
USE_SLEEPING = '[[plugins]]\nname = "sleeping"\nuse = "sleeping:Sleeping"\n'
DELAY = '[[plugins]]\nuse = "rate_limit"\n[[plugins.limits]]\nname = "slow"\nkey = "global"\noperations = "search"\n'


def answer_late(connection: UpstreamConnection, request: wire.Message) -> None:
    if request.tag in (wire.SEARCH_REQUEST, wire.COMPARE_REQUEST):
        pause(SERVER_SECONDS)
    answer_plainly(connection, request)


@pytest.fixture
def slow() -> Iterator[FakeDirectory]:
    """A directory that takes its time."""
    with FakeDirectory(answering(answer_late)) as directory:
        yield directory


def mean(figures: Figures, name: str, **labels: str) -> float:
    count = figures.total(f"{name}_count", **labels)
    assert count == OPERATIONS
    return figures.total(f"{name}_sum", **labels) / count


def compare(message_id: int) -> bytes:
    return wire.compare(message_id, b"cn=x", b"cn", b"x")


def test_the_time_of_a_slow_server_is_not_the_gateways(seen: SeenFactory, slow: FakeDirectory) -> None:
    running = seen(upstreams=[gateways.upstream(slow.address)], audit={})
    client = running.connect()
    for message_id in range(1, OPERATIONS + 1):
        assert client.ask(search(message_id)).code == wire.SUCCESS
    figures = running.endpoint.figures()
    duration = mean(figures, "ostiary_operation_duration_seconds", operation="search")
    overhead = mean(figures, "ostiary_overhead_seconds", operation="search")
    assert duration > SERVER_SECONDS
    assert overhead < SERVER_SECONDS / 10
    client.close()
    running.gateway.stop()
    records = running.operations()
    assert all(record["seconds"] >= SERVER_SECONDS for record in records)
    assert abs(sum(record["seconds"] for record in records) / OPERATIONS - duration) < 0.001


@pytest.mark.parametrize("operation", ["search", "compare"])
def test_the_time_of_a_hook_is_the_gateways(
    seen: SeenFactory, slow: FakeDirectory, tmp_path: Path, operation: str
) -> None:
    (tmp_path / "sleeping.py").write_text(SLEEPING)
    running = seen(
        upstreams=[gateways.upstream(slow.address)], plugins=USE_SLEEPING, environment={"PYTHONPATH": str(tmp_path)}
    )
    client = running.connect()
    make = search if operation == "search" else compare
    for message_id in range(1, OPERATIONS + 1):
        assert client.ask(make(message_id)).code == wire.SUCCESS
    figures = running.endpoint.figures()
    duration = mean(figures, "ostiary_operation_duration_seconds", operation=operation)
    overhead = mean(figures, "ostiary_overhead_seconds", operation=operation)
    hook = mean(figures, "ostiary_plugin_duration_seconds", plugin="sleeping")
    assert hook >= HOOK_SECONDS
    assert HOOK_SECONDS <= overhead < HOOK_SECONDS * 2
    assert overhead + SERVER_SECONDS <= duration + 0.001


def test_a_delay_by_a_rate_limit_is_the_gateways(seen: SeenFactory, slow: FakeDirectory) -> None:
    running = seen(
        upstreams=[gateways.upstream(slow.address)],
        plugins=DELAY + 'rate = "10/s"\nburst = 1\nexceeded = "delay"\ndelay_seconds = 5\n',
    )
    client = running.connect()
    for message_id in range(1, OPERATIONS + 1):
        assert client.ask(search(message_id)).code == wire.SUCCESS
    # One every 0.1 seconds, of which the server takes half.
    overhead = mean(running.endpoint.figures(), "ostiary_overhead_seconds", operation="search")
    assert SERVER_SECONDS * 0.8 < overhead < 0.1


def test_examples_name_the_operation_that_took_so_long(seen: SeenFactory, slow: FakeDirectory) -> None:
    running = seen(upstreams=[gateways.upstream(slow.address)], audit={}, admin={"exemplars": True})
    client = running.connect()
    assert client.ask(search(7)).code == wire.SUCCESS
    _, text = running.endpoint.fetch("/metrics", OPENMETRICS)
    (line,) = [line for line in text.splitlines() if " # {" in line]
    client.close()
    running.gateway.stop()
    (record,) = running.operations()
    assert f'# {{connection="{record["connection"]}",message="7"}}' in line
    assert 'operation="search"' in line
