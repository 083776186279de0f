"""The collectors and writers that audit tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from ostiary.audit import AuditPlan, AuditWriter, CollectorTls, SinkPlan
from ostiary.tls import Throwaway, ThrowawayFiles, load_authorities

from .fixtures import collector, files, throwaway

__all__ = ["collector", "files", "throwaway"]

BUFFER_BYTES = 4_194_304


@dataclass
class Written:
    """A writer, and what it has told of records."""

    writer: AuditWriter
    lost: list[int] = field(default_factory=list)
    written: list[int] = field(default_factory=list)

    @property
    def counts(self) -> tuple[int, int]:
        """How many records were written, and how many were lost."""
        return sum(self.written), sum(self.lost)


WriterFactory = Callable[..., Written]


@pytest.fixture
def writing() -> Iterator[WriterFactory]:
    """Starts a writer to a sink; one that a test has not stopped is stopped behind it."""
    started: list[AuditWriter] = []

    def start(sink: SinkPlan, buffer_bytes: int = BUFFER_BYTES) -> Written:
        lost: list[int] = []
        written: list[int] = []
        writer = AuditWriter(AuditPlan("{}", sink, buffer_bytes), lost.append, written.append)
        writer.start()
        started.append(writer)
        return Written(writer, lost, written)

    yield start
    for each in started:
        each.stop(0.0)


@pytest.fixture
def tls(throwaway: Throwaway, files: ThrowawayFiles) -> CollectorTls:
    """What a gateway needs that is known to the collector."""
    return CollectorTls(load_authorities(files.ca), "localhost", throwaway.client.chain, throwaway.client.key)
