"""One worker: the listeners and upstreams of a plan, and of the plans that follow it, from start to stop. Knows of
other workers only what it shares.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from ostiary import log
from ostiary.counters import Counters
from ostiary.listener import Admission, Form, Listener, form
from ostiary.place import Memory, Place, Totals, share, share_anew
from ostiary.policing import Policing
from ostiary.seeing import Seeing
from ostiary.sockets import Doors
from ostiary.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ostiary.audit import AuditWriter
    from ostiary.driving import Driving
    from ostiary.place import Shared
    from ostiary.plan import Plan
    from ostiary.policing import Prepared
    from ostiary.sockets import Door

__all__ = ["Gateway", "Renewal"]

logger = logging.getLogger("ostiary.gateway")

# How often a drain looks whether the last answers are out, seconds.
DRAIN_STEP = 0.02
# A client that has said nothing for so long is between two requests, and its next one not already on its way.
QUIET_SECONDS = 0.5
# How often is looked whether anything still is under way under an earlier configuration, seconds.
TIDY_SECONDS = 1.0


class Renewal(NamedTuple):
    """What another plan comes to, made beside what is in force."""

    plan: Plan
    generation: int
    shared: Shared
    policing: Prepared
    upstreams: dict[str, Upstream]
    forms: dict[str, Form]
    audit: AuditWriter | None
    sockets: Mapping[str, list[socket.socket]]


class Gateway:
    """Everything that a plan asks for, in one event loop."""

    def __init__(self, plan: Plan, driving: Driving, place: Place | None = None) -> None:
        """`driving` is what its loop waits in.

        Raises: OSError when what is shared cannot be had; Unloadable when a plugin cannot be made any more."""
        self._place = place = place or Place()
        self.plan = plan
        """The plan in force."""
        self.shared = shared = share(plan, place)
        self.totals = Totals(place.generation, shared)
        """What was counted under this plan and those before it."""
        self.seeing = seeing = Seeing(plan, shared, place.worker)
        self._admission = Admission(shared, plan.connections, plan.connections_per_address)
        self.policing = Policing(plan, seeing, place.generation)
        self._driving = driving
        self._upstreams: dict[str, Upstream] = {}
        self._listeners: dict[str, Listener] = {}
        self._upstreams = self._made_upstreams(plan, shared)
        self._listeners = {
            name: Listener(each, self._admission, self.policing, seeing, self._driving)
            for name, each in self._forms(plan, shared, self._upstreams, place.generation).items()
        }
        self.doors = Doors()
        """What it accepts on; none where a supervisor has them."""
        self._tidying: asyncio.TimerHandle | None = None

    @property
    def listeners(self) -> list[Listener]:
        """Those that accept."""
        return [each for each in self._listeners.values() if each.is_open]

    @property
    def addresses(self) -> dict[str, str]:
        """Where each listener listens, by its name."""
        return {listener.name: listener.address for listener in self.listeners}

    @property
    def clients(self) -> dict[str, int]:
        """How many each listener has, also those that do not accept any more."""
        return {name: len(each.connections) for name, each in self._listeners.items()}

    async def start(self, inherited: Mapping[str, Door] | None = None) -> None:
        """Opens every listener, or none.

        Raises:
            OSError: an address cannot be bound; names the listener.
        """
        placed = {name: [socket.socket(fileno=each) for each in own] for name, own in self._place.sockets.items()}
        if not placed:
            self.doors.take(self.doors.prepare(self.plan.listeners, inherited))
        self.policing.start()
        self.seeing.start()
        self._open(placed or self.doors.of_worker(0))
        for own in placed.values():
            for each in own:
                each.close()

    def status(self) -> dict[str, Any]:
        """What this worker has to tell of itself, for JSON."""
        return {
            **self.seeing.status(),
            "connections": self.clients,
            "listeners": [
                {"name": each.name, "address": each.address, "tls": each.form.plan.tls["mode"]}
                for each in self.listeners
            ],
            "generations": self.totals.in_use,
        }

    async def statuses(self) -> list[dict[str, Any]]:
        """The same as who has several workers is told it."""
        return [self.status()]

    def reopen(self) -> None:
        """Opens what is written to anew, after it was moved away."""
        log.event(logger, logging.INFO, "reopened")
        self.seeing.reopen()

    def prepare(
        self, plan: Plan, generation: int, sockets: Mapping[str, list[socket.socket]], memory: Memory | None = None
    ) -> Renewal:
        """What another plan comes to. Nothing that is in force changes, whatever happens here.

        Raises:
            OSError: there is no memory, or the audit's file cannot be opened.
            Unloadable: a plugin cannot be made.
            ValueError: the core refuses a part of it.
        """
        shared = share_anew(self.shared, plan, memory or Memory())
        policing = self.policing.prepare(plan, shared)
        upstreams = self._made_upstreams(plan, shared)
        forms = self._forms(plan, shared, upstreams, generation)
        # Last, as it begins to write.
        audit = self.seeing.prepare(plan)
        return Renewal(plan, generation, shared, policing, upstreams, forms, audit, sockets)

    async def take(self, renewal: Renewal) -> None:
        """Another plan is in force: clients are judged by it from their next request."""
        plan, shared, forms = renewal.plan, renewal.shared, renewal.forms
        before = [each.settings for each in self._listeners.values()]
        # Without a pause: whoever asks from now on, asks under one plan.
        self.plan, self.shared, self._upstreams = plan, shared, renewal.upstreams
        self.totals.succeed(renewal.generation, shared)
        self.seeing.take(plan, shared, renewal.audit)
        self._admission.take(shared, plan.connections, plan.connections_per_address)
        self.policing.take(renewal.policing, renewal.generation, self.seeing.counters, before)
        for upstream in renewal.upstreams.values():
            upstream.counters = self.seeing.counters
        for name, each in forms.items():
            if name in self._listeners:
                self._listeners[name].renew(each)
            else:
                self._listeners[name] = Listener(each, self._admission, self.policing, self.seeing, self._driving)
        for name in [each for each in self._listeners if each not in renewal.sockets]:
            self._listeners[name].stop_accepting()
            if name not in forms:
                self._listeners.pop(name)
        self._open(renewal.sockets)
        self._tidy()

    def abandon(self, renewal: Renewal) -> None:
        """What was prepared is not wanted after all."""
        if renewal.audit is not None:
            self.seeing.retire(renewal.audit)

    async def stop(self, *, keeps_files: bool = False) -> None:
        """Stops accepting, lets what is outstanding be answered for `drain_seconds`, tells the clients, and closes."""
        for listener in self._listeners.values():
            listener.stop_accepting()
        self.doors.close(keeps_files=keeps_files)
        begin = monotonic()
        drains = False
        while connections := [each for listener in self._listeners.values() for each in listener.connections]:
            now = monotonic()
            late = now >= begin + self.plan.drain_seconds
            # A client that asks without a pause may go on for half of the time.
            drains_now = not drains and now >= begin + self.plan.drain_seconds / 2
            drains = drains or drains_now
            for connection in connections:
                since = connection.session.idle_since
                if late or (since is not None and now - since >= QUIET_SECONDS):
                    connection.shut_down()
                elif drains_now:
                    connection.drain()
                if late:
                    connection.abort()
            await asyncio.sleep(DRAIN_STEP)
        if self._tidying is not None:
            self._tidying.cancel()
        self.policing.stop()
        # What was written last leaves with the next turns of the loop.
        await asyncio.sleep(DRAIN_STEP)
        self.seeing.stop()

    def _open(self, sockets: Mapping[str, list[socket.socket]]) -> None:
        for name, own in sockets.items():
            self._listeners[name].open(own)

    def _made_upstreams(self, plan: Plan, shared: Shared) -> dict[str, Upstream]:
        """Those of the plan; what did not change stays, with what is known of its servers."""
        counters = Counters(shared.meters)
        made = {}
        for each in plan.all_upstreams:
            known = self._upstreams.get(each.name)
            # What Python's TLS reads it reads from files, which may have changed.
            is_same = known is not None and known.plan == each and each.openssl is None
            made[each.name] = known if known is not None and is_same else Upstream(each, counters)
        return made

    def _forms(self, plan: Plan, shared: Shared, upstreams: Mapping[str, Upstream], generation: int) -> dict[str, Form]:
        known = self._listeners
        return {
            each.name: form(
                each,
                upstreams[each.upstream],
                shared,
                is_seen=self.seeing.is_on,
                generation=generation,
                before=known[each.name].form if each.name in known else None,
            )
            for each in plan.all_listeners
        }

    def _tidy(self) -> None:
        """Gives up what nothing is under way under any more."""
        if self._tidying is not None:
            self._tidying.cancel()
            self._tidying = None
        is_left = self.policing.tidy()
        self.totals.fold(self.totals.in_use)
        if is_left or self.totals.earlier:
            self._tidying = asyncio.get_running_loop().call_later(TIDY_SECONDS, self._tidy)


def settle_memory() -> None:
    """What exists now lives as long as the process: the collector need not look at it again."""
    gc.collect()
    gc.freeze()
