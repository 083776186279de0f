"""One worker: the listeners and upstreams of a plan, from start to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import signal
from typing import TYPE_CHECKING

import uvloop

from ostiary import __version__, log
from ostiary.errors import OstiaryError
from ostiary.listener import Admission, Listener
from ostiary.policing import Policing
from ostiary.seeing import Seeing, share
from ostiary.upstream import Upstream

if TYPE_CHECKING:
    from ostiary.plan import Plan

__all__ = ["Gateway", "serve"]

logger = logging.getLogger("ostiary.gateway")

# How often a drain looks whether the last answers are out, seconds.
DRAIN_STEP = 0.02


class Gateway:
    """Everything that a plan asks for, in one event loop."""

    def __init__(self, plan: Plan) -> None:
        admission = Admission(plan.connections, plan.connections_per_address)
        # A random key: nobody outside can choose keys that fall together in the tables.
        self.seeing = seeing = Seeing(plan, share(plan, os.urandom(16)))
        self._policing = policing = Policing(plan, seeing)
        self._drain_seconds = plan.drain_seconds
        upstreams = {each.name: Upstream(each, seeing) for each in plan.upstreams}
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
        self._policing.start()
        self.seeing.start()
        try:
            for listener in self.listeners:
                try:
                    await listener.open()
                except OSError as error:
                    reason = error.strerror or str(error)
                    raise OSError(error.errno, f"listener {listener.name}: cannot listen: {reason}") from error
        except OSError:
            for listener in self.listeners:
                listener.stop_accepting()
            raise

    async def stop(self) -> None:
        """Stops accepting, lets what is outstanding be answered for `drain_seconds`, tells the clients, and closes."""
        for listener in self.listeners:
            listener.stop_accepting()
        loop = asyncio.get_running_loop()
        end = loop.time() + self._drain_seconds
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


def serve(plan: Plan) -> int:
    """Runs a gateway until SIGTERM or SIGINT; gives the exit status."""
    allow_open_files()
    try:
        return uvloop.run(run(plan))
    except OSError as error:
        log.event(logger, logging.ERROR, "start_failed", error=error.strerror or str(error))
    except OstiaryError as error:
        # A file that changed between the check and now.
        log.event(logger, logging.ERROR, "start_failed", error=str(error))
    return 1


async def run(plan: Plan) -> int:
    """Starts, waits for a signal, stops."""
    gateway = Gateway(plan)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, gateway.seeing.reopen)
    await gateway.start()
    # What exists now lives as long as the process: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    log.event(logger, logging.INFO, "started", version=__version__, listeners=len(gateway.listeners))
    await stopping.wait()
    log.event(logger, logging.INFO, "stopping")
    await gateway.stop()
    log.event(logger, logging.INFO, "stopped")
    return 0


def allow_open_files() -> None:
    """Raises the limit of open files as far as it goes: each client takes two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
