"""One slapd, and gateways before it that are scraped, asked and recorded."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ostiary.tls import Throwaway, throwaway_authority

from ..audit import collector as collectors
from ..audit.collector import Collector
from ..policy import content
from ..real import gateway as gateways
from ..real.authority import LOCAL_NAMES, Authority, Identity
from ..real.gateway import Table, Value
from ..real.raw_client import free_address
from ..real.servers import slapd
from ..real.servers.directory import Directory
from .figures import Endpoint
from .stage import Seen, SeenFactory, tables


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("seen-authority"))


@pytest.fixture(scope="session")
def server_identity(authority: Authority) -> Identity:
    return authority.issue("gateway", *LOCAL_NAMES)


@pytest.fixture(scope="session")
def openldap(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Directory]:
    if slapd.is_absent():
        pytest.skip(slapd.MISSING)
    directory = slapd.start(tmp_path_factory.mktemp("seen-slapd"), authority, content=content.ldif())
    yield directory
    directory.process.stop()


@pytest.fixture(scope="session")
def throwaway(tmp_path_factory: pytest.TempPathFactory) -> Throwaway:
    return throwaway_authority(tmp_path_factory.mktemp("collector-authority"), client_name="gateway")


@pytest.fixture
def collector(tmp_path: Path, throwaway: Throwaway) -> Iterator[Collector]:
    """An rsyslog that is not started yet."""
    if (reason := collectors.missing()) is not None:
        pytest.skip(reason)
    assert throwaway.files is not None
    made = collectors.collector(tmp_path / "collector", throwaway.files)
    yield made
    made.stop()


@pytest.fixture
def seen(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SeenFactory]:
    """``seen(audit=..., plugins=..., workers=...)`` runs a gateway with the admin endpoint until the test ends.

    ``audit`` has keys of the table; what it does not say goes to a file; None is no audit.
    """
    with contextlib.ExitStack() as stack:
        homes = (tmp_path / f"gateway{number}" for number in itertools.count())

        def start(
            listeners: list[Table] | None = None,
            upstreams: list[Table] | None = None,
            *,
            audit: Mapping[str, Value] | None = None,
            admin: Mapping[str, Value] | None = None,
            plugins: str = "",
            **keywords: object,
        ) -> Seen:
            home = next(homes)
            if upstreams is None:
                upstreams = [gateways.upstream(request.getfixturevalue("openldap").plain)]
            address = free_address()
            if audit is not None:
                audit = {"output": str(home / "audit.log"), **audit}
            running = gateways.run(
                home,
                listeners or [gateways.listener("plain")],
                upstreams,
                plugins=plugins + tables(address, audit, **(admin or {})),
                **{"log_level": "info", **keywords},  # type: ignore[arg-type]
            )
            running.secrets += [content.ALICE_PASSWORD]
            stack.callback(running.stop)
            running.process.await_listening(address)
            made = Seen(running, Endpoint(address), home)
            stack.callback(made.close)
            return made

        yield start
