"""The process above several workers: opens what they share, starts them, and starts one anew that died.

It serves no client, and so has neither the configuration's models nor the gateway in its memory. It keeps the sockets
and the shared memory: both outlive a worker, with the clients that wait in the one and what is counted in the other.
How each worker is kept is `keeping.py`'s.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, cast

import uvloop

from ostiary import __version__, log, uncaught
from ostiary.keeping import Keeper
from ostiary.place import Place, share
from ostiary.sockets import allow_open_files, close_sockets, open_sockets
from ostiary.worker import command, received

if TYPE_CHECKING:
    from ostiary.log import Level
    from ostiary.plan import Plan

__all__ = ["Supervisor", "main"]

logger = logging.getLogger("ostiary.supervisor")

# Beyond the time that clients have to finish, before a worker that does not stop is killed.
STOP_SECONDS = 5.0


class Supervisor:
    """The workers of a plan, and what they share."""

    def __init__(self, plan: Plan, descriptor: int, level: Level, *arguments: str) -> None:
        """`descriptor` has the plan for the workers, whose command lines end with the arguments.

        Raises:
            OSError: an address cannot be bound, or there is no memory.
        """
        memory = os.memfd_create("ostiary-shared", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self._plan = plan
        place = Place(worker=plan.workers, processes=plan.workers + 1, memory=memory)
        self.shared = share(plan, place)
        """What the workers count in."""
        self._sockets = open_sockets(plan.listeners, plan.workers)
        self._stopping = asyncio.Event()
        self._restarts = self.shared.meters.meter("ostiary_worker_restarts_total")
        self.keepers = [
            Keeper(
                self,
                Place(number, place.processes, place.key, memory, {name: each.fileno() for name, each in own.items()}),
                lambda channel: command("worker", str(descriptor), level, str(channel), *arguments),
                descriptor,
            )
            for number, own in enumerate(self._sockets)
        ]

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping.is_set()

    def processes(self) -> dict[str, int]:
        """The process ids of all, by name."""
        workers = {f"worker-{each.number}": each.pid for each in self.keepers if each.pid is not None}
        return {"supervisor": os.getpid(), **workers}

    async def statuses(self) -> list[dict[str, Any]]:
        """What each worker says of itself; those that say nothing are left out."""
        told = await asyncio.gather(*(each.status() for each in self.keepers))
        return [each for each in told if each is not None]

    async def wait_for_stop(self, seconds: float) -> bool:
        """Waits until it is told to stop, at most so long."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def stop(self) -> None:
        """Tells it to stop."""
        self._stopping.set()

    def note_restart(self) -> None:
        """A worker is replaced."""
        self.shared.meters.add(self._restarts)

    async def run(self) -> int:
        """Keeps workers until SIGTERM or SIGINT; gives the exit status."""
        loop = asyncio.get_running_loop()
        uncaught.watch_loop(loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._pass_on_hang_up)
        admin = await self._open_admin() if self._plan.admin is not None else None
        keeping = [asyncio.create_task(each.keep()) for each in self.keepers]
        status = await self._until_it_ends(keeping)
        self.stop()
        log.event(logger, logging.INFO, "stopping")
        # Before the workers close theirs: the last one closes the door.
        close_sockets(self._plan.listeners, self._sockets)
        for each in self.keepers:
            each.signal(signal.SIGTERM)
        _, late = await asyncio.wait(keeping, timeout=self._plan.drain_seconds + STOP_SECONDS)
        for each in self.keepers:
            if each.pid is not None:
                log.event(logger, logging.ERROR, "worker_killed", worker=each.number, pid=each.pid)
                each.signal(signal.SIGKILL)
        await asyncio.gather(*keeping)
        if admin is not None:
            await admin.stop()
        log.event(logger, logging.INFO, "stopped")
        return 1 if late else status

    async def _open_admin(self) -> Any:
        from ostiary.source import GatewaySource, open_admin

        source = GatewaySource(
            self._plan,
            self.shared,
            statuses=self.statuses,
            processes=self.processes,
            is_stopping=lambda: self.is_stopping,
        )
        return await open_admin(self._plan, source)

    async def _until_it_ends(self, keeping: list[asyncio.Task[None]]) -> int:
        """Waits until there is a reason to stop; the exit status that it has.

        A keeper that ends before it is told to has met a bug, which is raised where all of them are awaited.
        """
        starting = asyncio.gather(*(each.has_started for each in self.keepers))
        reasons: list[asyncio.Future[Any]] = [asyncio.create_task(self._stopping.wait()), *keeping]
        await asyncio.wait((starting, *reasons), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
        elif any(starting.result()):
            log.event(
                logger, logging.INFO, "started",
                version=__version__, listeners=len(self._plan.listeners), workers=len(self.keepers),
            )  # fmt: skip
            await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
        elif not self.is_stopping:
            log.event(logger, logging.ERROR, "start_failed", error="no worker could start")
            return 1
        return 0

    def _pass_on_hang_up(self) -> None:
        for each in self.keepers:
            each.hang_up()


async def supervise(plan: Plan, descriptor: int, level: Level) -> int:
    """Runs a supervisor in this event loop."""
    return await Supervisor(plan, descriptor, level, *sys.argv[3:]).run()


def main() -> int:
    """Runs the plan that `worker.become` handed over; gives the exit status."""
    descriptor, level = int(sys.argv[1]), cast("Level", sys.argv[2])
    log.configure(level)
    allow_open_files()
    uncaught.watch_process()
    try:
        return uvloop.run(supervise(received(descriptor), descriptor, level))
    except OSError as error:
        log.event(logger, logging.ERROR, "start_failed", error=error.strerror or str(error))
    return 1


if __name__ == "__main__":
    sys.exit(main())
