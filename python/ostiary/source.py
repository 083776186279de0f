"""A gateway as its admin endpoint sees it: what all its processes counted, and what each tells of itself.

Knows neither sockets nor HTTP. Whoever runs the processes says which there are and how to ask them.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from ostiary._core import Meters

if TYPE_CHECKING:
    import socket

    from ostiary.admin.endpoint import Admin
    from ostiary.admin.plan import AdminPlan, CertificateExpiry
    from ostiary.admin.source import Exemplar, Family, Sample
    from ostiary.operating import Host
    from ostiary.reloading import Reloader

__all__ = ["HostSource", "open_admin"]


class HostSource:
    """One host; `ostiary.admin.source.Source` says what is asked of it."""

    def __init__(self, host: Host, reloader: Reloader) -> None:
        self._host = host
        self._reloader = reloader
        self.statuses = host.statuses
        self.processes = host.processes

    @property
    def is_stopping(self) -> bool:
        """Whether the gateway takes no new clients any more, or soon will not."""
        return self._host.is_stopping

    @property
    def certificates(self) -> Sequence[CertificateExpiry]:
        """The end of every certificate that the gateway shows."""
        admin = self._host.plan.admin
        return () if admin is None else admin.certificates

    @property
    def reload(self) -> dict[str, Any] | None:
        """The last time that the configuration was read again."""
        return self._reloader.last

    def families(self) -> Sequence[Family]:
        """What is counted."""
        return [(name, kind, labels, told, bounds) for name, kind, labels, told, bounds in Meters.families()]

    def samples(self) -> Sequence[Sample]:
        """What was counted until now, by all workers."""
        return self._host.totals.samples()

    def exemplars(self) -> Sequence[Exemplar]:
        """One operation of late for each bucket that has one."""
        family, since = "ostiary_operation_duration_seconds", time() - monotonic()
        return [
            (family, labels, bucket, {"connection": str(connection), "message": str(message)}, seconds, since + at)
            for labels, bucket, connection, message, seconds, at in self._host.totals.exemplars()
        ]


async def open_admin(plan: AdminPlan, source: HostSource, given: socket.socket | None = None) -> Admin:
    """The endpoint, serving, by a socket that was given if there is one.

    Raises:
        OSError: its address cannot be bound.
    """
    # Late: a gateway without an endpoint does without its libraries.
    from ostiary.admin.endpoint import Admin

    admin = Admin(plan, source)
    try:
        await admin.start(given)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno, f"admin: cannot listen: {reason}") from error
    return admin
