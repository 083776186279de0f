"""Addresses: where listeners accept, and the LDAP URLs of servers (RFC 4516, section 2).

Values only; nothing is resolved or opened here. Error texts leave the value out: whoever reports
them knows whether it may be shown.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

Scheme = Literal["ldap", "ldaps", "ldapi"]

DEFAULT_PORTS: dict[str, int] = {"ldap": 389, "ldaps": 636}
_ADDRESS_HINT = 'write "0.0.0.0:636", "[::]:636" or "unix:/run/ostiary/ldapi"'
_URL_HINT = 'write "ldap://host:389", "ldaps://host:636" or "ldapi://%2Frun%2Fslapd%2Fldapi"'
# Underscores are no part of a host name by RFC 1123, but container networks hand out such names.
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)\Z")
_HOST_AND_PORT = re.compile(r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<host>[^\[\]:]*))(?::(?P<port>[^:]*))?\Z")


@dataclass(frozen=True)
class Address:
    """Where a listener accepts: an IP address and port, or the path of a unix socket."""

    host: str = ""
    port: int = 0
    path: Path | None = None

    @classmethod
    def parse(cls, text: str, directory: Path | None = None) -> Address:
        """The address; a relative socket path starts at `directory`. Raises: ValueError."""
        if text.startswith("unix:"):
            return cls(path=_socket_path(text.removeprefix("unix:"), directory))
        match = _HOST_AND_PORT.match(text)
        if match is None or match["port"] is None:
            raise ValueError(f"not an address; {_ADDRESS_HINT}")
        host = _ip(match)
        if host is None:
            raise ValueError(f"not an ip address and port; {_ADDRESS_HINT}")
        return cls(host=host, port=_port(match["port"], lowest=0))

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class ServerUrl:
    """One server of an upstream; `path` is the socket of `ldapi`, for which host and port are empty."""

    scheme: Scheme
    host: str = ""
    port: int = 0
    path: Path | None = None

    @classmethod
    def parse(cls, text: str) -> ServerUrl:
        """The server that the URL names. Raises: ValueError."""
        scheme, separator, rest = text.partition("://")
        scheme = scheme.lower()
        if not separator:
            raise ValueError(f"not an ldap url; {_URL_HINT}")
        rest = rest.removesuffix("/")
        if scheme == "ldapi":
            return cls(scheme="ldapi", path=_ldapi_path(rest))
        if scheme not in ("ldap", "ldaps"):
            raise ValueError(f"not an ldap url; {_URL_HINT}")
        try:
            host, port = parse_host_and_port(rest, DEFAULT_PORTS[scheme])
        except ValueError as error:
            raise ValueError(f"{error}; {_URL_HINT}") from None
        return cls(scheme="ldaps" if scheme == "ldaps" else "ldap", host=host, port=port)

    def __str__(self) -> str:
        if self.path is not None:
            return f"ldapi://{str(self.path).replace('%', '%25').replace('/', '%2F')}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def is_address(host: str) -> bool:
    """Whether a host is an IP address, not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, as far as its name tells."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def parse_host(text: str) -> str:
    """The host name or IP address as given, for checking a certificate. Raises: ValueError."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        host = _host_name(text)
    if host is None:
        raise ValueError("not a host name or ip address")
    return host


def parse_host_and_port(text: str, default_port: int) -> tuple[str, int]:
    """What stands in a URL behind its scheme: a host name or IP address, and perhaps a port. Raises: ValueError."""
    if any(mark in text for mark in "/?#@"):
        raise ValueError("only host and port belong here")
    match = _HOST_AND_PORT.match(text)
    host = None if match is None else _ip(match) or _host_name(match["host"])
    if match is None or host is None:
        raise ValueError("not a host name or ip address")
    return host, default_port if match["port"] is None else _port(match["port"], lowest=1)


def _ip(match: re.Match[str]) -> str | None:
    try:
        if match["v6"] is not None:
            return str(ipaddress.IPv6Address(match["v6"]))
        return str(ipaddress.IPv4Address(match["host"]))
    except ValueError:
        return None


def _host_name(text: str | None) -> str | None:
    name = (text or "").removesuffix(".")
    labels = name.split(".")
    if not name or len(name) > 253 or not all(_LABEL.match(label) for label in labels):
        return None
    # Digits alone in the last label would be a mistyped IPv4 address: no such top-level domain exists.
    return None if labels[-1].isdigit() else name


def _port(text: str, lowest: int) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 5 or not lowest <= int(text) <= 65535:
        raise ValueError(f"the port is not a number from {lowest} to 65535")
    return int(text)


def _socket_path(text: str, directory: Path | None) -> Path:
    if not text or "\0" in text:
        raise ValueError('no socket path; write "unix:/run/ostiary/ldapi"')
    path = Path(text) if directory is None else directory / text
    # sun_path holds 108 octets with the closing zero on Linux.
    if len(bytes(path)) > 107:
        raise ValueError("the socket path is longer than the 107 octets a unix socket can have")
    return path


def _ldapi_path(text: str) -> Path:
    path = unquote(text)
    if not path.startswith("/") or "\0" in path:
        raise ValueError('not a socket path; write "ldapi://%2Frun%2Fslapd%2Fldapi"')
    return Path(path)
