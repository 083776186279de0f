"""A terminal in which a page's commands are typed, block after block, and a gateway that is stopped and started.

Like a terminal it keeps the folder and what is exported. It knows no page.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from ..real.process import pause
from .page import Block

COMMAND_SECONDS = 60
START_SECONDS = 20


class Terminal:
    """Runs blocks by their markers; `log` is where the page lets the gateway's log go."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._gateway: subprocess.Popen[bytes] | None = None

    def type(self, block: Block, text: str, log: Path) -> str:
        """What the block's commands print; the gateway prints into its log."""
        if block.marker == "run in the background":
            self.end()
            log.unlink(missing_ok=True)
            self._gateway = self._start(f"exec {text}")
            self._await_started(log)
            return ""
        kept = self._folder / ".kept"
        # Every command of a block has to succeed; one that is to end with another status stands alone, or last.
        done = self._start(
            f"trap 'export -p > {kept}; echo cd \"$PWD\" >> {kept}' EXIT\nset -e\n{text}", subprocess.PIPE
        )
        output, _ = done.communicate(timeout=COMMAND_SECONDS)
        told = output.decode()
        assert done.returncode == block.status, f"{text}\n{told}"
        return told

    def _start(self, text: str, output: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        kept = self._folder / ".kept"
        before = f". {kept}\n" if kept.exists() else ""
        return subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", before + text], cwd=self._folder, env=os.environ | self._environment,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def _await_started(self, log: Path) -> None:
        assert self._gateway is not None
        deadline = time.monotonic() + START_SECONDS
        while not log.exists() or '"started"' not in log.read_text():
            assert self._gateway.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            pause(0.05)

    def end(self) -> None:
        """Ctrl-C, if a gateway runs."""
        if self._gateway is not None and self._gateway.poll() is None:
            self._gateway.send_signal(signal.SIGINT)
            assert self._gateway.wait(START_SECONDS) == 0
        self._gateway = None

    def kill(self) -> None:
        """Leaves nothing behind, whatever happened."""
        if self._gateway is not None and self._gateway.poll() is None:
            self._gateway.kill()
            self._gateway.wait()
