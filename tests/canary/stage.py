"""A gateway with everything on that writes or shows anything, and all that it wrote and showed."""

from __future__ import annotations

import contextlib
import json
import resource
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..audit.collector import Collector
from ..house.tree import ROOT
from ..real import gateway as gateways
from ..real.authority import Authority, Identity
from ..real.fake_directory import FakeDirectory
from ..real.gateway import Gateway, Table, toml
from ..real.raw_client import Address, free_address
from ..real.servers.directory import Directory
from ..seen.figures import OPENMETRICS, Endpoint
from ..tracing.receiver import Receiver
from .canaries import Canary, heard

LARGE = 1 << 23

# The wrong password is checked by the server each time; nobody is locked out.
POLICY = """
[[plugins]]
use = "bind_guard"
failures = 0

[[plugins]]
use = "rate_limit"
mode = "monitor"
[[plugins.limits]]
name = "nothing-at-all"
key = "identity"
operations = ["bind", "search", "compare", "modify"]
rate = "1/h"

[[plugins]]
use = "allow_list"
default = "allow"
[[plugins.rules]]
name = "nobody"
effect = "deny"
listener = "refused"

[[plugins]]
name = "trial"
use = "allow_list"
mode = "monitor"
[[plugins.rules]]
name = "one-filter"
operations = "search"
filter = "(userPassword=?)"

[[plugins]]
use = "redact"
[[plugins.rules]]
name = "numbers"
attributes = ["employeeNumber"]

[[plugins]]
name = "blabbing"
use = "tests.canary.blabbing:Blabbing"

[[plugins]]
name = "one-time"
use = "tests.canary.blabbing:OneTime"
secrets_file = {otp}
others = "pass"

[tracing]
endpoint = {endpoint}
sample = 1.0

[admin]
address = {admin}
token_file = {token}
exemplars = true

[audit]
output = {output}
format = {format}
filter_values = true
secret_attributes = ["employeePin"]
sampling = {{ search = 1.0, compare = 1.0 }}
"""


@dataclass
class Stage:
    """The gateway, and where it leaves something."""

    gateway: Gateway
    home: Path
    endpoint: Endpoint
    receiver: Receiver
    collector: Collector | None
    shown: dict[str, bytes] = field(default_factory=dict)

    @property
    def addresses(self) -> dict[str, Address]:
        return dict(self.gateway.addresses)

    def look(self) -> None:
        """Asks the endpoint for everything that it shows."""
        for path, accept in (
            ("/metrics", "text/plain"), ("/metrics", OPENMETRICS), ("/status", "*/*"), ("/", "text/html"),
            ("/readyz", "*/*"), ("/healthz", "*/*"),
        ):  # fmt: skip
            status, text = self.endpoint.fetch(path, accept)
            assert status in (200, 503), text
            self.shown[f"{path} as {accept}"] = text.encode()

    def outputs(self) -> Iterator[tuple[str, bytes]]:
        """Everything that came out, by where it did."""
        yield from self.shown.items()
        for path in sorted(self.home.iterdir()):
            if path.is_file() and path.suffix not in (".toml", ".secret"):
                yield path.name, path.read_bytes()
        if self.collector is not None:
            yield "syslog", (self.collector.home / "kept.json").read_bytes()
        spans = self.receiver.take(self.receiver.untaken)
        yield "spans", b"".join(span.SerializeToString() for span in spans)
        yield "headers of spans", json.dumps(self.receiver.headers).encode()

    def leaks(self, canaries: list[Canary]) -> tuple[list[str], dict[str, bytes]]:
        """What was heard where, and all that was listened to."""
        outputs = dict(self.outputs())
        found = []
        for where, text in outputs.items():
            if told := heard(text):
                places = [canary.place for canary in canaries if is_heard(text, canary)]
                found.append(f"{where} has {', '.join(told)} of {places or 'a part of some secret'}")
        return found, outputs


def is_heard(text: bytes, canary: Canary) -> bool:
    """Whether it is this secret; in a large core dump, by its octets alone."""
    return canary.core in text or (len(text) < LARGE and bool(heard(text, canary.core)))


@dataclass(frozen=True)
class Ground:
    """What gateways stand on."""

    directory: Directory
    fake: FakeDirectory
    authority: Authority
    identity: Identity


@contextlib.contextmanager
def staged(
    home: Path, ground: Ground, receiver: Receiver, *,
    output: str, format: str, workers: int, token: str, otp: str, collector: Collector | None = None,
) -> Iterator[Stage]:  # fmt: skip
    """The gateway at log level trace."""
    home.mkdir()
    for name, text in (("token", token), ("otp", otp)):
        (home / f"{name}.secret").write_text(text)
        (home / f"{name}.secret").chmod(0o600)
    admin = free_address()
    tables = POLICY.format(
        otp=toml(str(home / "otp.secret")), endpoint=toml(receiver.endpoint), admin=toml(admin.text),
        token=toml(str(home / "token.secret")), output=toml(output), format=toml(format),
    )  # fmt: skip
    upstreams: list[Table] = [
        gateways.upstream(ground.directory.plain, mode="starttls", authority=ground.authority),
        {"name": "blabbing", "servers": [ground.fake.address.url()], "tls": {"mode": "none"}},
        {"name": "down", "servers": [free_address().url()], "tls": {"mode": "none"}},
    ]
    listeners: list[Table] = [
        gateways.listener("plain"), gateways.listener("refused"), gateways.listener("hooked"),
        gateways.listener("one-time"),
        gateways.listener("open", "starttls", identity=ground.identity, require_tls="all"),
        gateways.listener("ldaps", "ldaps", identity=ground.identity),
        {**gateways.listener("blabbing"), "upstream": "blabbing"}, {**gateways.listener("down"), "upstream": "down"},
    ]  # fmt: skip
    running = gateways.run(
        home, listeners, upstreams, plugins=tables, log_level="trace", workers=workers, directory=home,
        # Python's own aids, which print more than usual.
        environment={"PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1", "PYTHONASYNCIODEBUG": "1"},
    )  # fmt: skip
    try:
        # What a crash may leave, it leaves.
        resource.prlimit(running.process.pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        running.process.await_listening(admin)
        yield Stage(running, home, Endpoint(admin, token), receiver, collector)
    finally:
        running.stop()
