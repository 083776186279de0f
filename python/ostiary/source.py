"""A gateway as its admin endpoint sees it: what all its processes counted, and what each tells of itself.

Knows neither sockets nor HTTP. Whoever runs the processes says which there are and how to ask them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from time import monotonic, time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ostiary._core import Shared
    from ostiary.admin.source import Exemplar, Family, Sample, Status
    from ostiary.plan import Plan

__all__ = ["GatewaySource", "open_admin"]


class GatewaySource:
    """One gateway; `ostiary.admin.source.Source` says what is asked of it."""

    def __init__(
        self,
        plan: Plan,
        shared: Shared,
        *,
        statuses: Callable[[], Coroutine[Any, Any, Sequence[Status]]],
        processes: Callable[[], dict[str, int]],
        is_stopping: Callable[[], bool],
    ) -> None:
        self._meters = shared.meters
        self._is_stopping = is_stopping
        self.statuses = statuses
        self.processes = processes
        assert plan.admin is not None
        self.certificates = plan.admin.certificates

    @property
    def is_stopping(self) -> bool:
        """Whether the gateway takes no new clients any more."""
        return self._is_stopping()

    def families(self) -> Sequence[Family]:
        """What is counted."""
        return [(name, kind, labels, told, bounds) for name, kind, labels, told, bounds in self._meters.families()]

    def samples(self) -> Sequence[Sample]:
        """What was counted until now, by all workers."""
        return self._meters.samples()

    def exemplars(self) -> Sequence[Exemplar]:
        """One operation of late for each bucket that has one."""
        family, since = "ostiary_operation_duration_seconds", time() - monotonic()
        return [
            (family, labels, bucket, {"connection": str(connection), "message": str(message)}, seconds, since + at)
            for labels, bucket, connection, message, seconds, at in self._meters.exemplars()
        ]


async def open_admin(plan: Plan, source: GatewaySource) -> Any:
    """The endpoint, serving.

    Raises:
        OSError: its address cannot be bound.
    """
    # Late: a gateway without an endpoint does without its libraries.
    from ostiary.admin.endpoint import Admin

    assert plan.admin is not None
    admin = Admin(plan.admin, source)
    try:
        await admin.start()
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno, f"admin: cannot listen: {reason}") from error
    return admin
