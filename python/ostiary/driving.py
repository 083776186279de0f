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

from ostiary._core import Driver, Event

__all__ = ["Driving", "Owner", "drive", "nobody_is_asked"]

BESIDE = 2
"""How a wait ended when something of the loop's is ready."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Owner(Protocol):
    """Who is told what happens to a socket."""

    def act(self, events: tuple[Event, ...]) -> None:
        """Does what they ask for."""

    def fail(self) -> None:
        """It raised; what it serves ends."""


class Driving(selectors.EpollSelector):
    """Waits for the driver's sockets and for those of the loop, and tells owners what happened to theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.driver = Driver()
        self.ask: Callable[[], None] = nobody_is_asked
        """What asks plugins about requests that sessions hold, until nobody is to be asked before somebody is told:
        `ostiary.plugins.answering.Answering.answer`, which is loaded where there are hooks."""
        self._send(self.fileno())
        self.driver.watch()

    def listen(self, listening: socket.socket, owner: Owner) -> int:
        """Accepts there; the socket stays the caller's. Gives the name to remove it by."""
        listening.setblocking(False)
        self._send(listening.fileno())
        return self.driver.listen(owner)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What of the loop's is ready, after so long a wait or once the loop has something to do; it calls this."""
        driver = self.driver
        until = None if timeout is None else monotonic() + timeout
        driver.is_wanted = False
        while True:
            happened, is_asked, end = driver.wait(until)
            if happened is not None:
                self._tell(happened)
            if is_asked:
                self.ask()
            # A turn of the loop for each wait costs more than what most waits bring.
            if end or driver.is_wanted:
                return super().select(0) if end == BESIDE else []

    def end(self, owner: Owner, error: BaseException) -> None:
        """Ends what an owner serves: something of it raised that is no peer's fault, and no plugin's."""
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise error
        loop = asyncio.get_running_loop()
        loop.call_exception_handler({"message": "acting on an event failed", "exception": error})
        owner.fail()

    def _tell(self, happened: list[tuple[Owner, tuple[Event, ...]]]) -> None:
        for owner, events in happened:
            try:
                owner.act(events)
            except BaseException as error:  # noqa: BLE001  (one client's fault is not the others')
                self.end(owner, error)

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
        self._driving.driver.is_wanted = True
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """See asyncio."""
        self._driving.driver.is_wanted = True
        return super().call_at(when, callback, *args, context=context)


def nobody_is_asked() -> None:
    """Where there are no hooks, no session asks: whatever would, waits for ever."""


def drive(work: Callable[[Driving], Coroutine[Any, Any, T]]) -> T:
    """Runs a coroutine on a loop of its own, and gives its result."""
    driving = Driving()
    with asyncio.Runner(loop_factory=lambda: Loop(driving)) as runner:
        return runner.run(work(driving))
