"""The admin endpoint of a running gateway, as the verbs ask it: one request at a time, by the standard library.

Knows the paths of no verb. The token is read from a file and goes into a header, never into an argument or an error.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

import typer

from ostiary.admin.token import TokenError, load_token
from ostiary.errors import OstiaryError

__all__ = ["CaOption", "Endpoint", "EndpointError", "TokenOption", "UrlOption"]

SECONDS = 5.0
"""Longer than a healthy gateway needs, shorter than who asks waits."""

UrlOption = Annotated[
    str,
    typer.Option(
        "--url", metavar="URL", envvar="OSTIARY_URL",
        help="The admin endpoint: http://..., https://... or unix:/path.",
    ),
]  # fmt: skip
TokenOption = Annotated[
    Path | None,
    typer.Option("--token-file", metavar="FILE", envvar="OSTIARY_TOKEN_FILE", help="The file with its token."),
]
CaOption = Annotated[
    Path | None,
    typer.Option(
        "--ca", metavar="FILE", envvar="OSTIARY_CA", help="The authority of its certificate, if not the system's."
    ),
]


class EndpointError(OstiaryError):
    """The endpoint did not answer, or not as it should; says why and how to mend it."""


class _Unix(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self._path)


def _is_endpoint(parts: SplitResult) -> bool:
    try:
        is_remote = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False  # the port is no number
    return is_remote or (parts.scheme == "unix" and bool(parts.path))


class Endpoint:
    """Where a gateway is asked. Raises: typer.BadParameter, for a URL that is none, and EndpointError."""

    def __init__(self, url: str, token_file: Path | None = None, ca: Path | None = None) -> None:
        self.url = url.rstrip("/")
        self._parts = urlsplit(self.url)
        if not _is_endpoint(self._parts):
            message = "not the address of an admin endpoint; write http://127.0.0.1:9389 or unix:/run/ostiary/admin"
            raise typer.BadParameter(message, param_hint="--url")
        self._headers = {"Accept": "*/*"}
        try:
            if token_file is not None:
                self._headers["Authorization"] = f"Bearer {load_token(token_file).decode()}"
            self._context = ssl.create_default_context(cafile=ca) if self._parts.scheme == "https" else None
        except TokenError as error:
            raise EndpointError(f"--token-file: {error}: {token_file}") from None
        except OSError as error:
            raise EndpointError(f"--ca: cannot be used: {error.strerror or error}: {ca}") from None

    def read(self, path: str) -> tuple[int, bytes]:
        """Status and body of what is at a path. Raises: EndpointError."""
        connection = self._connection()
        try:
            connection.request("GET", self._prefix + path, headers=self._headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
            raise EndpointError(f"no answer from {self.url}: {reason.lower()}") from None
        finally:
            connection.close()

    @property
    def _prefix(self) -> str:
        return "" if self._parts.scheme == "unix" else self._parts.path

    def _connection(self) -> http.client.HTTPConnection:
        if self._parts.scheme == "unix":
            return _Unix(self._parts.path)
        host, port = self._parts.hostname or "", self._parts.port
        if self._context is not None:
            return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=self._context)
        return http.client.HTTPConnection(host, port, timeout=SECONDS)
