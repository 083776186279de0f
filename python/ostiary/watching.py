"""Whether files have changed: by looking at them now and then, which sees a change wherever it comes from.

What a name leads to counts, so that the exchange of a link is seen, by which Kubernetes exchanges all files of a secret
at once. Reads nothing.
"""

from __future__ import annotations

import asyncio
import os
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ostiary.plan import Plan
    from ostiary.reloading import Reloadable, Reloader

__all__ = ["Mark", "mark", "watch"]

PERIOD_SECONDS = 1.0
"""A look costs a system call a file; who changes one by hand does not notice a second."""
RETRY_SECONDS = 10.0
RETRY_SECONDS_MAX = 300.0
"""What was wrong may be put right by files that nobody knows of yet: it is tried again, later each time."""

Mark = tuple[int, int, int, int]
"""Device, inode, size, and time of the last change."""


def mark(path: str) -> Mark | None:
    """What is at the path now; None: nothing that can be read."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


async def watch(host: Reloadable, reloader: Reloader) -> None:
    """Asks for a reload whenever a file of the plan in force has changed, and rests; never ends by itself."""
    plan: Plan | None = None
    seen: dict[str, Mark | None] = {}
    before: dict[str, Mark | None] = {}
    pause, due = RETRY_SECONDS, float("inf")
    while True:
        if plan is not host.plan:
            plan, pause, due = host.plan, RETRY_SECONDS, float("inf")
            seen = before = dict(plan.process.files)
        await asyncio.sleep(PERIOD_SECONDS)
        if not plan.process.watches or plan is not host.plan:
            continue
        now = {path: mark(path) for path in seen}
        # Files that are still being written are not read yet.
        has_changed, before = now != seen and now == before, now
        if has_changed:
            seen, pause = now, RETRY_SECONDS
        elif monotonic() < due:
            continue
        faults = await reloader.reload("watch", is_retry=not has_changed)
        due = monotonic() + pause if faults else float("inf")
        pause = min(2 * pause, RETRY_SECONDS_MAX)
