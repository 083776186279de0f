"""What values mean together: names that must match, TLS that contradicts itself, limits out of order.

Each check is a generator that ends where it needs a value that is itself faulty (`until_absent`), so
one fault never hides another. Opens no file.
"""

from __future__ import annotations

from collections.abc import Iterator

from ostiary.config.addresses import Address, ServerUrl
from ostiary.config.limits import Limits
from ostiary.config.listeners import Listener, ListenerTls
from ostiary.config.model import Config
from ostiary.config.table import Finding, Loc, until_absent
from ostiary.config.tracing import is_installed
from ostiary.config.upstreams import Upstream, UpstreamTls
from ostiary.config.wording import did_you_mean


def check_meaning(config: Config) -> Iterator[Finding]:
    """Every contradiction between sound values."""
    yield from until_absent(_listeners(config))
    yield from until_absent(_upstreams(config))
    yield from until_absent(_limits(config))
    yield from until_absent(_tracing(config))
    yield from until_absent(_admin(config))


def _listeners(config: Config) -> Iterator[Finding]:
    names: dict[object, int] = {}
    addresses: dict[object, int] = {}
    for index, listener in enumerate(config.listeners):
        loc: Loc = ("listeners", index)
        yield from until_absent(_unique_name(listener, names, loc))
        yield from until_absent(_unique_address(listener, addresses, loc))
        yield from until_absent(_known_upstream(listener, config, loc))
        yield from until_absent(_socket(listener, loc))
        yield from until_absent(_listener_certificate(listener, loc))
        yield from until_absent(_without_tls(listener, loc))
        yield from until_absent(_client_certificates(listener, loc))


def _unique_name(table: Listener | Upstream, seen: dict[object, int], loc: Loc) -> Iterator[Finding]:
    first = seen.setdefault(table.name, int(loc[1]))
    if first != loc[1]:
        yield Finding((*loc, "name"), f"taken by {loc[0]}[{first}]; choose another", table.name)


def _unique_address(listener: Listener, seen: dict[object, int], loc: Loc) -> Iterator[Finding]:
    address = listener.address
    if address.path is None and address.port == 0:
        return  # each takes a free port of its own
    first = seen.setdefault(address, int(loc[1]))
    if first != loc[1]:
        yield Finding((*loc, "address"), f"taken by listeners[{first}]; choose another", str(address))


def _known_upstream(listener: Listener, config: Config, loc: Loc) -> Iterator[Finding]:
    known = [upstream.name for upstream in config.upstreams]
    if listener.upstream not in known:
        hint = did_you_mean(listener.upstream, known) or f"; known: {', '.join(known)}"
        yield Finding((*loc, "upstream"), f"no upstream of this name{hint}", listener.upstream)


def _socket(listener: Listener, loc: Loc) -> Iterator[Finding]:
    if listener.address.path is None and "socket_mode" in listener.model_fields_set:
        yield Finding((*loc, "socket_mode"), "only a unix socket has one; remove it", listener.socket_mode)


def _listener_certificate(listener: Listener, loc: Loc) -> Iterator[Finding]:
    tls = listener.tls
    mode = tls.mode
    if mode != "none" and tls.certificate is None:
        yield Finding((*loc, "tls", "certificate"), f'missing; mode = "{mode}" needs one')


def _without_tls(listener: Listener, loc: Loc) -> Iterator[Finding]:
    if listener.tls.mode == "none":
        yield from _no_effect(listener.tls, (*loc, "tls"))


def _client_certificates(listener: Listener, loc: Loc) -> Iterator[Finding]:
    tls = listener.tls
    if tls.mode == "none":
        return
    if tls.client_auth != "none" and tls.client_ca is None:
        yield Finding((*loc, "tls", "client_ca"), f'missing; client_auth = "{tls.client_auth}" needs one')
    if tls.client_auth == "none" and tls.client_ca is not None:
        message = 'clients are not asked for certificates; set client_auth = "optional" or "required"'
        yield Finding((*loc, "tls", "client_ca"), message, tls.client_ca)


