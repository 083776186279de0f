"""One client: the sockets of one session, and nothing of the protocol.

The driver's contract with the core: feed octets, write what the step says, act on its events, call `expire`
at the deadline. Back-pressure goes both ways: a side whose write buffer is full stops the other side's reading,
so what waits for a slow peer waits in its sender's socket and not here.
"""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import TYPE_CHECKING, cast

from ostiary import log
from ostiary._core import Event, Session
from ostiary.errors import UpstreamUnavailable
from ostiary.upstream import Dial

if TYPE_CHECKING:
    from ostiary._core import Step
    from ostiary.listener import Listener

__all__ = ["Connection", "UpstreamLink"]

logger = logging.getLogger("ostiary.connection")


class Connection(asyncio.Protocol):
    """The sockets of one session; as a protocol, the client's."""

    __slots__ = ("_client_holds", "_dial", "_link", "_listener", "_session", "_timer", "_transport", "client_address")

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._link: UpstreamLink | None = None
        self._dial: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        # Why the client is not read from: the session asked for it, or the upstream does not take more.
        self._client_holds = 0
        self.client_address = ""

    # The client's side, as asyncio calls it.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit asyncio's classes.
        transport = cast("asyncio.Transport", transport)
        self._transport = transport
        self.client_address = peer_address(transport)
        now = monotonic()
        self._session = Session(self._listener.settings, now)
        if not self._listener.admit(self):
            transport.abort()
            return
        transport.set_write_buffer_limits(high=self._listener.buffered_bytes)
        self._arm(self._session.deadline - now)

    def data_received(self, data: bytes) -> None:
        to_client, to_upstream, events = self._session.client_data(data, monotonic())
        if to_upstream is not None and self._link is not None:
            self._link.write(to_upstream)
        if to_client is not None:
            self._transport.write(to_client)
        if events:
            self._act(events)

    def eof_received(self) -> bool:
        self.take(self._session.client_eof(monotonic()))
        return True

    def pause_writing(self) -> None:
        if self._link is not None:
            self._link.hold()

    def resume_writing(self) -> None:
        if self._link is not None:
            self._link.release()

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            log.event(logger, logging.DEBUG, "client_lost", client=self.client_address, error=str(error))
        # The session ends without a client to write to; an upstream still gets its Unbind.
        self.take(self._session.client_gone())
        self._release()

    # What sessions, upstreams and the gateway ask for.

    def take(self, step: Step) -> None:
        """Writes what a step says and acts on its events."""
        to_client, to_upstream, events = step
        if to_upstream is not None and self._link is not None:
            self._link.write(to_upstream)
        if to_client is not None and not self._transport.is_closing():
            self._transport.write(to_client)
        if events:
            self._act(events)

    @property
    def session(self) -> Session:
        """The protocol state."""
        return self._session

    @property
    def buffered_bytes(self) -> int:
        """Octets that may wait for one side before the other is paused."""
        return self._listener.buffered_bytes

    def shut_down(self) -> None:
        """Ends the session with a notice."""
        self.take(self._session.shut_down())

    def hold_client(self) -> None:
        """Stops reading from the client, once more."""
        self._client_holds += 1
        if self._client_holds == 1 and not self._transport.is_closing():
            self._transport.pause_reading()

    def release_client(self) -> None:
        """Takes one `hold_client` back."""
        self._client_holds -= 1
        if self._client_holds == 0 and not self._transport.is_closing():
            self._transport.resume_reading()

    def attach(self, link: UpstreamLink) -> None:
        """An upstream's connection was made for this session."""
        self._link = link

    def detach(self, link: UpstreamLink) -> None:
        """That connection ended."""
        if self._link is link:
            self._link = None

    def _act(self, events: tuple[Event, ...]) -> None:
        for event in events:
            match event:
                case Event.Connect():
                    self._dial = asyncio.create_task(self._dial_upstream())
                case Event.UpstreamReady() | Event.UpstreamFailed() | Event.StartUpstreamTls():
                    if self._link is not None:
                        self._link.report(event)
                case Event.CloseUpstream(reason=reason):
                    self._close_upstream(reason)
                case Event.PauseClient():
                    self.hold_client()
                case Event.ResumeClient():
                    self.release_client()
                case Event.Deadline(at=at):
                    self._arm(at - monotonic())
                case Event.Violation():
                    self._log_violation(event)
                case Event.Opaque():
                    log.event(
                        logger, logging.WARNING, "sasl_security_layer_opaque",
                        client=self.client_address, listener=self._listener.name,
                    )  # fmt: skip
                case Event.Close(reason=reason):
                    self._close(reason)

    async def _dial_upstream(self) -> None:
        dial = Dial(self._listener.upstream, self)
        try:
            await dial.run()
        except UpstreamUnavailable as error:
            log.event(logger, logging.WARNING, "upstream_unavailable", upstream=dial.name, error=str(error))
            self.take(self._session.upstream_unreachable(monotonic()))
        finally:
            self._dial = None

    def _close_upstream(self, reason: str) -> None:
        link, self._link = self._link, None
        if link is not None:
            log.event(
                logger, logging.INFO, "upstream_closed",
                upstream=self._listener.upstream.name, reason=reason, client=self.client_address,
            )  # fmt: skip
            link.close()

    def _close(self, reason: str) -> None:
        log.event(
            logger, logging.DEBUG, "connection_closed",
            client=self.client_address, listener=self._listener.name, reason=reason,
        )  # fmt: skip
        if self._dial is not None:
            self._dial.cancel()
        link, self._link = self._link, None
        if link is not None:
            link.close()
        if not self._transport.is_closing():
            self._transport.close()
        self._release()

    def _release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._listener.forget(self)

    def _log_violation(self, event: Event.Violation) -> None:
        log.event(
            logger, logging.WARNING, "violation",
            peer=event.peer, kind=event.kind, detail=event.detail, client=self.client_address,
            listener=self._listener.name, upstream=self._listener.upstream.name,
        )  # fmt: skip

    def _arm(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(max(seconds, 0.0), self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = monotonic()
        self.take(self._session.expire(now))
        deadline = self._session.deadline
        if self._timer is None and deadline != float("inf"):
            # uvloop's clock has steps of a millisecond: a timer may fire that much early.
            self._arm(max(deadline - now, 0.001))


class UpstreamLink(asyncio.Protocol):
    """The upstream's socket of one session."""

    __slots__ = ("_connection", "_holds_client", "_transport", "reports", "write")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._holds_client = False
        self.reports: asyncio.Queue[Event] = asyncio.Queue()
        """What the session says while the server is being set up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.use(cast("asyncio.Transport", transport))

    def use(self, transport: asyncio.Transport) -> None:
        """Reads and writes by this transport from now on."""
        self._transport = transport
        self.write = transport.write
        transport.set_write_buffer_limits(high=self._connection.buffered_bytes)

    @property
    def transport(self) -> asyncio.Transport:
        """The transport in use."""
        return self._transport

    def data_received(self, data: bytes) -> None:
        connection = self._connection
        to_client, to_upstream, events = connection._session.upstream_data(data, monotonic())
        if to_client is not None:
            connection._transport.write(to_client)
        if to_upstream is not None:
            self.write(to_upstream)
        if events:
            connection._act(events)

    def eof_received(self) -> bool:
        self._lose()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._lose()
        self._release_client()

    def pause_writing(self) -> None:
        self._holds_client = True
        self._connection.hold_client()

    def resume_writing(self) -> None:
        self._release_client()

    def report(self, event: Event) -> None:
        """The session said something about the server's setup."""
        self.reports.put_nowait(event)

    def hold(self) -> None:
        """Stops reading from the server: the client does not take more."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def release(self) -> None:
        """Reads from the server again."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """Closes the connection once everything is written."""
        if not self._transport.is_closing():
            self._transport.close()

    def _lose(self) -> None:
        connection = self._connection
        if connection._link is self:
            connection.take(connection._session.upstream_eof(monotonic()))
            connection.detach(self)

    def _release_client(self) -> None:
        if self._holds_client:
            self._holds_client = False
            self._connection.release_client()


def peer_address(transport: asyncio.BaseTransport) -> str:
    """The peer's address for logs: `192.0.2.1:4711`, `[2001:db8::1]:4711`, or `unix`."""
    peer = transport.get_extra_info("peername")
    match peer:
        case (str(host), int(port), *_):
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        case _:
            return "unix"
