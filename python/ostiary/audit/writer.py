"""The thread that writes audit records, so that nobody else waits for a disk or a collector.

`write` never blocks and takes what fits into `buffer_bytes`; what does not, is lost as a whole batch, counted, and
told in the log at most once a minute. A sink that fails is tried again for ever, from the first record that no kernel
has taken. Knows no record and no kind of sink.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from enum import Enum, auto
from queue import SimpleQueue
from time import monotonic, sleep
from typing import TYPE_CHECKING

from ostiary import log
from ostiary.audit.batch import Batch
from ostiary.audit.sinks import sink_of

if TYPE_CHECKING:
    from ostiary.audit.plan import AuditPlan

__all__ = ["AuditWriter"]

logger = logging.getLogger("ostiary.audit")

TELL_SECONDS = 60.0
"""Between two lines of the log about the same trouble."""
RETRY_SECONDS = 0.1
"""Before a sink that failed is tried again; doubled each time."""
RETRY_SECONDS_MOST = 10.0
"""A collector that is back is found within this, and one that is not costs nothing until then."""
STOP_SECONDS = 5.0
"""For what is left at the end: a collector that works takes a full buffer in less, and a stop must come to its end."""
STOP_GRACE_SECONDS = 0.1
"""For the thread to count what it has left, when its time is over."""


class Order(Enum):
    """What the thread is to do behind the batches before it."""

    REOPEN = auto()
    END = auto()


class AuditWriter:
    """Batches of records, written in their order by a thread of their own."""

    def __init__(self, plan: AuditPlan, lost: Callable[[int], None], written: Callable[[int], None]) -> None:
        """`lost` and `written` are told how many records; in the caller's thread or in the writer's."""
        self.buffer_bytes = plan.buffer_bytes
        """Octets that may wait for the sink."""
        self._output = plan.sink.text
        self._is_framed = plan.sink.kind not in ("stdout", "file")
        self._is_file = plan.sink.kind == "file"
        self._sink = sink_of(plan.sink)
        self._lost, self._written = lost, written
        # Each of these counts up in one thread alone, so that nothing is locked where octets are handed over.
        # The caller's:
        self._taken_bytes = self._taken_records = self._overflowed = self._told = 0
        self._told_at = -TELL_SECONDS
        # The writer's:
        self._settled_bytes = self._settled_records = self._given_up = 0
        self._current: Batch | None = None
        self._trouble = Trouble(self._output)

        self._queue: SimpleQueue[Batch | Order] = SimpleQueue()
        self._ending = threading.Event()
        self._deadline = 0.0
        # Who settles a batch that hangs: the thread, or whoever gives up waiting for it.
        self._settling = threading.Lock()
        self._is_abandoned = False
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)

    def start(self) -> None:
        """Starts the thread.

        Raises:
            OSError: the file cannot be opened; names it. Collectors may come later.
        """
        if self._is_file:
            try:
                self._sink.open()
            except OSError as error:
                reason = error.strerror or str(error)
                raise OSError(error.errno, f"audit: cannot open {self._output}: {reason}") from error
        self._thread.start()

    def write(self, octets: bytes, records: int) -> None:
        """Takes so many records, framed as the sink needs them, or counts them as lost. Never blocks."""
        if self._taken_bytes - self._settled_bytes + len(octets) <= self.buffer_bytes:
            self._taken_bytes += len(octets)
            self._taken_records += records
            self._queue.put(Batch(octets, records, self._is_framed))
        else:
            self._overflowed += records
            self._lost(records)
        if monotonic() - self._told_at >= TELL_SECONDS:
            self._tell()

    def overflow(self, records: int) -> None:
        """So many were lost before they could be handed over."""
        self._overflowed += records
        self._lost(records)

    def reopen(self) -> None:
        """Opens the file by its name anew, behind what was taken so far: somebody has renamed it."""
        if self._is_file:
            self._queue.put(Order.REOPEN)

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Writes what is left for so long, and counts the rest as lost; blocks until then.

        Nothing may be handed over afterwards.
        """
        self._deadline = monotonic() + seconds
        self._ending.set()
        self._queue.put(Order.END)
        self._thread.join(seconds + STOP_GRACE_SECONDS)
        self._abandon()
        self._tell()

    def _tell(self) -> None:
        """Says how many were lost since it was last said, if any were."""
        lost = self._overflowed + self._given_up
        if lost > self._told:
            log.event(logger, logging.ERROR, "audit_lost", records=lost - self._told, output=self._output)
            self._told = lost
            self._told_at = monotonic()

    def _abandon(self) -> None:
        """Counts what the thread has left: it may hang in the kernel, and what that still takes counts as lost."""
        with self._settling:
            self._is_abandoned = True
            left = self._taken_records - self._settled_records
            batch = self._current
            taken = 0 if batch is None else batch.records - batch.left
            self._settle(taken, left - taken)

    def _run(self) -> None:
        while True:
            batch = self._queue.get()
            if isinstance(batch, Batch):
                self._hand_over(batch)
            elif batch is Order.END:
                break
            else:
                self._sink.close()
                # Now, though nothing is to be written: the old file's space is to be given back.
                self._attempt(None)
        self._sink.close()

    def _hand_over(self, batch: Batch) -> None:
        """Writes the batch, however often it takes, or until the end."""
        self._current = batch
        delay = RETRY_SECONDS
        while not self._attempt(batch) and self._pause(delay):
            delay = min(delay * 2, RETRY_SECONDS_MOST)
        left = batch.left
        with self._settling:
            self._current = None
            if self._is_abandoned:
                return
            self._settled_bytes += len(batch.octets)
            self._settled_records += batch.records
            self._settle(batch.records - left - batch.refused, left + batch.refused)
        if left == 0 and self._settled_bytes == self._taken_bytes:
            self._trouble.over(self._overflowed + self._given_up)

    def _settle(self, written: int, lost: int) -> None:
        self._given_up += lost
        if written:
            self._written(written)
        if lost:
            self._lost(lost)

    def _attempt(self, batch: Batch | None) -> bool:
        """Whether the sink is open, and has taken the batch."""
        try:
            self._sink.open()
            if batch is not None:
                self._sink.write(batch)
        except OSError as error:
            self._sink.close()
            self._trouble.failed(error)
            return False
        return True

    def _pause(self, seconds: float) -> bool:
        """Waits before the next attempt; False when there is no time for one."""
        if self._ending.wait(seconds):
            left = self._deadline - monotonic()
            if left <= 0:
                return False
            sleep(min(RETRY_SECONDS, left))
        return True


class Trouble:
    """What is told of a sink that fails, and of its recovery; at most once a minute each."""

    def __init__(self, output: str) -> None:
        self._output = output
        self._is_failing = False
        self._lost = 0
        self._failure_told_at = self._recovery_told_at = -TELL_SECONDS

    def failed(self, error: OSError) -> None:
        """An attempt failed."""
        self._is_failing = True
        if monotonic() - self._failure_told_at >= TELL_SECONDS:
            self._failure_told_at = monotonic()
            reason = error.strerror or str(error)
            log.event(logger, logging.ERROR, "audit_output_failed", error=reason, output=self._output)

    def over(self, lost: int) -> None:
        """Everything that waited is written, and so many records were lost since the start."""
        if not self._is_failing and lost == self._lost:
            return
        if monotonic() - self._recovery_told_at >= TELL_SECONDS:
            self._recovery_told_at = monotonic()
            log.event(logger, logging.WARNING, "audit_recovered", lost=lost - self._lost, output=self._output)
            self._is_failing = False
            self._lost = lost
