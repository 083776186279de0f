"""The image, run as nobody without a right on a file system that cannot be written: it serves, and drains."""

from __future__ import annotations

import json
import shlex
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..real import wire
from ..real.authority import LOCAL_NAMES, Authority
from ..real.process import pause
from ..real.raw_client import Address, RawClient, free_address
from . import outside
from .documented import shell
from .podman import OPENLDAP, OSTIARY, Container, Network, missing, podman

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(missing(OSTIARY, OPENLDAP) is not None, reason=str(missing(OSTIARY, OPENLDAP))),
]

DRAIN_SECONDS = 5
CONFIGURATION = f"""
[[listeners]]
name = "ldaps"
address = "0.0.0.0:1636"
tls = {{ mode = "ldaps", certificate = "gateway.pem", key = "gateway.key" }}
upstream = "directory"
[[upstreams]]
name = "directory"
servers = ["${{env:OSTIARY_SERVER}}"]
tls = {{ mode = "starttls", ca = "ca.pem" }}
[admin]
address = "127.0.0.1:9389"
[audit]
output = "stdout"
[limits]
drain_seconds = {DRAIN_SECONDS}
"""
# Own parts, and with the base; what slim bases of Python have beneath is 120 to 130 MB.
MOST_MEGABYTES, MOST_MEGABYTES_IN_ALL = 60, 200
# Each compiled module of the installation, by its name: what was cut off it is not missed.
IMPORT_ALL = """
import importlib, pathlib, sysconfig
place = pathlib.Path(sysconfig.get_path("purelib"))
found = sorted(path.relative_to(place) for path in place.rglob("*.so"))
for each in found:
    importlib.import_module(".".join([*each.parent.parts, each.name.partition(".")[0]]))
print(*found, sep="\\n")
"""


@pytest.fixture
def address() -> Address:
    return free_address()


@pytest.fixture
def gateway(address: Address, authority: Authority, tmp_path: Path) -> Iterator[Container]:
    """One before a directory."""
    network = Network()
    home = tmp_path / "etc"
    home.mkdir(mode=0o755)
    identity = authority.issue("gateway-image", *LOCAL_NAMES)
    for name, source in {
        "gateway.pem": identity.certificate, "gateway.key": identity.key, "ca.pem": authority.certificate
    }.items():  # fmt: skip
        (home / name).write_bytes(source.read_bytes())
        (home / name).chmod(0o644)
    (home / "ostiary.toml").write_text(CONFIGURATION)
    try:
        with (
            outside.directory(network, authority, tmp_path),
            Container(
                OSTIARY, *documented(address, home), "--network", network.name,
                "--env", f"OSTIARY_SERVER=ldap://{outside.HOST}",
            ) as running,
        ):  # fmt: skip
            _await(running, '"started"')
            yield running
    finally:
        network.remove()


def documented(address: Address, home: Path) -> list[str]:
    """The options that docs/deployment.md runs the image with, with this port and this folder."""
    (block,) = [each for each in shell("As a container") if each.startswith("podman run ")]
    text = block.replace("\\\n", " ").replace("--detach --name ostiary ", "").replace("--publish 389:1389 ", "")
    for old, new in {"636:1636": f"{address.text}:1636", "./etc:": f"{home}:"}.items():
        assert old in text
        text = text.replace(old, new)
    words = shlex.split(text)
    assert words[-1] == "localhost/ostiary"
    return words[2:-1]


def _await(running: Container, words: str) -> None:
    deadline = time.monotonic() + 60
    while words not in running.log:
        assert time.monotonic() < deadline, running.log
        pause(0.1)


