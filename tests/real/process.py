"""Child processes of the tests: started, waited for by connecting, and always stopped.

It knows nothing of what the processes do. A process is reached by its own handle only, never by name.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from .raw_client import Address

START_SECONDS = 20.0
STOP_SECONDS = 15.0


class NotListening(Exception):
    """The process ended, or nobody listened in time."""


class Process:
    """One child whose output goes to a file."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        self.log = log
        with log.open("wb") as sink:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                cwd=directory,
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def has_ended(self) -> bool:
        return self._child.poll() is not None

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def resident_bytes(self) -> int:
        """What the process holds in memory now (Linux)."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def await_listening(self, *addresses: Address) -> None:
        """Return once every address accepts a connection."""
        deadline = time.monotonic() + START_SECONDS
        pending = list(addresses)
        while pending:
            if self._child.poll() is not None:
                raise NotListening(f"ended with {self._child.returncode}:\n{self.output[-4000:]}")
            if time.monotonic() > deadline:
                self.kill()
                raise NotListening(f"not listening on {pending}:\n{self.output[-4000:]}")
            try:
                pending[0].connect(1.0).close()
            except OSError:
                # Waiting for a child that is about to listen is the one place where polling is honest;
                # the wait is for its next state, with select on a pipe that never speaks.
                pause(0.02)
            else:
                pending.pop(0)

    def wait(self) -> int:
        """The exit status of a process that ends by itself; kill it when it does not."""
        try:
            return self._child.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def stop(self, with_signal: int = signal.SIGTERM) -> int:
        """Ask the process to end and return its exit status; kill it when it does not."""
        if self._child.poll() is None:
            self._child.send_signal(with_signal)
        try:
            return self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def signal(self, number: int) -> None:
        """Tell the process something, and let it go on."""
        self._child.send_signal(number)

    def kill(self) -> None:
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait(STOP_SECONDS)


def pause(seconds: float) -> None:
    """Wait so long; for another process's next state, of which nothing tells."""
    left, right = socket.socketpair()
    with left, right:
        left.settimeout(seconds)
        try:
            left.recv(1)
        except TimeoutError:
            return


def open_files(pid: int) -> set[str]:
    """What a process has open: paths, and names as "socket:[1234]". It may close some of it meanwhile."""
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(os.readlink(descriptor))
    return found
