"""`ostiary demo` from start to end: the directory, the gateway before it, the tour, and what to try next.

Everything lives in one event loop and one temporary directory and is gone afterwards. Knows no step.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from rich.console import Console

from ostiary.config import Config
from ostiary.demo.behind import Behind, embedded_directory, real_directory
from ostiary.demo.recipes import print_recipes
from ostiary.demo.stage import Account, Stage
from ostiary.demo.tour import run_tour
from ostiary.driving import Driving, drive
from ostiary.errors import OstiaryError
from ostiary.gateway import Gateway
from ostiary.plan import plan
from ostiary.tls import ThrowawayFiles, throwaway_authority

__all__ = ["run_demo"]

_PREFERRED_PORTS = {"ldaps": 1636, "starttls": 1389, "plain": 1390, "guarded": 1637}
_DRAIN_SECONDS = 2
"""The tour leaves nothing outstanding, and a demo that is interrupted should end."""


class _Output(Console):
    """Says nothing more once nobody reads, as behind `head`; rich would end the process amid the tour."""

    def on_broken_pipe(self) -> None:
        """Goes on in silence: the tour has a status to give and files to remove."""
        self.quiet = True
        # What Python still holds for stdout is written at exit, and must not fail there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run_demo(
    once: bool = False,
    upstream: str | None = None,
    bind_dn: str | None = None,
    password_file: Path | None = None,
    ca: Path | None = None,
    console: Console | None = None,
) -> int:
    """Runs the demo; gives the exit status: 0 if every step of the tour came out as told."""
    console = console or _Output()
    account = None
    try:
        if bind_dn is not None and password_file is not None:
            account = Account(bind_dn, password_file.read_text(encoding="utf-8").rstrip("\r\n"))
        return drive(lambda driving: _run(driving, once, upstream, account, ca, console))
    except (OSError, OstiaryError) as error:
        console.print(f"demo: {error}", style="red", markup=False, highlight=False)
        return 1


async def _run(
    driving: Driving, once: bool, upstream: str | None, account: Account | None, ca: Path | None, console: Console
) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ostiary-demo-")))
        files = throwaway_authority(place / "gateway").files
        assert files is not None  # a directory was given
        if upstream is None:
            behind = await embedded_directory(place / "directory", stack)
        else:
            behind = await real_directory(upstream, account, ca)
        config_file = place / "ostiary.toml"
        config_file.write_text(_configuration(files, behind), encoding="utf-8")
        planned = plan(Config.from_toml(config_file.read_text(encoding="utf-8"), place))
        gateway = Gateway(planned, driving)
        await gateway.start()
        stack.push_async_callback(gateway.stop)
        stage = Stage(
            listeners={name: _host_and_port(address) for name, address in gateway.addresses.items()},
            tls=ssl.create_default_context(cafile=str(files.ca)),
            upstream_tls=behind.tls_in_words,
            directory=behind.directory,
            account=behind.account,
            policy=planned.policy,
        )
        console.print(f"[bold]client[/bold] → [bold]Ostiary[/bold] → [bold]{behind.title}[/bold]", highlight=False)
        console.print(f"configuration: {config_file}\n", markup=False, highlight=False)
        tour = loop.create_task(run_tour(stage, behind.steps, console))
        interrupted = loop.create_task(stopping.wait())
        await asyncio.wait((tour, interrupted), return_when=asyncio.FIRST_COMPLETED)
        interrupted.cancel()
        if not tour.done():
            tour.cancel()
            await asyncio.gather(tour, return_exceptions=True)
            return 1
        status = _conclude(tour.result(), len(behind.steps), console)
        if not once:
            print_recipes(console, stage, files.ca, behind, config_file)
            await stopping.wait()
            console.print("stopping", style="dim")
        return status


def _conclude(failed: list[str], steps: int, console: Console) -> int:
    if failed:
        text = f"{len(failed)} of {steps} steps did not come out as told: {', '.join(failed)}"
        console.print(text, style="red", markup=False, highlight=False)
        return 1
    console.print(f"all {steps} steps came out as told", style="green", highlight=False)
    return 0


def _configuration(files: ThrowawayFiles, behind: Behind) -> str:
    """The configuration the demo runs, as somebody would write it."""
    identity = f'certificate = "{files.server_certificate}", key = "{files.server_key}"'
    modes = {
        "ldaps": f'mode = "ldaps", {identity}',
        "starttls": f'mode = "starttls", {identity}',
        "plain": 'mode = "none"',
    }
    if behind.policy:
        modes["guarded"] = modes["ldaps"]
    listeners = "".join(
        f'[[listeners]]\nname = "{name}"\naddress = "127.0.0.1:{_free_port(_PREFERRED_PORTS[name])}"\n'
        f'tls = {{ {tls} }}\nupstream = "directory"\n\n'
        for name, tls in modes.items()
    )
    upstream = f'name = "directory"\nservers = ["{behind.url}"]\ntls = {{ {behind.tls_table} }}\n'
    limits = f"[limits]\ndrain_seconds = {_DRAIN_SECONDS}\n"
    return f"{listeners}[[upstreams]]\n{upstream}\n{limits}\n{behind.policy}"


def _free_port(preferred: int) -> int:
    """The preferred port if nothing listens there, 0 for any otherwise."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            return 0
    return preferred


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
