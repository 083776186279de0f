"""What a sink is to the writer, and which one a plan asks for.

Each kind is loaded when it is first made: a worker that writes a file loads neither sockets' nor TLS's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ostiary.errors import Misuse

if TYPE_CHECKING:
    from ostiary.audit.batch import Batch
    from ostiary.audit.plan import SinkPlan

__all__ = ["Sink", "sink_of"]


class Sink(Protocol):
    """Where records leave the process; used by one thread, which it may block."""

    def open(self) -> None:
        """Makes it ready, unless it is. Raises: OSError."""

    def write(self, batch: Batch) -> None:
        """Hands over what is left of the batch, and moves `done` as far as it came. Raises: OSError."""

    def close(self) -> None:
        """Lets go of what it has open; it can be opened again."""


def sink_of(plan: SinkPlan) -> Sink:
    """The sink that the plan names, not open yet."""
    if plan.kind in ("stdout", "file"):
        from ostiary.audit.lines import FileSink, StdoutSink

        return StdoutSink() if plan.kind == "stdout" else FileSink(plan.path)
    if plan.kind == "tls":
        from ostiary.audit.syslog_tls import TlsSink

        if plan.tls is None:
            raise Misuse("a plan for a collector with TLS has none")
        return TlsSink(plan.host, plan.port, plan.tls)
    from ostiary.audit.syslog import TcpSink, UdpSink, UnixSink

    if plan.kind == "unix":
        return UnixSink(plan.path)
    return TcpSink(plan.host, plan.port) if plan.kind == "tcp" else UdpSink(plan.host, plan.port)
