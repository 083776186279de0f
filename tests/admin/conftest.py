"""A running admin endpoint, for a gateway in memory."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ostiary.admin.endpoint import Admin
from ostiary.tls import ThrowawayFiles, throwaway_authority

from .gateway import Gateway, plan

Serve = Callable[..., AbstractAsyncContextManager[Admin]]


@pytest.fixture
def gateway() -> Gateway:
    """A gateway that has counted nothing yet."""
    return Gateway()


@contextlib.asynccontextmanager
async def served(gateway: Gateway, **keys: Any) -> AsyncIterator[Admin]:
    """The endpoint of a gateway, by a plan with these keys."""
    admin = Admin(plan(**keys), gateway)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.stop()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that follows no redirect and keeps no connection."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        yield session


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> ThrowawayFiles:
    """Certificates of a made-up authority, for this machine."""
    directory: Path = tmp_path_factory.mktemp("authority")
    files = throwaway_authority(directory).files
    assert files is not None
    return files
