"""The paths of the admin endpoint: what each answers, to whom, and what stands on every answer."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path

import aiohttp
import pytest

from ostiary.admin.endpoint import Admin
from ostiary.admin.plan import ServerAddress
from ostiary.config.admin import AdminTls
from ostiary.tls import ThrowawayFiles, identity_of

from .conftest import served
from .gateway import Gateway, busy_gateway

TOKEN = b"0123456789abcdef0123456789abcdef"
OPEN, GUARDED = ("/", "/healthz", "/readyz"), ("/metrics", "/status")


async def asked(http: aiohttp.ClientSession, admin: Admin, path: str, **headers: str) -> tuple[int, str]:
    async with http.get(f"http://{admin.address}{path}", headers=headers) as answer:
        return answer.status, await answer.text()


async def test_health_is_told_while_the_loop_turns(http: aiohttp.ClientSession, gateway: Gateway) -> None:
    async with served(gateway) as admin:
        assert await asked(http, admin, "/healthz") == (200, "ok\n")


async def test_ready_needs_a_server_that_answers(http: aiohttp.ClientSession, gateway: Gateway) -> None:
    listening = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    nobody = ServerAddress("directory", "ldap://dc1:1", "127.0.0.1", 1)
    somebody = ServerAddress("directory", "ldap://dc2:389", "127.0.0.1", port)
    async with served(gateway, servers=(nobody, somebody)) as admin:
        await admin._prober.probe()
        assert await asked(http, admin, "/readyz") == (200, "ready\n")
        gateway.is_stopping = True
        assert await asked(http, admin, "/readyz") == (503, "the gateway is stopping\n")
    listening.close()
    await listening.wait_closed()
    gateway.is_stopping = False
    async with served(gateway, servers=(nobody,)) as admin:
        await admin._prober.probe()
        told = "no server is reachable: ldap://dc1:1: Connection refused\n"
        assert await asked(http, admin, "/readyz") == (503, told)


async def test_figures_need_the_token_and_health_does_not(http: aiohttp.ClientSession, gateway: Gateway) -> None:
    async with served(gateway, token=TOKEN) as admin:
        for path in GUARDED:
            assert (await asked(http, admin, path))[0] == 401
            for wrong in ("Bearer", "Bearer wrong", f"Basic {TOKEN.decode()}", f"Bearer {TOKEN.decode()}x", "Bearer é"):
                assert (await asked(http, admin, path, Authorization=wrong))[0] == 401, wrong
            for right in (f"Bearer {TOKEN.decode()}", f"bearer  {TOKEN.decode()} "):
                assert (await asked(http, admin, path, Authorization=right))[0] == 200, right
        for path in OPEN:
            assert (await asked(http, admin, path))[0] in (200, 503)
        async with http.get(f"http://{admin.address}/status") as answer:
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="ostiary"'


async def test_open_paths_tell_nothing_that_was_counted(http: aiohttp.ClientSession) -> None:
    async with served(busy_gateway(), token=TOKEN) as admin:
        for path in OPEN:
            told = (await asked(http, admin, path))[1]
            assert not any(each in told for each in ("cn=wiki", "10.20.4.17", "applications:", "dc1.corp"))


async def test_every_answer_forbids_keeping_guessing_and_framing(http: aiohttp.ClientSession, gateway: Gateway) -> None:
    async with served(gateway) as admin:
        for path in (*OPEN, *GUARDED, "/nothing"):
            async with http.get(f"http://{admin.address}{path}") as answer:
                told = answer.headers
                assert told["Cache-Control"] == "no-store", path
                assert told["X-Content-Type-Options"] == "nosniff", path
                assert told["X-Frame-Options"] == "DENY", path
                assert told["Server"] == "ostiary", path
                assert "Access-Control-Allow-Origin" not in told, path


async def test_only_reading_is_possible(http: aiohttp.ClientSession, gateway: Gateway) -> None:
    async with served(gateway) as admin:
        for path in (*OPEN, *GUARDED):
            async with http.post(f"http://{admin.address}{path}", data=b"x") as answer:
                assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
            async with http.head(f"http://{admin.address}{path}") as answer:
                assert answer.status in (200, 503)
                assert await answer.read() == b""
        status, text = await asked(http, admin, "/favicon.ico")
        assert (status, text) == (404, "nothing here; try /, /healthz, /readyz, /metrics, /status\n")


async def test_speaks_tls_with_its_own_certificate(gateway: Gateway, authority: ThrowawayFiles) -> None:
    files = AdminTls(certificate=authority.server_certificate, key=authority.server_key)
    loaded = identity_of(files)
    assert loaded is not None
    trusted = ssl.create_default_context(cafile=authority.ca)
    connector = aiohttp.TCPConnector(ssl=trusted, force_close=True)
    async with (
        served(gateway, identity=(loaded.chain, loaded.key)) as admin,
        aiohttp.ClientSession(connector=connector) as http,
    ):
        async with http.get(f"https://{admin.address}/healthz") as answer:
            assert await answer.text() == "ok\n"
        with pytest.raises(aiohttp.ClientError):
            await http.get(f"http://{admin.address}/healthz")


async def test_listens_on_a_unix_socket_that_its_group_may_use(gateway: Gateway, tmp_path: Path) -> None:
    path = tmp_path / "admin"
    for _again in range(2):
        async with served(gateway, host="", path=str(path)) as admin:
            assert admin.address == f"unix:{path}"
            assert path.stat().st_mode & 0o777 == 0o660
            connector = aiohttp.UnixConnector(str(path), force_close=True)
            async with aiohttp.ClientSession(connector=connector) as http, http.get("http://gateway/healthz") as answer:
                assert answer.status == 200
        assert not path.exists()


async def test_says_which_address_is_taken(gateway: Gateway, tmp_path: Path) -> None:
    async with served(gateway) as admin:
        port = int(admin.address.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            async with served(gateway, port=port):
                pass
    file = tmp_path / "file"
    file.write_text("precious")
    with pytest.raises(OSError, match="not a socket"):
        async with served(gateway, host="", path=str(file)):
            pass
    assert file.read_text() == "precious"


async def test_malformed_requests_do_not_end_it(http: aiohttp.ClientSession, gateway: Gateway) -> None:
    async with served(gateway) as admin:
        host, port = admin.address.split(":")
        for octets in (b"\x30\x0c\x02\x01\x01\x60\x07\r\n\r\n", b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n"):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(octets)
            assert (await reader.read()).startswith(b"HTTP/1.")
            writer.close()
            await writer.wait_closed()
        assert (await asked(http, admin, "/healthz"))[0] == 200


async def test_status_is_told_without_workers_that_say_nothing(
    http: aiohttp.ClientSession, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never() -> list[dict[str, object]]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(gateway, "statuses", never)
    monkeypatch.setattr("ostiary.admin.endpoint.STATUS_SECONDS", 0.01)
    async with served(gateway) as admin:
        status, text = await asked(http, admin, "/status")
        assert (status, json.loads(text)["workers"]) == (200, [])


async def test_keeps_serving_when_asked_by_many_at_once(http: aiohttp.ClientSession) -> None:
    async with served(busy_gateway()) as admin:
        told = await asyncio.gather(*(asked(http, admin, path) for path in GUARDED * 20))
        assert {status for status, _ in told} == {200}


async def test_silent_connections_do_not_keep_others_out(
    http: aiohttp.ClientSession, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ostiary.admin.endpoint.CONNECTIONS_MOST", 5)
    async with served(gateway) as admin:
        host, port = admin.address.split(":")
        silent = [await asyncio.open_connection(host, int(port)) for _ in range(20)]
        assert (await asked(http, admin, "/healthz"))[0] == 200
        assert await silent[0][0].read() == b""
        assert admin._http is not None
        assert len(admin._http.connections) <= 6
        for _, writer in silent:
            writer.close()
            await writer.wait_closed()
