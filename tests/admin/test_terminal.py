"""`ostiary top` and `ostiary health`: what they print, where, and the status they end with."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import ClassVar

import pytest
from rich.console import Console

from ostiary.admin.plan import ServerAddress
from ostiary.cli.endpoint import EndpointError
from ostiary.cli.frame import count, frame, seconds, spark
from ostiary.cli.top import top
from ostiary.config.admin import AdminTls
from ostiary.tls import ThrowawayFiles, identity_of

from .conftest import served
from .gateway import Gateway, busy_gateway, turn
from .test_status import document

SERVERS = (ServerAddress("directory", "ldap://dc1.corp.example:389", "127.0.0.1", 1),)


async def ostiary(*arguments: str) -> tuple[int | None, str, str]:
    """Exit status, stdout and stderr of the command, on no terminal."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ostiary", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


def drawn(told: dict[str, object], before: dict[str, object] | None = None, width: int = 120) -> str:
    console = Console(width=width, record=True, file=None, markup=False, highlight=False)
    with console.capture() as capture:
        console.print(frame(told, before))
    return capture.get()


async def test_top_shows_what_the_page_shows() -> None:
    async with served(busy_gateway(), servers=SERVERS) as admin:
        await admin._prober.probe()
        status, out, err = await ostiary("top", "--once", "--url", f"http://{admin.address}")
    assert (status, err) == (0, "")
    for told in (
        "not ready", "cn=wiki,ou=services,dc=corp,dc=example", "10.20.4.17", "ldap://dc1.corp.example:389", "down",
        "applications: default", "payroll (monitor)", "insufficientAccessRights", "client legacy", "search",
        "the client certificate legacy ends in 18 days",
    ):  # fmt: skip
        assert told in out, told


async def test_top_prints_the_document_for_machines() -> None:
    async with served(busy_gateway()) as admin:
        status, out, err = await ostiary("top", "--json", "--url", f"http://{admin.address}")
    assert (status, err) == (0, "")
    assert json.loads(out)["listeners"][0]["name"] == "ldaps"


async def test_top_brings_the_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("0123456789abcdef\n")
    async with served(busy_gateway(), token=b"0123456789abcdef") as admin:
        url = f"http://{admin.address}"
        assert (await ostiary("top", "--once", "--url", url, "--token-file", str(file)))[0] == 0
        status, out, err = await ostiary("top", "--once", "--url", url)
        assert (status, out) == (1, "")
        assert "give it by --token-file" in err
        file.write_text("another\n")
        status, _, err = await ostiary("top", "--once", "--url", url, "--token-file", str(file))
        assert status == 1
        assert "another" not in err.replace("or another one", "")


async def test_top_asks_by_https_and_by_unix_socket(authority: ThrowawayFiles, tmp_path: Path) -> None:
    loaded = identity_of(AdminTls(certificate=authority.server_certificate, key=authority.server_key))
    assert loaded is not None
    async with served(busy_gateway(), identity=(loaded.chain, loaded.key)) as admin:
        url = f"https://{admin.address}"
        assert (await ostiary("health", "--url", url, "--ca", str(authority.ca)))[:2] == (0, "ok\n")
        status, _, err = await ostiary("health", "--url", url)
        assert status == 1
        assert "certificate verify failed" in err
    path = tmp_path / "admin"
    async with served(busy_gateway(), host="", path=str(path)):
        assert (await ostiary("top", "--once", "--url", f"unix:{path}"))[0] == 0
        assert (await ostiary("health", "--url", f"unix:{path}"))[:2] == (0, "ok\n")


async def test_health_tells_life_from_readiness() -> None:
    async with served(Gateway(), servers=SERVERS) as admin:
        await admin._prober.probe()
        url = f"http://{admin.address}"
        assert await ostiary("health", "--url", url) == (0, "ok\n", "")
        status, out, err = await ostiary("health", "--ready", "--url", url)
        assert (status, out) == (1, "")
        assert "no server is reachable: ldap://dc1.corp.example:389: Connection refused" in err
    status, _, err = await ostiary("health", "--url", url)
    assert status == 1
    assert f"no answer from {url}: connection refused" in err


