"""What a worker needs of a configuration, as plain data: files read, keys decrypted, names left to resolve.

A worker imports neither the configuration's models nor the libraries that read certificates: that halves its memory,
and it has no parser to attack. `plan` runs where the configuration was checked; the plan travels by `worker.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ostiary.admin.plan import AdminPlan, CertificateExpiry, ServerAddress
from ostiary.cores import usable_cores
from ostiary.watching import Mark, mark

if TYPE_CHECKING:
    from ostiary import config
    from ostiary.audit import AuditPlan

__all__ = [
    "HookPlan",
    "Inherited",
    "ListenerPlan",
    "Plan",
    "ProcessPlan",
    "ServerPlan",
    "TracingPlan",
    "UpstreamPlan",
    "plan",
]

Identity = tuple[tuple[bytes, ...], bytes, tuple[str, ...]]
"""Chain and key as DER, and the names: what the core takes."""


@dataclass(frozen=True, slots=True)
class ListenerPlan:
    """One listener."""

    name: str
    upstream: str
    host: str
    port: int
    path: str | None
    """A unix socket instead of host and port."""
    socket_mode: int
    tls: dict[str, Any] = field(repr=False)
    """The arguments of `ListenerTls`."""
    settings: dict[str, Any]
    """Arguments of `Settings`, but for what comes from the upstream and `tls`."""


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """One server of an upstream."""

    text: str
    """As the configuration writes it, for logs."""
    host: str
    """Name, address or, with port 0, the path of a unix socket."""
    port: int
    literal: bool
    """Whether there is nothing to resolve."""
    verify_name: str
    """The name that its certificate has to carry."""


@dataclass(frozen=True, slots=True)
class UpstreamPlan:
    """One upstream."""

    name: str
    servers: tuple[ServerPlan, ...]
    connect_seconds: float
    knows_gateway: bool
    """The servers authenticate the gateway itself: by its certificate, or as a local user."""
    mode: str
    tls: dict[str, Any] | None = field(repr=False)
    """The arguments of `UpstreamTls`, where the session does the TLS."""
    openssl: config.UpstreamTls | None
    """What is asked of the OpenSSL engine, where that does it."""


@dataclass(frozen=True, slots=True)
class HookPlan:
    """One plugin whose hooks are asked."""

    stage: int | None
    """Its place in the policy; None when it is asked about no request."""
    name: str
    use: str
    """What names its class."""
    monitor: bool
    time_limit_seconds: float
    options: bytes = field(repr=False)
    """Its validated options, pickled: only who makes the plugin imports what they are made of."""


@dataclass(frozen=True, slots=True)
class TracingPlan:
    """Spans of operations."""

    endpoint: str
    sample: float


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """How the process is told to change."""

    configuration: str = ""
    """The file; empty where there is none."""
    files: tuple[tuple[str, Mark | None], ...] = ()
    """That file and every one that it names, as they were when they were read."""
    watches: bool = False
    """Whether it is reloaded when one of them changes."""
    control: str | None = None
    """The unix socket by which it takes orders."""


@dataclass(frozen=True, slots=True)
class Inherited:
    """Descriptors that a process begins with."""

    listeners: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Sockets that listeners accept on, by their names."""
    admin: int | None = None
    """The same of the admin endpoint."""
    is_ours: bool = True
    """The files of unix sockets are the gateway's to remove, and not a service manager's."""
    giver: int | None = None
    """The channel to the process that gave them, and waits to hear that they are in use."""

    @property
    def descriptors(self) -> list[int]:
        """All of them."""
        single = [each for each in (self.admin, self.giver) if each is not None]
        return [*single, *(each for _, own in self.listeners for each in own)]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a worker needs."""

    listeners: tuple[ListenerPlan, ...]
    upstreams: tuple[UpstreamPlan, ...]
    connections: int
    connections_per_address: int
    buffered_bytes: int
    drain_seconds: float
    policy: str | None = None
    """The specification of the core's `Policy`, as JSON; None without plugins."""
    hooks: tuple[HookPlan, ...] = ()
    """The plugins that are asked live, in their order."""
    audit: AuditPlan | None = None
    """What records are made and where they go; None without any."""
    tracing: TracingPlan | None = None
    """None without traces."""
    admin: AdminPlan | None = None
    """The admin endpoint; None without one."""
    workers: int = 1
    """How many processes serve."""
    drain_delay_seconds: float = 0.0
    """Between not being ready any more and sending new clients away."""
    process: ProcessPlan = ProcessPlan()
    """How the process is told things."""
    inherited: Inherited | None = None
    """What it got from the process before it, or from a service manager."""
    notices: tuple[tuple[str, str], ...] = ()
    """What is worth knowing of the configuration: key paths and words."""
    lingering: tuple[tuple[ListenerPlan, UpstreamPlan], ...] = ()
    """Listeners that are gone from the configuration and still have clients, with where those are sent."""

    @property
    def all_listeners(self) -> tuple[ListenerPlan, ...]:
        """Those of the configuration, and those that linger."""
        return (*self.listeners, *(each for each, _ in self.lingering))

    @property
    def all_upstreams(self) -> tuple[UpstreamPlan, ...]:
        """The same of upstreams."""
        known = {each.name for each in self.upstreams}
        gone = {each.name: each for _, each in self.lingering if each.name not in known}
        return (*self.upstreams, *gone.values())

    def with_lingering(self, before: Plan, clients: Mapping[str, int]) -> Plan:
        """The plan that follows another one, whose listeners had so many clients a moment ago."""
        names = {each.name for each in self.listeners}
        upstreams = {each.name: each for each in before.all_upstreams}
        # Where clients come, some may have come since.
        gone = [each for each in before.listeners if each.name not in names]
        gone += [each for each, _ in before.lingering if each.name not in names and clients.get(each.name)]
        return replace(self, lingering=tuple((each, upstreams[each.upstream]) for each in gone))


