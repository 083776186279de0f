"""Scripts against the real `Session`: what one side says, what the other sees, and nothing else."""

from __future__ import annotations

import json
from typing import Any, Self

from ostiary._core import Event, ListenerTls, Policy, ServerSetup, Session, Settings, Verdict

from . import wire

DEFAULTS: dict[str, Any] = {
    "upstream": "directory",
    "require_tls": "off",
    "sasl_security_layers": "refuse",
    "allow_unauthenticated_bind": False,
    "allow_ldapv2": False,
    "allow_sicily": False,
    "upstream_knows_gateway": False,
    "message_bytes_unauthenticated": 65_536,
    "message_bytes": 8_388_608,
    "filter_depth": 64,
    "filter_nodes": 4_096,
    "outstanding_requests": 1_024,
    "buffered_bytes": 1_048_576,
    "handshake_seconds": 10.0,
    "first_message_seconds": 30.0,
    "idle_seconds": 900.0,
    "listener": "test",
}


class Playbook:
    """One session on a script. Every octet and event has to be expected, or `ends` fails."""

    def __init__(
        self,
        tls: ListenerTls | None = None,
        setup: ServerSetup | None = None,
        address: str | None = "192.0.2.1",
        **settings: Any,
    ) -> None:
        tls = tls or ListenerTls("none", ())
        self.now = 0.0
        self.setup = setup or ServerSetup("none")
        self.tls = tls
        self.settings = Settings(tls=tls, **(DEFAULTS | settings))
        self.session = Session(self.settings, self.now, address)
        self.to_client = b""
        self.to_upstream = b""
        self.events: list[Event] = []
        # How often hooks had to look at the client anew, since a test looked.
        self.changes: list[Event] = []

    def _take(self, step: tuple[bytes | None, bytes | None, tuple[Event, ...]]) -> Self:
        to_client, to_upstream, events = step
        self.to_client += to_client or b""
        self.to_upstream += to_upstream or b""
        self.changes += [each for each in events if isinstance(each, Event.ClientChanged)]
        self.events += [each for each in events if not isinstance(each, Event.ClientChanged)]
        return self

    def client(self, *messages: bytes) -> Self:
        return self._take(self.session.client_data(b"".join(messages), self.now))

    def client_ends(self) -> Self:
        return self._take(self.session.client_eof(self.now))

    def upstream(self, *messages: bytes) -> Self:
        return self._take(self.session.upstream_data(b"".join(messages), self.now))

    def upstream_ends(self) -> Self:
        return self._take(self.session.upstream_eof(self.now))

    def connects(self) -> Self:
        """The session asked for its upstream, and gets it."""
        self.event(Event.Connect)
        self._take(self.session.upstream_connected(self.setup, self.now))
        return self

    def ready(self) -> Self:
        self.event(Event.UpstreamReady)
        return self

    def is_unreachable(self) -> Self:
        self.event(Event.Connect)
        return self._take(self.session.upstream_unreachable(self.now))

    def held(self, stage: int, request: bytes) -> int:
        """The next event asks a hook about this request; gives the name to resume it by."""
        event = self.event(Event.Held)
        assert (event.stage, event.request.hex(" ")) == (stage, request.hex(" "))
        return int(event.hold)

    def resume(self, hold: int, verdict: Verdict) -> Self:
        return self._take(self.session.resume(hold, verdict, self.now))

    def renew(self, address: str | None = None, **settings: Any) -> Settings:
        """The listener has other settings from now on; gives those it had."""
        before, self.settings = self.settings, Settings(tls=self.tls, **(DEFAULTS | settings))
        self._take(self.session.renew(self.settings, self.now, address))
        return before

    def waits(self, seconds: float) -> Self:
        self.now += seconds
        return self._take(self.session.expire(self.now))

    def client_sees(self, *messages: bytes) -> Self:
        assert self.to_client.hex(" ") == b"".join(messages).hex(" ")
        self.to_client = b""
        return self

    def client_gets(self, *expected: tuple[int, int, int | None]) -> Self:
        assert wire.summary(self.to_client) == list(expected)
        self.to_client = b""
        return self

    def upstream_sees(self, *messages: bytes) -> Self:
        assert self.to_upstream.hex(" ") == b"".join(messages).hex(" ")
        self.to_upstream = b""
        return self

    def upstream_gets(self, *expected: tuple[int, int, int | None]) -> Self:
        assert wire.summary(self.to_upstream) == list(expected)
        self.to_upstream = b""
        return self

    def event(self, kind: type[Event]) -> Any:
        """The next event is of this kind."""
        assert self.events, f"no event where {kind} was expected"
        event = self.events.pop(0)
        assert isinstance(event, kind), event
        return event

    def tells_of_hook(self, code: int | None) -> Self:
        """The next event tells that a hook decided, with this code."""
        decided = self.event(Event.Decided)
        assert (decided.rule, decided.mode, decided.code) == ("hook", "enforce", code)
        return self

    def violates(self, kind: str, peer: str = "client") -> Self:
        violation = self.event(Event.Violation)
        assert (violation.peer, violation.kind) == (peer, kind)
        return self

    def closes(self, reason: str) -> Self:
        assert self.event(Event.Close).reason == reason
        return self

    def ends(self) -> None:
        """Nothing queued, nothing unread."""
        assert (self.to_client, self.to_upstream, self.events) == (b"", b"", [])


def policy(*stages: tuple[str, dict[str, Any]], mode: str = "enforce") -> Policy:
    """A policy of these stages: the kind of each and its options; the plugin is named like the kind."""
    spec = [{"plugin": kind, "mode": mode, "rules": {kind: options}} for kind, options in stages]
    return Policy(json.dumps({"stages": spec}), b"0123456789abcdef")


def bound(**settings: Any) -> Playbook:
    """A session whose client is bound."""
    play = Playbook(**settings)
    play.client(wire.bind(1)).connects().ready().upstream_sees(wire.bind(1))
    return play.upstream(wire.bind_response(1)).client_sees(wire.bind_response(1))


def connected(**settings: Any) -> Playbook:
    """A session with an upstream, its client anonymous and its first search answered."""
    play = Playbook(**settings)
    play.client(wire.search(1)).connects().ready().upstream_sees(wire.search(1))
    return play.upstream(wire.done(1)).client_sees(wire.done(1))
