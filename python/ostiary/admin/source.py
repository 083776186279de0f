"""What the admin endpoint asks of whoever runs it: one gateway in its own process, or the supervisor of several.

Types only. All is asked in the event loop of the endpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

__all__ = ["Exemplar", "Family", "Sample", "Source", "Status"]

Family = tuple[str, str, Sequence[str], str, Sequence[float]]
"""Name, kind (counter, gauge, histogram), names of labels, what it is, upper bounds of a histogram's buckets."""

Sample = tuple[str, Sequence[str], Any]
"""Family, values of its labels, and a number; of a histogram the counts of its buckets, each for itself and with one
more than there are bounds, and the sum of what was observed."""

Exemplar = tuple[str, Sequence[str], int, dict[str, str], float, float]
"""Family, values of its labels, number of the bucket, what names the operation, what was observed, and when."""

Status = dict[str, Any]
"""What one worker tells of itself; docs/admin.md has its keys."""


class Source(Protocol):
    """A gateway, as the endpoint sees it."""

    @property
    def is_stopping(self) -> bool:
        """Whether the gateway takes no new clients any more."""

    @property
    def certificates(self) -> Sequence[tuple[str, str, float]]:
        """Side, name, and the end in Unix time of every certificate that the gateway shows."""

    @property
    def reload(self) -> dict[str, Any] | None:
        """The last time that the configuration was read again: when, by what, the result and what was wrong."""

    def families(self) -> Sequence[Family]:
        """What is counted; the same as long as the gateway runs."""

    def samples(self) -> Sequence[Sample]:
        """What was counted until now, summed over all workers."""

    def exemplars(self) -> Sequence[Exemplar]:
        """One operation of late for each bucket that has one; asked only where `exemplars` is on."""

    async def statuses(self) -> Sequence[Status]:
        """What each worker tells of itself."""

    def processes(self) -> dict[str, int]:
        """The id of every process of the gateway, by its name."""
