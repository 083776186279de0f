"""Ports that two servers cannot both be given."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from benches import ports


def test_ports_are_given_once_and_not_to_connections() -> None:
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    given = [ports.free_port() for _ in range(500)]
    assert len(set(given)) == 500
    assert not any(first <= port <= last for port in given)


def test_taken_port_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = ports.free_port()
        candidates = iter([taken.getsockname()[1], free])
        monkeypatch.setattr(ports, "_CANDIDATES", candidates)
        assert ports.free_port() == free
