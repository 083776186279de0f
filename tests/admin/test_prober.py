"""Knocking at servers: what is learnt, and what is logged of it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from benches.ports import free_port

from ostiary.admin.plan import ServerAddress
from ostiary.admin.prober import Prober


def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def test_tells_how_long_a_server_takes_and_since_when_it_is_there() -> None:
    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        prober = Prober([ServerAddress("directory", "ldap://dc1", "127.0.0.1", port)])
        assert prober.reachable() == "no server has answered yet"
        await prober.probe()
        state = prober.states[0]
        assert (state.is_up, state.error, prober.reachable()) == (True, "", None)
        assert state.connect_seconds is not None
        since = state.since
        await prober.probe()
        assert state.since == since


async def test_knocks_at_unix_sockets_and_names(tmp_path: Path) -> None:
    path = str(tmp_path / "ldapi")
    listening = await asyncio.start_unix_server(hang_up, path)
    addresses = [ServerAddress("a", "ldapi://x", path, 0), ServerAddress("b", "ldap://y", "nobody.invalid", 389)]
    prober = Prober(addresses)
    await prober.probe()
    assert [state.is_up for state in prober.states] == [True, False]
    assert "service not known" in prober.states[1].error or "name resolution" in prober.states[1].error
    assert prober.reachable() is None
    listening.close()


async def test_one_that_says_nothing_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(_address: ServerAddress) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr("ostiary.admin.prober._connect", silent)
    monkeypatch.setattr("ostiary.admin.prober.LIMIT_SECONDS", 0.01)
    prober = Prober([ServerAddress("directory", "ldap://dc1", "127.0.0.1", 389)])
    await prober.probe()
    assert prober.states[0].error == "no answer within 0.01 seconds"


async def test_logs_changes_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ostiary")
    # Not the kernel's choice: while nobody is to listen there, it may give that to somebody else.
    port = free_port()
    async with await asyncio.start_server(hang_up, "127.0.0.1", port):
        prober = Prober([ServerAddress("directory", "ldap://dc1", "127.0.0.1", port)])
        await prober.probe()
        assert caplog.messages == []
    for _ in range(3):
        await prober.probe()
    assert caplog.messages == ["server_unreachable"]
    async with await asyncio.start_server(hang_up, "127.0.0.1", port):
        await prober.probe()
    assert caplog.messages == ["server_unreachable", "server_reachable"]
