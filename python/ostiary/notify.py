"""What systemd is told of the gateway by its notification socket: ready, reloading, stopping, and that it lives.

The protocol of sd_notify(3): datagrams of `NAME=value` lines to the socket that NOTIFY_SOCKET names. Knows neither the
gateway nor why it is in a state. Without that variable everything here does nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic_ns

__all__ = ["keep_watchdog", "ready", "reloading", "stopping", "watchdog_seconds"]

_MICROSECONDS = 1_000_000
# Beyond the time that clients have to finish: what the service manager waits before it kills.
_STOP_SECONDS = 10.0


def ready(status: str = "serving") -> None:
    """Clients are served, from the start or after a reload; `status` is what `systemctl status` shows."""
    _tell("READY=1", f"STATUS={status}")


def reloading() -> None:
    """The configuration is read anew; `ready` has to follow, whatever came of it."""
    # The time is what Type=notify-reload asks for, where systemd knows it (253 and newer).
    _tell("RELOADING=1", f"MONOTONIC_USEC={monotonic_ns() // 1_000}", "STATUS=reloading")


def stopping(drain_seconds: float) -> None:
    """No new clients; those that are there have so long to finish, and the service manager waits for that."""
    _tell(
        "STOPPING=1",
        "STATUS=draining",
        f"EXTEND_TIMEOUT_USEC={round((drain_seconds + _STOP_SECONDS) * _MICROSECONDS)}",
    )


def watchdog_seconds(environment: Mapping[str, str] = os.environ) -> float | None:
    """How often the service manager wants to hear of this process; None: never."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None  # meant for the process that started this one
    with contextlib.suppress(ValueError):
        seconds = int(environment.get("WATCHDOG_USEC", "0")) / _MICROSECONDS
        if seconds > 0:
            return seconds
    return None


async def keep_watchdog(is_well: Callable[[], Awaitable[bool]] | None = None) -> None:
    """Says that the process lives, twice as often as is asked, while its event loop turns and it is well.

    Ends at once where nobody asks.
    """
    seconds = watchdog_seconds()
    if seconds is None or "NOTIFY_SOCKET" not in os.environ:
        return
    while True:
        if is_well is None or await is_well():
            _tell("WATCHDOG=1")
        await asyncio.sleep(seconds / 2)


def _tell(*lines: str) -> None:
    """Sends the lines; a service manager that does not listen is no reason to stop serving."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as one:
        # The loop must not wait for who reads slowly; what is told again is told again.
        one.setblocking(False)
        one.connect(address)
        one.send("\n".join(lines).encode())
