"""Dialling: which servers an upstream has, in which order they are tried, and how each one's TLS is set up.

Knows sockets and names; what is said on them is the session's. Names are resolved at each dial (a directory moves
without telling us), every address is tried, and each attempt has its own time limit, TLS included.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from ostiary import tls
from ostiary._core import Event, ServerSetup, UpstreamTls
from ostiary.errors import UpstreamUnavailable

if TYPE_CHECKING:
    from ostiary import config
    from ostiary.connection import Connection, UpstreamLink

__all__ = ["Dial", "Server", "Upstream"]


@dataclass(frozen=True, slots=True)
class Server:
    """One server of an upstream, ready to be dialled."""

    text: str
    """As the configuration writes it, for logs."""
    host: str
    """Name, address or, with port 0, the path of a unix socket."""
    port: int
    setup: ServerSetup
    """What the session does for TLS."""
    tls_from_start: ssl.SSLContext | None = None
    """What the driver's engine does before the first octet."""
    tls_after_start_tls: ssl.SSLContext | None = None
    """What the driver's engine does once the server agreed to StartTLS."""
    verify_name: str = ""
    """The name that its certificate has to carry."""

    async def addresses(self) -> list[tuple[socket.AddressFamily, tuple[object, ...] | str]]:
        """Every address of the server, resolved now."""
        if self.port == 0:
            return [(socket.AF_UNIX, self.host)]
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
            return [(family, sockaddr) for family, _, _, _, sockaddr in found]
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        return [(family, (self.host, self.port))]


class Upstream:
    """A named group of servers that hold the same data."""

    def __init__(self, asked: config.Upstream, connect_seconds: float) -> None:
        self.name = asked.name
        self.connect_seconds = connect_seconds
        self.servers = tuple(servers(asked))
        self.knows_gateway = asked.tls.certificate is not None or any(url.path for url in asked.servers)
        """The servers authenticate the gateway itself: by its certificate, or as a local user."""


def servers(asked: config.Upstream) -> list[Server]:
    """The servers of an upstream with their TLS, in the order of the configuration.

    Raises:
        IdentityError: a certificate, key or authority cannot be used.
    """
    mode = asked.tls.mode
    own = engine = None
    if mode != "none" and asked.tls.engine == "openssl":
        engine = tls.openssl_context(asked.tls)
    elif mode != "none":
        own = own_engine(asked.tls)
    found = []
    for url in asked.servers:
        name = asked.tls.verify_name or url.host
        if own is not None:
            setup = ServerSetup(mode, own, name)
        else:
            setup = ServerSetup("starttls" if mode == "starttls" else "none")
        found.append(
            Server(
                text=str(url),
                host=str(url.path) if url.path is not None else url.host,
                port=url.port,
                setup=setup,
                tls_from_start=engine if mode == "ldaps" else None,
                tls_after_start_tls=engine if mode == "starttls" else None,
                verify_name=name,
            )
        )
    return found


def own_engine(asked: config.UpstreamTls) -> UpstreamTls:
    """What the session's own TLS asks of the servers."""
    authorities: tuple[bytes, ...] = ()
    if asked.verify:
        authorities = tls.load_authorities(asked.ca) if asked.ca else tls.system_authorities()
    identity = tls.identity_of(asked)
    return UpstreamTls(
        authorities,
        verify=asked.verify,
        identity=None if identity is None else (identity.chain, identity.key, identity.names),
        min_version=asked.min_version,
    )


class Dial:
    """One search for a server that answers, for one session."""

    def __init__(self, upstream: Upstream, connection: Connection) -> None:
        self._upstream = upstream
        self._connection = connection
        self.name = upstream.name

    async def run(self) -> None:
        """Returns once the session has a server that is ready for LDAP.

        Raises:
            UpstreamUnavailable: every address of every server failed; says how each did.
        """
        faults = []
        for server in self._upstream.servers:
            try:
                addresses = await server.addresses()
            except OSError as error:
                faults.append(f"{server.text}: {error.strerror or error}")
                continue
            for family, address in addresses:
                fault = await self._attempt(server, family, address)
                if fault is None:
                    return
                faults.append(f"{server.text}: {fault}")
        raise UpstreamUnavailable("; ".join(faults))

    async def _attempt(
        self, server: Server, family: socket.AddressFamily, address: tuple[object, ...] | str
    ) -> str | None:
        """Tries one address: none when the session is ready, or what went wrong."""
        link = None
        try:
            async with asyncio.timeout(self._upstream.connect_seconds):
                link = await self._connect(server, family, address)
                fault = await self._set_up(server, link)
        except TimeoutError:
            fault = f"no answer within {self._upstream.connect_seconds:g} seconds"
        except ssl.SSLError as error:
            fault = f"TLS: {error.reason or error}"
        except OSError as error:
            fault = error.strerror or str(error)
        if fault is not None:
            self._connection.session.upstream_abandoned()
            if link is not None:
                self._connection.detach(link)
                link.close()
        return fault

    async def _connect(
        self, server: Server, family: socket.AddressFamily, address: tuple[object, ...] | str
    ) -> UpstreamLink:
        from ostiary.connection import UpstreamLink

        loop = asyncio.get_running_loop()
        connection = self._connection
        sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            await loop.sock_connect(sock, address)
        except BaseException:
            sock.close()
            raise
        name = server.verify_name if server.tls_from_start is not None else None
        if family == socket.AF_UNIX:
            _, link = await loop.create_unix_connection(lambda: UpstreamLink(connection), sock=sock)
        else:
            _, link = await loop.create_connection(
                lambda: UpstreamLink(connection), sock=sock, ssl=server.tls_from_start, server_hostname=name
            )
        return link

    async def _set_up(self, server: Server, link: UpstreamLink) -> str | None:
        connection = self._connection
        connection.attach(link)
        connection.take(connection.session.upstream_connected(server.setup, monotonic()))
        while True:
            match await link.reports.get():
                case Event.UpstreamReady():
                    return None
                case Event.UpstreamFailed(reason=reason):
                    return reason
                case Event.StartUpstreamTls():
                    assert server.tls_after_start_tls is not None
                    transport = await asyncio.get_running_loop().start_tls(
                        link.transport, link, server.tls_after_start_tls, server_hostname=server.verify_name
                    )
                    assert transport is not None
                    link.use(transport)
                    connection.take(connection.session.upstream_tls_established(monotonic()))
