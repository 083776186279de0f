"""Whether the files that the configuration names hold what they should: certificates, keys, authorities, a token.

Files are read here and forgotten; who uses them reads them again. A secret never enters a fault.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from ostiary.admin.token import TokenError, load_token
from ostiary.config.audit import AuditTls
from ostiary.config.audit_output import AuditOutput
from ostiary.config.listeners import IdentityFiles, ListenerTls
from ostiary.config.model import Config
from ostiary.config.table import Finding, Loc
from ostiary.config.upstreams import UpstreamTls
from ostiary.tls import (
    IdentityError,
    IdentityPart,
    load_authorities,
    load_chain,
    load_identity,
    read_password,
    refuses_authorities,
    refuses_identity,
)
from ostiary.tls.identity import read


def check_files(config: Config) -> Iterator[Finding]:
    """Everything that is wrong with files of tables that speak TLS."""
    for tls, loc in _tls_tables(config):
        engine = "rustls" if isinstance(tls, ListenerTls) else getattr(tls, "engine", "openssl")
        yield from _identity(tls, engine, loc)
        for index, certificate in enumerate(getattr(tls, "certificates", ())):
            if isinstance(certificate, IdentityFiles):
                yield from _identity(certificate, engine, (*loc, "certificates", index))
        for key in ("client_ca", "ca"):
            yield from _authorities(getattr(tls, key, None), engine, (*loc, key))
    yield from _admin(config)


def _admin(config: Config) -> Iterator[Finding]:
    admin = getattr(config, "admin", None)
    tls, token_file = getattr(admin, "tls", None), getattr(admin, "token_file", None)
    if isinstance(tls, IdentityFiles):
        # Python's `ssl` serves it, which takes what OpenSSL takes.
        yield from _identity(tls, "openssl", ("admin", "tls"))
    if isinstance(token_file, Path):
        try:
            load_token(token_file)
        except TokenError as error:
            yield Finding(("admin", "token_file"), str(error), token_file)


def _tls_tables(config: Config) -> Iterator[tuple[ListenerTls | UpstreamTls | AuditTls, Loc]]:
    # getattr with a default also passes over what could not be read (`Absent`).
    for group in ("listeners", "upstreams"):
        for index, table in enumerate(getattr(config, group, ())):
            tls = getattr(table, "tls", None)
            if isinstance(tls, ListenerTls | UpstreamTls) and getattr(tls, "mode", None) != "none":
                yield tls, (group, index, "tls")
    audit = getattr(config, "audit", None)
    output, tls = getattr(audit, "output", None), getattr(audit, "tls", None)
    # An output that could not be read may be one with TLS.
    if isinstance(tls, AuditTls) and (not isinstance(output, AuditOutput) or output.kind == "tls"):
        yield tls, ("audit", "tls")


def _identity(files: IdentityFiles, engine: str, loc: Loc) -> Iterator[Finding]:
    unknown = object()
    parts = {key: getattr(files, key, unknown) for key in IdentityFiles.model_fields}
    if parts["certificate"] is None:
        for name in ("key", "password_file", "password"):
            if parts[name] not in (None, unknown):
                yield Finding((*loc, name), "no effect without certificate; remove it or add certificate")
        return
    if isinstance(parts["password_file"], Path) and isinstance(parts["password"], SecretStr):
        yield Finding((*loc, "password"), "password_file is given too; keep one of both")
        parts["password"] = unknown
    secret = None
    try:
        if isinstance(parts["password_file"], Path) or isinstance(parts["password"], SecretStr):
            secret = read_password(files.password_file, getattr(files, "password", None))
    except IdentityError as error:
        parts["password"] = unknown
        yield from _told(error, parts, loc)
    yield from _chain(parts, secret, loc)
    try:
        if unknown not in parts.values():
            yield from _pair(files, secret, engine, loc)
        elif isinstance(parts["key"], Path):
            read("key", parts["key"])
    except IdentityError as error:
        yield from _told(error, parts, loc)


def _pair(files: IdentityFiles, secret: bytes | None, engine: str, loc: Loc) -> Iterator[Finding]:
    """Whether certificate and key serve together. Raises: IdentityError."""
    if files.certificate is None:
        return
    identity = load_identity(files.certificate, files.key, secret, engine=_engine(engine))
    if engine == "rustls" and (reason := refuses_identity(identity)):
        yield Finding((*loc, "certificate"), f"rustls cannot use it ({reason})", files.certificate)


def _engine(name: str) -> Literal["rustls", "openssl"]:
    return "rustls" if name == "rustls" else "openssl"


def _chain(parts: dict[str, object], secret: bytes | None, loc: Loc) -> Iterator[Finding]:
    """What is wrong with the certificate alone, whatever its key is."""
    certificate = parts["certificate"]
    if not isinstance(certificate, Path):
        return
    try:
        leaf = load_chain(certificate, secret)[0]
    except IdentityError as error:
        for part, message, path in error.faults:
            if part == "certificate":
                yield Finding((*loc, part), message, path)
        return
    now = datetime.datetime.now(datetime.UTC)
    if leaf.not_valid_after_utc <= now:
        message = f"expired on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} utc; renew it"
    elif leaf.not_valid_before_utc > now:
        message = f"not valid before {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} utc; check the clock"
    else:
        return
    yield Finding((*loc, "certificate"), message, certificate)


def _told(error: IdentityError, parts: dict[str, object], loc: Loc) -> Iterator[Finding]:
    for part, message, path in error.faults:
        yield Finding((*loc, _key_of(part, parts)), message, path)


def _key_of(part: IdentityPart, parts: dict[str, object]) -> str:
    """The key that the operator must look at."""
    if part == "password":
        return "password" if isinstance(parts["password"], SecretStr) else "password_file"
    return part


def _authorities(path: object, engine: str, loc: Loc) -> Iterator[Finding]:
    if not isinstance(path, Path):
        return
    try:
        authorities = load_authorities(path)
        if engine == "rustls" and (reason := refuses_authorities(authorities)):
            yield Finding(loc, f"rustls can use none of its certificates ({reason})", path)
    except IdentityError as error:
        for _part, message, file in error.faults:
            yield Finding(loc, message, file)
