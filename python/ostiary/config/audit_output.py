"""The value of `audit.output`: stdout, the path of a file, or the URL of a syslog collector.

A value only; nothing is resolved or opened here. Error texts leave the value out, as everywhere in the configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ostiary.config.addresses import parse_host_and_port

OutputKind = Literal["stdout", "file", "udp", "tcp", "tls", "unix"]

_HINT = (
    'write "stdout", the path of a file, "syslog://host", "syslog+tcp://host", "syslog+tls://host" '
    'or "syslog+unix:///dev/log"'
)
_SCHEMES: dict[str, tuple[OutputKind, int]] = {
    "syslog": ("udp", 514),
    "syslog+tcp": ("tcp", 601),
    "syslog+tls": ("tls", 6514),
}
"""Schemes of collectors, with the ports that RFC 5426, RFC 6587 and RFC 5425 give them."""
_UNIX_SCHEME = "syslog+unix"
# sun_path holds 108 octets with the closing zero on Linux.
_SOCKET_PATH_MOST = 107


@dataclass(frozen=True)
class AuditOutput:
    """Where records go: stdout, a file, or a syslog collector."""

    kind: OutputKind
    host: str = ""
    port: int = 0
    path: Path | None = None

    @classmethod
    def parse(cls, text: str, directory: Path | None = None) -> AuditOutput:
        """The output; a relative path starts at `directory`. Raises: ValueError."""
        if text == "stdout":
            return cls("stdout")
        if text.lower() in ("stdout", "stderr", "-", ""):
            raise ValueError(f"not an output; {_HINT}")
        scheme, separator, rest = text.partition("://")
        if not separator:
            return cls("file", path=_file(text, directory))
        if scheme == _UNIX_SCHEME:
            return cls("unix", path=_socket(rest))
        if scheme not in _SCHEMES:
            raise ValueError(f"unknown kind of output; {_HINT}")
        kind, port = _SCHEMES[scheme]
        try:
            host, port = parse_host_and_port(rest.removesuffix("/"), port)
        except ValueError as error:
            raise ValueError(f'{error}; write "{scheme}://host:{port}"') from None
        return cls(kind, host=host, port=port)

    @property
    def is_syslog(self) -> bool:
        """Whether it is a syslog collector."""
        return self.kind not in ("stdout", "file")

    def __str__(self) -> str:
        if self.kind == "stdout":
            return "stdout"
        if self.kind == "file":
            return str(self.path)
        if self.kind == "unix":
            return f"{_UNIX_SCHEME}://{self.path}"
        scheme = next(scheme for scheme, (kind, _) in _SCHEMES.items() if kind == self.kind)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"


def _file(text: str, directory: Path | None) -> Path:
    if "\0" in text:
        raise ValueError(f"not the name of a file; {_HINT}")
    # "syslog" and "syslog:host" are mistakes for an URL, and not what files are called.
    if text.partition(":")[0] in (*_SCHEMES, _UNIX_SCHEME):
        raise ValueError(f"not an output; {_HINT}")
    return Path(text) if directory is None else directory / text


def _socket(text: str) -> Path:
    if not text.startswith("/") or "\0" in text:
        raise ValueError('not the path of a socket; write "syslog+unix:///dev/log"')
    if len(text.encode()) > _SOCKET_PATH_MOST:
        raise ValueError(f"the socket path is longer than the {_SOCKET_PATH_MOST} octets a unix socket can have")
    return Path(text)
