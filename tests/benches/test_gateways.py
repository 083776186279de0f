"""Each gateway as the benches set it up, real, between the load and the canned server: every answer is checked."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from benches.cases import CASES, PEERS
from benches.certificates import Identity
from benches.gateways import GATEWAYS
from benches.ports import free_port
from benches.wiring import Programs, Wiring

from benches import certificates, children, compare, openldap, sampling

pytestmark = pytest.mark.timeout(300)  # builds the load, where nobody has

CORES = frozenset(os.sched_getaffinity(0))
START_TLS = bytes.fromhex("301d 02 0101 77 18 80 16") + b"1.3.6.1.4.1.1466.20037"
FIRST_CLIENT = ("--operation", "connect", "--operations", "1")  # as before each sample
TLS = "TLSv1_3 TLS13_AES_256_GCM_SHA384 X25519"


@pytest.fixture(scope="module")
def load() -> Path:
    return compare.build_load("dev")


@pytest.fixture(scope="module")
def wired(load: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Wiring]]:
    """Canned servers, plain and with StartTLS, and the wiring of a gateway before each."""
    folder = tmp_path_factory.mktemp("benches")
    identity = certificates.create(folder)
    plain = Wiring(0, 0, 0, "plain", identity, folder, Programs.found())
    with canned(load, "plain", identity, folder) as port, canned(load, "starttls", identity, folder) as starttls_port:
        yield {
            "plain": replace(plain, upstream_port=port),
            "starttls": replace(plain, upstream="starttls", upstream_port=starttls_port),
        }


@contextlib.contextmanager
def canned(load: Path, transport: str, identity: Identity, folder: Path) -> Iterator[int]:
    """One canned server; its port."""
    command = [str(load), "serve", "--transport", transport]
    if transport == "starttls":
        command += ["--certificate", str(identity.certificate), "--key", str(identity.key)]
    log = folder / f"canned-{transport}.log"
    with children.child(command, CORES, log, pipes=True) as process:
        yield int(sampling.read_line(process, children.READY_SECONDS, log).rpartition(":")[2])


@pytest.mark.parametrize("upstream", ["plain", "starttls"])
@pytest.mark.parametrize("name", ["ostiary", "ostiary+policy+seen", *PEERS])
def test_gateway_gives_every_answer_of_its_cases(
    name: str, upstream: str, load: Path, wired: dict[str, Wiring], tmp_path: Path
) -> None:
    gateway = next(each for each in GATEWAYS if each.name == name)
    cases = [case for case in CASES if name in case.gateways and case.kind == "load" and case.upstream == upstream]
    port, middle_port = free_port(), free_port()
    wiring = replace(wired[upstream], port=port, middle_port=middle_port, folder=tmp_path)
    if gateway.version(wiring.programs) is None:
        pytest.skip(f"{name} is not installed")
    if not cases:
        with pytest.raises(ValueError, match=r"StartTLS|certificate"):
            gateway.prepare(wiring)
        return
    log = tmp_path / "log"
    with children.child(gateway.prepare(wiring), CORES, log) as process:
        children.wait_for_port(process, port, log)
        for options in (FIRST_CLIENT, *(("--operations", "80", *case.options) for case in cases)):
            words = ["run", "--address", f"127.0.0.1:{port}", "--transport", "ldaps", "--ca", str(wiring.identity.ca)]
            done = subprocess.run(
                [str(load), *words, *options], capture_output=True, text=True, timeout=120, check=False
            )
            report = json.loads(done.stdout or done.stderr.partition(": ")[2])
            assert (report["errors"], report["negotiated"]) == (0, [TLS]), report["error_texts"]
            assert report["operations"] == int(options[options.index("--operations") + 1])


def test_peer_that_is_not_there_has_no_version() -> None:
    nowhere = Programs(lloadd=None, ldaptor_python="false")
    versions = {gateway.name: gateway.version(nowhere) for gateway in GATEWAYS if gateway.name in ("lloadd", "ldaptor")}
    assert versions == {"lloadd": None, "ldaptor": None}


def test_slapd_without_the_backend_is_not_there() -> None:
    assert openldap.slapd_version(Programs(), "walls") is None


def test_named_program_goes_before_a_found_one() -> None:
    assert Programs.found(lloadd="./lloadd").lloadd == "./lloadd"


def hello(port: int, context: ssl.SSLContext) -> str:
    """The suite that the canned server takes behind StartTLS."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        plain.sendall(START_TLS)
        assert plain.recv(1000)[5] == 0x78
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            cipher = secured.cipher()
            assert cipher is not None
            return cipher[0]


def test_canned_server_takes_one_suite_and_one_group(wired: dict[str, Wiring]) -> None:
    wiring = wired["starttls"]
    assert (
        hello(wiring.upstream_port, ssl.create_default_context(cafile=wiring.identity.ca)) == "TLS_AES_256_GCM_SHA384"
    )
    older = ssl.create_default_context(cafile=wiring.identity.ca)
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    other = ssl.create_default_context(cafile=wiring.identity.ca)
    other.set_ecdh_curve("prime256v1")
    for context in (older, other):
        with pytest.raises(ssl.SSLError):
            hello(wiring.upstream_port, context)
