"""How many cores this process may use: those it may run on, and no more than its control groups let it have at once."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["WORKERS_MAX", "usable_cores"]

WORKERS_MAX = 256
"""The most worker processes: more than a machine that carries a directory's door has cores."""


def usable_cores(groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """At least 1; a container that may use one and a half cores has two."""
    cores = [float(len(os.sched_getaffinity(0))), *quotas(groups, own)]
    return max(1, min(math.ceil(min(cores)), WORKERS_MAX))


def quotas(groups: Path, own: Path) -> Iterator[float]:
    """How many cores each of the control groups (version 2) that this process is in may use; none without a limit."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    group = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), None)
    if group is None:
        return
    place = groups / group
    for each in (place, *place.parents):
        if not each.is_relative_to(groups):
            return
        try:
            quota, period = (each / "cpu.max").read_text().split()
            if quota != "max":
                yield int(quota) / int(period)
        except (OSError, ValueError, ZeroDivisionError):
            # The root has none, and no file that cannot be read is worth not to start.
            continue