def _upstreams(config: Config) -> Iterator[Finding]:
    names: dict[object, int] = {}
    for index, upstream in enumerate(config.upstreams):
        loc: Loc = ("upstreams", index)
        yield from until_absent(_unique_name(upstream, names, loc))
        yield from until_absent(_servers(upstream, loc))
        yield from until_absent(_upstream_without_tls(upstream, loc))
        yield from until_absent(_old_versions(upstream, loc))


def _servers(upstream: Upstream, loc: Loc) -> Iterator[Finding]:
    seen: dict[ServerUrl, int] = {}
    for index, server in enumerate(upstream.servers):
        yield from until_absent(_server_scheme(upstream, server, (*loc, "servers", index)))
        yield from until_absent(_unique_server(server, seen, (*loc, "servers", index)))


def _server_scheme(upstream: Upstream, server: ServerUrl, loc: Loc) -> Iterator[Finding]:
    scheme, mode = server.scheme, upstream.tls.mode
    if scheme == "ldap" and mode == "ldaps":
        message = 'an ldap:// server contradicts tls.mode = "ldaps"; write ldaps:// or mode = "starttls"'
    elif scheme == "ldaps" and mode != "ldaps":
        message = f'an ldaps:// server contradicts tls.mode = "{mode}"; write mode = "ldaps" or ldap://'
    elif scheme == "ldapi" and mode != "none":
        message = f'a unix socket contradicts tls.mode = "{mode}"; write mode = "none"'
    else:
        return
    yield Finding(loc, message, str(server))


def _unique_server(server: ServerUrl, seen: dict[ServerUrl, int], loc: Loc) -> Iterator[Finding]:
    if isinstance(server.scheme, str) and seen.setdefault(server, int(loc[-1])) != loc[-1]:
        yield Finding(loc, "the same server twice; remove one", str(server))


def _upstream_without_tls(upstream: Upstream, loc: Loc) -> Iterator[Finding]:
    if upstream.tls.mode == "none":
        yield from _no_effect(upstream.tls, (*loc, "tls"))


def _no_effect(tls: ListenerTls | UpstreamTls, loc: Loc) -> Iterator[Finding]:
    """Keys that an operator wrote in the belief that there is TLS."""
    for key in type(tls).model_fields:
        if key != "mode" and key in tls.model_fields_set:
            yield Finding((*loc, key), 'no effect with mode = "none"; remove it or choose another mode')


def _old_versions(upstream: Upstream, loc: Loc) -> Iterator[Finding]:
    tls = upstream.tls
    if tls.mode == "none":
        return
    if tls.min_version in ("1.0", "1.1") and tls.engine != "openssl":
        yield Finding((*loc, "tls", "min_version"), 'needs engine = "openssl"', tls.min_version)


def _limits(config: Config) -> Iterator[Finding]:
    limits = config.limits
    yield from until_absent(_message_sizes(limits))
    yield from until_absent(_connection_counts(limits))


def _message_sizes(limits: Limits) -> Iterator[Finding]:
    if limits.message_bytes < limits.message_bytes_unauthenticated:
        message = "must not be below message_bytes_unauthenticated"
        yield Finding(("limits", "message_bytes"), message, limits.message_bytes)


def _connection_counts(limits: Limits) -> Iterator[Finding]:
    if limits.connections_per_address > limits.connections:
        message = "must not be above connections"
        yield Finding(("limits", "connections_per_address"), message, limits.connections_per_address)


def _tracing(config: Config) -> Iterator[Finding]:
    if config.tracing is not None and not is_installed():
        yield Finding(("tracing",), "needs libraries that are not installed; pip install ostiary[otel]")


def _admin(config: Config) -> Iterator[Finding]:
    if config.admin is None:
        return
    address = config.admin.address
    if address.path is None and address.port == 0:
        return
    for index, listener in enumerate(config.listeners):
        yield from until_absent(_admin_address(listener, index, address))


def _admin_address(listener: Listener, index: int, address: Address) -> Iterator[Finding]:
    if listener.address == address:
        yield Finding(("admin", "address"), f"taken by listeners[{index}]; choose another", str(address))
