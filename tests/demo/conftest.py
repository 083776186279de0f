"""The demo directory in a thread of its own, as blocking clients need it."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ostiary.demo.directory import ADMINISTRATOR, ADMINISTRATOR_PASSWORD, Directory, example_tree
from ostiary.tls import ThrowawayFiles, throwaway_authority

from .library import connect


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
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.server_certificate, authority.server_key)
    made = Directory(example_tree(), context)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(made.start(), loop).result(5)
    yield made
    asyncio.run_coroutine_threadsafe(made.stop(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


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
