"""A gateway whose configuration changes while it runs, as an operator changes it: the file is written anew, and it is
told, or finds out.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..real import gateway as gateways
from ..real.process import Process, pause
from ..real.raw_client import Address, free_address

WAIT_SECONDS = 20.0
Table = Mapping[str, Any]
SiteFactory = Callable[..., "Site"]


@dataclass
class Site:
    """A folder with a configuration, and the gateway that runs by it."""

    home: Path
    upstreams: Sequence[Table]
    listeners: Sequence[Table] = ()
    plugins: str = ""
    limits: dict[str, Any] = field(default_factory=dict)
    workers: int = 1
    watch: bool = False
    extra: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.path = self.home / "ostiary.toml"
        self.control = self.home / "control"
        self.admin = free_address()
        self.limits = {"drain_seconds": 4, **self.limits}

    @property
    def process(self) -> Process:
        """The one that was started last."""
        return self.processes[-1]

    @property
    def address(self) -> Address:
        return self.addresses[str(self.listeners[0]["name"])]

    @property
    def addresses(self) -> dict[str, Address]:
        return {str(each["name"]): gateways._parse(str(each["address"])) for each in self.listeners}

    def write(self, **changes: Any) -> None:
        """Writes the configuration, as editors and Kubernetes do: beside, then in its place."""
        for name, value in changes.items():
            setattr(self, name, value)
        text = gateways.configuration(self.listeners, self.upstreams, self.limits, self.workers)
        text += f'[process]\nwatch = {gateways.toml(self.watch)}\ncontrol = "control"\n'
        text += f'[admin]\naddress = "{self.admin.text}"\n{self.extra}\n{self.plugins}'
        beside = self.path.with_suffix(".new")
        beside.write_text(text)
        beside.rename(self.path)

    def start(self, *arguments: str, **changes: Any) -> None:
        """Runs a gateway, and returns when it serves."""
        self.write(**changes)
        command = [sys.executable, "-m", "ostiary", "run", "--config", str(self.path), "--log-level", "debug"]
        log = self.home / f"ostiary{len(self.processes)}.log"
        self.processes.append(Process([*command, *arguments], log, environment=self.environment))
        self.await_event("started", **({"workers": self.workers} if self.workers > 1 else {}))
        self.await_event("control_opened")

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a verb of the command line."""
        command = [sys.executable, "-m", "ostiary", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    def reload(self, **changes: Any) -> None:
        """Changes the configuration, and has it put in force."""
        self.write(**changes)
        done = self.ask("reload", "--control", str(self.control))
        assert done.returncode == 0, done.stderr

    def reload_quickly(self, **changes: Any) -> dict[str, Any]:
        """The same, without a process for the asking; the answer."""
        from ostiary.commanding import asked

        self.write(**changes)
        return asked(str(self.control), "reload", 60)

    def hang_up(self) -> None:
        os.kill(self.process.pid, signal.SIGHUP)

    def events(self, name: str, **fields: object) -> list[dict[str, Any]]:
        """The lines of the last process's log about an event, with these fields."""
        lines = [json.loads(line) for line in self.process.output.splitlines() if line[:1] == "{" and line[-1:] == "}"]
        return [line for line in lines if line["event"] == name and fields.items() <= line.items()]

    def await_event(self, name: str, count: int = 1, **fields: object) -> list[dict[str, Any]]:
        """The same, once there are so many."""
        deadline = time.monotonic() + WAIT_SECONDS
        while len(found := self.events(name, **fields)) < count:
            assert time.monotonic() < deadline, f"no {name} with {fields}:\n{self.process.output[-4000:]}"
            pause(0.01)
        return found

    def read(self, path: str) -> tuple[int, str]:
        """What the admin endpoint says there."""
        url = f"http://{self.admin.text}{path}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def status(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.read("/status")[1])
        return document

    def metric(self, name: str, *labels: str) -> float:
        """The sum of a metric's rows with all of these labels."""
        total = 0.0
        for line in self.read("/metrics")[1].splitlines():
            if line.startswith((f"{name}{{", f"{name} ")) and all(each in line for each in labels):
                total += float(line.rpartition(" ")[2])
        return total

    def stop(self) -> None:
        """Ends what still runs, and holds each to what every run must keep."""
        for process in self.processes:
            status = process.stop()
            assert status == 0, f"exit status {status}:\n{process.output[-4000:]}"
            for line in process.output.splitlines():
                assert "Traceback" not in line, process.output[-4000:]
                assert "panicked" not in line, line
