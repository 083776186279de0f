"""One recipe of docs/recipes, tried: its files are written, its gateway is run as it stands and then enforced.

It knows the names that all recipes use for what is different at each place, and what is in their place here. Which
daemon a recipe is for, its test knows.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ..documents.page import blocks, replaced, write_files
from ..real.authority import Identity
from ..real.process import START_SECONDS, Process, pause
from ..real.raw_client import free_address

COMMAND_SECONDS = 30
MONITOR = re.compile(r'^mode = "monitor".*\n', re.MULTILINE)

ALWAYS = {"ldapsearch": "ldap-utils", "jq": "jq"}
HOSTS = ("gateway.example.org", "0.0.0.0", "127.0.0.1")
SBIN = "/usr/sbin:/sbin"


def needs(**packages: str) -> None:
    """Skips the test by the name of the first command that is absent, and of the package that brings it."""
    for command, package in (ALWAYS | packages).items():
        if shutil.which(command, path=f"{os.environ['PATH']}:{SBIN}") is None:
            pytest.skip(f"{command} is absent: apt-get install {package}")


def can_have_namespace() -> bool:
    """Whether this user may lay files over the machine's for its own processes alone."""
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return os.getuid() == 0 and subprocess.run(command, capture_output=True, timeout=10).returncode == 0


def await_saying(process: Process, words: str) -> None:
    """Returns when a daemon has said that it is ready."""
    _await(process, lambda: words in process.output)


def await_file(process: Process, path: Path) -> None:
    """Returns when a daemon has made a file: its socket, most often."""
    _await(process, path.exists)


def await_listening_in(process: Process, prefix: Sequence[str], port: int) -> None:
    """Returns when a daemon in a network of its own listens on a port there."""
    connect = f"exec 3<>/dev/tcp/127.0.0.1/{port}"
    command = [*prefix, "bash", "-c", connect]
    _await(process, lambda: subprocess.run(command, capture_output=True, timeout=10).returncode == 0)


def _await(process: Process, is_ready: Callable[[], bool]) -> None:
    """Fails with what the daemon said, if it ended or took too long."""
    deadline = time.monotonic() + START_SECONDS
    while not is_ready():
        assert not process.has_ended, process.output[-4000:]
        assert time.monotonic() < deadline, process.output[-4000:]
        pause(0.05)


class Recipe:
    """The files of one page in a directory of their own, with this place's addresses in them."""

    def __init__(
        self,
        page: str,
        place: Path,
        servers: Mapping[str, str],
        identity: Identity,
        ca: Path,
        further: Mapping[str, str] | None = None,
    ) -> None:
        self.path = f"docs/recipes/{page}.md"
        self.place = place
        self.listen = free_address()
        # What its commands are run by: a way into a daemon's namespace.
        self.prefix: list[str] = []
        self.replaced = {
            **servers,
            **{f"{host}:{port}": self.listen.text for host in HOSTS for port in (636, 389)},
            "gateway.example.org": self.listen.host,
            "/etc/ostiary/": f"{place}/etc/ostiary/",
            "/etc/ssl/certs/example-ca.pem": f"{place}/etc/ssl/certs/example-ca.pem",
            **(further or {}),
        }  # fmt: skip
        folder = place / "etc/ostiary"
        folder.mkdir(parents=True, exist_ok=True)
        for name, source in (
            ("gateway.crt", identity.certificate),
            ("gateway.key", identity.key),
            ("directory-ca.pem", ca),
        ):
            (folder / name).write_bytes(source.read_bytes())
        (folder / "gateway.key").chmod(0o600)
        # A copy: what pytest makes can be read by one user alone, and daemons change theirs.
        self.ca = self.file("/etc/ssl/certs/example-ca.pem")
        self.ca.parent.mkdir(parents=True)
        self.ca.write_bytes(ca.read_bytes())
        self.configuration = folder / "ostiary.toml"
        self.write()

    def write(self) -> None:
        """Writes the files of the page, with what is replaced now."""
        write_files(self.path, self.place, self.replaced)

    def file(self, name: str) -> Path:
        return self.place / name.lstrip("/")

    @contextmanager
    def gateway(self, *, enforced: bool = False, prefix: Sequence[str] = ()) -> Iterator[None]:
        """Serves while the block runs; then holds it to its end, and monitor mode to having nothing to say."""
        text = self.configuration.read_text()
        assert MONITOR.search(text), "a recipe starts in monitor mode"
        served = self.configuration.with_name("enforced.toml")
        served.write_text(MONITOR.sub("", text) if enforced else text)
        log = self.place / ("enforced.log" if enforced else "monitor.log")
        process = Process([*prefix, sys.executable, "-m", "ostiary", "run", "--config", str(served)], log)
        try:
            await_saying(process, '"started"')
            yield
        finally:
            status = process.stop()
        assert status == 0, process.output
        told = [json.loads(line) for line in process.output.splitlines()]
        unexpected = [
            each for each in told if each["level"] == "error" or each["event"] in ("violation", "would_decide")
        ]
        assert unexpected == [], "\n".join(map(str, [*unexpected, *self.audit()]))
        if not enforced:
            assert not [each for each in told if each["event"] == "decided"]

    def run(self, *, enforced: bool = False, environment: Mapping[str, str] | None = None) -> str:
        """Runs every command of the page; those that only rules refuse, where they are enforced. Gives all output."""
        output = ""
        for block in blocks(self.path):
            if block.marker.startswith("run when enforced") and not enforced:
                continue
            if block.marker.startswith("run"):
                output += self.shell(replaced(block.text, self.replaced), block.status, environment)
        return output

    def shell(self, text: str, status: int = 0, environment: Mapping[str, str] | None = None) -> str:
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"], SBIN))
        done = subprocess.run(
            [*self.prefix, "bash", "-u", "-o", "pipefail", "-c", text], cwd=self.place, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=COMMAND_SECONDS, text=True,
            env={**os.environ, "PATH": path, "LDAPTLS_CACERT": str(self.ca), **(environment or {})},
        )  # fmt: skip
        assert done.returncode == status, f"{text}\n{done.stdout}"
        return done.stdout

    def audit(self) -> list[dict[str, Any]]:
        """What the gateway has recorded of operations, in both runs together."""
        lines = (self.configuration.parent / "audit.log").read_text().splitlines()
        return [each for each in map(json.loads, lines) if each["event"] == "operation"]
