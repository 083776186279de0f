"""One worker's share of records into a place that others write to as well: `python -m tests.audit.pouring`.

Arguments: the kind of sink, its path, who writes, and how many records.
"""

from __future__ import annotations

import sys

from ostiary.audit import AuditPlan, AuditWriter, SinkPlan

from .records import lines, record

BATCH = 250


def main() -> None:
    """Writes them, and fails unless every one was."""
    kind, path, worker, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    assert kind in ("file", "stdout")
    written: list[int] = []
    sink = SinkPlan("file" if kind == "file" else "stdout", kind, path=path)
    writer = AuditWriter(AuditPlan("{}", sink, 2**28), written.append, written.append)
    writer.start()
    for begin in range(0, count, BATCH):
        # Of different lengths, so that pieces of all workers meet anywhere.
        records = [record(n, worker=worker, base="b" * (n * 37 % 1_500)) for n in range(begin, begin + BATCH)]
        writer.write(lines(records), BATCH)
    writer.stop(30)
    if written != [BATCH] * (count // BATCH):
        sys.exit(f"{written}")


if __name__ == "__main__":
    main()
