"""A real Chromium without a screen, driven by the DevTools protocol over aiohttp's websocket client."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

__all__ = ["CHROMIUM", "Page", "browser"]

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = (
    "--headless=new", "--disable-gpu", "--no-first-run", "--no-default-browser-check", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio",
    "--hide-scrollbars", "--force-color-profile=srgb", "--remote-debugging-port=0", "--disable-dev-shm-usage",
)  # fmt: skip
_START_SECONDS = 30.0
_WAIT_SECONDS = 10.0


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.requests: list[str] = []
        """Every address that the tab asked for."""
        self.problems: list[str] = []
        """What the console told: errors, and what the content security policy stopped."""
        self._reader = asyncio.create_task(self._read())

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command of the protocol."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        return await asyncio.wait_for(answer, _WAIT_SECONDS)

    async def open(self, url: str) -> None:
        """Goes there."""
        await self.call("Page.navigate", url=url)

    async def value(self, expression: str) -> Any:
        """What a script's expression comes to."""
        told = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def wait(self, expression: str, seconds: float = _WAIT_SECONDS) -> Any:
        """What the expression comes to as soon as that is true."""
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(self._until(expression), seconds)
        raise AssertionError(f"never true: {expression}; the page told: {self.problems}")

    async def _until(self, expression: str) -> Any:
        while True:
            # Between two documents there is nothing to ask.
            with contextlib.suppress(AssertionError):
                if found := await self.value(expression):
                    return found
            await asyncio.sleep(0.05)

    async def show(self, width: int, height: int, *, phone: bool = False, scheme: str = "light") -> None:
        """Sets the size of the screen, and what the reader likes."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        await self.call("Emulation.setDeviceMetricsOverride", **metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.call("Emulation.setEmulatedMedia", features=features)

    async def picture(self, path: Path) -> None:
        """Writes what is seen, as PNG."""
        told = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(told["data"]))

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.wait([self._reader])
        await self._socket.close()

    async def _read(self) -> None:
        async for message in self._socket:
            told = message.json()
            if "id" in told:
                answer = self._answers.pop(told["id"])
                if answer.done():
                    continue
                if "error" in told:
                    answer.set_exception(RuntimeError(told["error"]["message"]))
                else:
                    answer.set_result(told["result"])
            else:
                self._note(told["method"], told["params"])

    def _note(self, method: str, told: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(str(told["exceptionDetails"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.problems.append(told["entry"]["text"])


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Page]:
    """A tab of a browser of its own, that trusts any certificate and remembers nothing."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        flags = [*_FLAGS, f"--user-data-dir={folder}", "--ignore-certificate-errors"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # Chromium refuses to run as root otherwise
        nothing = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(CHROMIUM, *flags, "about:blank", stdout=nothing, stderr=nothing)
        try:
            port = await _port(Path(folder) / "DevToolsActivePort")
            async with aiohttp.ClientSession() as http:
                async with http.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    tabs = await answer.json()
                address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
                page = Page(await http.ws_connect(address, max_msg_size=0))
                for domain in ("Page", "Runtime", "Network", "Log"):
                    await page.call(f"{domain}.enable")
                try:
                    yield page
                finally:
                    await page.close()
        finally:
            process.kill()
            await process.wait()


async def _port(file: Path) -> int:
    """The port that the browser chose; it writes it to a file."""
    async with asyncio.timeout(_START_SECONDS):
        while True:
            with contextlib.suppress(OSError, IndexError, ValueError):
                return int(file.read_text().splitlines()[0])
            await asyncio.sleep(0.05)
