"""A worker's event loop: asyncio's own, which waits in the core's driver, so that one system call waits for everything.

The driver has the sockets of all sessions and enters Python for events alone; what else the loop watches is beside.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
from collections.abc import Callable, Coroutine
from contextvars import Context
from time import monotonic
from typing import Any, Protocol, TypeVar, TypeVarTuple, Unpack

from ostiary._core import Driver, Event, Verdict

__all__ = ["Driving", "Owner", "drive"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Owner(Protocol):
    """Who is told what happens to a socket."""

    def act(self, events: tuple[Event, ...]) -> None:
        """Does what they ask for."""

    def fail(self) -> None:
        """It raised; what it serves ends."""


Answering = Callable[[list[Any], Callable[[Any, BaseException], None]], list["Verdict | None"]]
"""As `ostiary.plugins.hooks.answers`, which is loaded where there are hooks."""


class Driving(selectors.EpollSelector):
    """Waits for the driver's sockets and for those of the loop, and tells owners what happened to theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.driver = Driver()
        # On the requests that the last wait told of: sessions go on together, which costs less than one by one.
        self._verdicts: list[Verdict | None] = []
        self.is_wanted = False
        """The loop has something to do that it did not know of when it began to wait."""
        self.answer: Answering = nobody_is_asked
        """What asks plugins about requests that sessions hold."""
        self._send(self.fileno())
        self.driver.watch()

    def listen(self, listening: socket.socket, owner: Owner) -> int:
        """Accepts there; the socket stays the caller's. Gives the name to remove it by."""
        listening.setblocking(False)
        self._send(listening.fileno())
        return self.driver.listen(owner)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What of the loop's is ready, after so long a wait or once the loop has something to do; it calls this."""
        until = None if timeout is None else monotonic() + timeout
        self.is_wanted = False
        while True:
            is_told, is_beside = self._serve(timeout)
            if is_beside:
                return super().select(0)
            # A turn of the loop for each wait costs more than what most waits bring.
            if self.is_wanted or not is_told:
                return []
            if until is not None:
                timeout = until - monotonic()
                if timeout <= 0:
                    return []

    def _serve(self, timeout: float | None) -> tuple[bool, bool]:
        """Waits once; whether anybody was told something, and whether something of the loop's is ready."""
        verdicts, self._verdicts = self._verdicts, []
        happened, held, is_beside = self.driver.wait(timeout, verdicts)
        if happened is not None:
            for owner, events in happened:
                try:
                    owner.act(events)
                except BaseException as error:  # noqa: BLE001  (one client's fault is not the others')
                    self._end(owner, error)
        if held is not None:
            self._verdicts = self.answer(held, self._end)
        return happened is not None or held is not None, is_beside

    def _end(self, owner: Owner, error: BaseException) -> None:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise error
        loop = asyncio.get_running_loop()
        loop.call_exception_handler({"message": "acting on an event failed", "exception": error})
        owner.fail()

    def _send(self, descriptor: int) -> None:
        with socket.socket(fileno=self.driver.passage()) as passage:
            socket.send_fds(passage, [b"\0"], [descriptor])


class Loop(asyncio.SelectorEventLoop):
    """asyncio's own, which says when it is wanted: whoever is told something may have something done later."""

    def __init__(self, driving: Driving) -> None:
        self._driving = driving
        super().__init__(driving)

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """See asyncio."""
        self._driving.is_wanted = True
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """See asyncio."""
        self._driving.is_wanted = True
        return super().call_at(when, callback, *args, context=context)


def nobody_is_asked(questions: list[Any], _fail: Callable[[Any, BaseException], None]) -> list[Verdict | None]:
    """Where there are no hooks, no session asks: whatever would, waits for ever."""
    return [None] * len(questions)


def drive(work: Callable[[Driving], Coroutine[Any, Any, T]]) -> T:
    """Runs a coroutine on a loop of its own, and gives its result."""
    driving = Driving()
    with asyncio.Runner(loop_factory=lambda: Loop(driving)) as runner:
        return runner.run(work(driving))
