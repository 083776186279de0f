"""What the admin endpoint costs: only the parts of aiohttp that serve, and few MiB."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# What serves without an endpoint is about 29 MiB, and the two together must stay below 40.
MIB_MOST = 11

MEASURE = """
import asyncio, gc, json, sys
import uvloop
import ostiary.gateway, ostiary.worker

def resident():
    gc.collect()
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1])

async def main():
    before = resident()
    from tests.admin.gateway import Gateway, plan
    from ostiary.admin.endpoint import Admin
    admin = Admin(plan(), Gateway())
    await admin.start()
    reader, writer = await asyncio.open_connection(*admin.address.split(":"))
    writer.write(b"GET /metrics HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
    assert b"ostiary_build_info" in await reader.read()
    writer.close()
    after = resident()
    await admin.stop()
    print(json.dumps({"kib": after - before, "modules": sorted(sys.modules)}))

uvloop.run(main())
"""


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_only_what_serves_is_loaded(measured: dict[str, Any]) -> None:
    strangers = {
        "aiohttp.client", "aiohttp.connector", "aiohttp.cookiejar", "aiohttp.web", "aiohttp.web_app", "cryptography",
        "pydantic", "rich", "typer",
    }  # fmt: skip
    assert strangers & set(measured["modules"]) == set()


def test_takes_few_mebibytes(measured: dict[str, Any]) -> None:
    assert measured["kib"] < MIB_MOST * 1024


@pytest.mark.parametrize(
    "script",
    [
        "import aiohttp; print(aiohttp.ClientSession, aiohttp.hdrs, aiohttp.__version__[0])",
        "from aiohttp import ClientSession, BodyPartReader",
        "from aiohttp.web import Application, Response; from ostiary.admin import web; assert web.Response is Response",
        "import aiohttp.client, aiohttp.test_utils; import aiohttp; aiohttp.TCPConnector",
    ],
)
@pytest.mark.parametrize("first", ["import ostiary.admin.web", "import aiohttp; import ostiary.admin.web"])
def test_plugins_may_use_all_of_aiohttp(first: str, script: str) -> None:
    command = [sys.executable, "-W", "error", "-c", f"{first}; {script}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
