"""A worker's event loop: asyncio's own, which waits in the core's driver, so that one system call waits for everything.

The driver has the sockets of all sessions and enters Python for events alone; what else the loop watches is beside.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from ostiary._core import Driver, Event, Verdict

__all__ = ["Driving", "Owner", "drive"]

T = TypeVar("T")


class Owner(Protocol):
    """Who is told what happens to a socket."""

    def act(self, events: tuple[Event, ...]) -> None:
        """Does what they ask for."""

    def ask(self, hold: int, stage: int, generation: int, operation: str, request: bytes) -> Verdict | None:
        """What the hook of a stage says of a request; none when that comes later."""

    def fail(self) -> None:
        """It raised; what it serves ends."""


class Driving(selectors.EpollSelector):
    """Waits for the driver's sockets and for those of the loop, and tells owners what happened to theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.driver = Driver()
        # On the requests that the last wait told of: sessions go on together, which costs less than one by one.
        self._verdicts: list[Verdict | None] = []
        self._send(self.fileno())
        self.driver.watch()

    def listen(self, listening: socket.socket, owner: Owner) -> int:
        """Accepts there; the socket stays the caller's. Gives the name to remove it by."""
        listening.setblocking(False)
        self._send(listening.fileno())
        return self.driver.listen(owner)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What of the loop's is ready, after a wait for that long or until something happens; called by the loop."""
        verdicts, self._verdicts = self._verdicts, []
        happened, held, is_beside = self.driver.wait(timeout, verdicts)
        if happened is not None:
            for owner, events in happened:
                try:
                    owner.act(events)
                except BaseException as error:  # noqa: BLE001  (one client's fault is not the others')
                    self._end(owner, error)
        if held is not None:
            self._verdicts = verdicts = [None] * len(held)
            for place, (owner, hold, stage, generation, operation, request) in enumerate(held):
                try:
                    verdicts[place] = owner.ask(hold, stage, generation, operation, request)
                except BaseException as error:  # noqa: BLE001  (the same)
                    self._end(owner, error)
        return super().select(0) if is_beside else []

    def _end(self, owner: Owner, error: BaseException) -> None:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise error
        loop = asyncio.get_running_loop()
        loop.call_exception_handler({"message": "acting on an event failed", "exception": error})
        owner.fail()

    def _send(self, descriptor: int) -> None:
        with socket.socket(fileno=self.driver.passage()) as passage:
            socket.send_fds(passage, [b"\0"], [descriptor])


def drive(work: Callable[[Driving], Coroutine[Any, Any, T]]) -> T:
    """Runs a coroutine on a loop of its own, and gives its result."""
    driving = Driving()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(driving)) as runner:
        return runner.run(work(driving))
