"""One gateway with every kind of listener, before one scripted server that records what reaches it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..real import gateway as gateways
from ..real.authority import LOCAL_NAMES, Authority
from ..real.fake_directory import FakeDirectory
from .stage import Stage

# Far above what a round trip needs, far below the limit of a test.
LIMITS = {
    "message_bytes": 262_144,
    "handshake_seconds": 20,
    "first_message_seconds": 20,
    "idle_seconds": 60,
}


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    authority = Authority(tmp_path_factory.mktemp("hostile-authority"))
    identity = authority.issue("gateway", *LOCAL_NAMES)
    with FakeDirectory() as directory:
        gateway = gateways.run(
            tmp_path_factory.mktemp("hostile-gateway"),
            [
                gateways.listener("plain"),
                gateways.listener("open", "starttls", identity=identity, require_tls="off"),
                gateways.listener("all", "starttls", identity=identity),
                gateways.listener("bind", "starttls", identity=identity, require_tls="bind"),
                gateways.listener("ldaps", "ldaps", identity=identity),
                gateways.listener("lenient", allow_unauthenticated_bind=True, allow_ldapv2=True, allow_sicily=True),
            ],
            [gateways.upstream(directory.address)],
            limits=LIMITS,
        )
        yield Stage(gateway, directory, authority.trusting())
    gateway.stop()


@pytest.fixture
def stage(running: Stage) -> Iterator[Stage]:
    """The stage; when the test is over, an innocent client must still be served."""
    running.reset()
    yield running
    running.reset()
    running.serves_an_innocent_client()
