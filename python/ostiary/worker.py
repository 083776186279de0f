"""The process that serves: takes a plan by an inherited descriptor, and runs it.

`ostiary run` checks the configuration and then becomes this process, same id, same terminal, with nothing in its
memory of what the checking took. The plan holds private keys, so it travels in memory that has no name.
"""

from __future__ import annotations

import os
import pickle
import sys
from typing import TYPE_CHECKING, NoReturn, cast

from ostiary import log

if TYPE_CHECKING:
    from ostiary.log import Level
    from ostiary.plan import Plan

__all__ = ["become", "main"]

# glibc's allocator, unless the operator set it: as it is, it hands the memory of each large result back to the kernel
# and asks for it again (three calls and all the page faults a result). Kept: a few MiB for the whole process.
ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": str(16 << 20), "MALLOC_MMAP_THRESHOLD_": str(4 << 20)}


def become(plan: Plan, level: Level) -> NoReturn:
    """Replaces this process by one that runs the plan."""
    descriptor = os.memfd_create("ostiary-plan", 0)
    with open(descriptor, "wb", closefd=False) as memory:
        pickle.dump(plan, memory)
    os.set_inheritable(descriptor, True)
    # -P: what lies in the working directory is not imported. The command line stays readable in a process list.
    own = [sys.executable, "-P", "-m", "ostiary.worker", str(descriptor), level]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [*own, *sys.argv[1:]], ALLOCATOR | os.environ)


def main() -> int:
    """Runs the plan that `become` handed over; gives the exit status."""
    descriptor, level = int(sys.argv[1]), cast("Level", sys.argv[2])
    with open(descriptor, "rb") as memory:
        memory.seek(0)
        plan = pickle.load(memory)
    log.configure(level)
    # Late, so that a fault in it is logged.
    from ostiary.gateway import serve

    return serve(plan)


if __name__ == "__main__":
    sys.exit(main())
