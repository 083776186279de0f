"""The demo directory as a server: plain LDAP with StartTLS, as many installed directories still are.

Owns sockets, frames and TLS. What a request does is operations.py's, how it looks on the wire the core's.
Requests of one client are answered one after the other, whole: Abandon never finds anything to abandon.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass
from importlib import resources
from typing import cast

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
from ostiary.demo.access import Access
from ostiary.demo.entry import parse_dn
from ostiary.demo.ldif import read_ldif
from ostiary.demo.operations import Operations
from ostiary.demo.result import ResultCode
from ostiary.demo.tree import Tree

__all__ = ["ADMINISTRATOR", "ADMINISTRATOR_PASSWORD", "Directory", "Seen", "example_tree"]

ADMINISTRATOR = "cn=admin,dc=example,dc=org"
ADMINISTRATOR_PASSWORD = "opensesame"
"""Stands in example.ldif and in what the demo prints; it opens made-up entries on a loopback address."""

_SEEN_MAX = 1_000
"""How many requests the directory remembers for the tour, which does far fewer."""
_MESSAGE_BYTES_MAX = 8_388_608
"""As the gateway's own default for authenticated clients."""


@dataclass(frozen=True)
class Seen:
    """A request as it arrived: what it was, whom a bind named, and over which TLS ("" for none)."""

    kind: str
    name: str
    tls: str


def example_tree() -> Tree:
    """The bundled example.ldif as a tree."""
    text = resources.files("ostiary.demo").joinpath("example.ldif").read_text(encoding="utf-8")
    return Tree(read_ldif(text), by=ADMINISTRATOR)


class Directory:
    """A small LDAP server on 127.0.0.1, in the running event loop."""

    def __init__(
        self, tree: Tree, tls: ssl.SSLContext | None = None, administrator: str = ADMINISTRATOR
    ) -> None:
        """`tls` is what StartTLS uses; without it StartTLS is answered protocolError."""
        self.tree = tree
        self.access = Access([parse_dn(administrator)])
        self.tls = tls
        self.seen: deque[Seen] = deque(maxlen=_SEEN_MAX)
        """Every request that arrived, oldest first: how the tour proves that a refused one did not."""
        self.clients: set[_Client] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        """Listens; port 0 takes a free one."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Client(self), "127.0.0.1", port)

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._server is None:
            raise RuntimeError("the directory has not been started")
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stops listening and drops every client."""
        if self._server is None:
            return
        self._server.close()
        for client in [*self.clients]:
            client.drop()
        await self._server.wait_closed()
        self._server = None


class _Client(asyncio.Protocol):
    """One connection: bytes to messages to operations and back."""

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
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
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

    def _perform(self, message: Message, more: bool) -> bool:
        """Answers one message; False if nothing behind it may be read."""
        request = message.operation
        name = request.name if isinstance(request, BindRequest) else ""
        self._directory.seen.append(Seen(message.kind, name, self._tls))
        if isinstance(request, UnbindRequest):
            self._close()
            return False
        if isinstance(request, ExtendedRequest) and request.request_name == START_TLS_OID:
            return self._start_tls(message, more)
        for response in self._operations.perform(message):
            self._write(response.encode())
        return True

    def _start_tls(self, message: Message, more: bool) -> bool:
        """StartTLS (RFC 4511 section 4.14). Bytes sent behind it in plain are an attack or a fault: close."""
        if self._tls or self._directory.tls is None:
            code = ResultCode.OPERATIONS_ERROR if self._tls else ResultCode.PROTOCOL_ERROR
            text = "TLS is on already" if self._tls else "StartTLS is not set up here"
            response = LdapResult("extended", code, diagnostic_message=text, response_name=START_TLS_OID)
            self._write(Message(message.message_id, response).encode())
            return True
        if more:
            self._close()
            return False
        if self._transport is not None:
            # Nothing may be read in plain any more: what comes from here on belongs to the handshake.
            self._transport.pause_reading()
            self._write(
                Message(message.message_id, LdapResult("extended", 0, response_name=START_TLS_OID)).encode()
            )
            self._handshake = asyncio.get_running_loop().create_task(
                self._shake_hands(self._transport, self._directory.tls)
            )
        return False

    async def _shake_hands(self, transport: asyncio.Transport, tls: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(transport, self, tls, server_side=True)
        except (OSError, ssl.SSLError):
            transport.abort()
            return
        if secured is None:
            return
        self._transport = secured
        self._tls = describe_tls(secured)
        self._operations.forget_identity()

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


def describe_tls(transport: asyncio.BaseTransport) -> str:
    """TLS version and cipher of a transport in words, "" for none."""
    session = transport.get_extra_info("ssl_object")
    if session is None:
        return ""
    cipher = session.cipher()
    return f"{session.version()} {cipher[0]}" if cipher else str(session.version())
