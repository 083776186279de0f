"""What is scraped, a canned exposition and a gateway under traffic, and the Prometheus that scrapes it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from ..real.authority import Authority
from ..real.raw_client import Address
from ..real.servers import slapd
from . import exposition, prometheus, traffic
from .prometheus import Prometheus


@pytest.fixture(scope="session", params=["canned", "gateway"])
def scraped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """Where metrics are to be had, in two ways: everything that is asked has to find its data in both."""
    if request.param == "canned":
        with exposition.exposing() as address:
            yield address
        return
    if slapd.is_absent():
        pytest.skip(slapd.MISSING)
    if shutil.which("ldapsearch") is None:
        pytest.skip("the OpenLDAP tools are absent: apt-get install ldap-utils")
    with traffic.serving(tmp_path_factory.mktemp("scraped")) as address:
        yield address


@pytest.fixture(scope="session")
def asked(scraped: Address, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has scraped it often enough for rates."""
    if prometheus.is_absent():
        pytest.skip(prometheus.MISSING)
    running = Prometheus(tmp_path_factory.mktemp("prometheus"), scraped)
    try:
        assert running.data('count_over_time(up{job="ostiary"}[1m]) >= 5'), running.process.output
        yield running
    finally:
        running.process.stop()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("deploy-authority"))
