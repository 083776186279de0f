"""Ports for servers that are about to start, none of them given twice.

A port that the kernel chooses for a probe is soon free again: the next probe, or the near end of somebody's connection,
may get it before the server listens. These are outside the range that the kernel chooses from (Linux), and
remembered.
"""

from __future__ import annotations

import itertools
import random
import socket
from pathlib import Path

LOWEST = 10_240


def free_port(host: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of this host that nobody listens on, and that no earlier call gave."""
    for port in _CANDIDATES:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
        return port
    raise AssertionError("candidates come round")


def _candidates() -> list[int]:
    """In an order of this process, so that two of them do not race for the same."""
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    outside = [*range(LOWEST, first), *range(last + 1, 1 << 16)]
    return random.sample(outside, len(outside))


_CANDIDATES = itertools.cycle(_candidates())
