"""One client: what its session's events ask for, its one timer, and nothing of the protocol.

Its sockets are the core's driver's, which feeds the session and writes what it says; only what is to be done beside
comes here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from ostiary import log
from ostiary._core import Event, Session
from ostiary.sockets import LINGER_SECONDS
from ostiary.upstream import Dial

if TYPE_CHECKING:
    from ostiary._core import Step, Verdict
    from ostiary.asking import Asking
    from ostiary.link import UpstreamLink
    from ostiary.listener import Listener
    from ostiary.time_limit import TimeLimit

__all__ = ["Connection"]

logger = logging.getLogger("ostiary.connection")


class Connection:
    """One client, as the event loop has it: its session, its timer, what acts on its events."""

    __slots__ = (
        "_dial",
        "_first",
        "_holds",
        "_host",
        "_is_gone",
        "_listener",
        "_port",
        "_timer",
        "asking",
        "client",
        "driver",
        "has_lasted",
        "link",
        "number",
        "session",
    )

    def __init__(self, listener: Listener, client: int, host: str | None, port: int) -> None:
        self._listener = listener
        self.driver = listener.driving.driver
        """Has the sockets, under the name `client`."""
        self.client = client
        self.link: UpstreamLink | None = None
        """The upstream's socket, while there is one."""
        self._host = host
        self._port = port
        self._dial: Dial | None = None
        # Until when something has to come: at first in common with others, then its own.
        self._first: TimeLimit | None = None
        self._timer: asyncio.TimerHandle | None = None
        # How many do not want the client to be read from.
        self._holds = 0
        self._is_gone = False
        self.asking: Asking | None = None
        """What asks plugins about requests that the session holds."""
        self.has_lasted = False
        """It has outlived its first time limit: the socket upstream gets what only long connections need."""
        self._enter()

    def _enter(self) -> None:
        listener, now = self._listener, monotonic()
        address, port = (self._host, self._port) if listener.looks_at_clients else (None, 0)
        self.session = session = Session(listener.settings, now, address)
        self.number = listener.seeing.shared.next_connection()
        """By which plugins and records know it."""
        refusal = listener.admit(self, address)
        if refusal is not None:
            session.turn_away(self.number, port, *refusal, now)
            self.abort()
            return
        session.enter(self.number, port, now)
        try:
            self.driver.enter(self.client, self, session, listener.buffered_bytes)
        except OSError as error:
            # The system limits how many sockets may be watched, too.
            name, kind = listener.name, (listener.name,)
            log.often(logger, logging.ERROR, "accept_failed", kind, listener=name, error=error.strerror)
            self.abort()
            return
        self._first = listener.first_limit(session.deadline - now)
        self._first.begin(self)
        if listener.hooks is not None:
            self.asking = listener.asking(self, address)
            if listener.hooks.asks_connect:
                self.asking.admit()

    # What sessions, upstreams and the gateway ask for.

    def take(self, step: Step) -> None:
        """Writes what a step says and acts on its events."""
        to_client, to_upstream, events = step
        if to_upstream is not None:
            self.driver.write_upstream(self.client, to_upstream)
        if to_client is not None:
            self.driver.write_client(self.client, to_client)
        if events:
            self.act(events)

    def resume(self, hold: int, verdict: Verdict) -> None:
        """The verdict of a plugin on a request that the session holds."""
        events = self.driver.resume(self.client, hold, verdict)
        if events:
            self.act(events)

    @property
    def client_address(self) -> str:
        """The client's address for logs: `192.0.2.1:4711`, `[2001:db8::1]:4711`, or `unix`."""
        if self._host is None:
            return "unix"
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    @property
    def host(self) -> str:
        """The client's address without its port, or `unix`."""
        return self._host or "unix"

    @property
    def buffered_bytes(self) -> int:
        """Octets that may wait for one side before the other is paused."""
        return self._listener.buffered_bytes

    def refuse(self, reason: str) -> None:
        """A plugin does not let the client in."""
        log.often(
            logger, logging.INFO, "connection_refused", (self._listener.name, "hook"),
            client=self.client_address, listener=self._listener.name, reason=reason,
        )  # fmt: skip
        self.abort()

    def renew(self, *, looks_anew: bool) -> None:
        """The listener has other settings."""
        listener = self._listener
        if listener.hooks is not None:
            if self.asking is None:
                self.asking = listener.asking(self, self._host)
            # Nobody was told what the client became while there were no hooks.
            self.asking.client_changed()
        self.driver.set_most_waiting(self.client, listener.buffered_bytes)
        if self.link is not None:
            self.link.count_in(listener.seeing.counters)
        self.take(self.session.renew(listener.settings, monotonic(), self._host if looks_anew else None))

    def shut_down(self) -> None:
        """Ends the session with a notice."""
        self.take(self.session.shut_down())

    def drain(self) -> None:
        """Takes no more requests, and ends the session with a notice once all are answered."""
        self.take(self.session.drain())

    def hold_client(self) -> None:
        """Stops reading from the client, once more."""
        self._holds += 1
        if self._holds == 1:
            self.driver.hold_client(self.client)

    def release_client(self) -> None:
        """Takes one `hold_client` back."""
        self._holds -= 1
        if self._holds == 0:
            self.driver.release_client(self.client)

    def attach(self, link: UpstreamLink) -> None:
        """An upstream's connection was made for this session."""
        self.link = link
        link.open()
        if self.has_lasted:
            link.keep_alive()

    def detach(self, link: UpstreamLink) -> None:
        """That connection ended."""
        if self.link is link:
            self.link = None

    def end_dial(self) -> None:
        """A server is ready."""
        self._dial = None

    def fail_dial(self, faults: str) -> None:
        """Every address of every server failed."""
        self._dial = None
        upstream = self._listener.upstream
        kind = (upstream.name,)
        log.often(logger, logging.WARNING, "upstream_unavailable", kind, upstream=upstream.name, error=faults)
        self.take(self.session.upstream_unreachable(monotonic()))

    def act(self, events: tuple[Event, ...]) -> None:
        """Does what the session asks for beside writing."""
        for event in events:
            ACTIONS[type(event)](self, event)

    def _connect(self, _event: Event) -> None:
        self._dial = Dial(self._listener.upstream, self)
        self._dial.start()

    def _report(self, event: Event) -> None:
        if self._dial is not None:
            self._dial.report(event)

    def _lose_upstream(self, _event: Event) -> None:
        self._leave_upstream()

    def _leave_upstream(self) -> bool:
        """Parts with the server; whether there was one."""
        link, self.link = self.link, None
        if link is not None:
            link.close()
        return link is not None

    def _lose_client(self, _event: Event) -> None:
        self.abort()

    def _break(self, _event: Event) -> None:
        log.often(
            logger, logging.ERROR, "session_failed", (self._listener.name,),
            client=self.client_address, listener=self._listener.name,
        )  # fmt: skip
        self.fail()

    def _note_decision(self, event: Event.Decided) -> None:
        self._listener.decisions.note(event, self.client_address, self._listener.name)

    def _ask(self, event: Event.Held) -> None:
        if self.asking is not None:
            self.asking.held(event)

    def _renew_client(self, _event: Event) -> None:
        if self.asking is not None:
            self.asking.client_changed()

    def _tell_finished(self, event: Event.Finished) -> None:
        if self.asking is not None:
            self.asking.finished(event)

    def _note_bad_replacement(self, event: Event.BadReplacement) -> None:
        plugin = self._listener.policing.chains[event.generation].plugin(event.stage)
        log.event(logger, logging.ERROR, "plugin_failed", plugin=plugin, reason="its replacement is no such request")

    def _pause(self, _event: Event) -> None:
        self.hold_client()

    def _resume(self, _event: Event) -> None:
        self.release_client()

    def _move_deadline(self, event: Event.Deadline) -> None:
        self._arm(event.at - monotonic())

    def _warn_opaque(self, _event: Event) -> None:
        log.often(
            logger, logging.WARNING, "sasl_security_layer_opaque", (self._listener.name,),
            client=self.client_address, listener=self._listener.name,
        )  # fmt: skip

    def _close_upstream(self, event: Event.CloseUpstream) -> None:
        if self._leave_upstream():
            log.often(
                logger, logging.INFO, "upstream_closed", (self._listener.upstream.name,),
                upstream=self._listener.upstream.name, reason=event.reason, client=self.client_address,
            )  # fmt: skip

    def _close(self, event: Event.Close) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            log.event(
                logger, logging.DEBUG, "connection_closed",
                client=self.client_address, listener=self._listener.name, reason=event.reason,
            )  # fmt: skip
        self._part()
        if self._is_gone:
            return
        if self.driver.leave(self.client):
            self.abort()
        else:
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self.abort)

    def abort(self) -> None:
        """Closes the client's socket, whatever it has not read, or that is closed."""
        if self._is_gone:
            return
        self._is_gone = True
        # The session ends without a client to write to; an upstream still gets its Unbind.
        self.take(self.session.client_gone())
        self._leave()

    def fail(self) -> None:
        """The same without a word of the session, which may not be able to say one."""
        if not self._is_gone:
            self._is_gone = True
            self._part()
            self._leave()

    def _part(self) -> None:
        if self._dial is not None:
            self._dial.cancel()
        self._leave_upstream()
        self._disarm()

    def _leave(self) -> None:
        self._disarm()
        self._listener.forget(self)
        if self.asking is not None:
            self.asking.closed()
            self.asking = None
        self.driver.remove(self.client)

    def _disarm(self) -> None:
        if self._first is not None:
            self._first.end(self)
            self._first = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _log_violation(self, event: Event.Violation) -> None:
        log.often(
            logger, logging.WARNING, "violation", (self._listener.name, event.peer, event.kind),
            peer=event.peer, kind=event.kind, detail=event.detail, client=self.client_address,
            listener=self._listener.name, upstream=self._listener.upstream.name,
        )  # fmt: skip
        self._listener.seeing.violation(event.peer, event.kind)

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._timer = asyncio.get_running_loop().call_later(max(seconds, 0.0), self.expire)

    def expire(self) -> None:
        """The session's deadline has come."""
        self._first = self._timer = None
        now = monotonic()
        self.take(self.session.expire(now))
        if not self.has_lasted:
            self.has_lasted = True
            if self.link is not None:
                self.link.keep_alive()
        deadline = self.session.deadline
        if self._timer is None and deadline != float("inf"):
            # A timer may fire a little early.
            self._arm(max(deadline - now, 0.001))


ACTIONS: dict[type[Event], Callable[[Connection, Any], None]] = {
    Event.Connect: Connection._connect,
    Event.UpstreamReady: Connection._report,
    Event.UpstreamFailed: Connection._report,
    Event.StartUpstreamTls: Connection._report,
    Event.CloseUpstream: Connection._close_upstream,
    Event.PauseClient: Connection._pause,
    Event.ResumeClient: Connection._resume,
    Event.Deadline: Connection._move_deadline,
    Event.Violation: Connection._log_violation,
    Event.Decided: Connection._note_decision,
    Event.ClientChanged: Connection._renew_client,
    Event.Held: Connection._ask,
    Event.BadReplacement: Connection._note_bad_replacement,
    Event.Finished: Connection._tell_finished,
    Event.Opaque: Connection._warn_opaque,
    Event.Close: Connection._close,
    Event.Connected: Connection._report,
    Event.NotConnected: Connection._report,
    Event.ClientLost: Connection._lose_client,
    Event.UpstreamLost: Connection._lose_upstream,
    Event.Failed: Connection._break,
}
