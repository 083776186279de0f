"""Who asks: a client's connection and its identity, as hooks see them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TypeAlias

from ostiary._core import Dn
from ostiary.plugins.frozen import Frozen, fill

__all__ = ["ANONYMOUS", "Account", "Anonymous", "Client", "Identity", "Unnamed", "Unreadable", "Upn"]

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nobody in particular."""


@dataclass(frozen=True, slots=True)
class Upn:
    """A user principal name, `user@domain`, both parts normalised."""

    user: str
    domain: str


@dataclass(frozen=True, slots=True)
class Account:
    """`DOMAIN\\user`, both parts normalised."""

    domain: str
    user: str


@dataclass(frozen=True, slots=True)
class Unnamed:
    """Somebody who proved an identity by SASL or Sicily, whose name only the server knows."""

    mechanism: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Somebody whose name is of no form that can be compared."""


Identity: TypeAlias = Anonymous | Dn | Upn | Account | Unnamed | Unreadable
"""Who a client has proved, or asks, to be. A `Dn` is the core's."""

ANONYMOUS = Anonymous()


class Client(Frozen):
    """One client's connection, as it was when the request came."""

    __slots__ = ("_identity", "address", "certificate", "listener", "name", "number", "tls")

    number: int
    """Counts connections; a plugin that keeps something of a client keeps it under this number until `on_close`."""
    address: Address | None
    """Where it comes from, IPv4 inside IPv6 as IPv4; None on a unix socket."""
    listener: str
    """The listener's name."""
    tls: bool
    """Whether TLS is on."""
    certificate: bytes | None
    """The certificate that it proved to have, DER."""
    name: str
    """Who it has proved to be, as it was spelt; `sasl:GSSAPI` and `sicily` where only the server knows. Never compare
    this: see `identity`."""
    _identity: Identity | None

    def __init__(
        self,
        number: int,
        address: str | Address | None,
        listener: str,
        *,
        tls: bool = False,
        certificate: bytes | None = None,
        name: str = "",
    ) -> None:
        """Raises: ValueError when the address is none."""
        fill(self, "number", number)
        fill(self, "address", None if address is None else _address(address))
        fill(self, "listener", listener)
        fill(self, "tls", tls)
        fill(self, "certificate", certificate)
        fill(self, "name", name)
        fill(self, "_identity", None)

    @property
    def identity(self) -> Identity:
        """Who it has proved to be, normalised."""
        found = self._identity
        if found is None:
            found = proved_identity(self.name)
            fill(self, "_identity", found)
        return found

    def now(self, *, name: str, tls: bool, certificate: bytes | None = None) -> Client:
        """The same connection with another identity, or after StartTLS."""
        return Client(self.number, self.address, self.listener, tls=tls, certificate=certificate, name=name)

    def __repr__(self) -> str:
        return f"Client({self.number}, {self.address}, {self.listener!r}, tls={self.tls})"


def proved_identity(name: str) -> Identity:
    """The identity by the name that the session gives it."""
    if name == "sicily":
        return Unnamed("sicily")
    if name.startswith("sasl:"):
        return Unnamed(name.removeprefix("sasl:"))
    return identity_of(name)


def identity_of(name: str) -> Identity:
    """The identity that a name spells, as the core's rules read it."""
    if not name:
        return ANONYMOUS
    try:
        # Every DN but the empty one has an equals sign, and neither of the other forms may.
        if "=" in name:
            return Dn(name)
        if "\\" in name:
            domain, user = name.split("\\", 1)
            return Account(_prepared(domain), _prepared(user))
        user, at, domain = name.rpartition("@")
        return Upn(_prepared(user), _prepared(domain)) if at else Unreadable()
    except ValueError:
        return Unreadable()


def _prepared(text: str) -> str:
    """The text as the core compares values (RFC 4518), which it does inside of DNs. Raises: ValueError."""
    if not text.strip():
        raise ValueError("empty")
    escaped = "".join(f"\\{octet:02x}" for octet in text.encode())
    ((_, value),) = Dn(f"cn={escaped}").rdns[0]
    return value


def _address(address: str | Address) -> Address:
    parsed = ipaddress.ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed
