"""What a worker counts and tells of itself: the meters of its gateway, the lag of its event loop, and its status.

Knows no socket. What sessions count they count in the core; here is what happens beside them. Who reads the meters,
and what becomes of a status, is not known here.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import deque
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from ostiary._core import Meters, Shared

if TYPE_CHECKING:
    from ostiary.plan import Plan

__all__ = ["Seeing", "share"]

PREFIX = "ostiary_"
LAG_SECONDS = 1.0
"""How often the event loop is looked at: a wake-up that nobody notices."""
REFUSALS_MOST = 50
"""So many of the last refusals are told in a status: what fits on a screen or two."""

Meter = tuple[int, int]


def share(plan: Plan, key: bytes, workers: int = 1) -> Shared:
    """What the workers of a gateway share.

    Raises: ValueError when the policy cannot be compiled.
    """
    names = {
        "listeners": [[each.name, each.tls["mode"], each.upstream] for each in plan.listeners],
        "upstreams": [[each.name, [server.text for server in each.servers]] for each in plan.upstreams],
        "plugins": [each.name for each in plan.hooks],
        "exemplars": False,
    }
    return Shared(key, json.dumps(names), policy=plan.policy, workers=workers)


class Seeing:
    """What one worker counts and tells."""

    def __init__(self, shared: Shared, worker: int = 0) -> None:
        self.shared = shared
        self.worker = worker
        self.refusals: deque[dict[str, Any]] = deque(maxlen=REFUSALS_MOST)
        """The last requests that were not let pass, the latest last."""
        self._meters: Meters = shared.meters
        self._lag = self.meter("event_loop_lag_seconds")
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def meter(self, family: str, *labels: str) -> Meter:
        """The place of one value, by the family's name without its prefix. Raises: KeyError when there is none."""
        return self._meters.meter(PREFIX + family, *labels)

    def counter(self, family: str, *labels: str) -> Callable[[int], None]:
        """What adds to one value. Raises: KeyError when there is none."""
        return partial(self._meters.add, self.meter(family, *labels))

    def timer(self, family: str, *labels: str) -> Callable[[float], None]:
        """What adds seconds to one histogram. Raises: KeyError when there is none."""
        return partial(self._meters.observe, self.meter(family, *labels))

    def add(self, meter: Meter, by: int = 1) -> None:
        """Adds to a counter, or to this worker's part of a gauge."""
        self._meters.add(meter, by)

    def put(self, meter: Meter, value: float) -> None:
        """Sets a gauge."""
        self._meters.put(meter, value)

    def violation(self, peer: str, kind: str) -> None:
        """A peer broke the protocol."""
        self.add(self.meter("violations_total", peer, kind))

    def start(self) -> None:
        """Looks at the event loop from now on."""
        self._wait()

    def stop(self) -> None:
        """Ends that."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def status(self) -> dict[str, Any]:
        """What this worker has to tell beside its meters, for JSON."""
        return {"worker": self.worker, "pid": os.getpid(), "refusals": list(self.refusals)}

    def _wait(self) -> None:
        self._due = monotonic() + LAG_SECONDS
        self._timer = asyncio.get_running_loop().call_later(LAG_SECONDS, self._look)

    def _look(self) -> None:
        self.put(self._lag, max(monotonic() - self._due, 0.0))
        self._wait()