def test_it_is_nobody_without_rights(gateway: Container) -> None:
    told = dict(line.split(":\t", 1) for line in gateway.run("cat", "/proc/1/status").splitlines() if ":\t" in line)
    assert told["Uid"].split() == ["65532"] * 4
    assert {told[each] for each in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {"0" * 16}
    assert told["NoNewPrivs"] == "1"
    assert gateway.status("touch", "/etc/ostiary/new") != 0
    assert gateway.status("touch", "/opt/ostiary/new") != 0


def test_it_serves_ldaps_and_tells_its_health(gateway: Container, address: Address, authority: Authority) -> None:
    with RawClient(address, ssl.create_default_context(cafile=str(authority.certificate))) as client:
        bound = client.ask(wire.bind(1, outside.ALICE.encode(), outside.PASSWORD.encode()))
        assert bound.code == wire.SUCCESS
        client.send(wire.search(2, b"dc=example,dc=org", scope=2, filter=wire.equality(b"uid", b"alice")))
        found, done = client.receive_final()
        assert b"alice@example.org" in found.raw
        assert done.code == wire.SUCCESS
    podman("healthcheck", "run", gateway.name)
    assert gateway.run("ostiary", "health", "--ready").strip() == "ready"
    records = [json.loads(line) for line in gateway.log.splitlines() if line.startswith('{"time"')]
    assert "bind" in {each.get("operation") for each in records}


def test_it_drains_and_ends_well_when_it_is_stopped(gateway: Container, address: Address, authority: Authority) -> None:
    context = ssl.create_default_context(cafile=str(authority.certificate))
    with RawClient(address, context) as idle:
        idle.ask(wire.bind(1, outside.ALICE.encode(), outside.PASSWORD.encode()))
        started = time.monotonic()
        podman("stop", "--time", "30", gateway.name)
        assert time.monotonic() - started < DRAIN_SECONDS + 10
        # Signed off by a notice, and not cut off.
        assert [each.message_id for each in idle.receive_to_end()] == [0]
    assert gateway.inspect("{{.State.ExitCode}}") == "0"
    assert '"stopped"' in gateway.log
    assert "SIGKILL" not in gateway.log


def test_it_is_small_and_says_what_it_is() -> None:
    whole = json.loads(podman("image", "inspect", OSTIARY))[0]
    run = ("run", "--rm", "--no-healthcheck", "--entrypoint")
    own = int(podman(*run, "du", OSTIARY, "-sk", "/opt/ostiary").split()[0])
    assert own * 1024 < MOST_MEGABYTES * 1_000_000
    assert int(podman("image", "inspect", "--format", "{{.Size}}", OSTIARY)) < MOST_MEGABYTES_IN_ALL * 1_000_000
    labels = whole["Labels"]
    assert labels["org.opencontainers.image.title"] == "Ostiary"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert whole["User"] == "65532:65532"
    told = json.loads(
        podman(
            "run", "--rm", "--no-healthcheck", "--entrypoint", "cat", OSTIARY, "/opt/ostiary/bill-of-materials.cdx.json"
        )
    )
    kinds = {each["purl"].split("/")[0] for each in told["components"]}
    assert kinds == {"pkg:cargo", "pkg:deb", "pkg:pypi"}
    assert "rustls" in {each["name"] for each in told["components"]}


def test_every_compiled_module_loads_and_the_demo_comes_out_as_told() -> None:
    run = ("run", "--rm", "--no-healthcheck", "--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop=ALL")
    loaded = podman(*run, "--entrypoint", "python", OSTIARY, "-c", IMPORT_ALL).split()
    owners = {each.partition("/")[0] for each in loaded}
    assert {"aiohttp", "cryptography", "ostiary", "pydantic_core", "uvloop"} <= owners
    assert "steps came out as told" in podman(*run, OSTIARY, "demo", "--once")


def test_a_faulty_environment_is_told() -> None:
    name = "ostiary-test-faulty"
    with Container(OSTIARY, "--no-healthcheck", "--env", "OSTIARY_CONFIG=/nowhere") as running:
        _await(running, "not readable: /nowhere")
        assert podman("wait", running.name).strip() == "2", name
