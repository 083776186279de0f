"""The bearer token of the admin endpoint (RFC 6750): read from its file, and compared.

Knows no HTTP server. A token never enters an error.
"""

from __future__ import annotations

import hmac
import re
from pathlib import Path

from ostiary.errors import OstiaryError

__all__ = ["SHORT_BYTES", "TokenError", "is_granted", "load_token"]

SHORT_BYTES = 16
"""A token below this can be guessed in time; `ostiary check` says so."""
_FORM = re.compile(rb"[A-Za-z0-9._~+/-]+=*\Z")
_SCHEME = "bearer "


class TokenError(OstiaryError):
    """The file holds no token that can be used; says why and how to mend it."""


def load_token(path: Path) -> bytes:
    """The token in the file, without the line end behind it. Raises: TokenError."""
    try:
        token = path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise TokenError(f"not readable: {(error.strerror or str(error)).lower()}") from None
    if not token:
        raise TokenError("the file holds no token")
    if not _FORM.match(token):
        raise TokenError("not a bearer token; use letters, digits and -._~+/, as `openssl rand -hex 32` prints them")
    return token


def is_granted(token: bytes, authorization: str | None) -> bool:
    """Whether a request's Authorization header carries the token; takes as long whichever octet is wrong."""
    given = authorization or ""
    if given[: len(_SCHEME)].lower() != _SCHEME:
        return False
    return hmac.compare_digest(given[len(_SCHEME) :].strip().encode("utf-8", "replace"), token)
