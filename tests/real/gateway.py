"""The gateway under test, as an operator runs it: a configuration file and `ostiary run`.

It knows the configuration's keys and what every run must keep: it listens, it ends with status 0 when
told to, it logs no traceback and no secret. What it forwards is the tests' business.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .authority import Authority, Identity
from .process import Process
from .raw_client import Address, free_address
from .servers.entries import SECRETS

Value = str | int | float | bool | Sequence["Value"] | Mapping[str, "Value"]
Table = Mapping[str, Value]
GatewayFactory = Callable[..., "Gateway"]
"""Takes what `run` does but for the place, which may be given as ``home``."""

# Short, so that a test which leaves a search open does not wait for the default of 30 seconds.
DRAIN_SECONDS = 2


def toml(value: Value) -> str:
    """One TOML value; tables are written inline."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return "[" + ", ".join(toml(item) for item in value) + "]"


def _lines(table: Table) -> list[str]:
    return [f"{key} = {toml(value)}" for key, value in table.items()]


def configuration(listeners: Sequence[Table], upstreams: Sequence[Table], limits: Table, workers: int | str = 1) -> str:
    lines = [f"workers = {toml(workers)}"]
    for heading, tables in (("[[listeners]]", listeners), ("[[upstreams]]", upstreams)):
        for table in tables:
            lines += [heading, *_lines(table), ""]
    return "\n".join([*lines, "[limits]", *_lines({"drain_seconds": DRAIN_SECONDS, **limits}), ""])


@dataclass
class Gateway:
    """A running gateway; ``address`` is its first listener."""

    process: Process
    addresses: Mapping[str, Address]
    # What the log must not hold beside the passwords every test uses.
    secrets: list[str] = field(default_factory=list)
    is_killed: bool = False

    @property
    def address(self) -> Address:
        return next(iter(self.addresses.values()))

    @property
    def log(self) -> str:
        return self.process.output

    def kill(self) -> None:
        """End it as the kernel would; there is no status to hold it to."""
        self.process.kill()
        self.is_killed = True

    def stop(self) -> None:
        """End it as an operator would, and hold it to what every run must keep."""
        if self.is_killed:
            return
        status = self.process.stop()
        log = self.log
        assert status == 0, f"exit status {status}:\n{log[-4000:]}"
        for line in log.splitlines():
            assert "Traceback" not in line, line
            assert "panicked" not in line, line
        for secret in (*SECRETS, *self.secrets):
            assert secret not in log, "a secret stands in the log"


def run(
    home: Path,
    listeners: Sequence[Table],
    upstreams: Sequence[Table],
    *,
    limits: Table | None = None,
    log_level: str = "debug",
    plugins: str = "",
    environment: Mapping[str, str] | None = None,
    workers: int | str = 1,
    directory: Path | None = None,
) -> Gateway:
    """Start a gateway and return once every listener accepts. Plugins are TOML, as an operator writes it.

    It runs in this directory, or in the tests' own.
    """
    home.mkdir(parents=True, exist_ok=True)
    path = home / "ostiary.toml"
    path.write_text(configuration(listeners, upstreams, limits or {}, workers) + plugins)
    command = [sys.executable, "-m", "ostiary", "run", "--config", str(path), "--log-level", log_level]
    addresses = {str(listener["name"]): _parse(str(listener["address"])) for listener in listeners}
    process = Process(command, home / "ostiary.log", environment=environment, directory=directory)
    process.await_listening(*addresses.values())
    return Gateway(process, addresses)


@contextlib.contextmanager
def below(place: Path) -> Iterator[GatewayFactory]:
    """What runs gateways, each in a directory of its own, and ends them all."""
    # A stack, so that one gateway that ends badly does not leave the others running.
    with contextlib.ExitStack() as stack:
        homes = (place / f"gateway{number}" for number in itertools.count())

        def start(*arguments: object, home: Path | None = None, **keywords: object) -> Gateway:
            running = run(home or next(homes), *arguments, **keywords)  # type: ignore[arg-type]
            stack.callback(running.stop)
            return running

        yield start


def _parse(text: str) -> Address:
    if text.startswith("unix:"):
        return Address(text.removeprefix("unix:"))
    host, port = text.rsplit(":", 1)
    return Address(host.strip("[]"), int(port))


def listener(
    name: str,
    mode: str = "none",
    *,
    identity: Identity | None = None,
    address: Address | None = None,
    tls: Table | None = None,
    **keys: Value,
) -> Table:
    """A listener on a free port that leads to the upstream named "directory"."""
    settings: dict[str, Value] = {"mode": mode}
    if identity is not None:
        settings |= {"certificate": str(identity.certificate), "key": str(identity.key)}
    settings |= tls or {}
    where = address or free_address()
    return {"name": name, "address": where.text, "tls": settings, "upstream": "directory", **keys}


def upstream(
    *servers: Address,
    mode: str = "none",
    authority: Authority | None = None,
    identity: Identity | None = None,
    tls: Table | None = None,
    **keys: Value,
) -> Table:
    """The upstream named "directory"."""
    settings: dict[str, Value] = {"mode": mode}
    if authority is not None and mode != "none":
        settings["ca"] = str(authority.certificate)
    if identity is not None:
        settings |= {"certificate": str(identity.certificate), "key": str(identity.key)}
    settings |= tls or {}
    scheme = "ldaps" if mode == "ldaps" else "ldap"
    urls = [server.url(scheme) for server in servers]
    return {"name": "directory", "servers": urls, "tls": settings, **keys}
