"""A collector of syslog and its certificates; imported by conftests, as theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ostiary.tls import Throwaway, ThrowawayFiles, throwaway_authority

from . import collector as collectors
from .collector import Collector


@pytest.fixture(scope="session")
def throwaway(tmp_path_factory: pytest.TempPathFactory) -> Throwaway:
    return throwaway_authority(tmp_path_factory.mktemp("collector-authority"), client_name="gateway")


@pytest.fixture(scope="session")
def files(throwaway: Throwaway) -> ThrowawayFiles:
    assert throwaway.files is not None
    return throwaway.files


@pytest.fixture
def collector(tmp_path: Path, files: ThrowawayFiles) -> Iterator[Collector]:
    """An rsyslog that is not started yet."""
    if (reason := collectors.missing()) is not None:
        pytest.skip(reason)
    made = collectors.collector(tmp_path / "collector", files)
    yield made
    made.stop()
