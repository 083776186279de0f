"""Plugins in the real process: its event loop, the worker's own imports, and signals."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from examples.one_time_password import code_of
from ostiary._core import CompareRequest, DelRequest, Filter, SearchRequest
from ostiary.demo.behind import embedded_directory
from ostiary.demo.client import Client, Disconnected

from ..session import wire

DATA_SEGS_IN = 152
"""Where `struct tcp_info` has `tcpi_data_segs_in` (linux/tcp.h)."""
EXAMPLES = Path(__file__).parents[2] / "examples"
WIKI = "cn=wiki,ou=services,dc=example,dc=org"
FAILING = """
import asyncio, sys, time
from ostiary.plugins import PASS, Plugin, close

class Failing(Plugin):
    def on_search(self, client, request):
        while True:
            pass

    def on_delete(self, client, request):
        time.sleep(30)

    async def on_compare(self, client, request):
        await asyncio.sleep(30)

    def on_connect(self, client):
        return close("not you") if client.listener == "closed" else PASS

    def on_bind(self, client, request):
        print(*sorted(sys.modules), file=open("modules", "w"))
        return PASS
"""

PASSING = """
from ostiary.plugins import PASS, Plugin

class Passing(Plugin):
    def on_request(self, client, request):
        return PASS
"""

KEEPING = """
from ostiary.plugins import PASS, Plugin, refuse

class Keeping(Plugin):
    kept = []

    def on_compare(self, client, request):
        if request.message_id % 3:
            self.kept.append((client, request))
        return PASS

    def on_delete(self, client, request):
        told = [f"{kept.message_id}:{kept.target}:{len(kept.raw)}:{client.name}" for client, kept in self.kept]
        return refuse("busy", " ".join(told))
"""


@asynccontextmanager
async def gateway(place: Path, plugins: str, server: str | None = None) -> AsyncIterator[dict[str, int]]:
    """The command as an operator runs it, before that server, or the demo's directory; gives the ports by listener."""
    async with AsyncExitStack() as stack:
        tls = 'mode = "none"'
        if server is None:
            behind = await embedded_directory(place / "directory", stack)
            server, tls = behind.url, behind.tls_table
        upstream = f'[[upstreams]]\nname = "directory"\nservers = ["{server}"]\ntls = {{ {tls} }}\n'
        listeners = "".join(
            f'[[listeners]]\nname = "{name}"\naddress = "127.0.0.1:0"\nupstream = "directory"\n'
            'tls = { mode = "none" }\n'
            for name in ("plain", "closed")
        )
        (place / "ostiary.toml").write_text(listeners + upstream + plugins)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ostiary", "run", "--config", "ostiary.toml",
            cwd=place, stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": f"{EXAMPLES}{os.pathsep}{place}"},
        )  # fmt: skip
        assert process.stderr is not None
        ports: dict[str, int] = {}
        async for line in process.stderr:
            told: dict[str, Any] = json.loads(line)
            if told["event"] == "listener_opened":
                ports[told["listener"]] = int(told["address"].rpartition(":")[2])
            if told["event"] == "started":
                break
        try:
            yield ports
        finally:
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 10) == 0


def compare(message_id: int, size: int) -> bytes:
    """With a value of that size."""
    asserted = wire.tlv(0x30, wire.octets(b"cn"), wire.octets(b"x" * size))
    return wire.message(message_id, wire.tlv(0x6E, wire.octets(WIKI.encode()), asserted))


