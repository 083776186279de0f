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
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import uvloop

from ostiary import __version__, log, uncaught
from ostiary.counters import Counters
from ostiary.generation import Generation, plan_descriptor
from ostiary.keeping import Keeper
from ostiary.operating import Operating, doors_of
from ostiary.place import Memory, Place, Totals, memory_for, memory_needed, share, share_anew
from ostiary.sockets import Doors, allow_open_files
from ostiary.worker import command, received

if TYPE_CHECKING:
    from ostiary.log import Level
    from ostiary.place import Shared
    from ostiary.plan import Plan
    from ostiary.sockets import Door

__all__ = ["Supervisor", "main"]

logger = logging.getLogger("ostiary.supervisor")

# Beyond the time that clients have to finish, before a worker that does not stop is killed.
STOP_SECONDS = 5.0
# How often workers are asked whether anything still is under way under an earlier plan.
SETTLE_SECONDS = 2.0


class Supervisor:
    """The workers of a plan, and what they share."""

    def __init__(self, plan: Plan, descriptor: int, level: Level, *arguments: str) -> None:
        """`descriptor` has the plan for the workers, whose command lines end with the arguments.

        Raises:
            OSError: an address cannot be bound, or there is no memory.
        """
        tables, meters = memory_for("tables", "meters")
        place = Place(worker=plan.workers, processes=plan.workers + 1, memory=Memory(tables, meters))
        self.shared = share(plan, place)
        """What the workers count in."""
        self.totals = Totals(0, self.shared)
        """What was counted under this plan and those before it."""
        self.doors = Doors(plan.workers)
        """The sockets of the listeners."""
        prepared = self.doors.prepare(plan.listeners, doors_of(plan))
        self.doors.take(prepared)
        memory = Memory(tables, meters, self.shared.layout)
        self.generation = Generation(0, plan, descriptor, place.key, memory, (None, None), self.doors, prepared)
        """The plan in force, as workers get it."""
        self.operating = Operating(self)
        self._stopping = asyncio.Event()
        self._settling: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.keepers = [
            Keeper(self, number, lambda plan, channels: command("worker", str(plan), level, channels, *arguments))
            for number in range(plan.workers)
        ]

    @property
    def plan(self) -> Plan:
        """The plan in force."""
        return self.generation.plan

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
        Counters(self.shared.meters).add("worker_restarts_total")

    def count_reload(self, result: str) -> None:
        """Counts one."""
        Counters(self.shared.meters).add("config_reloads_total", result)

    def forget_worker(self, worker: int) -> None:
        """A worker has ended: what it had in use is given back."""
        self.shared.forget_worker(worker)
        self.totals.forget_worker(worker)

    async def renew(self, plan: Plan) -> None:
        """Puts another plan in force: in all workers, or in none.

        Raises:
            OSError, ValueError: it cannot; nothing has changed.
        """
        self.operating.check(plan)
        clients: Counter[str] = Counter()
        for status in await self.statuses():
            clients.update(status["connections"])
        plan = plan.with_lingering(self.plan, clients)
        prepared = self.doors.prepare(plan.listeners)
        generation = None
        try:
            generation, shared = self._generation_of(plan, prepared)
            refused = await asyncio.gather(*(each.prepare(generation) for each in self.keepers))
            if any(refused):
                raise ValueError(next(each for each in refused if each))
        except BaseException:
            self.doors.abandon(prepared)
            for each in self.keepers:
                each.abandon()
            if generation is not None:
                close_descriptors(generation.plan_descriptor, *generation.new_memory)
            raise
        before, self.generation, self.shared = self.generation, generation, shared
        self.totals.succeed(generation.number, shared)
        await asyncio.gather(*(each.take(generation) for each in self.keepers))
        self.doors.take(prepared)
        replaced = zip(before.memory[:2], generation.memory[:2], strict=True)
        close_descriptors(before.plan_descriptor, *(old for old, new in replaced if old != new))
        self.operating.renew(plan)
        self._settle_later()

    def catch_up(self, keeper: Keeper) -> None:
        """A worker started with a plan that is not in force any more: it ends, and begins with the one that is."""
        log.event(logger, logging.INFO, "worker_outdated", worker=keeper.number, pid=keeper.pid)
        keeper.signal(signal.SIGKILL)

    async def run(self) -> int:
        """Keeps workers until SIGTERM or SIGINT; gives the exit status."""
        loop = asyncio.get_running_loop()
        uncaught.watch_loop(loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        await self.operating.open()
        keeping = [asyncio.create_task(each.keep()) for each in self.keepers]
        status = await self._until_it_ends(keeping)
        self.stop()
        await self.operating.before_drain()
        log.event(logger, logging.INFO, "stopping")
        # Before the workers close theirs: the last one closes the door.
        self.doors.close(keeps_files=self.operating.is_handed_over)
        for each in self.keepers:
            each.stop()
        _, late = await asyncio.wait(keeping, timeout=self.plan.drain_seconds + STOP_SECONDS)
        for each in self.keepers:
            if each.pid is not None:
                log.event(logger, logging.ERROR, "worker_killed", worker=each.number, pid=each.pid)
                each.signal(signal.SIGKILL)
        await asyncio.gather(*keeping)
        await self.operating.close()
        if self._settling is not None:
            self._settling.cancel()
        log.event(logger, logging.INFO, "stopped")
        return 1 if late else status

    def _generation_of(self, plan: Plan, prepared: dict[str, Door]) -> tuple[Generation, Shared]:
        """What workers get with another plan, and the supervisor's own part of it."""
        before = self.generation
        needs = memory_needed(self.shared, plan)
        made: list[int | None] = [
            memory_for(purpose)[0] if is_needed else None
            for purpose, is_needed in zip(("tables", "meters"), needs, strict=True)
        ]
        try:
            shared = share_anew(self.shared, plan, Memory(made[0], made[1]))
            descriptor = plan_descriptor(plan)
        except BaseException:
            close_descriptors(*made)
            raise
        tables, meters = (new if new is not None else old for new, old in zip(made, before.memory[:2], strict=True))
        memory = Memory(tables, meters, shared.layout)
        new_memory = (made[0], made[1])
        number = before.number + 1
        return Generation(number, plan, descriptor, before.key, memory, new_memory, self.doors, prepared), shared

    def _settle_later(self) -> None:
        if self.totals.earlier and self._settling is None:
            self._settling = asyncio.get_running_loop().call_later(SETTLE_SECONDS, self._begin_settling)

    def _begin_settling(self) -> None:
        task = asyncio.create_task(self._settle())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle(self) -> None:
        """Adds up what was counted under plans under which nothing is under way any more."""
        self._settling = None
        told = await asyncio.gather(*(each.status() for each in self.keepers))
        # Of one that says nothing nobody knows, unless it is not there.
        silent = any(status is None and each.pid is not None for status, each in zip(told, self.keepers, strict=True))
        if not silent:
            in_use = {number for status in told if status is not None for number in status["generations"]}
            self.totals.fold([*in_use, self.generation.number])
        self._settle_later()

    def _hang_up(self) -> None:
        for each in self.keepers:
            each.hang_up()
        self.operating.hang_up()

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
                version=__version__, listeners=len(self.plan.listeners), workers=len(self.keepers),
            )  # fmt: skip
            self.operating.announce()
            await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
        elif not self.is_stopping:
            log.event(logger, logging.ERROR, "start_failed", error="no worker could start")
            return 1
        return 0


def close_descriptors(*numbers: int | None) -> None:
    """Closes those that are there."""
    for each in numbers:
        if each is not None:
            os.close(each)


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
