"""Containers as the tests with podman run them: started, asked, and always removed; by name, never by a broad filter.

Knows no directory and no gateway. Where podman, root or an image is absent, says so by name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Self

OSTIARY, OPENLDAP, SYSTEM = (
    f"localhost/{each}:latest" for each in ("ostiary", "ostiary-example-openldap", "ostiary-system")
)
# Debian with its Python, and nothing of ours; tests/deploy/images.sh takes or makes it.
BASE = os.environ.get("OSTIARY_BASE", "localhost/base:bookworm")
SECONDS = 120


@cache
def missing(*images: str) -> str | None:
    """Why containers cannot be run here; None when they can."""
    if os.geteuid() != 0:
        return "not root: containers are run with networks of their own"
    for tool in ("podman", "buildah"):
        if shutil.which(tool) is None:
            return f"{tool} is absent: apt-get install podman buildah runc catatonit"
    absent = [each for each in images if _podman("image", "exists", each).returncode != 0]
    return f"images are absent, {', '.join(absent)}: make dist; tests/deploy/images.sh" if absent else None


@cache
def _environment() -> Mapping[str, str]:
    """Settings that make podman whole where it may raise no limit, unless the machine has its own."""
    if "CONTAINERS_CONF" in os.environ:
        return os.environ
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"ostiary-tests-containers-{os.getpid()}.conf"
    runtime = '[engine]\nruntime = "runc"\n' if shutil.which("runc") else ""
    path.write_text(f'[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n{runtime}')
    return {**os.environ, "CONTAINERS_CONF": str(path)}


def _podman(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["podman", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=_environment())


def podman(*arguments: str | Path) -> str:
    """What a command of podman prints; its failure fails the test."""
    done = _podman(*arguments)
    assert done.returncode == 0, f"podman {' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}"
    return done.stdout


def unique(name: str) -> str:
    return f"ostiary-test-{name}-{uuid.uuid4().hex[:8]}"


class Network:
    """A network of its own, on which containers find each other by name."""

    def __init__(self) -> None:
        self.name = unique("network")
        podman("network", "create", self.name)

    def remove(self) -> None:
        _podman("network", "rm", "--force", self.name)


class Container:
    """One that is running."""

    def __init__(self, image: str, *options: str | Path, command: Sequence[str] = ()) -> None:
        self.name = unique("container")
        podman("run", "--detach", "--pull=never", "--name", self.name, *options, image, *command)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def run(self, *command: str) -> str:
        """What a command in it prints."""
        return podman("exec", self.name, *command)

    def status(self, *command: str) -> int:
        """The exit status of a command in it."""
        return _podman("exec", self.name, *command).returncode

    def inspect(self, what: str) -> str:
        return podman("inspect", "--format", what, self.name).strip()

    @property
    def log(self) -> str:
        done = _podman("logs", self.name)
        return done.stdout + done.stderr

    def remove(self) -> None:
        _podman("rm", "--force", "--time", "0", "--volumes", self.name)
