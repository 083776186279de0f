"""What the kernel knows about a process tree: CPU time, memory; and about this machine: cores, facts.

It does not know gateways or cases. CPU time is read from each process's own CPU clock, in nanoseconds. The
alternatives lose something: /proc/PID/stat counts in hundredths of a second, and the sum over
/proc/PID/task/*/schedstat forgets threads that have ended, which for stunnel is every connection.
"""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
# How long a core may take to wake up, us; what a holder of the file asks for holds as long as it is open. Root's.
WAKING_LATENCY = Path("/dev/cpu_dma_latency")
CPUCLOCK_SCHED = 2  # linux/posix-timers.h: the clock of time spent on a core, user and system together


@dataclass(frozen=True)
class Cores:
    """Which cores the gateway runs on, and which the load, the canned server and this harness share."""

    gateway: frozenset[int]
    load: frozenset[int]
    pinned: bool

    @classmethod
    def choose(cls, pin: bool) -> Cores:
        """One core for the gateway, the others for everything else; all for all when there is one only."""
        available = sorted(os.sched_getaffinity(0))
        if not pin or len(available) < 2:
            return cls(frozenset(available), frozenset(available), pinned=False)
        # The last core: interrupts tend to come in on the first.
        return cls(frozenset(available[-1:]), frozenset(available[:-1]), pinned=True)


def can_keep_awake() -> bool:
    """Whether `awake` is given what it asks for."""
    return os.access(WAKING_LATENCY, os.W_OK)


@contextlib.contextmanager
def awake() -> Iterator[None]:
    """Keeps idle cores from sleeping, as long as the block lasts, if this machine lets us.

    A core that is woken in a virtual machine costs whoever wakes it an exit to the hypervisor, several times what the
    message costs that it is woken for.
    """
    if not can_keep_awake():
        yield
        return
    with WAKING_LATENCY.open("wb", buffering=0) as file:
        file.write((0).to_bytes(4, "little"))
        yield


def process_tree(pid: int) -> list[int]:
    """The process and all its living descendants."""
    tree = [pid]
    for parent in tree:
        for children in (PROC / str(parent) / "task").glob("*/children"):
            try:
                tree.extend(int(child) for child in children.read_text().split())
            except OSError:  # ended between the listing and the reading
                continue
    return tree


def cpu_seconds(pid: int) -> float:
    """User and system time of the process tree, ended threads and awaited children included."""
    total = 0.0
    for member in process_tree(pid):
        try:
            total += time.clock_gettime_ns((~member << 3) | CPUCLOCK_SCHED) / 1e9
            total += awaited_children_seconds((PROC / str(member) / "stat").read_text())
        except OSError:  # ended: its time is with its parent now
            continue
    return total


def awaited_children_seconds(stat: str) -> float:
    """`cutime + cstime` of a /proc/PID/stat line, whose second field may hold spaces and parentheses."""
    fields = stat.rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class MachineTime:
    """Seconds all cores together spent at work, and seconds a hypervisor took away, since the start."""

    busy: float
    stolen: float

    @classmethod
    def now(cls) -> MachineTime:
        return cls.read((PROC / "stat").read_text())

    @classmethod
    def read(cls, stat: str) -> MachineTime:
        """From the first line of /proc/stat: user nice system idle iowait irq softirq steal ..."""
        ticks = [int(word) / os.sysconf("SC_CLK_TCK") for word in stat.splitlines()[0].split()[1:9]]
        return cls(busy=sum(ticks[:3]) + ticks[5] + ticks[6], stolen=ticks[7])


def resident_bytes(pid: int) -> tuple[int, int]:
    """(Rss, Pss) of the process tree. Pss shares out pages that several processes map."""
    rss = pss = 0
    for member in process_tree(pid):
        sizes = rollup_sizes((PROC / str(member) / "smaps_rollup").read_text())
        rss += sizes["Rss"]
        pss += sizes["Pss"]
    return rss, pss


def rollup_sizes(text: str) -> dict[str, int]:
    """The fields of smaps_rollup, in bytes."""
    sizes = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == "kB":
            sizes[words[0].rstrip(":")] = int(words[1]) * 1024
    return sizes


def raise_file_limit(wanted: int = 65_536) -> int:
    """As many open files as allowed, up to `wanted`; inherited by every process started from here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= limit:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit


def facts() -> dict[str, object]:
    """What somebody who compares two results needs to know about the machine."""
    cpuinfo = (PROC / "cpuinfo").read_text()
    models = (line.partition(":")[2].strip() for line in cpuinfo.splitlines() if "model name" in line)
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return {
        "cpu": next(models, "unknown"),
        "cores": os.cpu_count(),
        "hypervisor": any("hypervisor" in line for line in cpuinfo.splitlines() if line.startswith("flags")),
        "governor": governor.read_text().strip() if governor.exists() else "unknown",
        "kernel": platform.release(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    }
