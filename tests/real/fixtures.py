"""What a folder of tests with a real directory begins with; its conftest imports what it needs, and so has its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from . import gateway as gateways
from .authority import LOCAL_NAMES, Authority, Identity
from .gateway import GatewayFactory


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def server_identity(authority: Authority) -> Identity:
    return authority.issue("gateway", *LOCAL_NAMES)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayFactory]:
    """``gateway(listeners, upstreams, plugins=...)`` runs one until the test ends."""
    with gateways.below(tmp_path) as start:
        yield start