def plan(asked: config.Config, path: Path | None = None) -> Plan:
    """The plan of a checked configuration, from the file of this path.

    Raises:
        IdentityError: a certificate, key or authority cannot be used (any more).
    """
    from ostiary.audit.plan import audit_plan

    limits = asked.limits
    policy, hooks = plugins(asked)
    return Plan(
        listeners=tuple(listener(each, limits) for each in asked.listeners),
        upstreams=tuple(upstream(each, limits.connect_seconds) for each in asked.upstreams),
        connections=limits.connections,
        connections_per_address=limits.connections_per_address,
        buffered_bytes=limits.buffered_bytes,
        drain_seconds=limits.drain_seconds,
        policy=policy,
        hooks=hooks,
        audit=None if asked.audit is None else audit_plan(asked.audit),
        tracing=None if asked.tracing is None else TracingPlan(asked.tracing.endpoint, asked.tracing.sample),
        admin=None if asked.admin is None else admin(asked.admin, asked),
        workers=usable_cores() if asked.workers == "auto" else asked.workers,
        drain_delay_seconds=limits.drain_delay_seconds,
        process=process(asked, path),
    )


def process(asked: config.Config, path: Path | None) -> ProcessPlan:
    """The plan of how the process is told things."""
    from ostiary.config.files import files_of

    named = [] if path is None else [str(path.absolute()), *map(str, files_of(asked))]
    control = None if asked.process.control is None else str(asked.process.control)
    return ProcessPlan(
        configuration=named[0] if named else "",
        files=tuple((each, mark(each)) for each in dict.fromkeys(named)),
        watches=asked.process.watch and path is not None,
        control=control,
    )


def plugins(asked: config.Config) -> tuple[str | None, tuple[HookPlan, ...]]:
    """The policy that the plugins come to, and those of them that are asked live."""
    if not asked.plugins:
        return None, ()
    from ostiary.plugins.chain import chain

    made = chain(enumerate(asked.plugins))
    return made.policy, made.hooks


