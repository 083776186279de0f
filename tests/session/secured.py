"""Scripts with TLS on either side: Python's own TLS as the peer, in memory."""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Any, Self

from ostiary._core import Event, ListenerTls, ServerSetup

from .playbook import Playbook


class Peer:
    """One end of TLS. What comes back to be sent is in `outgoing`."""

    def __init__(self, context: ssl.SSLContext, *, name: str | None = None, server: bool = False) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=server, server_hostname=name)
        self.established = False
        self.closed = False
        """The other end said close_notify."""
        self.fault: ssl.SSLError | None = None

    def receive(self, octets: bytes) -> bytes:
        """Takes octets, answers them into `outgoing`, gives the plaintext they held."""
        self.incoming.write(octets)
        plain = b""
        try:
            if not self.established:
                self.tls.do_handshake()
                self.established = True
            while not self.closed:
                read = self.tls.read(1 << 16)
                plain += read
                self.closed = not read
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.fault = error
        return plain

    def wraps(self, plain: bytes) -> bytes:
        view = memoryview(plain)
        while view:
            view = view[self.tls.write(view) :]
        return self.outgoing.read()

    def says_close_notify(self) -> bytes:
        with suppress(ssl.SSLWantReadError):  # it awaits the answer
            self.tls.unwrap()
        return self.outgoing.read()


class SecuredPlaybook(Playbook):
    """A script in plaintext whose octets travel inside TLS wherever a side has a peer."""

    def __init__(
        self,
        tls: ListenerTls | None = None,
        setup: ServerSetup | None = None,
        *,
        peer: Peer | None = None,
        server: Peer | None = None,
        pieces: int = 1 << 20,
        **settings: Any,
    ) -> None:
        self.pieces = pieces
        """No feed is longer than this."""
        self.peer: Peer | None = None
        self.server = server
        super().__init__(tls, setup, **settings)
        if peer is not None:
            self.client_starts_tls(peer)

    def client_starts_tls(self, peer: Peer) -> Self:
        self.peer = peer
        peer.receive(b"")
        return self.raw_client(peer.outgoing.read())

    def server_starts_tls(self, server: Peer) -> Self:
        """What the session has sent since is the beginning of its handshake."""
        self.server, hello = server, self.to_upstream
        self.to_upstream = b""
        server.receive(hello)
        return self.raw_upstream(server.outgoing.read())

    def raw_client(self, octets: bytes) -> Self:
        for start in range(0, len(octets), self.pieces):
            self._take(self.session.client_data(octets[start : start + self.pieces], self.now))
        return self

    def raw_upstream(self, octets: bytes) -> Self:
        for start in range(0, len(octets), self.pieces):
            self._take(self.session.upstream_data(octets[start : start + self.pieces], self.now))
        return self

    def client(self, *messages: bytes) -> Self:
        octets = b"".join(messages)
        return self.raw_client(self.peer.wraps(octets) if self.peer else octets)

    def upstream(self, *messages: bytes) -> Self:
        octets = b"".join(messages)
        return self.raw_upstream(self.server.wraps(octets) if self.server else octets)

    def _take(self, step: tuple[bytes | None, bytes | None, tuple[Event, ...]]) -> Self:
        to_client, to_upstream, events = step
        if self.peer is not None and to_client:
            to_client = self.peer.receive(to_client)
        if self.server is not None and to_upstream:
            to_upstream = self.server.receive(to_upstream)
        super()._take((to_client, to_upstream, events))
        if self.peer is not None and (answer := self.peer.outgoing.read()):
            self.raw_client(answer)
        if self.server is not None and (answer := self.server.outgoing.read()):
            self.raw_upstream(answer)
        return self
