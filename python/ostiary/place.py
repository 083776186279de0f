"""Which of the processes of a gateway this one is, what it inherits, and what all of them share."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ostiary._core import Shared

if TYPE_CHECKING:
    from ostiary.plan import Plan

__all__ = ["Place", "share"]

# Clients that connect at the same time have an address each, at worst. Four counters for each of them, so that none
# is kept out because those near it are in use.
COUNTERS_FOR_EACH = 4


def secret() -> bytes:
    """A random key: nobody outside can choose keys that fall together in the tables."""
    return os.urandom(16)


@dataclass(frozen=True, slots=True)
class Place:
    """One process among those of a gateway; without arguments, the only one."""

    worker: int = 0
    """Its number; the supervisor has the last."""
    processes: int = 1
    """How many share, the supervisor among them."""
    key: bytes = field(default_factory=secret, repr=False)
    memory: int | None = None
    """The descriptor of what is shared; None: memory of its own."""
    sockets: dict[str, int] = field(default_factory=dict)
    """The descriptors that it accepts on, by listener; empty: it opens its own."""

    def keep_descriptors(self) -> None:
        """Keeps what it inherited from processes that plugins start: they would hold addresses after the gateway."""
        for each in (self.memory, *self.sockets.values()):
            if each is not None:
                os.set_inheritable(each, False)

    def as_message(self) -> dict[str, Any]:
        """As the supervisor tells a worker."""
        return {
            "worker": self.worker, "processes": self.processes, "key": self.key.hex(), "memory": self.memory,
            "sockets": self.sockets,
        }  # fmt: skip

    @classmethod
    def from_message(cls, told: dict[str, Any]) -> Place:
        """As a worker is told."""
        return cls(**{**told, "key": bytes.fromhex(told["key"])})


def names(plan: Plan) -> str:
    """What is counted has these names."""
    return json.dumps(
        {
            "listeners": [[each.name, each.tls["mode"], each.upstream] for each in plan.listeners],
            "upstreams": [[each.name, [server.text for server in each.servers]] for each in plan.upstreams],
            "plugins": [each.name for each in plan.hooks],
            "exemplars": plan.admin is not None and plan.admin.exemplars,
        }
    )


def share(plan: Plan, place: Place) -> Shared:
    """What all processes of the plan have together, as this one sees it.

    Raises:
        OSError: the memory cannot be had.
    """
    return Shared(
        place.key,
        names(plan),
        policy=plan.policy,
        audit=None if plan.audit is None else plan.audit.core,
        traced=None if plan.tracing is None else plan.tracing.sample,
        workers=place.processes,
        worker=place.worker,
        descriptor=place.memory,
        counters=COUNTERS_FOR_EACH * plan.connections if plan.connections_per_address else 1,
    )
