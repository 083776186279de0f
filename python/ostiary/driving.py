"""The core's driver on a worker's event loop: its turn when it has something, and who is told of what happened."""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol

from ostiary._core import Driver, Event

__all__ = ["Driving", "Owner"]


class Owner(Protocol):
    """Who is told what happens to a socket."""

    def act(self, events: tuple[Event, ...]) -> None:
        """Does what they ask for."""

    def ask(self, hold: int, stage: int, generation: int, operation: str, request: bytes) -> None:
        """Asks the hook of a stage about a request, and has the session go on with the verdict."""

    def fail(self) -> None:
        """It raised; what it serves ends."""


class Driving:
    """Turns a driver while its loop runs."""

    def __init__(self) -> None:
        self.driver = Driver()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """From now on, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.driver.fileno(), self._turn)

    def stop(self) -> None:
        """No more."""
        if self._loop is not None:
            self._loop.remove_reader(self.driver.fileno())
            self._loop = None

    def listen(self, listening: socket.socket, owner: Owner) -> int:
        """Accepts there; the socket stays the caller's. Gives the name to remove it by."""
        listening.setblocking(False)
        with socket.socket(fileno=self.driver.passage()) as passage:
            socket.send_fds(passage, [b"\0"], [listening.fileno()])
            return self.driver.listen(owner)

    def _turn(self) -> None:
        happened, held, is_due = self.driver.turn()
        if is_due and self._loop is not None:
            self._loop.call_soon(self._turn)
        if happened is not None:
            for owner, events in happened:
                try:
                    owner.act(events)
                except BaseException as error:  # noqa: BLE001  (one client's fault is not the others')
                    self._end(owner, error)
        if held is not None:
            for owner, hold, stage, generation, operation, request in held:
                try:
                    owner.ask(hold, stage, generation, operation, request)
                except BaseException as error:  # noqa: BLE001  (the same)
                    self._end(owner, error)

    def _end(self, owner: Owner, error: BaseException) -> None:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise error
        if self._loop is not None:
            self._loop.call_exception_handler({"message": "acting on an event failed", "exception": error})
        owner.fail()
