"""What a gateway has for its operators, whether it is one process or several: reloads, orders by a socket, the admin
endpoint, and the way from being told to stop to stopping.

Knows its host as `Host` only.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from ostiary import log, notify
from ostiary.commanding import DESCRIPTORS_MOST, Commands
from ostiary.reloading import Reloadable, Reloader
from ostiary.sockets import Door, Doors
from ostiary.watching import watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ostiary.commanding import Customer
    from ostiary.place import Totals
    from ostiary.plan import Inherited, Plan

__all__ = ["Host", "Operating", "doors_of"]

logger = logging.getLogger("ostiary.control")


class Host(Reloadable, Protocol):
    """One gateway, or the supervisor of several workers."""

    @property
    def doors(self) -> Doors:
        """The sockets of its listeners."""

    @property
    def totals(self) -> Totals:
        """What was counted."""

    def stop(self) -> None:
        """Tells it to stop."""

    async def statuses(self) -> Sequence[dict[str, Any]]:
        """What each worker tells of itself."""

    def processes(self) -> dict[str, int]:
        """The process ids of all, by name."""


class Operating:
    """What operators have of one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.reloader = Reloader(host)
        self.is_handed_over = False
        """Another process accepts on the same sockets."""
        self.hurry = asyncio.Event()
        """Set when there is no reason to wait before new clients are sent away."""
        self._admin: Any = None
        self._commands: Commands | None = None
        self._watching: asyncio.Task[None] | None = None
        self._watchdog: asyncio.Task[None] | None = None
        self._giver: socket.socket | None = None

    async def open(self) -> None:
        """Serves operators from now on.

        Raises:
            OSError: an address cannot be bound.
        """
        plan = self._host.plan
        inherited = plan.inherited
        if inherited is not None and inherited.giver is not None:
            self._giver = socket.socket(fileno=inherited.giver)
            self._giver.set_inheritable(False)
        if plan.admin is not None:
            from ostiary.source import HostSource, open_admin

            given = None if inherited is None or inherited.admin is None else kept(inherited.admin)
            self._admin = await open_admin(plan.admin, HostSource(self._host, self.reloader), given)
        self._watching = asyncio.create_task(watch(self._host, self.reloader))
        self._watchdog = asyncio.create_task(notify.keep_watchdog(self._is_well))

    def announce(self) -> None:
        """All serve: orders are taken, and who gave its sockets may go."""
        notify.ready()
        control = self._host.plan.process.control
        if control is not None:
            self._commands = Commands(control, {"reload": self._reload, "takeover": self._hand_over})
            try:
                self._commands.open()
            except OSError as error:
                # Clients are served; operators have signals.
                log.event(logger, logging.ERROR, "control_failed", error=error.strerror or str(error))
        if self._giver is not None:
            with self._giver as giver:
                giver.send(b'{"order": "ready"}')
            self._giver = None

    def hang_up(self) -> None:
        """A SIGHUP came."""
        self.reloader.request("signal")

    def check(self, plan: Plan) -> None:
        """Whether operators can be served by another plan. Raises: OSError."""
        if self._admin is not None and plan.admin is not None:
            self._admin.check(plan.admin)

    def renew(self, plan: Plan) -> None:
        """Another plan is in force."""
        if self._admin is not None and plan.admin is not None:
            self._admin.renew(plan.admin)

    async def before_drain(self) -> None:
        """Waits as long as those may take who have to notice that the gateway is not ready any more."""
        plan = self._host.plan
        delay = plan.drain_delay_seconds
        notify.stopping(plan.drain_seconds + delay)
        if delay and not self.is_handed_over:
            log.event(logger, logging.INFO, "drain_delayed", seconds=delay)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.hurry.wait(), delay)

    async def close(self) -> None:
        """Serves operators no more."""
        if self._watching is not None:
            self._watching.cancel()
        if self._watchdog is not None:
            self._watchdog.cancel()
        if self._commands is not None:
            self._commands.close()
        if self._admin is not None:
            await self._admin.stop()

    async def _is_well(self) -> bool:
        """Whether a service manager may hear that all is well: somebody answers, or all are about to end."""
        return self._host.is_stopping or bool(await self._host.statuses())

    async def _reload(self, customer: Customer) -> None:
        faults = await self.reloader.reload("order")
        # As much of it as one message holds.
        told = [{"path": each.path, "message": each.message[:1_000]} for each in faults[:50]]
        customer.send({"result": "failure" if faults else "success", "faults": told, "count": len(faults)})

    async def _hand_over(self, customer: Customer) -> None:
        """Gives the sockets to another process, and stops once that one accepts on them."""
        if self._host.is_stopping:
            customer.send({"error": "the gateway is stopping"})
            return
        log.event(logger, logging.INFO, "handing_over", pid=customer.pid)
        for name, door in self._host.doors:
            where = [door.plan.host, door.plan.port, door.plan.path]
            numbers = [one.fileno() for one in door.sockets]
            for first in range(0, len(numbers), DESCRIPTORS_MOST):
                some = numbers[first : first + DESCRIPTORS_MOST]
                customer.send({"listener": name, "where": where, "is_ours": door.is_ours}, some)
        admin = self._host.plan.admin
        if self._admin is not None and admin is not None:
            customer.send({"admin": list(admin.where)}, [self._admin.fileno()])
        customer.send({"end": True})
        answer = await customer.receive()
        if answer is None or answer.get("order") != "ready":
            log.event(logger, logging.WARNING, "handover_failed", pid=customer.pid)
            return
        log.event(logger, logging.INFO, "handed_over", pid=customer.pid)
        self.is_handed_over = True
        self.hurry.set()
        if self._admin is not None:
            self._admin.hand_over()
        self._host.stop()


def kept(number: int) -> socket.socket:
    """An inherited socket, for this process alone."""
    os.set_inheritable(number, False)
    return socket.socket(fileno=number)


def doors_of(plan: Plan) -> dict[str, Door]:
    """What the listeners of a plan accept on that was inherited."""
    inherited: Inherited | None = plan.inherited
    if inherited is None:
        return {}
    plans = {each.name: each for each in plan.listeners}
    return {
        name: Door(plans[name], tuple(map(kept, own)), inherited.is_ours)
        for name, own in inherited.listeners
        if name in plans
    }
