"""Which of the processes of a gateway this one is, what it inherits, and what all of them share."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ostiary._core import Shared, Totals

if TYPE_CHECKING:
    from ostiary.plan import Plan

__all__ = ["Memory", "Place", "Shared", "Totals", "memory_for", "memory_needed", "share", "share_anew"]

# Clients that connect at the same time have an address each, at worst. Four counters for each of them, so that none
# is kept out because those near it are in use.
COUNTERS_FOR_EACH = 4


def secret() -> bytes:
    """A random key: nobody outside can choose keys that fall together in the tables."""
    return os.urandom(16)


class Memory(NamedTuple):
    """What processes share, by descriptors of memory; without any, each has its own."""

    tables: int | None = None
    """Who asked how often, and who is locked out."""
    meters: int | None = None
    """What is counted."""
    layout: tuple[int, int, int, int] | None = None
    """How large the tables are that were made already."""


OWN = Memory()


def memory_for(*purposes: str) -> list[int]:
    """Descriptors of new memory, one for each purpose. Raises: OSError when there is none."""
    return [os.memfd_create(f"ostiary-{each}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING) for each in purposes]


@dataclass(frozen=True, slots=True)
class Place:
    """One process among those of a gateway; without arguments, the only one."""

    worker: int = 0
    """Its number; the supervisor has the last."""
    processes: int = 1
    """How many share, the supervisor among them."""
    key: bytes = field(default_factory=secret, repr=False)
    memory: Memory = OWN
    """What is shared."""
    sockets: dict[str, list[int]] = field(default_factory=dict)
    """The descriptors that it accepts on, by listener; empty: it opens its own."""
    generation: int = 0
    """Which of the gateway's configurations it begins with."""

    @property
    def descriptors(self) -> list[int]:
        """All that it inherits."""
        shared = [each for each in (self.memory.tables, self.memory.meters) if each is not None]
        return [*shared, *(each for own in self.sockets.values() for each in own)]

    def keep_descriptors(self) -> None:
        """Keeps what it inherited from processes that plugins start: they would hold addresses after the gateway."""
        for each in self.descriptors:
            os.set_inheritable(each, False)

    def as_message(self) -> dict[str, Any]:
        """As the supervisor tells a worker."""
        return {
            "worker": self.worker, "processes": self.processes, "key": self.key.hex(), "memory": self.memory,
            "sockets": self.sockets, "generation": self.generation,
        }  # fmt: skip

    @classmethod
    def from_message(cls, told: dict[str, Any]) -> Place:
        """As a worker is told."""
        tables, meters, layout = told["memory"]
        memory = Memory(tables, meters, None if layout is None else tuple(layout))
        return cls(**{**told, "key": bytes.fromhex(told["key"]), "memory": memory})


def names(plan: Plan) -> str:
    """What is counted has these names."""
    return json.dumps(
        {
            "listeners": [[each.name, each.tls["mode"], each.upstream] for each in plan.all_listeners],
            "upstreams": [[each.name, [server.text for server in each.servers]] for each in plan.all_upstreams],
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
        counters=counters(plan),
        layout=place.memory.layout,
        tables=place.memory.tables,
        meters=place.memory.meters,
    )


def share_anew(shared: Shared, plan: Plan, memory: Memory) -> Shared:
    """The same for another plan, with memory where `memory_needed` says that it needs some.

    Raises:
        OSError: the memory cannot be had.
    """
    return shared.renewed(
        names(plan), policy=plan.policy, counters=counters(plan), tables=memory.tables, meters=memory.meters
    )


def memory_needed(shared: Shared, plan: Plan) -> tuple[bool, bool]:
    """Whether another plan needs tables, and meters, of its own."""
    return shared.needs(names(plan), policy=plan.policy, counters=counters(plan))


def counters(plan: Plan) -> int:
    """How many counters limits on connections need."""
    return COUNTERS_FOR_EACH * plan.connections if plan.connections_per_address else 1
