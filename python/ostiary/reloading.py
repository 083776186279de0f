"""Reading the configuration again: checked whole in a process of its own, then put in force, or not at all.

The process that serves has neither the models nor the libraries that read certificates; `ostiary.checking` has. What a
plan comes to is the host's to know: one gateway, or the supervisor of several.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ostiary import log, notify
from ostiary.errors import Fault, OstiaryError
from ostiary.worker import command

if TYPE_CHECKING:
    from ostiary.plan import Plan

__all__ = ["Checked", "Reloadable", "Reloader", "restarts_for"]

logger = logging.getLogger("ostiary.reload")

CHECK_SECONDS = 60.0
"""How long a check may take: certificates and plugins are read, and the machine is busy."""
FAULTS_LOGGED = 20


@dataclass
class Checked:
    """What a check says: a plan, or what is wrong."""

    plan: Plan | None = None
    faults: tuple[tuple[str, str], ...] = ()
    """Key paths and words."""


class Reloadable(Protocol):
    """What runs a plan and can run another."""

    @property
    def plan(self) -> Plan:
        """The plan in force."""

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop."""

    async def renew(self, plan: Plan) -> None:
        """Puts another plan in force. What it raises, it raises before anything has changed."""

    def count_reload(self, result: str) -> None:
        """Counts one."""


class Reloader:
    """Reads the configuration of a host again, one time after the other."""

    def __init__(self, host: Reloadable) -> None:
        self._host = host
        self._turn = asyncio.Lock()
        self._waiting: asyncio.Task[Any] | None = None
        self.faults: list[Fault] = []
        """What was wrong the last time."""
        self.last: dict[str, Any] | None = None
        """The last one, for a status: when, by what, how it ended, and what was wrong."""

    def request(self, by: str) -> None:
        """Reads it again as soon as may be; several that ask for it meanwhile ask for one."""
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._requested(by))

    async def reload(self, by: str, *, is_retry: bool = False) -> list[Fault]:
        """Reads it again, and gives what is wrong with it; nothing: it is in force. Of a retry that finds what is known
        nothing is told.
        """
        async with self._turn:
            began = time.monotonic()
            notify.reloading()
            try:
                faults = await self._reload()
            except Exception as error:  # noqa: BLE001  (whatever it is, what is in force stays)
                log.failure(logger, "reload_failed", error, by=by)
                faults = [Fault("", f"a bug in the gateway: {type(error).__name__}; the log has more")]
            else:
                if not (is_retry and faults and faults == self.faults):
                    self._tell(by, faults, time.monotonic() - began)
            finally:
                notify.ready()
            if is_retry and faults and faults == self.faults:
                return faults
            self.faults = faults
            result = "failure" if faults else "success"
            self._host.count_reload(result)
            told = [{"path": each.path, "message": each.message} for each in faults]
            self.last = {"time": time.time(), "by": by, "result": result, "faults": told}
            return faults

    async def _requested(self, by: str) -> None:
        async with self._turn:
            # From here on a request is about what this one may not have seen.
            self._waiting = None
        await self.reload(by)

    async def _reload(self) -> list[Fault]:
        host = self._host
        if host.is_stopping:
            return [Fault("", "the gateway is stopping")]
        if not host.plan.process.configuration:
            return [Fault("", "it was not started with a file")]
        before = host.plan
        checked = await check(before.process.configuration)
        if checked.plan is None:
            return [Fault(*each) for each in checked.faults]
        faults = list(restarts_for(before, checked.plan))
        if faults:
            return faults
        try:
            await host.renew(checked.plan)
        except OSError as error:
            return [Fault("", error.strerror or str(error))]
        except (OstiaryError, ValueError) as error:
            return [Fault("", str(error))]
        for path, message in checked.plan.notices:
            if (path, message) not in before.notices:
                log.event(logger, logging.WARNING, "config_notice", key=path, text=message)
        return []

    def _tell(self, by: str, faults: list[Fault], seconds: float) -> None:
        if faults:
            shown = [str(each) for each in faults[:FAULTS_LOGGED]]
            log.event(logger, logging.ERROR, "reload_failed", by=by, faults=shown, count=len(faults))
            return
        plan = self._host.plan
        log.event(
            logger, logging.INFO, "reloaded",
            by=by, listeners=len(plan.listeners), lingering=[each.name for each, _ in plan.lingering],
            seconds=round(seconds, 3),
        )  # fmt: skip


def restarts_for(before: Plan, after: Plan) -> Iterator[Fault]:
    """What of a plan cannot follow another one while the gateway runs."""
    remedy = "cannot change while the gateway runs; restart it, or run another with --takeover"
    if before.workers != after.workers:
        yield Fault("workers", f"{remedy}: {after.workers}")
    if (before.audit is None) != (after.audit is None):
        yield Fault("audit", f"whether there is one {remedy}")
    elif before.audit is not None and after.audit is not None and before.audit.core != after.audit.core:
        yield Fault("audit", f"what records say {remedy}; where they go may change")
    if before.tracing != after.tracing:
        yield Fault("tracing", remedy)
    if before.process.control != after.process.control:
        yield Fault("process.control", remedy)
    if (before.admin is None) != (after.admin is None):
        yield Fault("admin", f"whether there is an endpoint {remedy}")
    elif before.admin is not None and after.admin is not None:
        if before.admin.where != after.admin.where:
            yield Fault("admin.address", remedy)
        if (before.admin.identity is None) != (after.admin.identity is None):
            yield Fault("admin.tls", f"whether the endpoint speaks TLS {remedy}")


async def check(configuration: str) -> Checked:
    """Checks a file in a process of its own."""
    # The plan holds keys: it travels in memory that has no name.
    descriptor = os.memfd_create("ostiary-checked", os.MFD_CLOEXEC)
    try:
        process = await asyncio.create_subprocess_exec(
            *command("checking", str(descriptor), configuration),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            pass_fds=(descriptor,),
            start_new_session=True,
        )
        try:
            status = await asyncio.wait_for(process.wait(), CHECK_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
            return Checked(faults=(("", f"not checked within {CHECK_SECONDS:g} seconds"),))
        if status != 0:
            return Checked(faults=(("", f"the check ended with status {status}"),))
        with open(descriptor, "rb", closefd=False) as memory:
            memory.seek(0)
            checked: Checked = pickle.load(memory)
        return checked
    except OSError as error:
        return Checked(faults=(("", f"the check cannot be run: {error.strerror or error}"),))
    finally:
        os.close(descriptor)
