"""What a worker counts, records and tells of itself: meters, audit, the lag of its event loop, and its status.

Knows no socket. What sessions count they count in the core; here is what happens beside them. Who reads the meters,
and what becomes of a status, is not known here.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from ostiary.counters import Counters

if TYPE_CHECKING:
    from ostiary._core import Shared
    from ostiary.audit import AuditPlan, AuditWriter
    from ostiary.plan import Plan, TracingPlan
    from ostiary.tracing import Tracer

__all__ = ["Seeing"]

LAG_SECONDS = 1.0
"""How often the event loop is looked at: a wake-up that nobody notices."""
FLUSH_SECONDS = 0.1
"""How long records wait for others to be written with: what an operator who looks at a file does not notice."""
FLUSH_SECONDS_LEAST = 0.01
FLUSH_BYTES = 512 * 1024
"""So many are not waited for to become more: handing them over costs next to nothing beside writing them, and they are
still in the processor's cache."""
FLUSH_SHARE = 4
"""Nor is more than one part of so many of the buffer waited for: what comes meanwhile is to find room."""
STOP_SECONDS = 5.0
"""For the audit's output to take what is left, at the end."""
TOPS_MOST = 20
REFUSALS_MOST = 50
"""So many of the last refusals are told in a status: what fits on a screen or two."""


class Seeing:
    """What one worker counts and tells."""

    def __init__(self, plan: Plan, shared: Shared, worker: int = 0) -> None:
        self.shared = shared
        self.counters = Counters(shared.meters)
        """What is counted under the configuration in force."""
        self.worker = worker
        self.is_on = plan.admin is not None or plan.audit is not None or plan.tracing is not None
        """Whether sessions count and record."""
        self.refusals: deque[dict[str, Any]] = deque(maxlen=REFUSALS_MOST)
        """The last requests that were not let pass, the latest last."""
        self._timers: dict[Callable[[], None], asyncio.TimerHandle] = {}
        self._due = 0.0
        self._pause = FLUSH_SECONDS
        self._audit_plan = plan.audit
        self._audit = None if plan.audit is None else self._writer(plan.audit)
        self._tracer = None if plan.tracing is None else _tracer(plan.tracing)

    def violation(self, peer: str, kind: str) -> None:
        """A peer broke the protocol."""
        self.counters.add("violations_total", peer, kind)

    def start(self) -> None:
        """Looks at the event loop, and writes records, from now on.

        Raises:
            OSError: the audit's file cannot be opened.
        """
        self._set_wall()
        if self._audit is not None:
            self._audit.start()
        if self._tracer is not None:
            self._tracer.start()
        if self._audit is not None or self._tracer is not None:
            self._again(FLUSH_SECONDS, self._flush)
        self._due = monotonic() + LAG_SECONDS
        self._again(LAG_SECONDS, self._look)

    def prepare(self, plan: Plan) -> AuditWriter | None:
        """The audit's output under another configuration, writing, if it is another one. Records stay what they are.

        Raises:
            OSError: its file cannot be opened.
        """
        if plan.audit is None or plan.audit == self._audit_plan:
            return None
        audit = self._writer(plan.audit)
        audit.start()
        return audit

    def take(self, plan: Plan, shared: Shared, audit: AuditWriter | None) -> None:
        """Another configuration is in force."""
        self.shared = shared
        self.counters = Counters(shared.meters)
        if audit is not None:
            before, self._audit, self._audit_plan = self._audit, audit, plan.audit
            assert before is not None
            self.retire(before)

    def retire(self, audit: AuditWriter) -> None:
        """An output is not in use any more; what it has not written yet it writes, and nobody waits for that."""
        threading.Thread(target=audit.stop, args=(STOP_SECONDS,), name="ostiary-audit-before").start()

    def stop(self) -> None:
        """Ends that; blocks until the records are written, for so long as a stop may take."""
        for timer in self._timers.values():
            timer.cancel()
        if self._audit is not None:
            self._hand_over(self._audit)
            self._audit.stop(STOP_SECONDS)
        if self._tracer is not None:
            self._tracer.write(self.shared.drain_traces())
            self._tracer.stop()

    def reopen(self) -> None:
        """Somebody has renamed the audit's file."""
        if self._audit is not None:
            self._audit.reopen()

    def status(self) -> dict[str, Any]:
        """What this worker has to tell beside its meters, for JSON."""
        clients, identities = self.shared.most(TOPS_MOST)
        return {
            "worker": self.worker,
            "pid": os.getpid(),
            "tops": {"clients": clients, "identities": identities},
            "refusals": list(self.refusals),
        }

    def _writer(self, plan: AuditPlan) -> AuditWriter:
        # Late: a gateway that records nothing does without.
        from ostiary.audit import AuditWriter

        def counting(family: str) -> Callable[[int], None]:
            return lambda records: self.counters.add(family, by=records)

        lost, written = counting("audit_records_lost_total"), counting("audit_records_total")
        return AuditWriter(plan, lost=lost, written=written)

    def _again(self, seconds: float, call: Callable[[], None]) -> None:
        self._timers[call] = asyncio.get_running_loop().call_later(seconds, call)

    def _look(self) -> None:
        self.counters.put(max(monotonic() - self._due, 0.0), "event_loop_lag_seconds")
        # The time of day may have been set.
        self._set_wall()
        self._due = monotonic() + LAG_SECONDS
        self._again(LAG_SECONDS, self._look)

    def _set_wall(self) -> None:
        self.shared.set_wall(time() - monotonic())

    def _flush(self) -> None:
        if self._audit is not None:
            self._pause = pause(self._pause, self._hand_over(self._audit), self._audit.buffer_bytes)
        if self._tracer is not None:
            self._tracer.write(self.shared.drain_traces())
        self._again(self._pause, self._flush)

    def _hand_over(self, audit: AuditWriter) -> int:
        """Writes what is recorded; how many octets that is."""
        octets, records, lost = self.shared.drain()
        if lost:
            audit.overflow(lost)
        if records:
            audit.write(octets, records)
        return len(octets)


def pause(before: float, octets: int, buffer_bytes: int) -> float:
    """How long to wait for records, by how many octets the last wait brought, and how many have room; seconds."""
    wanted = min(FLUSH_BYTES, buffer_bytes // FLUSH_SHARE)
    return min(max(before * wanted / max(octets, 1), FLUSH_SECONDS_LEAST), FLUSH_SECONDS)


def _tracer(plan: TracingPlan) -> Tracer:
    # Late: its libraries come with an extra, and are larger than the gateway.
    from ostiary.tracing import Tracer

    return Tracer(plan)