def listener(asked: config.Listener, limits: config.Limits) -> ListenerPlan:
    """The plan of one listener."""
    from ostiary import tls

    offered = asked.tls
    identities = [identity(each) for each in (offered, *offered.certificates)]
    return ListenerPlan(
        name=asked.name,
        upstream=asked.upstream,
        host=asked.address.host,
        port=asked.address.port,
        path=None if asked.address.path is None else str(asked.address.path),
        socket_mode=int(asked.socket_mode, 8),
        tls={
            "mode": offered.mode,
            "identities": [each for each in identities if each is not None],
            "client_authorities": tls.load_authorities(offered.client_ca) if offered.client_ca else (),
            "client_auth": offered.client_auth,
            "min_version": offered.min_version,
        },
        settings={
            "require_tls": asked.require_tls,
            "sasl_security_layers": asked.sasl_security_layers,
            "allow_unauthenticated_bind": asked.allow_unauthenticated_bind,
            "allow_ldapv2": asked.allow_ldapv2,
            "allow_sicily": asked.allow_sicily,
            "message_bytes_unauthenticated": limits.message_bytes_unauthenticated,
            "message_bytes": limits.message_bytes,
            "filter_depth": limits.filter_depth,
            "filter_nodes": limits.filter_nodes,
            "outstanding_requests": limits.outstanding_requests,
            "buffered_bytes": limits.buffered_bytes,
            "handshake_seconds": limits.handshake_seconds,
            "first_message_seconds": limits.first_message_seconds,
            "idle_seconds": limits.idle_seconds,
        },
    )


def upstream(asked: config.Upstream, connect_seconds: float) -> UpstreamPlan:
    """The plan of one upstream."""
    mode = asked.tls.mode
    openssl = mode != "none" and asked.tls.engine == "openssl"
    return UpstreamPlan(
        name=asked.name,
        servers=tuple(server(each, asked.tls.verify_name) for each in asked.servers),
        connect_seconds=connect_seconds,
        knows_gateway=asked.tls.certificate is not None or any(url.path for url in asked.servers),
        mode=mode,
        tls=None if mode == "none" or openssl else own_engine(asked.tls),
        openssl=asked.tls if openssl else None,
    )


def server(url: config.ServerUrl, verify_name: str | None) -> ServerPlan:
    """The plan of one server."""
    from ostiary.config.addresses import is_address

    return ServerPlan(
        text=str(url),
        host=url.host if url.path is None else str(url.path),
        port=url.port,
        literal=url.path is not None or is_address(url.host),
        verify_name=verify_name or url.host,
    )


def own_engine(asked: config.UpstreamTls) -> dict[str, Any]:
    """What the session's own TLS asks of the servers."""
    from ostiary import tls

    authorities: tuple[bytes, ...] = ()
    if asked.verify:
        authorities = tls.load_authorities(asked.ca) if asked.ca else tls.system_authorities()
    return {
        "authorities": authorities,
        "verify": asked.verify,
        "identity": identity(asked),
        "min_version": asked.min_version,
    }


def admin(table: config.Admin, asked: config.Config) -> AdminPlan:
    """The plan of the admin endpoint. Raises: IdentityError, TokenError."""
    from ostiary.admin.token import load_token

    shown = None if table.tls is None else identity(table.tls)
    return AdminPlan(
        host=table.address.host,
        port=table.address.port,
        path=None if table.address.path is None else str(table.address.path),
        identity=None if shown is None else shown[:2],
        token=None if table.token_file is None else load_token(table.token_file),
        exemplars=table.exemplars,
        servers=tuple(
            ServerAddress(group.name, each.text, each.host, each.port)
            for group in asked.upstreams
            for each in (server(url, group.tls.verify_name) for url in group.servers)
        ),
        certificates=tuple(certificates(asked)),
    )


def certificates(asked: config.Config) -> Iterator[CertificateExpiry]:
    """The end of every certificate that the gateway shows."""
    tables: list[tuple[str, str, config.IdentityFiles | None]] = []
    for each in asked.listeners:
        tables.append(("client", each.name, each.tls))
        tables += [("client", f"{each.name}:{number}", one) for number, one in enumerate(each.tls.certificates, 1)]
    tables += [("upstream", each.name, each.tls) for each in asked.upstreams]
    tables.append(("admin", "admin", None if asked.admin is None else asked.admin.tls))
    from ostiary import tls

    for side, name, files in tables:
        loaded = None if files is None else tls.identity_of(files)
        if loaded is not None:
            yield side, name, loaded.not_valid_after.timestamp()


def identity(files: config.IdentityFiles) -> Identity | None:
    """The chain, key and names that a table names."""
    from ostiary import tls

    loaded = tls.identity_of(files)
    return None if loaded is None else (loaded.chain, loaded.key, loaded.names)
