"""One worker as its supervisor keeps it: started, asked, and started anew with the same place when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from ostiary import log
from ostiary.commanding import send
from ostiary.control import Channel

if TYPE_CHECKING:
    from ostiary.generation import Generation
    from ostiary.supervisor import Supervisor

__all__ = ["Keeper"]

logger = logging.getLogger("ostiary.supervisor")

# How long a place stays empty: at first a moment, then longer each time, so that one that cannot live does not take the
# machine. One that lived for long enough died of something else than its start.
BACK_OFF_SECONDS = 0.1
BACK_OFF_SECONDS_MAX = 10.0
LIVED_SECONDS = 60.0
# How long a worker has to say how it is: less than who asks waits for all of them.
STATUS_SECONDS = 1.0
# So many questions wait for their answers; one that answers none is not asked more.
ASKED_MAX = 64
LAST_WORDS_SECONDS = 1.0
# How long a worker may take to make what a plan comes to, or to put it in force for all its clients.
ORDER_SECONDS = 30.0


class Keeper:
    """Keeps one worker."""

    def __init__(self, supervisor: Supervisor, number: int, command: Callable[[int, str], list[str]]) -> None:
        """`command` starts the worker with the descriptors of the plan and of its channels."""
        self.number = number
        self.has_started: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Whether the first process of this place came to serve."""
        self._supervisor = supervisor
        self._command = command
        self._generation = -1
        self._process: asyncio.subprocess.Process | None = None
        self._channel: Channel | None = None
        self._is_ready = False
        # It may have opened a file already that has been renamed since.
        self._owes_hang_up = False
        self._asked: deque[asyncio.Future[dict[str, Any] | None]] = deque()
        # Where descriptors go that an order needs, and who waits for the answer to one.
        self._descriptors: socket.socket | None = None
        self._ordered: asyncio.Future[dict[str, Any] | None] | None = None

    @property
    def pid(self) -> int | None:
        """The id of the process; none while there is none."""
        return None if self._process is None else self._process.pid

    async def keep(self) -> None:
        """Has a worker in this place until the supervisor stops."""
        pause = BACK_OFF_SECONDS
        while not self._supervisor.is_stopping:
            began = monotonic()
            ended = await self._live()
            self._supervisor.forget_worker(self.number)
            if not self.has_started.done():
                self.has_started.set_result(False)
            if self._supervisor.is_stopping:
                return
            lived = monotonic() - began
            log.event(logger, logging.ERROR, "worker_died", worker=self.number, lived_seconds=round(lived, 1), **ended)
            if lived >= LIVED_SECONDS:
                pause = BACK_OFF_SECONDS
            log.event(logger, logging.WARNING, "worker_restarting", worker=self.number, in_seconds=pause)
            if await self._supervisor.wait_for_stop(pause):
                return
            pause = min(2 * pause, BACK_OFF_SECONDS_MAX)
            self._supervisor.note_restart()

    def signal(self, number: signal.Signals) -> None:
        """Sends the worker a signal."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    def stop(self) -> None:
        """Tells the worker that it is time to drain."""
        if self._is_ready and self._channel is not None:
            self._channel.send({"ask": "stop"})
        else:
            self.signal(signal.SIGTERM)

    async def prepare(self, generation: Generation) -> str | None:
        """Has the worker make what a plan comes to; why it cannot.

        One that is not there begins with it later, and so does one that does not answer: it is ended.
        """
        if not self._is_ready or self._descriptors is None:
            return None
        sockets = generation.sockets_of(self.number)
        numbers = generation.descriptors_for(self.number)
        message = {
            "ask": "prepare",
            "generation": generation.number,
            "descriptors": len(numbers),
            "memory": [each is not None for each in generation.new_memory],
            "sockets": {name: len(own) for name, own in sockets.items()},
        }
        try:
            for each in numbers:
                send(self._descriptors, {}, [each])
        except OSError as error:
            return f"worker {self.number}: {error.strerror or error}"
        answer = await self._order(message)
        return None if answer is None else answer.get("prepared")

    async def take(self, generation: Generation) -> None:
        """Has the worker put in force what it prepared. One that does not is ended, and begins with it."""
        if self._is_ready and await self._order({"ask": "take"}) is not None:
            self._generation = generation.number

    def abandon(self) -> None:
        """What was prepared is not wanted after all."""
        if self._is_ready and self._channel is not None:
            self._channel.send({"ask": "abandon"})

    async def _order(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """What the worker answers; None: nothing. One that says nothing in time is ended.

        An answer that came late would be taken for that to another order.
        """
        if self._channel is None:
            return None
        self._ordered = ordered = asyncio.get_running_loop().create_future()
        self._channel.send(message)
        try:
            return await asyncio.wait_for(ordered, ORDER_SECONDS)
        except TimeoutError:
            self._is_ready = False
            log.event(logger, logging.ERROR, "worker_killed", worker=self.number, pid=self.pid)
            self.signal(signal.SIGKILL)
            return None
        finally:
            self._ordered = None

    def hang_up(self) -> None:
        """Passes a SIGHUP on; to one that is still starting it would be the end, so that it gets it later."""
        if self._is_ready:
            self.signal(signal.SIGHUP)
        else:
            self._owes_hang_up = True

    async def status(self) -> dict[str, Any] | None:
        """What the worker says of itself; none where it says nothing in time."""
        if self._channel is None or not self._is_ready or len(self._asked) >= ASKED_MAX:
            return None
        # Answers come in the order of the questions, those nobody waits for any more too.
        answer: asyncio.Future[dict[str, Any] | None] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        self._channel.send({"ask": "status"})
        try:
            return await asyncio.wait_for(answer, STATUS_SECONDS)
        except TimeoutError:
            return None

    async def _live(self) -> dict[str, object]:
        """One process from its start to its end; how it ended."""
        generation = self._supervisor.generation
        place = generation.place(self.number)
        with contextlib.ExitStack() as stack:
            try:
                ours, theirs = map(stack.enter_context, socket.socketpair())
                pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                descriptors, their_descriptors = map(stack.enter_context, pair)
                channels = (theirs.fileno(), their_descriptors.fileno())
                self._process = process = await asyncio.create_subprocess_exec(
                    *self._command(generation.plan_descriptor, ",".join(map(str, channels))),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(generation.plan_descriptor, *place.descriptors, *channels),
                    # A terminal's signals are for the supervisor, who tells the workers.
                    start_new_session=True,
                )
            except OSError as error:
                return {"error": error.strerror or str(error)}
            # Theirs are closed here, and ours kept.
            stack.pop_all()
            theirs.close()
            their_descriptors.close()
        descriptors.settimeout(ORDER_SECONDS)
        self._descriptors = descriptors
        self._generation = generation.number
        self._channel = channel = await Channel.open(ours)
        channel.send(place.as_message())
        if self._supervisor.is_stopping:
            self.signal(signal.SIGTERM)
        listening = asyncio.create_task(self._listen(channel))
        status = await process.wait()
        # What it said last is still to be read. A process of a plugin's may have the other end, and outlive it.
        await asyncio.wait((listening,), timeout=LAST_WORDS_SECONDS)
        listening.cancel()
        channel.close()
        descriptors.close()
        self._process = self._channel = self._descriptors = None
        self._is_ready = False
        self._answer_order(None)
        while self._asked:
            self._answer(None)
        ended = {"signal": signal.Signals(-status).name} if status < 0 else {"status": status}
        return {"pid": process.pid, **ended}

    async def _listen(self, channel: Channel) -> None:
        while (told := await channel.receive()) is not None:
            if told.get("ready"):
                self._is_ready = True
                log.event(logger, logging.INFO, "worker_started", worker=self.number, pid=self.pid)
                if not self.has_started.done():
                    self.has_started.set_result(True)
                if self._supervisor.is_stopping:
                    self.stop()
                elif self._generation != self._supervisor.generation.number:
                    # Another plan came into force while it started.
                    self._supervisor.catch_up(self)
            elif "prepared" in told or "taken" in told:
                self._answer_order(told)
                if self._owes_hang_up:
                    self._owes_hang_up = False
                    self.hang_up()
            elif "status" in told and self._asked:
                self._answer(told["status"])

    def _answer_order(self, told: dict[str, Any] | None) -> None:
        if self._ordered is not None and not self._ordered.done():
            self._ordered.set_result(told)

    def _answer(self, status: dict[str, Any] | None) -> None:
        answer = self._asked.popleft()
        if not answer.done():
            answer.set_result(status)
