"""The sidecar's pod, run by podman: an application that only knows plain LDAP, and a wire that has TLS alone."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..house.tree import ROOT
from ..real.authority import Authority
from ..real.process import pause
from ..real.raw_client import Address, free_address
from . import outside, podman
from .capture import Capture, tls_records
from .kubernetes import Object, only
from .podman import OPENLDAP, OSTIARY, Network

REASON = podman.missing(OSTIARY, OPENLDAP)
pytestmark = [pytest.mark.timeout(300), pytest.mark.skipif(REASON is not None, reason=str(REASON))]

POD = ROOT / "deploy/kubernetes/sidecar-classic.yaml"
WIKI = Path(__file__).with_name("wiki")
LDAP, LDAPS = 389, 636
APPLICATION_DATA = 23


@pytest.fixture(scope="module")
def wiki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image of the application, with the libraries that this Python has."""
    home = tmp_path_factory.mktemp("wiki")
    shutil.copytree(WIKI, home, dirs_exist_ok=True)
    for library in ("ldap3", "pyasn1"):
        spec = importlib.util.find_spec(library)
        assert spec is not None
        assert spec.origin is not None
        shutil.copytree(Path(spec.origin).parent, home / library)
    image = "localhost/ostiary-test-wiki:latest"
    command = ["buildah", "bud", "--isolation", "chroot", "--pull=never", "-t", image, str(home)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    yield image
    podman.podman("rmi", "--force", image)


def manifest(wiki: str, address: Address, authority: Authority) -> list[Object]:
    """The manifest as it stands, but for the application's image and port, with the directory's authority.

    Its names are nobody else's: podman makes a volume of each ConfigMap, and leaves it when the pod is gone.
    """
    found: list[Object] = list(yaml.safe_load_all(POD.read_text()))
    pod = only(found, "Pod")
    pod["metadata"]["name"] = podman.unique("pod")
    application: dict[str, Any] = pod["spec"]["containers"][0]
    application["image"] = wiki
    application["ports"] = [{"containerPort": 8080, "hostPort": address.port, "hostIP": address.host}]
    ca = {"ca.crt": authority.certificate.read_text()}
    found.insert(0, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "directory-ca"}, "data": ca})
    sources: list[Object] = [each["configMap"] for each in pod["spec"]["volumes"]]
    for metadata in [each["metadata"] for each in found if each["kind"] == "ConfigMap"]:
        (source,) = [each for each in sources if each["name"] == metadata["name"]]
        source["name"] = metadata["name"] = podman.unique("map")
    return found


@pytest.fixture
def application(wiki: str, authority: Authority, tmp_path: Path) -> Iterator[tuple[Address, Network, str]]:
    """Where the application listens, with a directory on the pod's network; and the pod's name."""
    network, address = Network(), free_address()
    objects = manifest(wiki, address, authority)
    path = tmp_path / "pod.yaml"
    path.write_text(yaml.safe_dump_all(objects))
    try:
        with outside.directory(network, authority, tmp_path):
            podman.podman("kube", "play", "--network", network.name, path)
            try:
                _await(address)
                yield address, network, only(objects, "Pod")["metadata"]["name"]
            finally:
                podman.podman("kube", "down", path)
                maps = [each["metadata"]["name"] for each in objects if each["kind"] == "ConfigMap"]
                podman.podman("volume", "rm", *maps)
    finally:
        network.remove()


def _await(address: Address) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if login(address, outside.PASSWORD)[0] == 200:
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, "the application does not log in"
        pause(0.2)


def login(address: Address, password: str) -> tuple[int, str]:
    """What the application says to a user."""
    form = urllib.parse.urlencode({"user": "alice", "password": password}).encode()
    try:
        with urllib.request.urlopen(f"http://{address.text}/", form, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_plain_ldap_inside_and_only_tls_on_the_wire(application: tuple[Address, Network, str]) -> None:
    address, _, pod = application
    # The last packets of earlier logins.
    pause(1.0)
    with Capture() as capture:
        assert login(address, outside.PASSWORD) == (200, "alice@example.org")
        assert login(address, "wrong-password") == (403, "no")
        pause(1.0)
    assert capture.streams(LDAP) == {}
    assert capture.streams(1389) == {}
    upstream = capture.streams(LDAPS)
    # Two logins, each a connection, each in both directions.
    assert len(upstream) == 4
    for octets in upstream.values():
        assert APPLICATION_DATA in tls_records(octets)
        assert outside.PASSWORD.encode() not in octets
        assert b"dc=example" not in octets
    # What was captured would show it: the form that the user sends has the password in the clear.
    assert any(outside.PASSWORD.encode() in octets for octets in capture.streams(8080).values())
    gateway = f"{pod}-ostiary"
    assert podman.podman("exec", gateway, "ostiary", "health", "--ready").strip() == "ready"
    told = podman.podman(
        "inspect", "--format", "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.Config.User}}", gateway
    )
    assert told.startswith("true [")
    assert "65532" in told


def test_the_pod_ends_in_its_time_and_well(application: tuple[Address, Network, str]) -> None:
    _, _, pod = application
    gateway = f"{pod}-ostiary"
    podman.podman("stop", "--time", "30", gateway)
    assert podman.podman("inspect", "--format", "{{.State.ExitCode}}", gateway).strip() == "0"
