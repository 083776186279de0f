"""Tests of a plugin without sockets: the plugin, made and asked as the gateway makes and asks it.

    stage = Stage(BusinessHours, options={"begin": "08:00", "end": "18:00"})
    client = stage.client(address="192.0.2.7", identity="uid=alice,ou=people,dc=example,dc=org")
    assert stage.ask(search(base="dc=example,dc=org"), client) == PASS

The class, its options and its rules are checked as in a configuration, and faults raised as ConfigError. Rules are
evaluated by the core, hooks are called within their time limit, and what fails is refused.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal, cast

from pydantic import BaseModel, ValidationError

from ostiary.config.options import option_findings
from ostiary.config.plugins import validated
from ostiary.config.table import key_path
from ostiary.config.wording import shown
from ostiary.errors import ConfigError, Fault
from ostiary.plugins.building import (
    add,
    bind,
    compare,
    delete,
    extended,
    modify,
    modify_dn,
    password_modify,
    sasl_bind,
    search,
)
from ostiary.plugins.chain import chain, explained, faults
from ostiary.plugins.client import Client
from ostiary.plugins.hooks import Asked, HookChain, HookCost, Note, operations_of
from ostiary.plugins.loading import Unloadable, checked_class, instance
from ostiary.plugins.model import Plugin
from ostiary.plugins.request import Request
from ostiary.plugins.verdict import PASS, Result, Verdict, refuse
from ostiary.plugins.watchdog import WATCHDOG

__all__ = [
    "Stage",
    "add",
    "bind",
    "compare",
    "delete",
    "extended",
    "modify",
    "modify_dn",
    "password_modify",
    "sasl_bind",
    "search",
]


@dataclass(frozen=True, slots=True)
class _Entry:
    """The plugin's table in a configuration that has nothing else."""

    use: type[Plugin]
    name: str
    mode: str
    time_limit_seconds: float
    options: BaseModel


class Stage:
    """One plugin, as if it were alone in a configuration."""

    def __init__(
        self,
        plugin: type[Plugin],
        options: Mapping[str, Any] | None = None,
        *,
        mode: Literal["enforce", "monitor"] = "enforce",
        time_limit_seconds: float = 1.0,
    ) -> None:
        """`options` are the plugin's keys as a configuration has them.

        Raises:
            ConfigError: the class, its options or its rules have faults; each with its key path from the plugin on.
        """
        entry = _Entry(plugin, plugin.__name__, mode, time_limit_seconds, _options(plugin, dict(options or {})))
        made = chain([(0, entry)])
        if found := [Fault(key_path(loc), message) for _, loc, message in faults(made)]:
            raise ConfigError(found)
        self._numbers = count(1)
        self._made = made
        self.plugin, _ = instance(plugin, entry.options)
        """The instance that is asked."""
        self.notes: list[Note] = []
        """What the plugin would have done, in monitor mode."""
        is_asked = bool(made.hooks) and made.hooks[0].stage is not None
        stage = made.hooks[0].stage if is_asked else None
        asked = Asked(stage, entry.name, self.plugin, mode == "monitor", time_limit_seconds)
        self._stage = stage
        self._hooks = HookChain([asked], self.notes.append)

    def client(
        self,
        *,
        address: str | None = "192.0.2.1",
        identity: str = "",
        listener: str = "ldaps",
        tls: bool = True,
        certificate: bytes | None = None,
    ) -> Client:
        """A client that has proved this identity: a DN, a UPN, `DOMAIN\\user`, `sasl:NAME`, or "" for nobody."""
        number = next(self._numbers)
        return Client(number, address, listener, tls=tls, certificate=certificate, name=identity)

    def ask(self, request: Request, client: Client | None = None) -> Verdict:
        """What the plugin says of a request; where an event loop runs already, `ask_async` is the way."""
        with self._watched():
            return _now(self._asked(request, client or self.client()))

    async def ask_async(self, request: Request, client: Client | None = None) -> Verdict:
        """What the plugin says of a request."""
        with self._watched():
            verdict = self._asked(request, client or self.client())
            return verdict if isinstance(verdict, Verdict) else await verdict

    def connect(self, client: Client | None = None) -> Verdict:
        """What the plugin says of a client that has just come."""
        with self._watched():
            return _now(self._hooks.connect(client or self.client()))

    async def connect_async(self, client: Client | None = None) -> Verdict:
        """What the plugin says of a client that has just come."""
        with self._watched():
            verdict = self._hooks.connect(client or self.client())
            return verdict if isinstance(verdict, Verdict) else await verdict

    def finish(self, request: Request, result: Result | int = 0, client: Client | None = None) -> None:
        """Tells the plugin how a request was answered; an `async def` hook needs an event loop that runs."""
        with self._watched():
            told = Result(result) if isinstance(result, int) else result
            self._hooks.finished(client or self.client(), request, told)

    def close(self, client: Client) -> None:
        """Tells the plugin that a client is gone; likewise."""
        with self._watched():
            self._hooks.closed(client)

    @property
    def costs(self) -> list[HookCost]:
        """Calls, seconds and errors of each hook."""
        return self._hooks.costs

    def explain(self, request: Request, client: Client | None = None) -> dict[str, Any]:
        """What the core says of a request by the plugin's rules, as `ostiary explain --json` does."""
        who = client or self.client()
        address = None if who.address is None else str(who.address)
        return explained(self._made.policy, who.listener, address, who.tls, who.certificate, who.name, request.raw)

    def _asked(self, request: Request, client: Client) -> Verdict | Coroutine[Any, Any, Verdict]:
        if any(place.rules is not None for place in self._made.places):
            told = self.explain(request, client)
            if told["verdict"] == "refused":
                return refuse(told["code"], told["text"])
        if self._stage is None or request.operation not in operations_of(self.plugin):
            return PASS
        return self._hooks.run(self._stage, client, request)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        WATCHDOG.start(self._hooks.watched)
        try:
            yield
        finally:
            WATCHDOG.stop(self._hooks.watched)


def _options(plugin: type[Plugin], data: dict[str, Any]) -> BaseModel:
    try:
        checked_class(plugin)
        return validated(plugin.Options, data, None)
    except Unloadable as error:
        raise ConfigError([Fault("", str(error))]) from None
    except ValidationError as error:
        found = option_findings(plugin.Options, error, data, ())
        lines = ((one.loc, one.message, one.value) for one in found)
        raise ConfigError(
            [Fault(key_path(loc), told if value is None else f"{told}: {shown(value)}") for loc, told, value in lines]
        ) from None


def _now(verdict: Verdict | Coroutine[Any, Any, Verdict]) -> Verdict:
    if inspect.iscoroutine(verdict):
        return cast("Verdict", asyncio.run(verdict))
    return cast("Verdict", verdict)
