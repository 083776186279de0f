"""One client of the demo directory: its bytes, frames and StartTLS.

Requests are answered one after the other, whole, so Abandon never finds anything to abandon. What a request does is
operations.py's, how it looks on the wire the core's.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import TYPE_CHECKING, cast

from ostiary._core import (
    START_TLS_OID,
    BindRequest,
    ExtendedRequest,
    Framer,
    LdapResult,
    Message,
    UnbindRequest,
    decode_request,
    notice_of_disconnection,
)
from ostiary.demo.operations import Operations
from ostiary.demo.result import ResultCode
from ostiary.demo.seen import Seen, describe_tls

if TYPE_CHECKING:
    from ostiary.demo.directory import Directory

__all__ = ["ServedClient"]

_MESSAGE_BYTES_MAX = 8_388_608
"""As the gateway's own default for authenticated clients."""


class ServedClient(asyncio.Protocol):
    """A connection from its first byte in plain; after StartTLS, what `_InsideTls` hands on."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._operations = Operations(directory.tree, directory.access)
        self._framer = Framer(_MESSAGE_BYTES_MAX)
        self._transport: asyncio.Transport | None = None
        self._tls = ""
        self._handshake: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A TCP server's transports are full ones; uvloop's do not derive from asyncio's class.
        self._transport = cast("asyncio.Transport", transport)
        self._directory.clients.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._directory.clients.discard(self)
        self._transport = None

    def drop(self) -> None:
        """Closes the connection at once."""
        if self._handshake is not None:
            self._handshake.cancel()
        if self._transport is not None:
            self._transport.abort()

    def pause_writing(self) -> None:
        """A client that does not read gets to send no more requests."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again. During the handshake reading is not ours to resume."""
        if self._transport is not None and (self._tls or self._handshake is None):
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._handshake is not None:
            self.drop()  # in plain behind StartTLS: never read
            return
        self.receive(data)

    def receive(self, data: bytes) -> None:
        """Takes what the client sent, inside TLS or without, and answers what is whole."""
        frames = deque(self._framer.feed(data))
        while frames and self._transport is not None:
            try:
                message = decode_request(frames.popleft())
            except ValueError as error:
                self._disconnect(str(error))
                return
            if not self._perform(message, more=bool(frames) or self._framer.buffered > 0):
                return
        if self._framer.fault is not None:
            self._disconnect(self._framer.fault)

    def secure(self, transport: asyncio.Transport) -> None:
        """Goes on inside TLS, as somebody anonymous."""
        self._transport = transport
        self._tls = describe_tls(transport)
        self._operations.forget_identity()

    def _perform(self, message: Message, more: bool) -> bool:
        """Answers one message; False if nothing behind it may be read."""
        request = message.operation
        name = request.name if isinstance(request, BindRequest) else ""
        self._directory.seen.append(Seen(message.kind, name, self._tls))
        if isinstance(request, UnbindRequest):
            self._close()
            return False
        if isinstance(request, ExtendedRequest) and request.request_name == START_TLS_OID:
            return self._start_tls(message.message_id, more)
        for response in self._operations.perform(message):
            self._write(response.encode())
        return True

    def _start_tls(self, message_id: int, more: bool) -> bool:
        """StartTLS (RFC 4511 section 4.14). Bytes sent behind it in plain are an attack or a fault: close."""
        tls, transport = self._directory.tls, self._transport
        if self._tls or tls is None or transport is None:
            code = ResultCode.OPERATIONS_ERROR if self._tls else ResultCode.PROTOCOL_ERROR
            text = "TLS is on already" if self._tls else "StartTLS is not set up here"
            response = LdapResult("extended", code, diagnostic_message=text, response_name=START_TLS_OID)
            self._write(Message(message_id, response).encode())
            return True
        if more:
            self._close()
            return False
        # Nothing may be read in plain any more: what comes from here on belongs to the handshake.
        transport.pause_reading()
        self._write(Message(message_id, LdapResult("extended", 0, response_name=START_TLS_OID)).encode())
        self._handshake = asyncio.get_running_loop().create_task(self._shake_hands(transport, tls))
        return False

    async def _shake_hands(self, transport: asyncio.Transport, tls: ssl.SSLContext) -> None:
        inside = _InsideTls(self)
        try:
            secured = await asyncio.get_running_loop().start_tls(transport, inside, tls, server_side=True)
        except OSError:
            transport.abort()
            return
        if secured is not None:
            inside.begin(secured)

    def _disconnect(self, text: str) -> None:
        """Notice of Disconnection (RFC 4511 section 4.4.1), then the end."""
        self._write(notice_of_disconnection(ResultCode.PROTOCOL_ERROR, text))
        self._close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class _InsideTls(asyncio.Protocol):
    """What `loop.start_tls` delivers decrypted.

    A client may send its first request with its last bytes of the handshake, and then the loop delivers before it
    returns the transport to answer on. Answered on the one at hand, the answer would leave in plain.
    """

    def __init__(self, client: ServedClient) -> None:
        self._client = client
        self._early: bytearray | None = bytearray()

    def begin(self, transport: asyncio.Transport) -> None:
        """Hands over the transport, then what came early."""
        self._client.secure(transport)
        early, self._early = self._early, None
        if early:
            self._client.receive(bytes(early))

    def data_received(self, data: bytes) -> None:
        if self._early is None:
            self._client.receive(data)
        else:
            self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        self._client.connection_lost(exc)

    def pause_writing(self) -> None:
        self._client.pause_writing()

    def resume_writing(self) -> None:
        self._client.resume_writing()