@pytest.mark.parametrize("url", ["localhost:9389", "ftp://x", "http://", "unix:", "http://localhost:port"])
async def test_url_that_is_none_is_a_usage_fault(url: str) -> None:
    status, _, err = await ostiary("health", "--url", url)
    assert status == 2
    assert "http://127.0.0.1:9389" in err.replace("\n", "")


async def test_other_servers_are_told_apart() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        status, _, err = await ostiary("top", "--once", "--url", f"http://127.0.0.1:{port}")
    assert status == 1
    assert "is it Ostiary's?" in err


def test_top_goes_on_when_the_gateway_is_gone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    class Answers:
        """An endpoint that answers, fails, and answers again."""

        url = "http://gateway"
        told: ClassVar = [
            document(busy_gateway()),
            EndpointError("no answer from http://gateway: refused"),
            document(Gateway()),
        ]

        def read(self, _path: str) -> tuple[int, bytes]:
            answer = self.told.pop(0)
            if isinstance(answer, EndpointError):
                raise answer
            return 200, json.dumps(answer).encode()

    shown: list[str] = []

    def note(_seconds: float) -> None:
        if not answers.told:
            raise KeyboardInterrupt

    def keep(told: dict[str, object], before: dict[str, object] | None = None, height: int = 0) -> str:
        shown.append(drawn(told, before))
        return str(height)

    answers = Answers()
    monkeypatch.setattr("ostiary.cli.top.Endpoint", lambda *_: answers)
    monkeypatch.setattr("ostiary.cli.top.frame", keep)
    monkeypatch.setattr("ostiary.cli.top.time.sleep", note)
    top(every=0.5, token_file=None, ca=None, once=False, as_json=False)
    assert ["no answer from" in each for each in shown[1:]] == [False, True, False]
    assert ["cn=wiki" in each for each in shown[1:]] == [True, True, False]


def test_frame_tells_rates_between_two_documents() -> None:
    gateway = busy_gateway()
    before = document(gateway)
    before["time"] -= 2.0
    turn(gateway)
    # Two workers, and what happened twice in between.
    assert re.search(r"cn=wiki,ou=services,dc=corp,dc=example +(79\d|800) ", drawn(document(gateway), before))


def test_frame_fits_a_narrow_terminal() -> None:
    assert max(len(line) for line in drawn(document(busy_gateway()), width=80).splitlines()) <= 80


def test_frame_shows_nothing_that_moves_a_cursor() -> None:
    gateway = busy_gateway()
    gateway.workers[0]["tops"]["identities"].append(["cn=\x1b[2Jevil\r\n", 10**9])
    gateway.workers[0]["refusals"][0]["client"] = "\x1b]0;owned\x07"
    told = drawn(document(gateway))
    assert "\x1b[2J" not in told
    assert "\x1b]" not in told
    assert "\\x1b[2Jevil" in told


@pytest.mark.parametrize(
    ("value", "told"),
    [(None, "-"), (0, "0"), (0.25, "0.25"), (812, "812"), (9_999, "9999"), (12_345, "12.3k"), (4.2e6, "4.2M")],
)  # fmt: skip
def test_counts_have_three_digits(value: float | None, told: str) -> None:
    assert count(value) == told


@pytest.mark.parametrize(("value", "told"), [(None, "-"), (5.6e-5, "56us"), (0.0012, "1.2ms"), (3, "3s")])
def test_times_have_three_digits(value: float | None, told: str) -> None:
    assert seconds(value) == told


def test_sparks_are_as_high_as_the_highest() -> None:
    assert spark([0, 1, 2, 4, None], 4) == "▂▄█ "
    assert spark([], 4) == ""
    assert spark([0, 0], 4) == "  "
