"""The README's commands, run as they stand before the demo's directory.

A marker before each shell block says how: `verb` (a verb of make, which CI runs), `run`, `run: exits N`, `run in the
background`; `file: NAME` before a block of anything writes it. Only addresses are replaced: the directory's by the
demo's, and fixed ports by free ones.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from benches.ports import free_port

from ostiary.demo.behind import embedded_directory

from .tree import ROOT

README = (ROOT / "README.md").read_text()
NEEDED = {"openssl": "openssl", "ldapsearch": "ldap-utils"}
READY_SECONDS = 30.0


class Block(NamedTuple):
    """One fenced block and the marker before it."""

    marker: str
    language: str
    text: str


BLOCKS = [Block(*each) for each in re.findall(r"<!-- (.+?) -->\n```(\w+)\n(.*?)```", README, re.DOTALL)]


def test_every_shell_block_says_how_it_is_tested() -> None:
    known = re.compile(r"verb|run(: exits \d+| in the background)?")
    assert len(re.findall(r"^```sh$", README, re.MULTILINE)) == len([each for each in BLOCKS if each.language == "sh"])
    assert [each for each in BLOCKS if each.language == "sh" and not known.fullmatch(each.marker)] == []


def test_verbs_are_the_makefiles() -> None:
    verbs = [each.text.strip() for each in BLOCKS if each.marker == "verb"]
    assert verbs == ["make demo", "make test"]
    for verb in verbs:
        subprocess.run([*verb.split(), "--dry-run"], cwd=ROOT, capture_output=True, check=True, timeout=30)


async def _start(text: str, place: Path, environment: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        "bash", "-eu", "-o", "pipefail", "-c", text, cwd=place, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


async def _started(gateway: asyncio.subprocess.Process) -> None:
    assert gateway.stdout is not None
    told = b""
    while b'"started"' not in told:
        line = await gateway.stdout.readline()
        assert line, told.decode()
        told += line


async def _end(gateway: asyncio.subprocess.Process) -> None:
    gateway.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(gateway.wait(), READY_SECONDS) == 0


def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()


async def test_five_minutes_to_a_configuration(tmp_path: Path) -> None:
    for command, package in NEEDED.items():
        if shutil.which(command) is None:
            pytest.skip(f"{command} is absent: apt-get install {package}")
    place = tmp_path / "try"
    place.mkdir()
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    async with AsyncExitStack() as stack:
        behind = await embedded_directory(tmp_path / "directory", stack)
        shutil.copy(tmp_path / "directory/ca.pem", place / "directory-ca.pem")
        replaced = {"ldap://dc.example.org:389": behind.url, "1636": str(free_port()), "1389": str(free_port())}
        replaced["9389"] = str(free_port())
        exports = ""
        gateway: asyncio.subprocess.Process | None = None
        for block in BLOCKS:
            text = block.text
            for old, new in replaced.items():
                text = text.replace(old, new)
            if block.marker.startswith("file: "):
                (place / block.marker.removeprefix("file: ")).write_text(text)
            elif block.marker == "run in the background":
                if gateway is not None:
                    await _end(gateway)
                gateway = await _start(f"exec {text}", place, environment)
                stack.callback(_stop, gateway)
                await asyncio.wait_for(_started(gateway), READY_SECONDS)
            elif block.marker.startswith("run"):
                status = int(block.marker.rpartition(" ")[2]) if "exits" in block.marker else 0
                process = await _start(exports + text, place, environment)
                out, _ = await asyncio.wait_for(process.communicate(), READY_SECONDS)
                assert process.returncode == status, f"{text}\n{out.decode()}"
                found = out.decode().count("mail: alice@example.org")
                assert found == (text.count("ldapsearch") if status == 0 else 0)
                # A terminal keeps what was exported in it.
                exports += "".join(f"{line}\n" for line in text.splitlines() if line.startswith("export "))
        assert gateway is not None
        await _end(gateway)
