"""What is allowed but worth knowing: weak choices, and what will stop working soon.

`ostiary check` prints notices, `ostiary run` logs them. They are no faults: an operator may have a reason.
"""

from __future__ import annotations

import datetime
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ostiary.admin.token import SHORT_BYTES, TokenError, load_token
from ostiary.config.addresses import ServerUrl, is_loopback
from ostiary.config.audit_checks import audit_notices
from ostiary.config.listeners import IdentityFiles, Listener
from ostiary.config.model import Config
from ostiary.config.plugin_checks import plugin_warnings
from ostiary.config.table import Loc, key_path
from ostiary.config.upstreams import Upstream
from ostiary.errors import Fault
from ostiary.tls import IdentityError, identity_of

EXPIRES_SOON = datetime.timedelta(days=14)
"""Long enough to renew by hand; certificates of 90 days are renewed 30 days before their end, so that one
this near to it was forgotten. For shorter ones it is a third of their life."""


def notices(config: Config) -> list[Fault]:
    """Every notice about a configuration without faults, in the order of the file."""
    found = []
    for index, listener in enumerate(config.listeners):
        found += [Fault(key_path(loc), message) for loc, message in _listener(listener, ("listeners", index))]
    for index, upstream in enumerate(config.upstreams):
        loc: Loc = ("upstreams", index)
        found += [Fault(key_path(place), message) for place, message in _upstream(upstream, loc)]
        if not any(listener.upstream == upstream.name for listener in config.listeners):
            found.append(Fault(key_path((*loc, "name")), f"no listener uses this upstream: {upstream.name}"))
    found += [Fault(key_path(loc), message) for loc, message in _admin(config)]
    found += [Fault(key_path(loc), message) for loc, message in plugin_warnings(config)]
    found += [Fault(key_path(loc), message) for loc, message in _monitors(config)]
    if config.audit is not None:
        found += [Fault(key_path(loc), message) for loc, message in audit_notices(config.audit)]
        found += [Fault(key_path(loc), message) for loc, message in _identity(config.audit.tls, ("audit", "tls"))]
    return found


def _admin(config: Config) -> Iterator[tuple[Loc, str]]:
    admin = config.admin
    if admin is None:
        return
    is_exposed = admin.address.path is None and not is_loopback(admin.address.host)
    if admin.tls is not None:
        yield from _identity(admin.tls, ("admin", "tls"))
    elif is_exposed and admin.token_file is not None:
        yield ("admin", "tls"), "absent: the token crosses the network in the clear"
    if admin.token_file is None:
        if is_exposed:
            message = "absent: whoever reaches the address reads who uses the directory, and how"
            yield ("admin", "token_file"), message
        return
    if _others_may_read(admin.token_file):
        yield ("admin", "token_file"), f"everybody on this machine can read it: {admin.token_file}"
    with suppress(TokenError):
        if len(load_token(admin.token_file)) < SHORT_BYTES:
            yield ("admin", "token_file"), f"holds a short token, which can be guessed: {admin.token_file}"


def _monitors(config: Config) -> Iterator[tuple[Loc, str]]:
    for index, plugin in enumerate(config.plugins):
        if plugin.mode == "monitor":
            yield (
                ("plugins", index, "mode"),
                f"nothing is refused by this plugin, only counted and logged: {plugin.name}",
            )


def _listener(listener: Listener, loc: Loc) -> Iterator[tuple[Loc, str]]:
    tls = listener.tls
    yield from _identity(tls, (*loc, "tls"))
    for index, certificate in enumerate(tls.certificates):
        yield from _identity(certificate, (*loc, "tls", "certificates", index))
    if tls.mode == "none" and listener.require_tls == "all":
        yield (*loc, "require_tls"), "every operation is refused, as this listener offers no TLS"
    is_exposed = listener.address.path is None and not is_loopback(listener.address.host)
    if tls.mode != "ldaps" and listener.require_tls == "off" and is_exposed:
        yield (*loc, "require_tls"), "passwords may cross the network in the clear"
    if listener.sasl_security_layers == "opaque":
        message = "what follows a bind with a security layer passes unread, and no rule or plugin judges it"
        yield (*loc, "sasl_security_layers"), message
    if listener.allow_unauthenticated_bind:
        message = "applications that take any success for a login can be entered with an empty password"
        yield (*loc, "allow_unauthenticated_bind"), message


def _upstream(upstream: Upstream, loc: Loc) -> Iterator[tuple[Loc, str]]:
    tls = upstream.tls
    if tls.mode == "none":
        if not all(_is_here(server) for server in upstream.servers):
            yield (*loc, "tls", "mode"), "passwords cross the network to the servers in the clear"
        return
    yield from _identity(tls, (*loc, "tls"))
    if not tls.verify:
        message = "certificates are not verified: anybody on the way can read and change everything"
        yield (*loc, "tls", "verify"), message
    if tls.min_version in ("1.0", "1.1"):
        yield (
            (*loc, "tls", "min_version"),
            f"TLS {tls.min_version} and old ciphers are spoken if the server asks",
        )


def _identity(files: IdentityFiles, loc: Loc) -> Iterator[tuple[Loc, str]]:
    try:
        identity = identity_of(files)
    except IdentityError:
        return  # changed since it was checked; who uses it will tell
    if identity is None:
        return
    left = identity.not_valid_after - datetime.datetime.now(datetime.UTC)
    if left < min(EXPIRES_SOON, (identity.not_valid_after - identity.not_valid_before) / 3):
        yield (*loc, "certificate"), f"expires soon: {identity.not_valid_after:%Y-%m-%d %H:%M} utc"
    for name, path in (("key", files.key), ("password_file", files.password_file)):
        if path is not None and _others_may_read(path):
            yield (*loc, name), f"everybody on this machine can read it: {path}"


def _others_may_read(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _is_here(server: ServerUrl) -> bool:
    return server.path is not None or is_loopback(server.host)
