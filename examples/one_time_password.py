"""Second factor for simple binds: a one-time code (RFC 6238) behind the password.

    [[plugins]]
    use = "one_time_password:OneTimePassword"
    secrets_file = "otp-secrets"

The file has a secret in base32 and a name on each line, as `JBSWY3DPEHPK3PXP uid=alice,ou=people,dc=example,dc=org`.
Alice's password is `sesame`, her token shows `123456`: she binds with `sesame123456`, the directory sees `sesame`.
Whoever can bind by several names (a DN, a UPN) has a line for each, with the same secret.

A code is taken once. That is remembered in this process: it is for `workers = 1`, since each worker would take it once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import stat
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ostiary.plugins import (
    PASS,
    Account,
    Client,
    Dn,
    FilePath,
    Identity,
    Options,
    Plugin,
    Request,
    Upn,
    Verdict,
    identity_of,
    refuse,
    replace,
)

SECRET_OCTETS_LEAST = 10
"""80 bits, the least that common tokens have; RFC 4226 asks for 128."""


class OneTimePasswordOptions(Options):
    """Where the secrets are, and what the tokens do."""

    secrets_file: FilePath
    """File with a secret in base32 and a name on each line."""
    others: Literal["refuse", "pass"] = "refuse"
    """What becomes of simple binds of names that are not in the file."""
    digits: Annotated[int, Field(ge=6, le=8)] = 6
    """How many digits a code has."""
    period_seconds: Annotated[int, Field(ge=10, le=300)] = 30
    """How long a token shows the same code."""
    window: Annotated[int, Field(ge=0, le=10)] = 1
    """How many codes before and after the present one are taken, for clocks that differ."""
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha1"
    """What the tokens use."""


class OneTimePassword(Plugin):
    """Checks the code behind the password of a simple bind and takes it off, or answers invalidCredentials(49)."""

    Options = OneTimePasswordOptions
    options: OneTimePasswordOptions

    def __init__(self, options: OneTimePasswordOptions) -> None:
        super().__init__(options)
        self._secrets = dict(read_secrets(options.secrets_file))
        # The last period whose code was taken: neither it nor one before it is taken again.
        self._used: dict[Identity, int] = {}

    def on_bind(self, _client: Client, request: Request) -> Verdict:
        if request.mechanism != "simple":
            # It would prove who the client is without the second factor.
            return refuse("authMethodNotSupported", "a simple bind with a one-time code is needed")
        if not request.name and not request.password:
            return PASS  # anonymous
        identity, secret = request.identity, self._secrets.get(request.identity)
        if secret is None and self.options.others == "pass":
            return PASS
        digits = self.options.digits
        password, code = request.password[:-digits], request.password[-digits:]
        # A stranger's code is compared too, so that the time does not tell who has a secret.
        period = self._period_of(code, secret or bytes(SECRET_OCTETS_LEAST))
        if secret is None or period is None or period <= self._used.get(identity, -1):
            return refuse("invalidCredentials", "")
        self._used[identity] = period
        # Without a password it would become an unauthenticated bind, which succeeds without proving anything.
        if not password.strip(b"\0"):
            return refuse("invalidCredentials", "")
        return replace(request.with_password(password))

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def _period_of(self, code: bytes, secret: bytes) -> int | None:
        """The newest period in the window that has this code; compared with every one, whichever fits."""
        options = self.options
        present, found = int(self.now()) // options.period_seconds, None
        for period in range(max(present - options.window, 0), present + options.window + 1):
            if hmac.compare_digest(code, code_of(secret, period, options.digits, options.algorithm)):
                found = period
        return found


def code_of(secret: bytes, period: int, digits: int, algorithm: str) -> bytes:
    """The code that a token with this secret shows in this period (RFC 4226, section 5.3)."""
    digest = hmac.new(secret, struct.pack(">Q", period), getattr(hashlib, algorithm)).digest()
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits).encode()


def read_secrets(path: Path) -> Iterator[tuple[Identity, bytes]]:
    """The secrets by identity. Raises: OSError, or ValueError that names the line and never what it says."""
    if path.stat().st_mode & stat.S_IROTH:
        raise ValueError(f"everybody on this machine can read the secrets; chmod 600: {path}")
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        encoded, _, name = line.strip().partition(" ")
        if not encoded or encoded.startswith("#"):
            continue
        identity = identity_of(name.strip())
        if not isinstance(identity, Dn | Upn | Account):
            raise ValueError(f"line {number} has no DN, user@domain or DOMAIN\\user behind the secret: {path}")
        try:
            secret = base64.b32decode(encoded.upper() + "=" * (-len(encoded) % 8))
        except binascii.Error:
            raise ValueError(f"the secret in line {number} is not base32: {path}") from None
        if len(secret) < SECRET_OCTETS_LEAST:
            raise ValueError(f"the secret in line {number} is shorter than {SECRET_OCTETS_LEAST} octets: {path}")
        yield identity, secret
