"""One client: the sockets of one session, and nothing of the protocol.

The driver's contract with the core: feed octets, write what the step says, act on its events, call `expire`
at the deadline. Back-pressure goes both ways: a side whose write buffer is full stops the other side's reading,
so what waits for a slow peer waits in its sender's socket and not here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from ostiary import log
from ostiary._core import Event, Session
from ostiary.link import close
from ostiary.upstream import Dial

if TYPE_CHECKING:
    from ostiary._core import Step
    from ostiary.asking import Asking
    from ostiary.link import UpstreamLink
    from ostiary.listener import Listener

__all__ = ["Connection"]

logger = logging.getLogger("ostiary.connection")


class Connection(asyncio.Protocol):
    """The sockets of one session; as a protocol, the client's."""

    __slots__ = (
        "_address",
        "_asking",
        "_dial",
        "_holds",
        "_listener",
        "_timer",
        "_transport",
        "has_lasted",
        "link",
        "number",
        "session",
        "write",
    )

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.link: UpstreamLink | None = None
        """The upstream's socket, while there is one."""
        self._dial: Dial | None = None
        self._timer: asyncio.TimerHandle | None = None
        # Why the client is not read from: the session asked for it, or the upstream does not take more.
        self._holds = 0
        self._address = ""
        self._asking: Asking | None = None
        self.has_lasted = False
        """It has outlived its first time limit: the socket upstream gets what only long connections need."""

    # The client's side, as asyncio calls it.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit asyncio's classes.
        transport = cast("asyncio.Transport", transport)
        self._transport = transport
        self.write = transport.write
        """Writes to the client."""
        listener, now = self._listener, monotonic()
        address, port = peer(transport) if listener.looks_at_clients else (None, 0)
        self.session = session = Session(listener.settings, now, address)
        self.number = listener.seeing.shared.next_connection()
        """By which plugins and records know it."""
        refusal = listener.admit(self, address)
        if refusal is not None:
            session.turn_away(self.number, port, refusal, now)
            transport.abort()
            return
        session.enter(self.number, port, now)
        transport.set_write_buffer_limits(high=listener.buffered_bytes)
        self._arm(self.session.deadline - now)
        if listener.hooks is not None:
            self._asking = listener.asking(self, address)
            if listener.hooks.asks_connect:
                self._asking.admit()

    def data_received(self, data: bytes) -> None:
        to_client, to_upstream, events = self.session.client_data(data, monotonic())
        if to_upstream is not None and self.link is not None:
            self.link.write(to_upstream)
        if to_client is not None:
            self.write(to_client)
        if events:
            self.act(events)

    def eof_received(self) -> bool:
        self.take(self.session.client_eof(monotonic()))
        return True

    def pause_writing(self) -> None:
        if self.link is not None:
            self.link.hold()

    def resume_writing(self) -> None:
        if self.link is not None:
            self.link.release()

    def connection_lost(self, _error: Exception | None) -> None:
        # The session ends without a client to write to; an upstream still gets its Unbind.
        self.take(self.session.client_gone())
        self._disarm()
        self._listener.forget(self)
        if self._asking is not None:
            self._asking.closed()
            self._asking = None

    # What sessions, upstreams and the gateway ask for.

    def take(self, step: Step) -> None:
        """Writes what a step says and acts on its events."""
        to_client, to_upstream, events = step
        if to_upstream is not None and self.link is not None:
            self.link.write(to_upstream)
        if to_client is not None and not self._transport.is_closing():
            self.write(to_client)
        if events:
            self.act(events)

    @property
    def client_address(self) -> str:
        """The client's address for logs, asked of the kernel once somebody wants to know."""
        if not self._address:
            self._address = peer_address(self._transport)
        return self._address

    @property
    def buffered_bytes(self) -> int:
        """Octets that may wait for one side before the other is paused."""
        return self._listener.buffered_bytes

    def refuse(self, reason: str) -> None:
        """A plugin does not let the client in."""
        log.event(
            logger, logging.INFO, "connection_refused",
            client=self.client_address, listener=self._listener.name, reason=reason,
        )  # fmt: skip
        self._transport.abort()

    def renew(self, *, looks_anew: bool) -> None:
        """The listener has other settings."""
        listener = self._listener
        address = peer(self._transport)[0] if looks_anew else None
        if self._asking is None and listener.hooks is not None:
            self._asking = listener.asking(self, peer(self._transport)[0])
            self._asking.client_changed()
        self._transport.set_write_buffer_limits(high=listener.buffered_bytes)
        if self.link is not None:
            self.link.count_in(listener.seeing.counters)
        self.take(self.session.renew(listener.settings, monotonic(), address))

    def shut_down(self) -> None:
        """Ends the session with a notice."""
        self.take(self.session.shut_down())

    def hold_client(self) -> None:
        """Stops reading from the client, once more."""
        self._holds += 1
        if self._holds == 1 and not self._transport.is_closing():
            self._transport.pause_reading()

    def release_client(self) -> None:
        """Takes one `hold_client` back."""
        self._holds -= 1
        if self._holds == 0 and not self._transport.is_closing():
            self._transport.resume_reading()

    def attach(self, link: UpstreamLink) -> None:
        """An upstream's connection was made for this session."""
        self.link = link
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
        log.event(logger, logging.WARNING, "upstream_unavailable", upstream=upstream.name, error=faults)
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

    def _note_decision(self, event: Event.Decided) -> None:
        self._listener.decisions.note(event, self.client_address, self._listener.name)

    def _ask(self, event: Event.Held) -> None:
        if self._asking is not None:
            self._asking.held(event)

    def _renew_client(self, _event: Event) -> None:
        if self._asking is not None:
            self._asking.client_changed()

    def _tell_finished(self, event: Event.Finished) -> None:
        if self._asking is not None:
            self._asking.finished(event)

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
        log.event(
            logger,
            logging.WARNING,
            "sasl_security_layer_opaque",
            client=self.client_address,
            listener=self._listener.name,
        )

    def _close_upstream(self, event: Event.CloseUpstream) -> None:
        link, self.link = self.link, None
        if link is not None:
            log.event(
                logger, logging.INFO, "upstream_closed",
                upstream=self._listener.upstream.name, reason=event.reason, client=self.client_address,
            )  # fmt: skip
            link.close()

    def _close(self, event: Event.Close) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            log.event(
                logger, logging.DEBUG, "connection_closed",
                client=self.client_address, listener=self._listener.name, reason=event.reason,
            )  # fmt: skip
        if self._dial is not None:
            self._dial.cancel()
        link, self.link = self.link, None
        if link is not None:
            link.close()
        self._disarm()
        close(self._transport)

    def abort(self) -> None:
        """Closes the client's socket, whatever it has not read."""
        self._transport.abort()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _log_violation(self, event: Event.Violation) -> None:
        log.event(
            logger, logging.WARNING, "violation",
            peer=event.peer, kind=event.kind, detail=event.detail, client=self.client_address,
            listener=self._listener.name, upstream=self._listener.upstream.name,
        )  # fmt: skip
        self._listener.seeing.violation(event.peer, event.kind)

    def _arm(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(max(seconds, 0.0), self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = monotonic()
        self.take(self.session.expire(now))
        if not self.has_lasted:
            self.has_lasted = True
            if self.link is not None:
                self.link.keep_alive()
        deadline = self.session.deadline
        if self._timer is None and deadline != float("inf"):
            # uvloop's clock has steps of a millisecond: a timer may fire that much early.
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
}


def peer(transport: asyncio.BaseTransport) -> tuple[str | None, int]:
    """The peer's IP address and port; None and 0 on a unix socket."""
    name = transport.get_extra_info("peername")
    return (name[0], name[1]) if isinstance(name, tuple) else (None, 0)


def peer_address(transport: asyncio.BaseTransport) -> str:
    """The peer's address for logs: `192.0.2.1:4711`, `[2001:db8::1]:4711`, or `unix`."""
    peer = transport.get_extra_info("peername")
    match peer:
        case (str(host), int(port), *_):
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        case _:
            return "unix"
