"""One plan as the workers of a gateway share it: its number, and the descriptors of its memory and of its sockets.

Kept by the supervisor as long as a worker may begin with it.
"""

from __future__ import annotations

import os
import pickle
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ostiary.place import Memory, Place

if TYPE_CHECKING:
    from ostiary.plan import Plan
    from ostiary.sockets import Door, Doors

__all__ = ["Generation", "plan_descriptor"]


@dataclass(frozen=True, slots=True)
class Generation:
    """One plan, and what goes with it."""

    number: int
    plan: Plan
    plan_descriptor: int
    key: bytes
    memory: Memory
    new_memory: tuple[int | None, int | None]
    """What of it those lack who have the generation before."""
    doors: Doors
    prepared: Mapping[str, Door]

    def sockets_of(self, worker: int) -> dict[str, list[socket.socket]]:
        """What a worker accepts on."""
        return self.doors.of_worker(worker, self.prepared)

    def place(self, worker: int) -> Place:
        """What a worker begins with."""
        sockets = {name: [each.fileno() for each in own] for name, own in self.sockets_of(worker).items()}
        workers = self.plan.workers
        return Place(worker, workers + 1, self.key, self.memory, sockets, self.number)

    def descriptors_for(self, worker: int) -> list[int]:
        """What a worker gets that has the generation before, in the order in which it takes them."""
        sockets = [each.fileno() for own in self.sockets_of(worker).values() for each in own]
        return [self.plan_descriptor, *(each for each in self.new_memory if each is not None), *sockets]


def plan_descriptor(plan: Plan) -> int:
    """Memory without a name that holds the plan."""
    descriptor = os.memfd_create("ostiary-plan", os.MFD_CLOEXEC)
    with open(descriptor, "wb", closefd=False) as memory:
        pickle.dump(plan, memory)
    return descriptor
