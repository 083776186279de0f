"""The tables of `[[listeners]]`: where clients connect, by which TLS, and what they may do there.

Nothing here reads a file; whether certificates are usable is decided in `certificate_checks`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ostiary.config.table import Table
from ostiary.config.values import Bool, FilePath, ListenAddress, Name, Password, SocketMode

ListenerTlsMode = Literal["ldaps", "starttls", "none"]
ClientAuth = Literal["none", "optional", "required"]
RequireTls = Literal["all", "bind", "off"]
SaslSecurityLayers = Literal["refuse", "opaque"]


class IdentityFiles(Table):
    """The files of a certificate and its private key."""

    certificate: FilePath | None = None
    """PEM file with the certificate and its chain, or a PKCS #12 file that holds the key too."""
    key: FilePath | None = None
    """PEM file with the private key, encrypted or not. Not needed when the certificate's file holds it."""
    password_file: FilePath | None = None
    """File with the password of the private key; a line end at its end does not count."""
    password: Password | None = None
    """The password of the private key, meant for "${env:NAME}"."""


class Certificate(IdentityFiles):
    """A further certificate, chosen when the client asks for one of its names (SNI)."""

    certificate: FilePath
    """PEM file with the certificate and its chain, or a PKCS #12 file that holds the key too."""


class ListenerTls(IdentityFiles):
    """The TLS that a listener speaks to clients."""

    mode: ListenerTlsMode
    """"ldaps": TLS from the first octet. "starttls": plain until the client asks. "none": never."""
    certificates: tuple[Certificate, ...] = ()
    """Further certificates, chosen by the name the client asks for (SNI)."""
    client_ca: FilePath | None = None
    """PEM file with the authorities that sign client certificates."""
    client_auth: ClientAuth = "none"
    """Whether clients are asked for a certificate, and whether they need one."""
    min_version: Literal["1.2", "1.3"] = "1.2"
    """The oldest TLS version that is spoken."""


def _require_tls(data: dict[str, Any]) -> RequireTls:
    # On ldaps everything is inside TLS anyway, so that "all" is what holds there.
    tls = data.get("tls")
    return "off" if isinstance(tls, ListenerTls) and tls.__dict__.get("mode") == "none" else "all"


class Listener(Table):
    """One address that clients connect to."""

    name: Name
    """What logs and metrics call this listener; unique."""
    address: ListenAddress
    """"0.0.0.0:636", "[::]:636" or "unix:/run/ostiary/ldapi"; port 0 takes a free one."""
    socket_mode: SocketMode = "0660"
    """The permissions of a unix socket's file, in octal."""
    tls: ListenerTls
    """The TLS that clients are offered."""
    require_tls: RequireTls = Field(default_factory=_require_tls)
    """What needs TLS: "all" operations, the "bind" with credentials, or nothing ("off")."""
    upstream: Name
    """The upstream that clients of this listener are connected to."""
    sasl_security_layers: SaslSecurityLayers = "refuse"
    """When a SASL bind hides the rest of a connection: end it, or pass it on unread ("opaque")."""
    allow_unauthenticated_bind: Bool = False
    """Let binds with a name and an empty password through (RFC 4513, section 5.1.2)."""
    allow_ldapv2: Bool = False
    """Let LDAPv2 binds through."""
    allow_sicily: Bool = False
    """Let Sicily binds through, Microsoft's NTLM before SASL."""
