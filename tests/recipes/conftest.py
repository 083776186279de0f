"""What all recipes share: an authority, a certificate, a directory, and a place that other users may enter."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..real.authority import LOCAL_NAMES, Authority, Identity
from . import directory
from .directory import Behind


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("recipes-authority"))


@pytest.fixture(scope="session")
def identity(authority: Authority) -> Identity:
    return authority.issue("gateway", *LOCAL_NAMES)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that daemons reach that change their user; pytest's own are for one user alone."""
    found = Path(tempfile.mkdtemp(prefix="ostiary-recipe-"))
    found.chmod(0o755)
    yield found
    shutil.rmtree(found)


@pytest.fixture(scope="session")
def behind(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Behind]:
    if directory.is_absent():
        pytest.skip(directory.MISSING)
    running = directory.start(tmp_path_factory.mktemp("recipes-slapd"), authority)
    yield running
    running.process.stop()
