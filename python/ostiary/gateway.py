"""One worker: the listeners and upstreams of a plan, from start to stop. Knows of other workers only what it shares."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

import uvloop

from ostiary import __version__, log, uncaught
from ostiary.errors import OstiaryError
from ostiary.listener import Admission, Listener
from ostiary.place import Place, share
from ostiary.policing import Policing
from ostiary.seeing import Seeing
from ostiary.sockets import allow_open_files, close_sockets, open_sockets
from ostiary.upstream import Upstream

if TYPE_CHECKING:
    from ostiary.control import Channel
    from ostiary.plan import Plan

__all__ = ["Gateway", "serve"]

logger = logging.getLogger("ostiary.gateway")

# How often a drain looks whether the last answers are out, seconds.
DRAIN_STEP = 0.02


class Gateway:
    """Everything that a plan asks for, in one event loop."""

    def __init__(self, plan: Plan, place: Place | None = None) -> None:
        """Raises: OSError when what is shared cannot be had; Unloadable when a plugin cannot be made any more."""
        self._place = place = place or Place()
        self.shared = shared = share(plan, place)
        self.seeing = seeing = Seeing(plan, shared, place.worker)
        upstreams = {each.name: Upstream(each, seeing) for each in plan.upstreams}
        admission = Admission(shared, plan.connections, plan.connections_per_address)
        self._policing = policing = Policing(plan, seeing)
        self._plan = plan
        self._opened: list[dict[str, socket.socket]] = []
        self.listeners = [
            Listener(each, upstreams[each.upstream], admission, policing, seeing) for each in plan.listeners
        ]

    @property
    def addresses(self) -> dict[str, str]:
        """Where each listener listens, by its name."""
        return {listener.name: listener.address for listener in self.listeners}

    async def start(self) -> None:
        """Opens every listener, or none.

        Raises:
            OSError: an address cannot be bound; names the listener.
        """
        inherited = {name: socket.socket(fileno=each) for name, each in self._place.sockets.items()}
        if not inherited:
            self._opened = open_sockets(self._plan.listeners)
            (inherited,) = self._opened
        self._policing.start()
        self.seeing.start()
        for listener in self.listeners:
            await listener.open(inherited[listener.name])

    def status(self) -> dict[str, Any]:
        """What this worker has to tell of itself, for JSON."""
        return {
            **self.seeing.status(),
            "connections": {listener.name: len(listener.connections) for listener in self.listeners},
            "listeners": [
                {"name": each.name, "address": each.address, "tls": self._plan.listeners[index].tls["mode"]}
                for index, each in enumerate(self.listeners)
            ],
        }

    async def statuses(self) -> list[dict[str, Any]]:
        """The same as who has several workers is told it."""
        return [self.status()]

    def reopen(self) -> None:
        """Opens what is written to anew, after it was moved away."""
        log.event(logger, logging.INFO, "reopened")
        self.seeing.reopen()

    async def stop(self) -> None:
        """Stops accepting, lets what is outstanding be answered for `drain_seconds`, tells the clients, and closes."""
        for listener in self.listeners:
            listener.stop_accepting()
        if self._opened:
            close_sockets(self._plan.listeners, self._opened)
        loop = asyncio.get_running_loop()
        end = loop.time() + self._plan.drain_seconds
        while connections := [each for listener in self.listeners for each in listener.connections]:
            late = loop.time() >= end
            for connection in connections:
                if late or connection.session.outstanding == 0:
                    connection.shut_down()
                if late:
                    connection.abort()
            await asyncio.sleep(DRAIN_STEP)
        self._policing.stop()
        # What was written last leaves with the next turns of the loop.
        await asyncio.sleep(DRAIN_STEP)
        self.seeing.stop()


def serve(plan: Plan, place: Place | None = None, supervisor: socket.socket | None = None) -> int:
    """Runs a gateway until SIGTERM or SIGINT, or until its supervisor is gone; gives the exit status."""
    allow_open_files()
    uncaught.watch_process()
    try:
        return uvloop.run(run(plan, place, supervisor))
    except OSError as error:
        log.event(logger, logging.ERROR, "start_failed", error=error.strerror or str(error))
    except OstiaryError as error:
        # A file that changed between the check and now.
        log.event(logger, logging.ERROR, "start_failed", error=str(error))
    return 1


async def run(plan: Plan, place: Place | None = None, supervisor: socket.socket | None = None) -> int:
    """Starts, waits for a signal, stops."""
    loop = asyncio.get_running_loop()
    uncaught.watch_loop(loop)
    gateway = Gateway(plan, place)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, gateway.reopen)
    await gateway.start()
    admin = None
    if plan.admin is not None and supervisor is None:
        from ostiary.source import GatewaySource, open_admin

        source = GatewaySource(
            plan,
            gateway.shared,
            statuses=gateway.statuses,
            processes=lambda: {"gateway": os.getpid()},
            is_stopping=stopping.is_set,
        )
        admin = await open_admin(plan, source)
    # What exists now lives as long as the process: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    log.event(logger, logging.INFO, "started", version=__version__, listeners=len(gateway.listeners))
    obeying = None
    if supervisor is not None:
        from ostiary.control import Channel

        obeying = asyncio.create_task(obey(await Channel.open(supervisor), gateway, stopping))
    await stopping.wait()
    log.event(logger, logging.INFO, "stopping")
    await gateway.stop()
    if admin is not None:
        await admin.stop()
    log.event(logger, logging.INFO, "stopped")
    if obeying is not None:
        obeying.cancel()
    return 0


async def obey(supervisor: Channel, gateway: Gateway, stopping: asyncio.Event) -> None:
    """Answers the supervisor, until it is gone."""
    supervisor.send({"ready": True})
    try:
        while (asked := await supervisor.receive()) is not None:
            if asked.get("ask") == "status":
                supervisor.send({"status": gateway.status()})
    finally:
        supervisor.close()
    # Nobody would replace this worker, and another gateway may want its addresses.
    if not stopping.is_set():
        log.event(logger, logging.ERROR, "supervisor_lost")
        stopping.set()