async def test_code_is_taken_off_before_the_bind_goes_upstream(tmp_path: Path) -> None:
    secret = base64.b32encode(b"12345678901234567890").decode()
    (tmp_path / "secrets").write_text(f"{secret} {WIKI}\n")
    (tmp_path / "secrets").chmod(0o600)
    plugins = '[[plugins]]\nuse = "one_time_password:OneTimePassword"\nsecrets_file = "secrets"\n'
    async with gateway(tmp_path, plugins) as ports:
        client = await Client.connect("127.0.0.1", ports["plain"])
        code = code_of(b"12345678901234567890", int(time.time()) // 30, 6, "sha1").decode()
        passwords = ["wiki-password", f"wiki-password{code}", f"wiki-password{code}"]
        answers = [await client.bind(WIKI, password) for password in passwords]
        assert [answer.result.result_code for answer in answers] == [49, 0, 49]
        await client.close()


@pytest.mark.timeout(60)
async def test_requests_of_any_size_that_hooks_let_pass_together_keep_their_order(tmp_path: Path) -> None:
    (tmp_path / "passing.py").write_text(PASSING)
    sizes = [1, 6_000, 1, 20_000, 1, 1, 9_000]
    async with gateway(tmp_path, '[[plugins]]\nuse = "passing:Passing"\n') as ports:
        reader, writer = await asyncio.open_connection("127.0.0.1", ports["plain"])
        for _ in range(3):
            writer.write(b"".join(compare(number, size) for number, size in enumerate(sizes, 1)))
            received = b""
            while len(wire.summary(received)) < len(sizes):
                octets = await reader.read(65_536)
                assert octets, received
                received += octets
            # The directory itself, by records of TLS that cannot be exchanged: compareFalse, one after the other.
            assert wire.summary(received) == [(number, 0x6F, 5) for number in range(1, len(sizes) + 1)]
        writer.close()


def segments_in(sock: socket.socket) -> int:
    """How many segments with data came by a connection."""
    (count,) = struct.unpack_from("=I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256), DATA_SEGS_IN)
    return int(count)


@pytest.mark.timeout(60)
async def test_requests_that_come_together_and_pass_go_on_together(tmp_path: Path) -> None:
    (tmp_path / "passing.py").write_text(PASSING)
    pieces = [range(1, 2), range(2, 42)]
    requests = [b"".join(compare(number, 10) for number in piece) for piece in pieces]
    answers = [b"".join(wire.result(number, 0x6F, 6) for number in piece) for piece in pieces]
    segments = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for request, answer in zip(requests, answers, strict=True):
            assert await reader.readexactly(len(request)) == request
            segments.append(segments_in(writer.get_extra_info("socket")))
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, gateway(tmp_path, '[[plugins]]\nuse = "passing:Passing"\n', f"ldap://127.0.0.1:{port}") as ports:
        reader, writer = await asyncio.open_connection("127.0.0.1", ports["plain"])
        for request, answer in zip(requests, answers, strict=True):
            writer.write(request)
            assert await reader.readexactly(len(answer)) == answer
        writer.close()
    assert segments[1] - segments[0] < len(pieces[1]) / 4


@pytest.mark.timeout(60)
async def test_hooks_that_hang_refuse_and_nobody_else_notices(tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(FAILING)
    async with gateway(tmp_path, '[[plugins]]\nuse = "failing:Failing"\ntime_limit_seconds = 0.2\n') as ports:
        client = await Client.connect("127.0.0.1", ports["plain"])
        for hanging in (
            SearchRequest("dc=example,dc=org", 2, Filter("(cn=wiki)")),
            CompareRequest(WIKI, "cn", b"wiki"),
            DelRequest("cn=nobody,dc=example,dc=org"),
        ):
            result = (await client.request(hanging)).result
            assert (result.result_code, result.diagnostic_message) == (80, "refused: the policy could not decide")
        assert (await client.bind(WIKI, "wiki-password")).result.result_code == 0
        await client.close()
        closed = await Client.connect("127.0.0.1", ports["closed"])
        with pytest.raises(Disconnected):
            await closed.bind(WIKI, "wiki-password")
    modules = (tmp_path / "modules").read_text().split()
    assert "cryptography" not in modules
    assert "typer" not in modules


@pytest.mark.timeout(60)
async def test_requests_that_a_hook_keeps_stay_what_they_were(tmp_path: Path) -> None:
    (tmp_path / "keeping.py").write_text(KEEPING)
    async with gateway(tmp_path, '[[plugins]]\nuse = "keeping:Keeping"\n') as ports:
        client = await Client.connect("127.0.0.1", ports["plain"])
        assert (await client.bind(WIKI, "wiki-password")).result.result_code == 0
        other = await Client.connect("127.0.0.1", ports["plain"])
        for number in range(8):
            value = b"x" * number
            await asyncio.gather(*(each.request(CompareRequest(WIKI, "cn", value)) for each in (client, other)))
        told = (await other.request(DelRequest("cn=nobody,dc=example,dc=org"))).result
        assert told.result_code == 51
        # The first has bound before, so its numbers are one ahead.
        first = [f"{number + 2}:{WIKI}:{54 + number}:{WIKI}" for number in range(8) if (number + 2) % 3]
        second = [f"{number + 1}:{WIKI}:{54 + number}:" for number in range(8) if (number + 1) % 3]
        assert sorted(told.diagnostic_message.split(" ")) == sorted(first + second)
        for each in (client, other):
            await each.close()
