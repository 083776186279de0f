"""A plugin that does with secrets what plugins must not: by the listener, it puts them into every exception it can."""

from __future__ import annotations

import asyncio
import threading

from examples.one_time_password import OneTimePassword
from ostiary.plugins import PASS, Client, Plugin, Request, Result, Verdict, replace

_KEPT: set[asyncio.Task[None]] = set()


class Blabbed(Exception):
    """Says in its text all that it was given."""


async def _blab(raw: bytes) -> None:
    raise Blabbed(raw, raw.decode(errors="replace"))


def _blab_at_once(raw: bytes) -> None:
    raise Blabbed(raw, raw.decode(errors="replace"))


class _Dying:
    """Raises when it is forgotten."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def __del__(self) -> None:
        _blab_at_once(self._raw)


class Blabbing(Plugin):
    """Raises in its hooks."""

    def on_bind(self, client: Client, request: Request) -> Verdict:
        """Raises what came."""
        if client.listener == "hooked":
            # In every way by which an exception escapes whoever asked the hook.
            task = asyncio.ensure_future(_blab(request.raw))
            asyncio.get_running_loop().call_soon(_blab_at_once, request.raw)
            threading.Thread(target=_blab_at_once, args=(request.raw,), name=repr(request.raw)).start()
            _Dying(request.raw)
            del task
            _blab_at_once(request.raw)
        return PASS

    async def on_request(self, client: Client, request: Request) -> Verdict:
        """The same, later."""
        if client.listener == "hooked":
            task = asyncio.create_task(_blab(request.raw), name=repr(request.raw))
            _KEPT.add(task)
            task.add_done_callback(_KEPT.discard)
            await asyncio.sleep(0)
            if request.operation == "compare":
                return replace(request.raw + request.raw)
            if request.operation == "search":
                return request.raw  # type: ignore[return-value]
            raise Blabbed(request.raw, repr(request))
        return PASS

    def on_finished(self, client: Client, request: Request, result: Result) -> None:
        """Raises what came and what was answered."""
        if client.listener == "hooked":
            raise Blabbed(request.raw, result)


class OneTime(OneTimePassword):
    """Asks for one-time codes by one listener alone."""

    def on_bind(self, client: Client, request: Request) -> Verdict:
        """As the example, or lets it pass."""
        return super().on_bind(client, request) if client.listener == "one-time" else PASS
