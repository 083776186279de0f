"""The process that serves: takes a plan by an inherited descriptor, and runs it.

`ostiary run` checks the configuration and then becomes this process, or the supervisor of several like it: same id,
same terminal, with nothing in its memory of what the checking took. The plan holds private keys, so it travels in
memory that has no name.
"""

from __future__ import annotations

import mmap
import os
import pickle
import socket
import sys
from typing import TYPE_CHECKING, NoReturn, cast

from ostiary import log

if TYPE_CHECKING:
    from ostiary.log import Level
    from ostiary.plan import Plan

__all__ = ["become", "command", "main", "received"]

# glibc's allocator, unless the operator set it: as it is, it hands the memory of each large result back to the kernel
# and asks for it again (three calls and all the page faults a result). Kept: a few MiB for the whole process.
ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": str(16 << 20), "MALLOC_MMAP_THRESHOLD_": str(4 << 20)}


ALONE = "alone"
"""What a worker without a supervisor is told instead of the descriptor of its channel."""


def become(plan: Plan, level: Level) -> NoReturn:
    """Replaces this process by one that runs the plan."""
    descriptor = os.memfd_create("ostiary-plan", 0)
    with open(descriptor, "wb", closefd=False) as memory:
        pickle.dump(plan, memory)
    os.set_inheritable(descriptor, True)
    for each in [] if plan.inherited is None else plan.inherited.descriptors:
        os.set_inheritable(each, True)
    told = [str(descriptor), level]
    own = command("worker", *told, ALONE) if plan.workers == 1 else command("supervisor", *told)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [*own, *sys.argv[1:]], ALLOCATOR | os.environ)


def command(module: str, *arguments: str) -> list[str]:
    """How a process of the gateway is started; arguments of `ostiary run` behind it keep a process list readable."""
    # -P: what lies in the working directory is not imported.
    return [sys.executable, "-P", "-m", f"ostiary.{module}", *arguments]


def received(descriptor: int) -> Plan:
    """The plan that `become` handed over. Read at no position, since several processes share it."""
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as memory:
        plan: Plan = pickle.loads(memory)
    return plan


def main() -> int:
    """Runs the plan that was handed over, alone or as one of several; gives the exit status."""
    descriptor, level, channels = int(sys.argv[1]), cast("Level", sys.argv[2]), sys.argv[3]
    plan = received(descriptor)
    os.close(descriptor)
    if channels == ALONE:
        log.configure(level)
        # Late, so that a fault in it is logged.
        from ostiary.alone import serve as serve_alone

        return serve_alone(plan)
    from ostiary.control import receive_first

    supervisor, descriptors = (socket.socket(fileno=int(each)) for each in channels.split(","))
    for each in (supervisor, descriptors):
        each.set_inheritable(False)
    told = receive_first(supervisor)
    log.configure(level, worker=told["worker"])
    from ostiary.obeying import serve
    from ostiary.place import Place

    place = Place.from_message(told)
    place.keep_descriptors()
    return serve(plan, place, supervisor, descriptors)


if __name__ == "__main__":
    sys.exit(main())
