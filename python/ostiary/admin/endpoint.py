"""The admin endpoint: its address, who may read what, and what is behind each path.

Knows the gateway as a `Source` only. /healthz, /readyz and the page itself, which holds no figures, are open to all
who reach the address; the rest needs the token, where there is one. Nothing here changes anything in the gateway.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ostiary import __version__, log
from ostiary.admin.attention import attention
from ostiary.admin.figures import Figures
from ostiary.admin.history import STEP_SECONDS, History
from ostiary.admin.page import page
from ostiary.admin.prober import Prober
from ostiary.admin.processes import FAMILIES as PROCESS_FAMILIES
from ostiary.admin.processes import process_samples
from ostiary.admin.sockets import bound, context
from ostiary.admin.status import Health, merged
from ostiary.admin.token import is_granted
from ostiary.admin.web import BaseRequest, Response, Server
from ostiary.metrics import Exposition, Family
from ostiary.pem import key_pem, load_identity
from ostiary.sockets import listening_address

if TYPE_CHECKING:
    from ostiary.admin.plan import AdminPlan
    from ostiary.admin.source import Sample, Source

__all__ = ["FAMILIES", "Admin"]

logger = logging.getLogger("ostiary.admin")

FAMILIES = (
    Family("ostiary_build_info", "gauge", ("version",), "Always 1; the version stands in the label."),
    Family(
        "ostiary_certificate_expiry_timestamp_seconds", "gauge", ("side", "name"),
        "When a certificate ends, as Unix time; name is the listener's or the upstream's.",
    ),
    Family(
        "ostiary_upstream_up", "gauge", ("upstream", "server"),
        "1 if the server could be connected to when it was last tried, else 0.",
    ),
    *PROCESS_FAMILIES,
)  # fmt: skip
"""What the endpoint tells beside what the gateway counts."""

STATUS_SECONDS = 2.0
"""How long the workers may take to tell their status; then it is told without them."""
KEEP_ALIVE_SECONDS = 75.0
CONNECTIONS_MOST = 256
"""Scrapers, probes and pages are a dozen; descriptors are for clients."""
STOP_SECONDS = 2.0

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Server": "ostiary",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_Answer = Callable[[BaseRequest], Awaitable[Response]]


class Admin:
    """Metrics, health and status of a gateway, by HTTP."""

    def __init__(self, plan: AdminPlan, source: Source) -> None:
        self._plan = plan
        self._source = source
        own = {each.name for each in FAMILIES}
        counted = [
            Family(name, kind, tuple(labels), told, tuple(bounds or ()))
            for name, kind, labels, told, bounds in source.families()
        ]
        self._counted = tuple(each for each in counted if each.name not in own)
        self._started = time.time()
        self._prober = Prober(plan.servers)
        self._exposition = Exposition(self._metrics)
        self._history = History(self._figures)
        self._page, self._policy = page()
        self._open: dict[str, _Answer] = {"/": self._show, "/healthz": self._health, "/readyz": self._ready}
        self._guarded: dict[str, _Answer] = {"/metrics": self._scrape, "/status": self._status}
        self._http: Server | None = None
        self._listening: asyncio.Server | None = None
        self._socket: socket.socket | None = None
        self._tls: ssl.SSLContext | None = None
        self._is_handed_over = False
        self._noting: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """Where it listens, as the configuration writes addresses; the real port where that was 0."""
        assert self._socket is not None
        return listening_address(self._socket)

    async def start(self, given: socket.socket | None = None) -> None:
        """Binds, unless a socket is given, serves and looks after the servers from now on.

        Raises:
            OSError: the address cannot be bound.
        """
        loop = asyncio.get_running_loop()
        self._socket = sock = bound(self._plan) if given is None else given
        self._http = Server(self._answer, access_log=None, keepalive_timeout=KEEP_ALIVE_SECONDS)
        self._tls = tls = None if self._plan.identity is None else context(*self._plan.identity)
        listen = loop.create_server if self._plan.path is None else loop.create_unix_server
        self._listening = await listen(self._accept, sock=sock.dup(), ssl=tls)
        self._prober.start()
        self._noting = loop.create_task(self._note())
        log.event(logger, logging.INFO, "admin_opened", address=self.address, tls=tls is not None)

    def check(self, plan: AdminPlan) -> None:
        """Whether another plan's certificate can be shown. Raises: OSError when OpenSSL does not take it."""
        if plan.identity is not None and plan.identity != self._plan.identity:
            context(*plan.identity)

    def renew(self, plan: AdminPlan) -> None:
        """Serves by another plan from now on, with the address that it has."""
        if self._tls is not None and plan.identity is not None and plan.identity != self._plan.identity:
            # Those who come from now on are shown the new one.
            chain, key = plan.identity
            load_identity(self._tls, chain, key_pem(key))
        self._plan = plan
        self._prober.renew(plan.servers)

    def fileno(self) -> int:
        """The descriptor of what it listens on."""
        assert self._socket is not None
        return self._socket.fileno()

    def hand_over(self) -> None:
        """Another process serves there: new connections are that one's."""
        self._is_handed_over = True
        if self._listening is not None:
            self._listening.close()

    async def stop(self) -> None:
        """Answers what is asked, and closes."""
        if self._listening is None or self._http is None or self._noting is None or self._socket is None:
            return
        self._listening.close()
        self._socket.close()
        if self._plan.path is not None and not self._is_handed_over and os.path.exists(self._plan.path):
            os.unlink(self._plan.path)
        self._noting.cancel()
        await asyncio.wait([self._noting])
        await self._prober.stop()
        self._http.pre_shutdown()
        await self._http.shutdown(STOP_SECONDS)

    def _accept(self) -> asyncio.BaseProtocol:
        assert self._http is not None
        # Whoever opens connections and says nothing must not keep a health check out: the oldest gives way.
        if len(connections := self._http.connections) >= CONNECTIONS_MOST:
            connections[0].force_close()
        return self._http()

    async def _note(self) -> None:
        while True:
            self._history.note()
            await asyncio.sleep(STEP_SECONDS)

    async def _answer(self, request: BaseRequest) -> Response:
        response = await self._answered(request)
        response.headers.update(_HEADERS)
        return response

    async def _answered(self, request: BaseRequest) -> Response:
        path = request.path
        answer = self._open.get(path) or self._guarded.get(path)
        if answer is None:
            return _text(404, f"nothing here; try {', '.join((*self._open, *self._guarded))}")
        if request.method not in ("GET", "HEAD"):
            return _text(405, "only GET and HEAD", Allow="GET, HEAD")
        token = self._plan.token
        if token is not None and path in self._guarded and not is_granted(token, request.headers.get("Authorization")):
            return _text(401, "a bearer token is needed", **{"WWW-Authenticate": 'Bearer realm="ostiary"'})
        return await answer(request)

    async def _show(self, _request: BaseRequest) -> Response:
        headers = {"Content-Security-Policy": self._policy}
        return Response(body=self._page, content_type="text/html", charset="utf-8", headers=headers)

    async def _health(self, _request: BaseRequest) -> Response:
        return _text(200, "ok")

    async def _ready(self, _request: BaseRequest) -> Response:
        reason = self._reason()
        return _text(200, "ready") if reason is None else _text(503, reason)

    async def _scrape(self, request: BaseRequest) -> Response:
        body, content_type = self._exposition.encode(request.headers.get("Accept", ""))
        return Response(body=body, headers={"Content-Type": content_type})

    async def _status(self, _request: BaseRequest) -> Response:
        try:
            async with asyncio.timeout(STATUS_SECONDS):
                statuses = await self._source.statuses()
        except TimeoutError:
            statuses = ()
        health = Health(
            version=__version__,
            started=self._started,
            reason=self._reason(),
            servers=self._prober.states,
            certificates=self._source.certificates,
            processes=self._processes(),
            rates=self._history.rates,
            reload=self._source.reload,
        )
        document = merged(statuses, self._figures(), health)
        document["history"] = self._history.document()
        document["attention"] = attention(document)
        return Response(body=json.dumps(document).encode(), content_type="application/json")

    def _reason(self) -> str | None:
        """Why no client should be sent here; None when they should."""
        return "the gateway is stopping" if self._source.is_stopping else self._prober.reachable()

    def _figures(self) -> Figures:
        return Figures(self._counted, self._source.samples(), time.monotonic())

    def _processes(self) -> dict[str, dict[str, float]]:
        names = {
            "process_resident_memory_bytes": "resident_bytes",
            "process_cpu_seconds_total": "cpu_seconds",
            "process_open_fds": "open_fds",
        }
        pids = self._source.processes()
        told: dict[str, dict[str, float]] = {name: {"pid": pid} for name, pid in pids.items()}
        for family, (name,), value in process_samples(pids):
            if family in names:
                told[name][names[family]] = value
        return told

    def _metrics(self) -> tuple[list[Family], list[Sample], list[Any]]:
        """What a scrape sees: what was counted, and what the endpoint knows itself."""
        own = {each.name for each in FAMILIES}
        samples: list[Sample] = [each for each in self._source.samples() if each[0] not in own]
        samples.append(("ostiary_build_info", (__version__,), 1))
        expiry = "ostiary_certificate_expiry_timestamp_seconds"
        samples += [(expiry, (side, name), end) for side, name, end in self._source.certificates]
        samples += [
            ("ostiary_upstream_up", (each.upstream, each.server), int(each.is_up))
            for each in self._prober.states
            if each.is_up is not None
        ]
        samples += process_samples(self._source.processes())
        return [*self._counted, *FAMILIES], samples, list(self._source.exemplars()) if self._plan.exemplars else []


def _text(status: int, text: str, **headers: str) -> Response:
    return Response(status=status, text=f"{text}\n", headers=headers)
