"""A small LDAP client for the tour: one request at a time, over plain TCP, LDAPS or StartTLS.

A real client on a real socket, with Python's own ssl: what the tour shows is what an application would see.
Knows no steps and prints nothing.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import Any

from ostiary._core import (
    START_TLS_OID,
    BindRequest,
    Control,
    ExtendedRequest,
    Framer,
    LdapResult,
    Message,
    UnbindRequest,
    decode_response,
)
from ostiary.demo.seen import describe_tls

__all__ = ["Answer", "Client", "Disconnected"]

_RESPONSE_BYTES_MAX = 8_388_608
_ANSWER_SECONDS = 5.0
"""The whole tour has fifteen; nothing on one machine takes five."""

_CLOSE_SECONDS = 1.0
"""A peer that does not answer close_notify is left."""


class Disconnected(Exception):
    """The connection ended while an answer was awaited; says what the notice, if one came, said."""


class Answer:
    """All responses to one request: what came before the result, and the result."""

    def __init__(self, messages: Sequence[Message]) -> None:
        *before, last = messages
        if not isinstance(last.operation, LdapResult):
            raise TypeError("the last response carries no result")
        self.before = [message.operation for message in before]
        self.result: LdapResult = last.operation
        self.controls = last.controls


class Client(asyncio.Protocol):
    """One connection to an LDAP server. Made by `connect`."""

    def __init__(self) -> None:
        self._framer = Framer(_RESPONSE_BYTES_MAX)
        self._transport: Any = None
        self._arrived: asyncio.Queue[Message | None] = asyncio.Queue()
        self._ended = asyncio.Event()
        self._message_id = 0
        self.notice: LdapResult | None = None
        """The Notice of Disconnection, once one has come."""

    @classmethod
    async def connect(
        cls, host: str, port: int, tls: ssl.SSLContext | None = None, source: str | None = None
    ) -> Client:
        """Connects; with `tls`, by LDAPS; with `source`, from that address."""
        loop = asyncio.get_running_loop()
        opening = loop.create_connection(
            cls,
            host,
            port,
            ssl=tls,
            server_hostname=host if tls is not None else None,
            local_addr=None if source is None else (source, 0),
        )
        _, client = await asyncio.wait_for(opening, _ANSWER_SECONDS)
        return client

    @property
    def tls(self) -> str:
        """TLS version and cipher, "" for none."""
        return "" if self._transport is None else describe_tls(self._transport)

    async def request(self, operation: Any, controls: Sequence[Control] = ()) -> Answer:
        """Sends a request and waits for all of its answer.

        Raises:
            Disconnected: the server ended the connection instead.
        """
        self._message_id += 1
        self._send(Message(self._message_id, operation, controls))
        answer: list[Message] = []
        while not answer or not isinstance(answer[-1].operation, LdapResult):
            message = await asyncio.wait_for(self._arrived.get(), _ANSWER_SECONDS)
            if message is None:
                raise Disconnected(self.notice.diagnostic_message if self.notice else "without a notice")
            if message.message_id == self._message_id:
                answer.append(message)
        return Answer(answer)

    async def start_tls(self, tls: ssl.SSLContext, server_hostname: str) -> Answer:
        """Sends StartTLS and, if the server agrees, does the handshake."""
        answer = await self.request(ExtendedRequest(START_TLS_OID))
        if answer.result.result_code == 0:
            if self._framer.buffered or not self._arrived.empty():
                raise Disconnected("bytes in plain behind the StartTLS response")
            loop = asyncio.get_running_loop()
            handshake = loop.start_tls(self._transport, self, tls, server_hostname=server_hostname)
            self._transport = await asyncio.wait_for(handshake, _ANSWER_SECONDS)
        return answer

    async def bind(self, name: str, password: str, version: int = 3) -> Answer:
        """A simple bind."""
        return await self.request(BindRequest(version, name, simple=password.encode()))

    async def close(self) -> None:
        """Says unbind, closes, and waits until the connection is gone."""
        if self._transport is None:
            return
        if not self._transport.is_closing():
            self._message_id += 1
            self._send(Message(self._message_id, UnbindRequest()))
            self._transport.close()
        try:
            await asyncio.wait_for(self._ended.wait(), _CLOSE_SECONDS)
        except TimeoutError:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for frame in self._framer.feed(data):
            message = decode_response(frame)
            if message.message_id == 0 and isinstance(message.operation, LdapResult):
                self.notice = message.operation
            else:
                self._arrived.put_nowait(message)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._ended.set()
        self._arrived.put_nowait(None)

    def _send(self, message: Message) -> None:
        if self._transport is None or self._transport.is_closing():
            raise Disconnected("before the request was sent")
        self._transport.write(message.encode())
