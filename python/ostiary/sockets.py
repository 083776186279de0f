"""The sockets that listeners accept on: opened, told of, and closed. Knows neither clients nor who accepts.

A gateway of one process opens one for each listener. A supervisor opens one for each worker, all with the same port,
and keeps them: the kernel spreads clients over them, and a client that waits in one outlives the worker. Of a unix
socket there is one, on which all accept. Sockets that were inherited may be fewer or more than workers: then some
share one, or have several. The admin endpoint has its own bound here, too.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import resource
import socket
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ostiary import log

if TYPE_CHECKING:
    from ostiary.plan import ListenerPlan

__all__ = [
    "BACKLOG",
    "KEEPALIVE_COUNT",
    "KEEPALIVE_IDLE",
    "KEEPALIVE_INTERVAL",
    "LINGER_SECONDS",
    "Door",
    "Doors",
    "address_of",
    "allow_open_files",
    "bound_socket",
    "bound_unix_socket",
    "keep_alive",
    "listening_address",
]

logger = logging.getLogger("ostiary.listener")

BACKLOG = 4096
"""Connections that wait to be accepted: a burst of a thousand clients is ordinary after a network cut."""


# A peer that vanished without a word is noticed after 8 minutes (a server by a first time limit later, see
# `UpstreamLink.keep_alive`): before a firewall forgets the connection (15 minutes and more are usual), and seldom
# enough to cost nothing.
KEEPALIVE_IDLE = 300
KEEPALIVE_INTERVAL = 60
KEEPALIVE_COUNT = 3

LINGER_SECONDS = 5.0
"""How long a peer may take to read what was written to it before the close: a notice, the last answers."""


@dataclass(frozen=True, slots=True)
class Door:
    """What a listener accepts on: one socket, or several with the same address."""

    plan: ListenerPlan
    sockets: tuple[socket.socket, ...]
    is_ours: bool = True
    """The file of a unix socket goes when this is closed; not where a service manager made it."""

    def close(self, *, keeps_file: bool = False) -> None:
        """Accepts nothing by these descriptors any more; who has others of the same sockets goes on."""
        for one in self.sockets:
            one.close()
        if self.plan.path is not None and self.is_ours and not keeps_file:
            with contextlib.suppress(OSError):
                Path(self.plan.path).unlink()


class Doors:
    """The sockets of all listeners, for a number of workers."""

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers
        self._doors: dict[str, Door] = {}

    def prepare(
        self, listeners: Iterable[ListenerPlan], inherited: Mapping[str, Door] | None = None
    ) -> dict[str, Door]:
        """What listeners accept on: what is there already, or was inherited, or else is opened now. All, or none.

        Raises:
            OSError: an address cannot be bound; names the listener.
        """
        there = {place(each.plan): each for each in self._doors.values()}
        found: dict[str, Door] = {}
        try:
            for plan in listeners:
                door = there.get(place(plan)) or self._door(plan, inherited or {})
                found[plan.name] = replace(door, plan=plan)
        except OSError:
            self.abandon(found)
            raise
        return found

    def take(self, prepared: dict[str, Door]) -> None:
        """These from now on; the others are closed. What is used by nobody any more sends clients away."""
        used = {one for door in prepared.values() for one in door.sockets}
        before, self._doors = self._doors, prepared
        for name, door in before.items():
            if used.isdisjoint(door.sockets):
                door.close()
                log.event(logger, logging.INFO, "listener_closed", listener=name)

    def abandon(self, prepared: Mapping[str, Door]) -> None:
        """Closes what was prepared and is not wanted after all."""
        used = {one for door in self._doors.values() for one in door.sockets}
        for door in prepared.values():
            if used.isdisjoint(door.sockets):
                door.close()

    def of_worker(self, worker: int, doors: Mapping[str, Door] | None = None) -> dict[str, list[socket.socket]]:
        """What a worker accepts on: its share of the sockets, so that each has somebody who does."""
        return {
            name: list(door.sockets[worker :: self._workers]) or [door.sockets[worker % len(door.sockets)]]
            for name, door in (self._doors if doors is None else doors).items()
        }

    def close(self, *, keeps_files: bool = False) -> None:
        """Closes all, and removes the files of unix sockets unless another process goes on with them."""
        for door in self._doors.values():
            door.close(keeps_file=keeps_files)
        self._doors = {}

    def __iter__(self) -> Iterator[tuple[str, Door]]:
        return iter(self._doors.items())

    def _door(self, plan: ListenerPlan, inherited: Mapping[str, Door]) -> Door:
        known = inherited.get(plan.name)
        if known is not None:
            log.event(
                logger, logging.INFO, "listener_inherited",
                listener=plan.name, address=listening_address(known.sockets[0]), sockets=len(known.sockets),
            )  # fmt: skip
            return known
        try:
            sockets = [unix_socket(plan)] if plan.path is not None else network_sockets(plan, self._workers)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OSError(error.errno, f"listener {plan.name}: cannot listen: {reason}") from error
        log.event(logger, logging.INFO, "listener_opened", listener=plan.name, address=listening_address(sockets[0]))
        return Door(plan, tuple(sockets))


def address_of(plan: ListenerPlan) -> tuple[str, int, str | None]:
    """Where it listens, as its plan says."""
    return plan.host, plan.port, plan.path


def place(plan: ListenerPlan) -> tuple[object, ...]:
    """What two listeners share that could use each other's sockets; a port that is chosen is nobody else's."""
    return *address_of(plan), plan.name if plan.path is None and plan.port == 0 else ""


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


def unix_socket(plan: ListenerPlan) -> socket.socket:
    """One for all workers."""
    assert plan.path is not None
    one = bound_unix_socket(plan.path, plan.socket_mode)
    try:
        listen(one)
    except OSError:
        one.close()
        raise
    return one


def bound_unix_socket(path: str, mode: int) -> socket.socket:
    """A socket with that file, which has this mode; replaces what a gateway that was killed left behind."""
    remove_stale_socket(Path(path))
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The file must not be open to others for the moment before its mode is set.
    before = os.umask(0o777 & ~mode)
    try:
        one.bind(path)
    except OSError:
        one.close()
        raise
    finally:
        os.umask(before)
    return one


def listen(one: socket.socket) -> None:
    """Lets clients connect, whom somebody will accept."""
    one.setblocking(False)
    keep_alive(one)
    one.listen(BACKLOG)


def keep_alive(one: socket.socket) -> None:
    """Has the kernel look whether the peer is still there; what a listening socket accepts inherits it."""
    if one.family in (socket.AF_INET, socket.AF_INET6):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_COUNT)


def remove_stale_socket(path: Path) -> None:
    """Removes a socket file that nobody listens on: what a gateway that was killed leaves behind.

    Raises:
        OSError: something listens there, or it is no socket.
    """
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise FileExistsError(errno.EEXIST, f"not a socket: {path}")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(errno.EADDRINUSE, f"another process listens on it: {path}")
