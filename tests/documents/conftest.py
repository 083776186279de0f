"""The directory that the pages' commands ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..real.authority import Authority
from ..recipes import directory


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[directory.Behind]:
    if directory.is_absent():
        pytest.skip(directory.MISSING)
    home = tmp_path / "slapd"
    home.mkdir()
    running = directory.start(home, Authority(tmp_path / "authority"))
    yield running
    running.process.stop()
