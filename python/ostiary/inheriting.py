"""Sockets that a starting gateway gets instead of opening its own: from the running one, which then goes, or from a
service manager (`LISTEN_FDS`, as sd_listen_fds(3) has it).

Whoever connects meanwhile waits in them: no client is sent away. Knows no event loop; what is done with the sockets is
`sockets.py`'s.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

from ostiary.commanding import CommandError, connected, receive, send
from ostiary.errors import OstiaryError
from ostiary.plan import Inherited
from ostiary.sockets import address_of

if TYPE_CHECKING:
    from ostiary.plan import ListenerPlan, Plan

__all__ = ["InheritError", "activated", "taken_over"]

FIRST = 3
"""Where the descriptors of a service manager begin."""
ADMIN = "admin"
SECONDS = 10.0
"""How long the running gateway may take to answer."""


class InheritError(OstiaryError):
    """Nothing can be taken over; says why, and what to do."""


def activated(plan: Plan, environment: MutableMapping[str, str]) -> tuple[Inherited | None, list[str]]:
    """What a service manager gave to this process, by the names of listeners, and what nobody has a use for.

    The variables are taken out of the environment: they are for no process after this.

    Raises:
        InheritError: a descriptor is no listening socket.
    """
    pid, count, names = (environment.pop(f"LISTEN_{each}", "") for each in ("PID", "FDS", "FDNAMES"))
    if pid != str(os.getpid()) or not count.isdecimal():
        return None, []
    given = names.split(":") if names else []
    known = {each.name: each for each in plan.listeners}
    listeners: dict[str, tuple[int, ...]] = {}
    admin, unused = None, []
    for number in range(FIRST, FIRST + int(count)):
        name = given[number - FIRST] if number - FIRST < len(given) else ""
        check(number, name)
        if name in known:
            listeners[name] = (*listeners.get(name, ()), number)
        elif name == ADMIN and plan.admin is not None and admin is None:
            admin = number
        else:
            unused.append(name or f"descriptor {number}")
            os.close(number)
    return Inherited(tuple(listeners.items()), admin, is_ours=False), unused


def check(number: int, name: str) -> None:
    """Whether an inherited descriptor is a socket that listens. Raises: InheritError."""
    try:
        one = socket.socket(fileno=os.dup(number))
    except OSError:
        raise InheritError(f"LISTEN_FDS: descriptor {number} is no socket: {name}") from None
    with one:
        listens = one.type == socket.SOCK_STREAM and one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if not listens:
        raise InheritError(f"LISTEN_FDS: descriptor {number} is no listening stream socket: {name}")


def taken_over(plan: Plan) -> tuple[Inherited, list[str]]:
    """What the running gateway gives, which waits until it hears that it is in use; and the listeners among it that the
    plan has no use for.

    Raises:
        InheritError: no gateway takes orders there, or it will not.
    """
    path = plan.process.control
    if path is None:
        raise InheritError("--takeover: write process.control, by which the running gateway is asked for its sockets")
    try:
        giver = connected(path, SECONDS)
        send(giver, {"order": "takeover"})
        return received(plan, giver)
    except CommandError as error:
        raise InheritError(f"--takeover: {error}") from None
    except OSError as error:
        raise InheritError(f"--takeover: {(error.strerror or str(error)).lower()}: {path}") from None


def received(plan: Plan, giver: socket.socket) -> tuple[Inherited, list[str]]:
    """What the running gateway gives. Raises: OSError, CommandError."""
    # By where they listen: a listener may have another name by now.
    wanted = {address_of(each): each for each in plan.listeners}
    listeners: dict[str, tuple[int, ...]] = {}
    admin, unused, is_ours = None, [], True
    while True:
        message, descriptors = receive(giver)
        if "error" in message:
            raise CommandError(str(message["error"]))
        if message.get("end"):
            break
        if "admin" in message:
            is_wanted = plan.admin is not None and list(plan.admin.where) == message["admin"]
            admin = descriptors.pop() if is_wanted else None
        else:
            found: ListenerPlan | None = wanted.get(tuple(message["where"]))
            is_ours &= bool(message["is_ours"])
            if found is not None:
                listeners[found.name] = (*listeners.get(found.name, ()), *descriptors)
                continue
            unused.append(str(message["listener"]))
        for each in descriptors:
            os.close(each)
    return Inherited(tuple(listeners.items()), admin, is_ours=is_ours, giver=giver.detach()), unused
