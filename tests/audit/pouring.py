"""One worker's share of records into a place that others write to as well: `python -m tests.audit.pouring`.

Arguments: the kind of sink, its path, who writes, how many records, and the seconds between batches. On SIGHUP it
opens the place anew, and on SIGTERM it stops before it has written them all.
"""

from __future__ import annotations

import signal
import sys
import time

from ostiary.audit import AuditPlan, AuditWriter, SinkPlan

from .records import lines, record

BATCH = 250


def main() -> None:
    """Writes them, and fails unless every one was."""
    kind, path, worker, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    assert kind in ("file", "stdout")
    written: list[int] = []
    stopping: list[int] = []
    pause_seconds = float(sys.argv[5]) if len(sys.argv) > 5 else 0.0
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    sink = SinkPlan("file" if kind == "file" else "stdout", kind, path=path)
    writer = AuditWriter(AuditPlan("{}", sink, 2**28), written.append, written.append)
    writer.start()
    signal.signal(signal.SIGHUP, lambda *_: writer.reopen())
    batches = 0
    for begin in range(0, count, BATCH):
        # Of different lengths, so that pieces of all workers meet anywhere.
        records = [record(n, worker=worker, base="b" * (n * 37 % 1_500)) for n in range(begin, begin + BATCH)]
        writer.write(lines(records), BATCH)
        batches += 1
        time.sleep(pause_seconds)
        if stopping:
            break
    writer.stop(30)
    if written != [BATCH] * batches:
        sys.exit(f"{written}")


if __name__ == "__main__":
    main()
