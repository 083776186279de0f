"""Child processes of the harness: started on their cores, found ready, and never left behind.

It does not know what they are. Whatever ends the harness ends them: leaving a `with` block does, and if the
harness is killed outright the kernel does (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

PR_SET_PDEATHSIG = 1
READY_SECONDS = 60.0  # patience costs nothing but where something is wrong, and some machines are busy
LIBC = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """A child did not do what it should; the text says which, and shows the end of its output."""


@contextlib.contextmanager
def child(
    command: list[str], cores: frozenset[int], log: Path, *, pipes: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """A process on `cores`, ended when the block ends. With `pipes`, stdin and stdout are the caller's."""

    def settle_in() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.sched_setaffinity(0, cores)

    with log.open("a") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipes else output,
            stderr=output,
            text=True,
            preexec_fn=settle_in,
        )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    """SIGTERM, and SIGKILL for what does not listen: a gateway may want to drain, but nothing is left to."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def wait_for_port(process: subprocess.Popen[str], port: int, log: Path) -> None:
    """Returns when something accepts on the port. Raises: Failed when the process ends first, or in time."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Failed(f"ended with status {process.returncode} before it listened: {tail(log)}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise Failed(f"did not listen within {READY_SECONDS:.0f} seconds: {tail(log)}")


def tail(log: Path, characters: int = 500) -> str:
    """The end of a log, on one line."""
    return " | ".join(log.read_text(errors="replace")[-characters:].splitlines()) or "no output"
