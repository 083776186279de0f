"""The Rust core: the whole boundary between Python and Rust on one page.

Calls go one way, from Python down. Nothing but `Driver` owns a socket or looks at a clock.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias, final

from typing_extensions import disjoint_base

from ostiary._core_driver import (
    Driver as Driver,
)
from ostiary._core_driver import (
    Questions as Questions,
)
from ostiary._core_shared import (
    Hold as Hold,
)
from ostiary._core_shared import (
    Meters as Meters,
)
from ostiary._core_shared import (
    Shared as Shared,
)
from ostiary._core_shared import (
    Stopwatch as Stopwatch,
)
from ostiary._core_shared import (
    Totals as Totals,
)
from ostiary._core_shared import (
    audit_fields as audit_fields,
)
from ostiary._core_values import (
    AbandonRequest as AbandonRequest,
)
from ostiary._core_values import (
    AddRequest as AddRequest,
)
from ostiary._core_values import (
    Attribute as Attribute,
)
from ostiary._core_values import (
    AttributeDescription as AttributeDescription,
)
from ostiary._core_values import (
    BindRequest as BindRequest,
)
from ostiary._core_values import (
    Change as Change,
)
from ostiary._core_values import (
    CompareRequest as CompareRequest,
)
from ostiary._core_values import (
    Control as Control,
)
from ostiary._core_values import (
    DelRequest as DelRequest,
)
from ostiary._core_values import (
    Dn as Dn,
)
from ostiary._core_values import (
    ExtendedRequest as ExtendedRequest,
)
from ostiary._core_values import (
    Filter as Filter,
)
from ostiary._core_values import (
    Framer as Framer,
)
from ostiary._core_values import (
    IntermediateResponse as IntermediateResponse,
)
from ostiary._core_values import (
    LdapResult as LdapResult,
)
from ostiary._core_values import (
    Message as Message,
)
from ostiary._core_values import (
    ModifyDnRequest as ModifyDnRequest,
)
from ostiary._core_values import (
    ModifyRequest as ModifyRequest,
)
from ostiary._core_values import (
    PagedResults as PagedResults,
)
from ostiary._core_values import (
    RawRequest as RawRequest,
)
from ostiary._core_values import (
    SearchRequest as SearchRequest,
)
from ostiary._core_values import (
    SearchResultEntry as SearchResultEntry,
)
from ostiary._core_values import (
    SearchResultReference as SearchResultReference,
)
from ostiary._core_values import (
    UnbindRequest as UnbindRequest,
)
from ostiary._core_values import (
    decode_request as decode_request,
)
from ostiary._core_values import (
    decode_response as decode_response,
)
from ostiary._core_values import (
    notice_of_disconnection as notice_of_disconnection,
)
from ostiary._core_values import (
    result_code_name as result_code_name,
)

__version__: Final[str]

# One client's session, and what a driver owes it (`Driver` does 2 and 4, but for the pauses that events ask for):
#
# 1. A client was accepted: make a `Session`, and arm a timer for its `deadline`.
# 2. Octets came, or ended, on a side: call `client_data`, `client_eof`, `upstream_data` or `upstream_eof`; the client's
#    connection is gone: `client_gone`. The step's octets are written at once and in order, then its events acted on, in
#    order, before the next call.
# 3. `Event.Connect`: dial. A server accepted: `upstream_connected`, with what it is to be asked for. Then either
#    `Event.UpstreamReady` comes, or `Event.UpstreamFailed`: close that socket and dial the next; the same after a time
#    limit of the driver's own, with `upstream_abandoned` first. No server is left: `upstream_unreachable`.
#    `Event.StartUpstreamTls` comes with `ServerSetup("starttls")` alone: do the handshake, then call
#    `upstream_tls_established`; from then on octets of both calls and steps are what is inside that TLS.
# 4. Stop reading a side whose counterpart's write buffer is full, and between `Event.PauseClient` and `ResumeClient`.
# 5. At the deadline call `expire`, then arm the timer for the new `deadline`. It moves later with traffic without being
#    told, so an early `expire` does nothing; that it moved earlier is told by `Event.Deadline`.
# 6. `Event.Held`: ask the hook, then call `resume`; the request and, of a bind, everything behind it waits until then.
# 7. `Event.CloseUpstream` and `Event.Close`: close that socket once everything is written. `Close` is the last event;
#    calls after it do nothing.
#
# Times are seconds of any steady clock, as `time.monotonic()`. No call raises for what came from the network: that is
# an `Event.Violation`, its reply already in the step. A session belongs to one thread at a time.

Step: TypeAlias = tuple[bytes | None, bytes | None, tuple[Event, ...]]
"""What a call asks for: octets for the client, octets for the upstream (None: nothing to write), events."""

_Identity: TypeAlias = tuple[Sequence[bytes], bytes, Sequence[str]]
"""A certificate chain (DER, the end entity first), its key (PKCS #8, DER, not encrypted), and its DNS names."""

@final
class ListenerTls:
    """The TLS that a listener offers; shared by its sessions."""

    def __new__(
        cls,
        mode: str,
        identities: Sequence[_Identity],
        *,
        client_authorities: Sequence[bytes] = ...,
        client_auth: str = "none",
        min_version: str = "1.2",
    ) -> ListenerTls:
        """`mode`: `none`, `starttls` or `ldaps`. The first identity serves clients whose SNI names no other.

        `client_authorities` (DER) sign client certificates; `client_auth`: `none`, `optional` or `required`;
        `min_version`: `1.2` or `1.3`. Raises: ValueError when rustls cannot use a certificate, key or authority.
        """

@final
class UpstreamTls:
    """The TLS that an upstream's servers are asked for, whatever their names; shared by sessions."""

    def __new__(
        cls,
        authorities: Sequence[bytes],
        *,
        verify: bool = True,
        identity: _Identity | None = None,
        min_version: str = "1.2",
    ) -> UpstreamTls:
        """Trusts certificates that the authorities (DER) issued, and the authorities themselves as servers.

        `identity` is the gateway's own, for servers that ask for one. Raises: ValueError, as `ListenerTls`.
        """

@final
class ServerSetup:
    """What one server is asked for when it is connected."""

    def __new__(
        cls, mode: str, tls: UpstreamTls | None = None, name: str | None = None, *, server: str | None = None
    ) -> ServerSetup:
        """`none`: plain, or TLS of the driver's own from the start. `ldaps` and `starttls` with `tls` and the `name`
        that the certificate has to carry: the session's TLS. `starttls` alone: the session asks, the driver's engine
        does the handshake. `server` is how records name it. Raises: ValueError when these do not fit together, or when
        `name` is no name.
        """

@final
class Settings:
    """One listener's ways, shared by its sessions. The keys are those of the configuration, octets and seconds."""

    def __new__(
        cls,
        *,
        tls: ListenerTls,
        upstream: str,
        require_tls: str,
        sasl_security_layers: str,
        allow_unauthenticated_bind: bool,
        allow_ldapv2: bool,
        allow_sicily: bool,
        upstream_knows_gateway: bool,
        message_bytes_unauthenticated: int,
        message_bytes: int,
        filter_depth: int,
        filter_nodes: int,
        outstanding_requests: int,
        buffered_bytes: int,
        handshake_seconds: float,
        first_message_seconds: float,
        idle_seconds: float,
        listener: str,
        policy: Policy | None = None,
        counted: Shared | None = None,
        generation: int = 0,
    ) -> Settings:
        """`upstream` is its name, as clients read it in diagnostic messages. `upstream_knows_gateway`: the servers
        authenticate the gateway itself, so a client's SASL EXTERNAL is refused. `counted`: where sessions count what
        passes, after `Session.enter`. `generation`: which of the gateway's configurations this is, for `Event.Held`.
        Raises: ValueError for another word.
        """
    @property
    def is_in_use(self) -> bool:
        """Whether any session has them, or a request that is under way began under them."""

@final
class Policy:
    """A compiled policy: the chain of all plugins' rules, and the places of their hooks. Shared by sessions.

    `spec` is JSON: `{"stages": [{"plugin": name, "mode": "enforce" | "monitor", "rules": {kind: options}}, ...]}`, the
    kinds being `allow_list`, `limits`, `rate_limit`, `bind_guard`, `redact` and `hook`, the options' keys those of the
    configuration. Every call raises ValueError where `spec` is not of that form.
    """

    def __new__(cls, spec: str, key: bytes) -> Policy:
        """`key`: 16 random octets, by which the tables hash. Raises: ValueError for the first of `faults`."""
    @staticmethod
    def faults(spec: str) -> list[tuple[int, str, str]]:
        """Everything that is wrong with it: stage, key path within its options, message."""
    @staticmethod
    def warnings(spec: str) -> list[tuple[int, str, str]]:
        """Rules that cannot do what they seem to: stage, rule, message. Empty while there are faults."""
    @property
    def limits_connections(self) -> bool:
        """Whether `admit` has anything to ask."""
    def admit(self, listener: str, address: str | None, now: float) -> Entry:
        """Whether a client may connect, before any TLS is spent on it; no address: a unix socket."""
    def explain(
        self,
        listener: str,
        address: str | None,
        tls: bool,
        certificate: bytes | None,
        identity: str,
        request: bytes,
    ) -> str:
        """What would be decided of a request, and why, as JSON; nothing is counted.

        `certificate` is DER; `identity` is whom the client has proved to be, as binds spell it, empty for anonymous.
        Keys: `verdict` (`allowed`, `refused`), `plugin`, `rule`, `code`, `text`, `changes`, and `trace`, one for each
        rule that was looked at. Raises: ValueError when `request` is not one whole request.
        """

@final
class Entry:
    """A client's place in the limits on connections."""

    refused: Final[tuple[str, str] | None]
    """Plugin and rule that keep the client out; None: it may stay."""
    monitored: Final[list[tuple[str, str]]]
    """Plugins and rules in monitor mode that would have kept it out."""
    def release(self) -> None:
        """The client is gone: what it took is given back, once."""

@disjoint_base
class Verdict:
    """What a hook says of a request that it was asked about."""

    @final
    class Pass(Verdict):
        """It goes on."""

        __match_args__: Final = ()
        def __new__(cls) -> Verdict.Pass: ...

    @final
    class Refuse(Verdict):
        """It is answered with this result code and diagnostic message."""

        __match_args__: Final = ("code", "text")
        def __new__(cls, code: int, text: str) -> Verdict.Refuse: ...
        code: Final[int]
        text: Final[str]

    @final
    class Replace(Verdict):
        """Another request goes on instead: whole, of the same kind, with the same message id."""

        __match_args__: Final = ("request",)
        def __new__(cls, request: bytes) -> Verdict.Replace: ...
        request: Final[bytes]

    @final
    class Close(Verdict):
        """The client is told and closed."""

        __match_args__: Final = ("text",)
        def __new__(cls, text: str) -> Verdict.Close: ...
        text: Final[str]

@final
class TlsFacts:
    """What a handshake agreed on."""

    version: Final[str]
    """As `1.3`."""
    cipher: Final[str]
    """As `TLS13_AES_128_GCM_SHA256`."""
    peer_certificate: Final[bytes | None]
    """DER; None when the peer showed none."""

@disjoint_base
class Event:
    """Something to do or to log, one of the classes below. None comes for ordinary traffic."""

    @final
    class Connect(Event):
        """A request needs the upstream: dial (3 above)."""

        __match_args__: Final = ()
        def __new__(cls) -> Event.Connect: ...

    @final
    class UpstreamReady(Event):
        """The server is ready for LDAP; `tls` when the session does its TLS."""

        __match_args__: Final = ("tls",)
        def __new__(cls, tls: TlsFacts | None) -> Event.UpstreamReady: ...
        tls: Final[TlsFacts | None]

    @final
    class UpstreamFailed(Event):
        """Setting up the connected server failed: close it and dial the next."""

        __match_args__: Final = ("reason",)
        def __new__(cls, reason: str) -> Event.UpstreamFailed: ...
        reason: Final[str]

    @final
    class StartUpstreamTls(Event):
        """The server agreed to StartTLS: the driver's engine has to do the handshake."""

        __match_args__: Final = ()
        def __new__(cls) -> Event.StartUpstreamTls: ...

    @final
    class CloseUpstream(Event):
        """The upstream's connection is over; another `Connect` may follow in the same step."""

        __match_args__: Final = ("reason",)
        def __new__(cls, reason: str) -> Event.CloseUpstream: ...
        reason: Final[str]

    @final
    class Violation(Event):
        """A peer broke the protocol. `docs/troubleshooting.md` lists the kinds."""

        __match_args__: Final = ("peer", "kind", "detail")
        def __new__(cls, peer: str, kind: str, detail: str) -> Event.Violation: ...
        peer: Final[str]
        """`client` or `upstream`."""
        kind: Final[str]
        """A word, as `bad_framing`."""
        detail: Final[str]
        """Field and offset, or the TLS library's words; never a value."""

    @final
    class PauseClient(Event):
        """Requests wait and fill the buffer: stop reading from the client."""

        __match_args__: Final = ()
        def __new__(cls) -> Event.PauseClient: ...

    @final
    class ResumeClient(Event):
        """Read from the client again."""

        __match_args__: Final = ()
        def __new__(cls) -> Event.ResumeClient: ...

    @final
    class Deadline(Event):
        """The deadline moved earlier."""

        __match_args__: Final = ("at",)
        def __new__(cls, at: float) -> Event.Deadline: ...
        at: Final[float]

    @final
    class Decided(Event):
        """A rule decided other than to let pass, or would have in monitor mode."""

        __match_args__: Final = ("plugin", "rule", "mode", "code", "operation")
        def __new__(cls, plugin: str, rule: str, mode: str, code: int | None, operation: str) -> Event.Decided: ...
        plugin: Final[str]
        rule: Final[str]
        """Its name; `default` where no rule matched."""
        mode: Final[str]
        """`enforce` or `monitor`."""
        code: Final[int | None]
        """The result code of the refusal; None for a rule that allows, closes or delays."""
        operation: Final[str]

    @final
    class ClientChanged(Event):
        """What hooks see of the client changed: its identity, its TLS. Comes only where there are hooks."""

        __match_args__: Final = ()
        def __new__(cls) -> Event.ClientChanged: ...

    @final
    class Held(Event):
        """A request waits for a hook's verdict: call `resume` with its `hold`."""

        __match_args__: Final = ("hold", "stage", "generation", "operation", "request")
        def __new__(cls, hold: int, stage: int, generation: int, operation: str, request: bytes) -> Event.Held: ...
        hold: Final[int]
        stage: Final[int]
        """The hook's place in the policy."""
        generation: Final[int]
        """The configuration that the policy is from: a request that is under way keeps to it."""
        operation: Final[str]
        request: Final[bytes]
        """The request, whole."""

    @final
    class BadReplacement(Event):
        """What a hook gave instead of a request is none; the request was refused."""

        __match_args__: Final = ("stage", "generation")
        def __new__(cls, stage: int, generation: int) -> Event.BadReplacement: ...
        stage: Final[int]
        generation: Final[int]

    @final
    class Finished(Event):
        """A request that a hook observes has had its last response."""

        __match_args__: Final = ("operation", "request", "code", "entries")
        def __new__(cls, operation: str, request: bytes, code: int, entries: int) -> Event.Finished: ...
        operation: Final[str]
        request: Final[bytes]
        code: Final[int]
        entries: Final[int]

    @final
    class Opaque(Event):
        """A SASL security layer hides everything from here on; octets pass unread."""

        __match_args__: Final = ()
        def __new__(cls) -> Event.Opaque: ...

    @final
    class Close(Event):
        """The end: `reason` is a word, as `unbind`."""

        __match_args__: Final = ("reason",)
        def __new__(cls, reason: str) -> Event.Close: ...
        reason: Final[str]

    # What a `Driver` tells of sockets.

    @final
    class Accepted(Event):
        """A client came, by this name: `Driver.enter` or `remove` it. No `host` on a unix socket."""

        __match_args__: Final = ("client", "host", "port")
        def __new__(cls, client: int, host: str | None, port: int) -> Event.Accepted: ...
        client: Final[int]
        host: Final[str | None]
        port: Final[int]

    @final
    class NotAccepted(Event):
        """Nobody can be accepted at this listening socket, by this error of the system: it has to rest."""

        __match_args__: Final = ("listening", "error")
        def __new__(cls, listening: int, error: int) -> Event.NotAccepted: ...
        listening: Final[int]
        error: Final[int]

    @final
    class Connected(Event):
        """The server is connected."""

        __match_args__: Final = ()
        def __new__(cls) -> Event.Connected: ...

    @final
    class NotConnected(Event):
        """The server cannot be connected, by this error of the system."""

        __match_args__: Final = ("error",)
        def __new__(cls, error: int) -> Event.NotConnected: ...
        error: Final[int]

    @final
    class ClientLost(Event):
        """The client's socket is of no use any more: `remove` it, after `Session.client_gone`."""

        __match_args__: Final = ()
        def __new__(cls) -> Event.ClientLost: ...

    @final
    class UpstreamLost(Event):
        """The server's socket is of no use any more, which the session knows: `leave_upstream`."""

        __match_args__: Final = ()
        def __new__(cls) -> Event.UpstreamLost: ...

    @final
    class Failed(Event):
        """A call into the session has panicked: it says nothing more. `remove` the client."""

        __match_args__: Final = ()
        def __new__(cls) -> Event.Failed: ...

@final
class Session:
    """One client's protocol and TLS state, and what it uses upstream. Holds no socket."""

    def __new__(cls, settings: Settings, now: float, address: str | None = None) -> Session:
        """`address` is for the policy's rules; none for a unix socket. Raises: ValueError when it is none."""
    def enter(self, connection: int, port: int, now: float) -> None:
        """The client may stay: what it does is counted and recorded from here on, where anything is, under this number.

        `port` is the client's; 0 on a unix socket.
        """
    def turn_away(
        self, connection: int, port: int, reason: str, plugin: str | None, rule: str | None, now: float
    ) -> None:
        """The client may not stay, which is counted and recorded; plugin and rule, if a rule is why."""
    def client_data(self, data: bytes, now: float) -> Step: ...
    def client_eof(self, now: float) -> Step:
        """The client will send no more; what is outstanding is still answered."""
    def client_gone(self) -> Step:
        """Nobody is left to answer; only the upstream may still get an Unbind."""
    def upstream_data(self, data: bytes, now: float) -> Step: ...
    def upstream_eof(self, now: float) -> Step: ...
    def upstream_connected(self, setup: ServerSetup, now: float) -> Step: ...
    def upstream_tls_established(self, now: float) -> Step: ...
    def upstream_abandoned(self) -> None:
        """The server that is being set up will not do; the next one may be tried."""
    def upstream_unreachable(self, now: float) -> Step:
        """What waits for a server is answered unavailable; the next request asks to `Connect` again."""
    def expire(self, now: float) -> Step: ...
    def resume(self, hold: int, verdict: Verdict, now: float) -> Step:
        """A hook has decided. A `hold` whose request has gone meanwhile does nothing."""
    def renew(self, settings: Settings, now: float, address: str | None = None) -> Step:
        """The listener has other settings. What comes from now on is judged and limited by them; what is under way
        ends under the policy that it began under. TLS that is established stays.

        Without a policy in them, a session that had one keeps it. `address` as in the constructor, for a session that
        was made without.
        """
    def shut_down(self) -> Step:
        """The gateway stops: the client gets a notice, and the session ends."""
    def drain(self) -> Step:
        """The gateway stops soon: no more requests are taken, and once all are answered, it is as `shut_down`."""
    @property
    def deadline(self) -> float:
        """When to call `expire`; infinite once closed."""
    @property
    def identity(self) -> str:
        """Whom the client has proved to be: empty for anonymous, a name, `sasl:GSSAPI`, `sicily`."""
    @property
    def outstanding(self) -> int:
        """How many requests wait for their final response."""
    @property
    def idle_since(self) -> float | None:
        """Since when nothing came and nobody waits for anything; None while somebody does."""
    @property
    def client_tls(self) -> TlsFacts | None:
        """What the client's handshake agreed on; None without TLS."""

PAGED_RESULTS_OID: Final[str]
START_TLS_OID: Final[str]
WHO_AM_I_OID: Final[str]
