"""One worker as its supervisor keeps it: started, asked, and started anew with the same place when it dies."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from ostiary import log
from ostiary.control import Channel

if TYPE_CHECKING:
    from ostiary.place import Place
    from ostiary.supervisor import Supervisor

__all__ = ["Keeper"]

logger = logging.getLogger("ostiary.supervisor")

# How long a place stays empty: at first a moment, then longer each time, so that one that cannot live does not take the
# machine. One that lived for long enough died of something else than its start.
BACK_OFF_SECONDS = 0.1
BACK_OFF_SECONDS_MAX = 10.0
LIVED_SECONDS = 60.0
# How long a worker has to say how it is.
STATUS_SECONDS = 2.0
# So many questions wait for their answers; one that answers none is not asked more.
ASKED_MAX = 64
LAST_WORDS_SECONDS = 1.0


class Keeper:
    """Keeps one worker."""

    def __init__(
        self, supervisor: Supervisor, place: Place, command: Callable[[int], list[str]], plan_descriptor: int
    ) -> None:
        """`command` starts the worker whose channel has that descriptor."""
        self.number = place.worker
        self.has_started: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Whether the first process of this place came to serve."""
        self._supervisor = supervisor
        self._place = place
        self._command = command
        assert place.memory is not None
        self._inherited = (plan_descriptor, place.memory, *place.sockets.values())
        self._process: asyncio.subprocess.Process | None = None
        self._channel: Channel | None = None
        self._is_ready = False
        # It may have opened a file already that has been renamed since.
        self._owes_hang_up = False
        self._asked: deque[asyncio.Future[dict[str, Any] | None]] = deque()

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
            self._supervisor.shared.forget_worker(self.number)
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
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            return {"error": error.strerror or str(error)}
        try:
            with theirs:
                self._process = process = await asyncio.create_subprocess_exec(
                    *self._command(theirs.fileno()),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(*self._inherited, theirs.fileno()),
                    # A terminal's signals are for the supervisor, who tells the workers.
                    start_new_session=True,
                )
        except OSError as error:
            ours.close()
            return {"error": error.strerror or str(error)}
        self._channel = channel = await Channel.open(ours)
        channel.send(self._place.as_message())
        if self._supervisor.is_stopping:
            self.signal(signal.SIGTERM)
        listening = asyncio.create_task(self._listen(channel))
        status = await process.wait()
        # What it said last is still to be read. A process of a plugin's may have the other end, and outlive it.
        await asyncio.wait((listening,), timeout=LAST_WORDS_SECONDS)
        listening.cancel()
        channel.close()
        self._process = self._channel = None
        self._is_ready = False
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
                if self._owes_hang_up:
                    self._owes_hang_up = False
                    self.hang_up()
            elif "status" in told and self._asked:
                self._answer(told["status"])

    def _answer(self, status: dict[str, Any] | None) -> None:
        answer = self._asked.popleft()
        if not answer.done():
            answer.set_result(status)
