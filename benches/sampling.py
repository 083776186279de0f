"""One sample: one gateway, freshly started, under one case's load, with what it cost; or several that take turns.

It does not compare. What keeps a sample honest:
- the load says "ready" after its warm-up, with nothing outstanding; CPU time is read then, and again when the
  load is done and closed connections are cleaned up: exactly the operations reported are in between;
- every answer is checked by the load; one wrong answer fails the sample;
- the negotiated TLS version, suite and group are recorded, so that nobody wins by weaker cryptography;
- the load's and the canned server's CPU are recorded, to show when they, not the gateway, were the limit, and
  what everything else on the machine used meanwhile, to show when the machine was not ours.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benches import children, machine
from benches.cases import Case
from benches.certificates import Identity
from benches.figures import joined, per_connection_bytes
from benches.ports import free_port
from benches.wiring import Gateway, Programs, Wiring

# Where gateways take turns: as many for a second of a sample as take two, since it is a small difference that is looked
# for. They are warm already, but the clients are new ones.
TURN_SECONDS = 0.25
TURNS_A_SECOND = 8
TURN_WARMUP_SECONDS = 0.1
SETTLE_SECONDS = 0.15  # for a closed connection's last work to be done
MEMORY_SETTLE_SECONDS = 1.0
# So many clients come and go before memory is measured: what is paid once is not a connection's.
MEMORY_WARMUP_CONNECTIONS = 32


@dataclass(frozen=True)
class Settings:
    """What is the same for all samples of one comparison."""

    load_binary: Path
    cores: machine.Cores
    seconds: float
    warmup_seconds: float
    idle_connections: int
    profile: bool
    programs: Programs


@dataclass(frozen=True)
class Running:
    """A gateway under measurement."""

    process: subprocess.Popen[str]
    port: int
    log: Path

    @property
    def load_log(self) -> Path:
        """Where those that load it write what goes wrong."""
        return self.log.with_suffix(".load.log")


@dataclass
class Canned:
    """The canned server that runs during the whole comparison."""

    process: subprocess.Popen[str]
    port: int


class Sampler:
    """Takes samples; holds the canned servers and the folder for configurations and logs."""

    def __init__(self, settings: Settings, identity: Identity, folder: Path) -> None:
        self.settings = settings
        self.identity = identity
        self.folder = folder
        self.servers: dict[str, Canned] = {}

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Canned servers, plain and with StartTLS, for as long as the block lasts."""
        with contextlib.ExitStack() as stack:
            for upstream in ("plain", "starttls"):
                command = [str(self.settings.load_binary), "serve", "--transport", upstream]
                if upstream == "starttls":
                    command += ["--certificate", str(self.identity.certificate)]
                    command += ["--key", str(self.identity.key)]
                log = self.folder / f"canned-{upstream}.log"
                process = stack.enter_context(children.child(command, self.settings.cores.load, log, pipes=True))
                line = read_line(process, children.READY_SECONDS, log)
                self.servers[upstream] = Canned(process, int(line.rpartition(":")[2]))
            yield

    def take(self, case: Case, gateways: Sequence[Gateway], round_number: int) -> list[dict[str, Any]]:
        """A sample of each, as they go into the raw results; with "error" instead of figures when one failed. Several
        take turns, so that they meet the same moments of the machine.
        """
        about = {"case": case.name, "round": round_number, "load_average": os.getloadavg()[0]}
        samples = [{**about, "gateway": gateway.name} for gateway in gateways]
        try:
            with contextlib.ExitStack() as stack:
                if not case.cores_sleep:
                    stack.enter_context(machine.awake())
                running = [
                    stack.enter_context(self.started(case, gateway, f"{case.name}-{gateway.name}-{round_number}"))
                    for gateway in gateways
                ]
                time.sleep(0.3)
                for sample, figures in zip(samples, self.measured(case, running), strict=True):
                    sample |= figures
                for each in running:
                    if each.process.poll() is not None:
                        raise children.Failed(f"ended during the load: {children.tail(each.log)}")
        except (children.Failed, OSError) as error:
            return [{**about, "gateway": gateway.name, "error": str(error)} for gateway in gateways]
        return samples

    @contextlib.contextmanager
    def started(self, case: Case, gateway: Gateway, name: str) -> Iterator[Running]:
        """A gateway that takes clients."""
        log = self.folder / f"{name}.log"
        server = self.servers[case.upstream]
        wiring = Wiring(
            free_port(),
            free_port(),
            server.port,
            case.upstream,
            self.identity,
            self.folder / name,
            self.settings.programs,
        )
        wiring.folder.mkdir()
        try:
            with children.child(gateway.prepare(wiring), self.settings.cores.gateway, log) as process:
                children.wait_for_port(process, wiring.port, log)
                yield Running(process, wiring.port, log)
        finally:
            # They are hundreds of megabytes, and the next ones shall find memory as these did: pages that a
            # virtual machine never had before cost it several times what a page costs.
            wiring.records.unlink(missing_ok=True)

    def load_command(self, verb: str, port: int) -> list[str]:
        return [
            str(self.settings.load_binary),
            verb,
            *("--address", f"127.0.0.1:{port}", "--transport", "ldaps", "--ca", str(self.identity.ca)),
        ]

    def one_client(self, port: int, log: Path) -> None:
        """One that binds and goes before the others: where slapd's first ones begin TLS upstream at once, some fail."""
        command = [*self.load_command("run", port), "--operation", "connect", "--operations", "1"]
        with children.child(command, self.settings.cores.load, log, pipes=True) as load:
            report = json.loads(read_line(load, children.READY_SECONDS, log))
        if report["errors"]:
            raise children.Failed(f"the first client failed: {report['error_texts']}")

    def measured(self, case: Case, running: Sequence[Running]) -> list[dict[str, Any]]:
        """The figures of each."""
        if case.kind == "load":
            return self.by_turns(case, running)
        measure = {"idle": self.idle_memory, "empty": self.empty_memory}[case.kind]
        return [measure(case, gateway) for gateway in running]

    def by_turns(self, case: Case, running: Sequence[Running]) -> list[dict[str, Any]]:
        """What the load costs each: one after the other, again and again, or a single one at once."""
        for gateway in running:
            self.one_client(gateway.port, gateway.load_log)
        seconds, warmup, turns = self.settings.seconds, self.settings.warmup_seconds, 1
        if len(running) > 1 and not self.settings.profile:
            turns = max(1, round(seconds * TURNS_A_SECOND))
            seconds, warmup = TURN_SECONDS, min(warmup, TURN_WARMUP_SECONDS)
        taken: list[tuple[Running, list[dict[str, Any]]]] = [(gateway, []) for gateway in running]
        for turn in range(turns):
            # Nobody is always the first.
            for gateway, reports in reversed(taken) if turn % 2 else taken:
                reports.append(self.under_load(case, gateway, seconds, warmup))
        return [joined(reports) for _, reports in taken]

    def under_load(self, case: Case, gateway: Running, seconds: float, warmup: float) -> dict[str, Any]:
        command = self.load_command("run", gateway.port) + list(case.options)
        command += ["--duration", str(seconds), "--warmup", str(warmup), "--gate"]
        pid, log, server = gateway.process.pid, gateway.load_log, self.servers[case.upstream].process.pid
        with children.child(command, self.settings.cores.load, log, pipes=True) as load:
            line = read_line(load, warmup + children.READY_SECONDS, log)
            if line != "ready":
                raise children.Failed(f"load failed in its warm-up: {line}")
            time.sleep(SETTLE_SECONDS)
            with self.profiling(pid, log.with_suffix(".perf")):
                before = {who: machine.cpu_seconds(who) for who in (pid, load.pid, server)}
                machine_before = machine.MachineTime.now()
                write_line(load)
                report: dict[str, Any] = json.loads(read_line(load, seconds + 2 * children.READY_SECONDS, log))
                machine_after = machine.MachineTime.now()
                load_seconds = machine.cpu_seconds(load.pid) - before[load.pid]
                time.sleep(SETTLE_SECONDS)
                used = machine.cpu_seconds(pid) - before[pid]
                server_seconds = machine.cpu_seconds(server) - before[server]
        if report["errors"]:
            raise children.Failed(f"wrong answers: {report['errors']}: {report['error_texts']}")
        return report | {
            "cpu_seconds": used,
            "load_cpu_seconds": load_seconds,
            "server_cpu_seconds": server_seconds,
            "foreign_cpu_seconds": max(
                0.0, machine_after.busy - machine_before.busy - used - load_seconds - server_seconds
            ),
            "stolen_seconds": machine_after.stolen - machine_before.stolen,
        }

    def idle_memory(self, case: Case, gateway: Running) -> dict[str, Any]:
        count, pid = self.settings.idle_connections, gateway.process.pid
        with self.holding(case, gateway, MEMORY_WARMUP_CONNECTIONS):
            pass
        time.sleep(MEMORY_SETTLE_SECONDS)
        rss_before, pss_before = machine.resident_bytes(pid)
        with self.holding(case, gateway, count):
            time.sleep(MEMORY_SETTLE_SECONDS)
            rss, pss = machine.resident_bytes(pid)
        added = per_connection_bytes(rss_before, rss, count)
        return {
            "value": None if added is None else added / 1024,
            "connections": count,
            "rss_before_bytes": rss_before,
            "rss_bytes": rss,
            "pss_before_bytes": pss_before,
            "pss_bytes": pss,
        }

    @contextlib.contextmanager
    def holding(self, case: Case, gateway: Running, count: int) -> Iterator[None]:
        """So many idle connections, for as long as the block lasts."""
        command = [*self.load_command("idle", gateway.port), "--clients", str(count), *case.options]
        log = gateway.load_log
        with children.child(command, self.settings.cores.load, log, pipes=True) as load:
            read_line(load, 120, log)
            yield
            if load.stdin is not None:
                load.stdin.close()
            if load.wait(timeout=30) != 0:
                raise children.Failed(f"idle connections did not last: {children.tail(log)}")

    def empty_memory(self, _case: Case, gateway: Running) -> dict[str, Any]:
        time.sleep(MEMORY_SETTLE_SECONDS)
        rss, pss = machine.resident_bytes(gateway.process.pid)
        return {"value": rss / 2**20, "rss_bytes": rss, "pss_bytes": pss}

    @contextlib.contextmanager
    def profiling(self, pid: int, file: Path) -> Iterator[None]:
        """perf's samples of the measured part, if asked for. A profiled run's figures are not for quoting."""
        if not self.settings.profile:
            yield
            return
        command = ["perf", "record", "-q", "-F", "999", "-g", "-o", str(file), "-p", str(pid)]
        with children.child(command, self.settings.cores.load, file.with_suffix(".perf.log")) as perf:
            time.sleep(0.5)
            yield
            perf.send_signal(2)
            perf.wait(timeout=30)


def read_line(process: subprocess.Popen[str], seconds: float, log: Path) -> str:
    """The next line of a child's stdout. Raises: Failed when there is none in time, or the child ended."""
    stdout = process.stdout
    if stdout is None:
        raise children.Failed("no pipe to read from")
    readable, _, _ = select.select([stdout], [], [], seconds)
    if not readable:
        raise children.Failed(f"said nothing for {seconds:.0f} seconds: {children.tail(log)}")
    line = stdout.readline().strip()
    if not line:
        raise children.Failed(f"ended without a word: {children.tail(log)}")
    return line


def write_line(process: subprocess.Popen[str]) -> None:
    """Lets a child go on that waits for a line."""
    if process.stdin is not None:
        process.stdin.write("\n")
        process.stdin.flush()
