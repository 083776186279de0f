"""What a configuration means, in words, for an operator who wants to know whether it says what was meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ostiary.config.admin import Admin
from ostiary.config.audit import Audit
from ostiary.config.limits import Limits
from ostiary.config.listeners import IdentityFiles, Listener
from ostiary.config.model import Config
from ostiary.config.plugins import PluginTable
from ostiary.config.tracing import Tracing
from ostiary.config.upstreams import Upstream
from ostiary.tls import identity_of


class Paragraph(NamedTuple):
    """One table in words."""

    title: str
    sentences: tuple[str, ...]


def meaning(config: Config) -> list[Paragraph]:
    """Every listener, upstream and plugin, and the limits, in words. Raises: IdentityError."""
    return [
        *([] if config.workers == 1 else [Paragraph("gateway", (_workers(config.workers),))]),
        *(Paragraph(f"listener {one.name}", tuple(_listener(one))) for one in config.listeners),
        *(Paragraph(f"upstream {one.name}", tuple(_upstream(one))) for one in config.upstreams),
        *(Paragraph(f"plugin {one.name}", tuple(_plugin(one))) for one in config.plugins),
        *([] if config.audit is None else [Paragraph("audit", tuple(_audit(config.audit)))]),
        Paragraph("limits", tuple(_limits(config.limits))),
        *(Paragraph("tracing", tuple(_tracing(one))) for one in (config.tracing,) if one is not None),
        *([] if config.admin is None else [Paragraph("admin", tuple(_admin(config.admin)))]),
    ]


def _workers(workers: int | str) -> str:
    count = "as many worker processes as there are cores to use" if workers == "auto" else f"{workers} worker processes"
    return f"serves clients with {count}, whose limits, rates and lockouts are counted together"


def _listener(listener: Listener) -> Iterator[str]:
    tls = listener.tls
    yield {
        "ldaps": f"accepts clients on {listener.address}, inside TLS from the first octet",
        "starttls": f"accepts clients on {listener.address} and offers them StartTLS",
        "none": f"accepts clients on {listener.address} without TLS",
    }[tls.mode]
    if tls.mode != "none":
        yield f"speaks TLS {tls.min_version} or newer with the certificate for {_certificate(tls)}"
        for certificate in tls.certificates:
            yield f"chooses by SNI the certificate for {_certificate(certificate)}"
        yield {
            "none": "does not ask clients for certificates",
            "optional": f"asks clients for a certificate signed by {tls.client_ca}, but needs none",
            "required": f"serves only clients with a certificate signed by {tls.client_ca}",
        }[tls.client_auth]
    if tls.mode != "ldaps":
        yield {
            "all": "refuses every operation outside TLS",
            "bind": "refuses binds with credentials outside TLS",
            "off": "serves every operation without TLS",
        }[listener.require_tls]
    allowed = {
        "unauthenticated binds": listener.allow_unauthenticated_bind,
        "LDAPv2 binds": listener.allow_ldapv2,
        "Sicily binds": listener.allow_sicily,
        "SASL security layers": listener.sasl_security_layers == "opaque",
    }
    if refused := [name for name, is_allowed in allowed.items() if not is_allowed]:
        yield f"refuses {_joined(refused)}"
    if passed := [name for name, is_allowed in allowed.items() if is_allowed]:
        yield f"lets {_joined(passed)} through"
    yield f"passes requests to upstream {listener.upstream}"


def _upstream(upstream: Upstream) -> Iterator[str]:
    tls = upstream.tls
    servers = [str(server) for server in upstream.servers]
    yield f"dials {servers[0]}" if len(servers) == 1 else f"dials, in this order: {', '.join(servers)}"
    if tls.mode == "none":
        yield "speaks to them without TLS"
        return
    how = "asks for StartTLS before anything else" if tls.mode == "starttls" else "speaks TLS from the first octet"
    yield f"{how}, TLS {tls.min_version} or newer, by {tls.engine}"
    if tls.verify:
        name = "the host that is dialled" if tls.verify_name is None else tls.verify_name
        trusted = "the system's authorities" if tls.ca is None else f"the authorities in {tls.ca}"
        yield f"verifies that the certificate is for {name} and signed by {trusted}"
    else:
        yield "does NOT verify the server's certificate"
    if tls.certificate is not None:
        yield f"shows the certificate for {_certificate(tls)}"


def _plugin(table: PluginTable) -> Iterator[str]:
    from ostiary.plugins.hooks import operations_of
    from ostiary.plugins.loading import instance, plugin_class

    plugin, rules = instance(plugin_class(table.use), table.options)
    if table.mode == "monitor":
        yield "only counts and logs what it would decide"
    yield from plugin.meaning()
    if not plugin.meaning() and rules:
        yield f"brings rules: {', '.join(each.kind for each in rules)}"
    if operations := operations_of(plugin):
        yield f"is asked live about {_joined(list(operations))}, within {table.time_limit_seconds:g} seconds"


def _certificate(files: IdentityFiles) -> str:
    identity = identity_of(files)
    if identity is None:
        return "nobody"
    return f"{', '.join(identity.names) or 'nobody'} (until {identity.not_valid_after:%Y-%m-%d})"


def _audit(audit: Audit) -> Iterator[str]:
    yield f"records every operation and connection as {audit.format} to {audit.output}"
    for operation, share in audit.sampling:
        if share < 1:
            yield f"of each {operation} that succeeds, records the share {share:g}"
    yield f"{'records' if audit.filter_values else 'leaves out'} the values in filters"
    if audit.output.kind == "tls":
        trusted = "the system's authorities" if audit.tls.ca is None else str(audit.tls.ca)
        yield f"trusts a collector named {audit.tls.verify_name or audit.output.host} by {trusted}"


def _limits(limits: Limits) -> Iterator[str]:
    before, after = _octets(limits.message_bytes_unauthenticated), _octets(limits.message_bytes)
    yield f"requests of up to {before} before a bind, {after} after it"
    yield f"filters of up to {limits.filter_nodes} parts, {limits.filter_depth} deep"
    waiting = _octets(limits.buffered_bytes)
    yield f"{limits.outstanding_requests} unanswered requests and {waiting} a side for each client"
    each = f", {limits.connections_per_address} from one address" if limits.connections_per_address else ""
    yield f"{limits.connections} clients{each}"
    yield (
        f"seconds: {limits.handshake_seconds:g} for a handshake, "
        f"{limits.first_message_seconds:g} to the first request, {limits.idle_seconds:g} idle, "
        f"{limits.connect_seconds:g} to connect a server, {limits.drain_seconds:g} to drain"
    )


def _tracing(tracing: Tracing) -> Iterator[str]:
    yield f"sends spans of {tracing.sample * 100:g} % of the operations to {tracing.endpoint}"


def _admin(admin: Admin) -> Iterator[str]:
    tls = admin.tls
    how = "by plain HTTP" if tls is None else f"by HTTPS with the certificate for {_certificate(tls)}"
    yield f"serves metrics, health and status on {admin.address}, {how}"
    who = "anybody who reaches it" if admin.token_file is None else f"whoever brings the token in {admin.token_file}"
    yield f"shows metrics and status to {who}"
    if admin.exemplars:
        yield "names one operation beside each bucket of a histogram"


def _octets(count: int) -> str:
    for factor, unit in ((2**20, "MiB"), (2**10, "KiB")):
        if count >= factor:
            return f"{count / factor:.4g} {unit}"
    return f"{count} octets"


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
