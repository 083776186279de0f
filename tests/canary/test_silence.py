"""Secrets by every path that carries one, through a gateway that tells everything it can: none of them comes out."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time
from base64 import b32encode
from pathlib import Path

import pytest

pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is absent: pip install ostiary[otel]")

from examples.one_time_password import code_of

from ..audit.collector import Collector
from ..policy import content
from ..real import wire
from ..real.process import pause
from ..real.raw_client import RawClient
from ..tracing.receiver import receiving
from .canaries import Canary
from .conftest import ACCOUNT, RIGHT, TOLD
from .paths import sent
from .stage import Ground, Stage, staged

CODE_SECRET = secrets.token_bytes(20)
WAIT_SECONDS = 15.0
# What is no secret has to come out, or nothing was listened to.
OPEN = Canary("no secret", b"no-secret-")


def exchange(client: RawClient, octets: bytes) -> None:
    """Sends everything, and reads until the gateway closes."""
    with client:
        try:
            client.send(octets).half_close()
            while client.socket.recv(1 << 16):
                pass
        except OSError:
            # Cut off in the middle of what breaks the protocol.
            return


def sing(stage: Stage, ground: Ground) -> list[Canary]:
    """Every secret by every listener; those that were sent."""
    tls = ground.authority.trusting()
    sung = [RIGHT, *TOLD.values()]
    for name, address in stage.addresses.items():
        for canary, octets in sent():
            canary.place += f" ({name})"
            sung.append(canary)
            exchange(RawClient(address, tls if name == "ldaps" else None), octets)
    # Plain where TLS is wanted, and inside StartTLS.
    for canary, octets in sent():
        canary.place += " (without TLS)"
        sung.append(canary)
        exchange(RawClient(stage.addresses["ldaps"]), octets)
    for canary, octets in sent():
        canary.place += " (after StartTLS)"
        sung.append(canary)
        client = RawClient(stage.addresses["open"])
        client.start_tls(tls)
        exchange(client, octets)
    for number, name in enumerate(TOLD, 1):
        exchange(RawClient(stage.addresses["blabbing"]), wire.search(number, b"cn=" + name.encode()))
    exchange(RawClient(stage.addresses["blabbing"]), wire.sasl_bind(1, b"PLAIN", b"x"))
    return sung


def sing_rightly(stage: Stage) -> list[Canary]:
    """Secrets that are accepted; and what is no secret."""
    with RawClient(stage.addresses["plain"]) as client:
        assert client.ask(wire.bind(1, ACCOUNT.encode(), RIGHT.secret)).code == wire.SUCCESS
        plain = wire.sasl_bind(2, b"PLAIN", b"\0canary\0" + RIGHT.secret)
        assert client.ask(plain).code == wire.SUCCESS
        value = wire.equality(b"description", OPEN.core)
        assert client.ask(wire.search(3, content.SUFFIX.encode(), scope=2, filter=value)).code == wire.SUCCESS
        changed = Canary("a password that was changed")
        modify = wire.sequence(wire.octets(RIGHT.secret, 0x81), wire.octets(changed.secret, 0x82))
        assert client.ask(wire.bind(4, ACCOUNT.encode(), RIGHT.secret)).code == wire.SUCCESS
        assert client.ask(wire.extended(5, wire.PASSWORD_MODIFY, modify)).code == wire.SUCCESS
        back = wire.sequence(wire.octets(changed.secret, 0x81), wire.octets(RIGHT.secret, 0x82))
        assert client.ask(wire.extended(6, wire.PASSWORD_MODIFY, back)).code == wire.SUCCESS
    wrong = Canary("a wrong password with a right code")
    with RawClient(stage.addresses["one-time"]) as client:
        now = int(time.time()) // 30
        for message_id, (secret, period, expected) in enumerate(
            ((wrong.secret, now - 1, 49), (RIGHT.secret, now, 0)), 1
        ):
            one_time = secret + code_of(CODE_SECRET, period, 6, "sha1")
            assert client.ask(wire.bind(message_id, ACCOUNT.encode(), one_time)).code == expected
    return [changed, wrong]


def crash(stage: Stage, workers: int) -> None:
    """Ends a process that serves as a bug in it would, and looks what is left."""
    victim = stage.gateway.process.pid
    if workers > 1:
        victim = next(each["pid"] for each in stage.endpoint.status()["workers"] if each["worker"] == 0)
    else:
        stage.gateway.is_killed = True
    with contextlib.ExitStack() as stack:
        # It has requests with passwords in its memory, whoever of several it is.
        for _ in range(8):
            client = stack.enter_context(RawClient(stage.addresses["plain"]))
            assert client.ask(wire.bind(1, ACCOUNT.encode(), RIGHT.secret)).code == wire.SUCCESS
            client.send(wire.bind(2, ACCOUNT.encode(), RIGHT.secret)[:-2])
        pause(0.1)
        os.kill(victim, signal.SIGABRT)
    deadline = time.monotonic() + WAIT_SECONDS
    while "Fatal Python error: Aborted" not in stage.gateway.log:
        assert time.monotonic() < deadline, stage.gateway.log[-2000:]
        pause(0.05)
    if workers > 1:
        while '"worker_died"' not in stage.gateway.log:
            assert time.monotonic() < deadline, stage.gateway.log[-2000:]
            pause(0.05)
    else:
        assert stage.gateway.process.wait() == -signal.SIGABRT


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("output", "format", "workers"), [("file", "json", 1), ("syslog", "ecs", 2), ("stdout", "cef", 2)]
)
def test_no_secret_comes_out(
    tmp_path: Path, ground: Ground, request: pytest.FixtureRequest, output: str, format: str, workers: int
) -> None:
    token = Canary("the admin endpoint's token")
    code = Canary("the secret of one-time codes")
    collector: Collector | None = None
    where = {"file": str(tmp_path / "gateway" / "audit.log"), "stdout": "stdout"}.get(output)
    if where is None:
        collector = request.getfixturevalue("collector")
        assert collector is not None
        collector.start()
        where = f"syslog+tcp://127.0.0.1:{collector.tcp.port}"
    with receiving() as receiver, staged(
        tmp_path / "gateway", ground, receiver, output=where, format=format, workers=workers,
        token=token.core.decode(), otp=f"{b32encode(CODE_SECRET).decode()} {ACCOUNT}\n", collector=collector,
    ) as stage:  # fmt: skip
        sung = [token, code, *sing_rightly(stage), *sing(stage, ground)]
        stage.look()
        crash(stage, workers)
        if workers > 1:
            stage.look()
        stage.gateway.stop()
        leaks, outputs = stage.leaks(sung)
        assert leaks == [], "\n".join(leaks)
        hold_to_its_word(outputs, output, sung)


def hold_to_its_word(outputs: dict[str, bytes], output: str, sung: list[Canary]) -> None:
    """The silence counts: each output was there, told of the traffic, and would have told a secret."""
    assert len(sung) > 300
    sink = {"file": "audit.log", "syslog": "syslog", "stdout": "ostiary.log"}[output]
    assert OPEN.core in outputs[sink]
    assert outputs[sink].count(b"userPassword") > 100
    # Spans leave in batches: those that a worker had when it crashed are gone.
    assert outputs["spans"].count(b"userPassword") > 30
    assert b'"event": "violation"' in outputs["ostiary.log"]
    assert b"uncaught" in outputs["ostiary.log"]
    assert b"plugin_failed" in outputs["ostiary.log"]
    assert b"canary" in outputs["/status as */*"]
    assert any(name.startswith("core") for name in outputs), "no core dump was made"
