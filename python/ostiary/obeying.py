"""A worker below a supervisor: it serves, answers what it is asked, takes other plans, and stops when it is told to or
when nobody is left to tell it.

Orders come by the channel; descriptors that go with them by a socket of their own, before the order that names them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ostiary import __version__, log, uncaught
from ostiary.commanding import CommandError, receive
from ostiary.control import Channel
from ostiary.driving import Driving, drive
from ostiary.errors import OstiaryError
from ostiary.gateway import Gateway, Renewal, settle_memory
from ostiary.place import Memory
from ostiary.sockets import allow_open_files
from ostiary.worker import received

if TYPE_CHECKING:
    from ostiary.place import Place
    from ostiary.plan import Plan

__all__ = ["serve"]

logger = logging.getLogger("ostiary.gateway")


class Obeying:
    """One worker and its supervisor."""

    def __init__(self, gateway: Gateway, channel: Channel, descriptors: socket.socket) -> None:
        self._gateway = gateway
        self._channel = channel
        self._descriptors = descriptors
        self._prepared: Renewal | None = None
        self.stopping = asyncio.Event()
        """It was told to stop, by whomever."""
        self.hurry = asyncio.Event()
        """And by the supervisor: everybody has noticed."""

    async def obey(self) -> None:
        """Does what the supervisor says, until it is gone."""
        self._channel.send({"ready": True})
        try:
            while (asked := await self._channel.receive()) is not None:
                match asked.get("ask"):
                    case "status":
                        self._channel.send({"status": self._gateway.status()})
                    case "prepare":
                        self._channel.send({"prepared": self._prepare(asked)})
                    case "take":
                        await self._take()
                        self._channel.send({"taken": True})
                    case "abandon":
                        self._abandon()
                    case "stop":
                        self.hurry.set()
                        self.stopping.set()
        finally:
            self._channel.close()
        # Nobody would replace this worker, and another gateway may want its addresses.
        self.hurry.set()
        if not self.stopping.is_set():
            log.event(logger, logging.ERROR, "supervisor_lost")
            self.stopping.set()

    def _prepare(self, asked: dict[str, Any]) -> str | None:
        """Makes what another plan comes to; why not, if it cannot."""
        self._abandon()
        numbers: list[int] = []
        sockets: dict[str, list[socket.socket]] = {}
        try:
            while len(numbers) < asked["descriptors"]:
                numbers += receive(self._descriptors)[1]
            found = iter(numbers)
            plan = received(next(found))
            tables, meters = (next(found) if is_sent else None for is_sent in asked["memory"])
            memory = Memory(tables, meters)
            for name, count in asked["sockets"].items():
                sockets[name] = [socket.socket(fileno=os.dup(next(found))) for _ in range(count)]
            self._prepared = self._gateway.prepare(plan, asked["generation"], sockets, memory)
        except (OSError, OstiaryError, ValueError, CommandError) as error:
            close(sockets)
            return str(error)
        finally:
            for each in numbers:
                os.close(each)
        return None

    async def _take(self) -> None:
        if self._prepared is not None:
            renewal, self._prepared = self._prepared, None
            await self._gateway.take(renewal)
            close(renewal.sockets)

    def _abandon(self) -> None:
        if self._prepared is not None:
            renewal, self._prepared = self._prepared, None
            self._gateway.abandon(renewal)
            close(renewal.sockets)


def close(sockets: Any) -> None:
    """Closes what came along; who accepts on them has descriptors of its own."""
    for own in sockets.values():
        for each in own:
            each.close()


async def run(plan: Plan, driving: Driving, place: Place, supervisor: socket.socket, descriptors: socket.socket) -> int:
    """Starts, waits until it is told to stop, stops."""
    loop = asyncio.get_running_loop()
    uncaught.watch_loop(loop)
    gateway = Gateway(plan, driving, place)
    obeying = Obeying(gateway, await Channel.open(supervisor), descriptors)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, obeying.stopping.set)
    loop.add_signal_handler(signal.SIGHUP, gateway.reopen)
    await gateway.start()
    settle_memory()
    log.event(logger, logging.INFO, "started", version=__version__, listeners=len(gateway.listeners))
    task = asyncio.create_task(obeying.obey())
    await obeying.stopping.wait()
    # A service manager may tell all processes at once; the supervisor says when it is time.
    with suppress(TimeoutError):
        await asyncio.wait_for(obeying.hurry.wait(), gateway.plan.drain_delay_seconds)
    log.event(logger, logging.INFO, "stopping")
    await gateway.stop()
    log.event(logger, logging.INFO, "stopped")
    task.cancel()
    return 0


def serve(plan: Plan, place: Place, supervisor: socket.socket, descriptors: socket.socket) -> int:
    """Runs a worker until it is told to stop, or until its supervisor is gone; gives the exit status."""
    allow_open_files()
    uncaught.watch_process()
    try:
        return drive(lambda driving: run(plan, driving, place, supervisor, descriptors))
    except OSError as error:
        log.event(logger, logging.ERROR, "start_failed", error=error.strerror or str(error))
    except OstiaryError as error:
        # A file that changed between the check and now.
        log.event(logger, logging.ERROR, "start_failed", error=str(error))
    return 1
