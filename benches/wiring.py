"""What a gateway under test is to the harness: a name, a version, and a command for where it stands.

It does not know any gateway. `Programs` are the peers that no search of the usual places can be trusted to find.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benches.certificates import Identity


@dataclass(frozen=True)
class Programs:
    """Where the peers are that distributions rarely bring along."""

    lloadd: str | None = None
    ldaptor_python: str = sys.executable  # a Python that may have ldaptor

    @classmethod
    def found(cls, lloadd: str | None = None, ldaptor_python: str | None = None) -> Programs:
        """As named, and otherwise as found."""
        return cls(lloadd or in_path("lloadd"), ldaptor_python or sys.executable)


@dataclass(frozen=True)
class Wiring:
    """Where a gateway listens, what is behind it, and a folder for its files."""

    port: int
    middle_port: int  # between the two halves of a stunnel chain
    upstream_port: int
    upstream: str  # "plain" | "starttls"
    identity: Identity
    folder: Path
    programs: Programs

    @property
    def records(self) -> Path:
        """Where a gateway writes what it records of every operation; gone when its sample was taken."""
        return self.folder / "audit.log"


@dataclass(frozen=True)
class Gateway:
    """`prepare` writes the configuration and gives the command line."""

    name: str
    prepare: Callable[[Wiring], list[str]]
    version: Callable[[Programs], str | None]  # None: not installed


def in_path(*names: str) -> str | None:
    """The first of these programs that there is; servers lie where a user's path does not always lead."""
    places = [None, "/usr/sbin:/usr/local/sbin:/usr/local/libexec:/usr/lib/openldap:/usr/libexec"]
    found = (shutil.which(name, path=place) for name in names for place in places)
    return next((program for program in found if program), None)


def first_line(command: list[str]) -> str | None:
    """The first line with a digit that a version command prints, on whichever stream; None when it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return next((line for line in lines if any(character.isdigit() for character in line)), None)
