"""A gateway made of ldaptor's proxy class, as its documentation makes one: TLS to the clients, plain LDAP upstream.

A program of its own, for a Python that has ldaptor: `ldaptor_proxy.py PORT UPSTREAM_PORT CERTIFICATE KEY`. It imports
nothing of the harness.
"""

from __future__ import annotations

import sys
from functools import partial

from ldaptor.protocols.ldap.ldapclient import LDAPClient
from ldaptor.protocols.ldap.ldapconnector import connectToLDAPEndpoint
from ldaptor.protocols.ldap.proxybase import ProxyBase
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory


class Proxy(ProxyBase):
    """One client, and a connection upstream of its own."""

    def connectionMade(self) -> None:
        """Sends what is small at once, as every gateway here does."""
        self.transport.setTcpNoDelay(True)
        super().connectionMade()


def main(port: str, upstream_port: str, certificate: str, key: str) -> None:
    """Serves until the process is ended."""
    Proxy.clientConnector = partial(connectToLDAPEndpoint, reactor, f"tcp:127.0.0.1:{upstream_port}", LDAPClient)
    front = f"ssl:{port}:interface=127.0.0.1:backlog=1024:certKey={certificate}:privateKey={key}"
    serverFromString(reactor, front).listen(Factory.forProtocol(Proxy))
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
