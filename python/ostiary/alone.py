"""A gateway of one process, from its start to its end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from typing import TYPE_CHECKING, Any

from ostiary import __version__, log, uncaught
from ostiary.driving import Driving, drive
from ostiary.errors import OstiaryError
from ostiary.gateway import Gateway, settle_memory
from ostiary.operating import Operating, doors_of
from ostiary.sockets import Doors, allow_open_files

if TYPE_CHECKING:
    from ostiary.place import Totals
    from ostiary.plan import Plan

__all__ = ["Alone", "serve"]

logger = logging.getLogger("ostiary.gateway")


class Alone:
    """The gateway and what operators have of it, in one event loop."""

    def __init__(self, plan: Plan, driving: Driving) -> None:
        """Raises: OSError, OstiaryError; as `Gateway`."""
        self.gateway = Gateway(plan, driving)
        self.operating = Operating(self)
        self._generation = 0
        self._stopping = asyncio.Event()

    @property
    def plan(self) -> Plan:
        """The plan in force."""
        return self.gateway.plan

    @property
    def doors(self) -> Doors:
        """The sockets of the listeners."""
        return self.gateway.doors

    @property
    def totals(self) -> Totals:
        """What was counted."""
        return self.gateway.totals

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Tells it to stop."""
        self._stopping.set()

    async def statuses(self) -> list[dict[str, Any]]:
        """What the gateway tells of itself."""
        return [self.gateway.status()]

    def processes(self) -> dict[str, int]:
        """The process id, by its name."""
        return {"gateway": os.getpid()}

    def count_reload(self, result: str) -> None:
        """Counts one."""
        self.gateway.seeing.counters.add("config_reloads_total", result)

    async def renew(self, plan: Plan) -> None:
        """Puts another plan in force.

        Raises:
            OSError, OstiaryError, ValueError: it cannot; nothing has changed.
        """
        gateway, doors = self.gateway, self.doors
        self.operating.check(plan)
        plan = plan.with_lingering(gateway.plan, gateway.clients)
        prepared = doors.prepare(plan.listeners)
        try:
            renewal = gateway.prepare(plan, self._generation + 1, doors.of_worker(0, prepared))
        except BaseException:
            doors.abandon(prepared)
            raise
        self._generation += 1
        await gateway.take(renewal)
        doors.take(prepared)
        self.operating.renew(plan)

    async def run(self) -> int:
        """Starts, waits until it is told to stop, stops; gives the exit status.

        Raises:
            OSError: an address cannot be bound.
        """
        gateway, operating = self.gateway, self.operating
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        await gateway.start(doors_of(self.plan))
        await operating.open()
        settle_memory()
        log.event(logger, logging.INFO, "started", version=__version__, listeners=len(gateway.listeners))
        operating.announce()
        await self._stopping.wait()
        await operating.before_drain()
        log.event(logger, logging.INFO, "stopping")
        await gateway.stop(keeps_files=operating.is_handed_over)
        await operating.close()
        log.event(logger, logging.INFO, "stopped")
        return 0

    def _hang_up(self) -> None:
        self.gateway.reopen()
        self.operating.hang_up()


async def run(plan: Plan, driving: Driving) -> int:
    """Runs a plan in this event loop, which waits there."""
    uncaught.watch_loop(asyncio.get_running_loop())
    return await Alone(plan, driving).run()


def serve(plan: Plan) -> int:
    """Runs a gateway until SIGTERM or SIGINT; gives the exit status."""
    allow_open_files()
    uncaught.watch_process()
    try:
        return drive(lambda driving: run(plan, driving))
    except OSError as error:
        log.event(logger, logging.ERROR, "start_failed", error=error.strerror or str(error))
    except OstiaryError as error:
        # A file that changed between the check and now.
        log.event(logger, logging.ERROR, "start_failed", error=str(error))
    return 1
