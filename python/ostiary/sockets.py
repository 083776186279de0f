"""The sockets that listeners accept on: opened, told of, and closed. Knows neither clients nor who accepts.

A gateway of one process opens one for each listener. A supervisor opens one for each worker, all with the same port,
and keeps them: the kernel spreads clients over them, and a client that waits in one outlives the worker. Of a unix
socket there is one, on which all accept.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import socket
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ostiary import log
from ostiary.link import keep_alive

if TYPE_CHECKING:
    from ostiary.plan import ListenerPlan

__all__ = ["BACKLOG", "allow_open_files", "close_sockets", "listening_address", "open_sockets"]

logger = logging.getLogger("ostiary.listener")

BACKLOG = 4096
"""Connections that wait to be accepted: a burst of a thousand clients is ordinary after a network cut."""


def open_sockets(listeners: Iterable[ListenerPlan], workers: int = 1) -> list[dict[str, socket.socket]]:
    """What each worker accepts on, by the listeners' names; clients may connect from now on. All, or none.

    Raises:
        OSError: an address cannot be bound; names the listener.
    """
    found: list[dict[str, socket.socket]] = [{} for _ in range(workers)]
    opened: list[ListenerPlan] = []
    for plan in listeners:
        try:
            sockets = unix_socket(plan, workers) if plan.path is not None else network_sockets(plan, workers)
        except OSError as error:
            close_sockets(opened, found)
            reason = error.strerror or str(error)
            raise OSError(error.errno, f"listener {plan.name}: cannot listen: {reason}") from error
        opened.append(plan)
        for worker, one in zip(found, sockets, strict=True):
            worker[plan.name] = one
        log.event(logger, logging.INFO, "listener_opened", listener=plan.name, address=listening_address(sockets[0]))
    return found


def close_sockets(listeners: Iterable[ListenerPlan], sockets: Iterable[dict[str, socket.socket]]) -> None:
    """Closes what `open_sockets` gave, and removes the files of unix sockets."""
    for worker in sockets:
        for one in worker.values():
            one.close()
    for plan in listeners:
        if plan.path is not None:
            with contextlib.suppress(OSError):
                Path(plan.path).unlink()


def listening_address(listening: socket.socket) -> str:
    """Where it listens, as the configuration writes addresses; the real port where that was 0."""
    name = listening.getsockname()
    if isinstance(name, str):
        return f"unix:{name}"
    host, port = name[0], name[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def allow_open_files() -> None:
    """Raises the limit of open files as far as it goes: each client takes two, each listener one for each worker."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def network_sockets(plan: ListenerPlan, workers: int) -> list[socket.socket]:
    """One for each worker, with one address."""
    family, _, _, _, address = socket.getaddrinfo(
        plan.host, plan.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICHOST
    )[0]
    if workers > 1 and plan.port:
        # Sockets that share a port would share it with those of another gateway, too: first, whether it is free.
        bound_socket(family, address).close()
    sockets: list[socket.socket] = []
    try:
        for _ in range(workers):
            sockets.append(bound_socket(family, address, shares_port=workers > 1))
            # The first may have chosen the port.
            address = sockets[0].getsockname()
        for one in sockets:
            listen(one)
    except OSError:
        for one in sockets:
            one.close()
        raise
    return sockets


def bound_socket(family: int, address: object, *, shares_port: bool = False) -> socket.socket:
    """A socket with that address."""
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shares_port:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            # [::] is IPv6 alone, whatever the machine's default.
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)  # type: ignore[arg-type]
    except OSError:
        one.close()
        raise
    return one


def unix_socket(plan: ListenerPlan, workers: int) -> list[socket.socket]:
    """The same one for all."""
    assert plan.path is not None
    remove_stale_socket(Path(plan.path))
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The file must not be open to others for the moment before its mode is set.
    before = os.umask(0o777 & ~plan.socket_mode)
    try:
        one.bind(plan.path)
        listen(one)
    except OSError:
        one.close()
        raise
    finally:
        os.umask(before)
    return [one] * workers


def listen(one: socket.socket) -> None:
    """Lets clients connect, whom somebody will accept."""
    one.setblocking(False)
    keep_alive(one)
    one.listen(BACKLOG)


def remove_stale_socket(path: Path) -> None:
    """Removes a socket file that nobody listens on: what a gateway that was killed leaves behind.

    Raises:
        OSError: something listens there, or it is no socket.
    """
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise FileExistsError(f"not a socket: {path}")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(f"another process listens on it: {path}")
