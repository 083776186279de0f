"""What a connection asks of plugins whose hooks are live: one question after another, each answer back to the session.

Rules never come here. Knows no socket; what hooks do and how they fail is `ostiary.plugins.hooks`'s to know.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from ostiary.plugins import PASS, Client, Request, Result, Verdict
from ostiary.plugins.hooks import spoken

if TYPE_CHECKING:
    from ostiary._core import Event
    from ostiary.connection import Connection
    from ostiary.policing import Policing

__all__ = ["Asking"]


class Asking:
    """The dealings of one connection with the plugins."""

    __slots__ = (
        "_connection",
        "_is_answering",
        "_policing",
        "_questions",
        "_tasks",
        "client",
    )

    def __init__(
        self, policing: Policing, connection: Connection, number: int, address: str | None, listener: str
    ) -> None:
        self._policing = policing
        self._connection = connection
        self._show(Client(number, address, listener))
        # A verdict may let other requests come forward: they are asked about in turn, not from inside one another.
        self._questions: deque[Event.Held] = deque()
        self._is_answering = False
        self._tasks: set[asyncio.Task[Verdict]] = set()

    def client_changed(self) -> None:
        """The client has another identity, or TLS."""
        session = self._connection.session
        tls = session.client_tls
        certificate = None if tls is None else tls.peer_certificate
        self._show(self.client.now(name=session.identity, tls=tls is not None, certificate=certificate))

    def admit(self) -> None:
        """Asks whether a client that has just come may stay; until all agree, nothing is read from it."""
        hooks = self._policing.hooks
        verdict = PASS if hooks is None else hooks.connect(self.client)
        if isinstance(verdict, Verdict):
            self._admitted(verdict)
        else:
            self._connection.hold_client()
            self._later(verdict, self._admitted_late)

    def held(self, question: Event.Held) -> None:
        """The session asks about a request whose hook is a coroutine, or that came forward by a verdict on another."""
        self._questions.append(question)
        if self._is_answering:
            return
        self._is_answering = True
        try:
            while self._questions:
                one = self._questions.popleft()
                # Of one that is under way those are asked who were there when it came.
                chain, request = self._policing.chains[one.generation], Request(one.operation, one.request)
                verdict = chain.run(one.stage, self.client, request)
                if isinstance(verdict, Verdict):
                    self._resume(one.hold, verdict)
                else:
                    self._later(verdict, partial(self._resume, one.hold))
        finally:
            self._is_answering = False

    def finished(self, event: Event.Finished) -> None:
        """A request that hooks observe has had its last response."""
        hooks = self._policing.hooks
        if hooks is not None and hooks.observes:
            request = Request(event.operation, event.request)
            hooks.finished(self.client, request, Result(event.code, event.entries))

    def closed(self) -> None:
        """The client is gone: nobody waits for answers any more."""
        self._questions.clear()
        self._connection.driver.show(self._connection.client, None)
        for task in self._tasks:
            task.cancel()
        hooks = self._policing.hooks
        if hooks is not None and hooks.follows:
            hooks.closed(self.client)

    def _show(self, client: Client) -> None:
        """Hooks are shown the client like this from now on."""
        self.client = client
        self._connection.driver.show(self._connection.client, client)

    def _resume(self, hold: int, verdict: Verdict) -> None:
        self._connection.resume(hold, spoken(verdict))

    def _admitted_late(self, verdict: Verdict) -> None:
        self._admitted(verdict)
        self._connection.release_client()

    def _admitted(self, verdict: Verdict) -> None:
        if verdict is not PASS:
            self._connection.refuse(verdict.text)

    def _later(self, verdict: Coroutine[Any, Any, Verdict], then: Callable[[Verdict], None]) -> None:
        # By itself, not awaited by another: that one might be cancelled before it awaits anything.
        task = asyncio.create_task(verdict)
        self._tasks.add(task)
        task.add_done_callback(partial(self._decided, then))

    def _decided(self, then: Callable[[Verdict], None], task: asyncio.Task[Verdict]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            then(task.result())
