"""The demo's directory, and connections to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ostiary.demo.directory import ADMINISTRATOR, ADMINISTRATOR_PASSWORD, Directory, example_tree
from ostiary.tls import ThrowawayFiles, throwaway_authority

from .library import connect
from .serving import serving


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> ThrowawayFiles:
    files = throwaway_authority(tmp_path_factory.mktemp("authority")).files
    assert files is not None
    return files


@pytest.fixture
def ca(authority: ThrowawayFiles) -> Path:
    return authority.ca


@pytest.fixture
def directory(authority: ThrowawayFiles) -> Iterator[Directory]:
    """A directory of its own for each test: most of them write."""
    with serving(example_tree(), authority) as made:
        yield made


@pytest.fixture
def anybody(directory: Directory) -> Iterator[Any]:
    connection = connect(directory)
    yield connection
    connection.unbind()


@pytest.fixture
def administrator(directory: Directory) -> Iterator[Any]:
    connection = connect(directory, ADMINISTRATOR, ADMINISTRATOR_PASSWORD)
    assert connection.bind()
    yield connection
    connection.unbind()
