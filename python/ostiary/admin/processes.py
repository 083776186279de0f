"""What the kernel tells of the gateway's processes: processor time, memory, descriptors.

The names and meanings are those of prometheus_client's ProcessCollector, with a label for the process. That one lists
every descriptor to count them, which at twenty thousand takes as long as five thousand searches; newer kernels tell
the number. A process that is gone is left out.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from ostiary.metrics import Family, Found

__all__ = ["FAMILIES", "process_samples"]

_LABELS = ("process",)
FAMILIES = (
    Family("process_cpu_seconds_total", "counter", _LABELS, "Processor time, the kernel's share included."),
    Family("process_resident_memory_bytes", "gauge", _LABELS, "Memory that is in use."),
    Family("process_virtual_memory_bytes", "gauge", _LABELS, "Address space; of no meaning by itself."),
    Family("process_start_time_seconds", "gauge", _LABELS, "When it was started, as Unix time."),
    Family("process_open_fds", "gauge", _LABELS, "Open file descriptors; each client takes two."),
    Family("process_max_fds", "gauge", _LABELS, "How many file descriptors it may have."),
)
_PROC = Path("/proc")


def process_samples(processes: Mapping[str, int]) -> Iterator[Found]:
    """The samples of every process that is still there."""
    try:
        ticks, page, boot = os.sysconf("SC_CLK_TCK"), resource.getpagesize(), _boot_time()
    except OSError:
        return  # no /proc here
    for name, pid in processes.items():
        try:
            # What stands before the last parenthesis is the program's name, which may hold anything.
            stat = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
            open_fds = _open_fds(_PROC / str(pid) / "fd")
            max_fds = _max_fds(pid)
        except OSError:
            continue
        label = (name,)
        yield "process_cpu_seconds_total", label, (int(stat[11]) + int(stat[12])) / ticks
        yield "process_resident_memory_bytes", label, int(stat[21]) * page
        yield "process_virtual_memory_bytes", label, int(stat[20])
        yield "process_start_time_seconds", label, int(stat[19]) / ticks + boot
        yield "process_open_fds", label, open_fds
        yield "process_max_fds", label, max_fds


def _boot_time() -> int:
    """When the kernel was started, in Unix time."""
    try:
        lines = (_PROC / "stat").read_bytes().splitlines()
    except FileNotFoundError:
        # A service that sees of /proc its processes alone (ProcSubset=pid).
        return _boot_time_by_clocks()
    for line in lines:
        if line.startswith(b"btime "):
            return int(line.split()[1])
    raise OSError("the kernel does not tell when it was started")


@cache
def _boot_time_by_clocks() -> int:
    # Once: the start of a process must not seem to change by a second now and then.
    return round(time.time() - time.clock_gettime(time.CLOCK_BOOTTIME))


def _open_fds(folder: Path) -> int:
    # From Linux 6.2 on this is the number; before it was 0.
    return folder.stat().st_size or len(os.listdir(folder))


def _max_fds(pid: int) -> float:
    most = resource.prlimit(pid, resource.RLIMIT_NOFILE)[0]
    return float("inf") if most == resource.RLIM_INFINITY else most
