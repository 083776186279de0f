"""Asks hooks: in order, within their time limit, and so that a plugin that fails, refuses.

What is called: `start` and `stop` once, `connect` when a client has come, `run` when the core holds a request (most of
those `Answering` asks about), `finished` when one was answered, `closed` when the client is gone. Nothing here raises
for what a plugin does. Knows no session and no socket. Logs which plugin failed and where, never a request's content:
exceptions are told by their class, as their texts may hold what a client sent.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import types
from collections.abc import Callable, Coroutine, Generator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from ostiary import _core as core
from ostiary import log
from ostiary._core import Stopwatch, decode_request
from ostiary.plugins.request import OPERATIONS, Operation, Request
from ostiary.plugins.verdict import PASS, Result, Verdict, close, refuse
from ostiary.plugins.watchdog import WATCHDOG, Overrun

if TYPE_CHECKING:
    from ostiary.plugins.client import Client
    from ostiary.plugins.model import Plugin

__all__ = ["FAILED", "Asked", "Hook", "HookChain", "HookCost", "Note", "operations_of", "spoken"]

logger = logging.getLogger("ostiary.plugins")

OTHER = 80
FAILED = refuse(OTHER, "refused: the policy could not decide")
FAILED_CONNECT = close("refused: the policy could not decide")
BACKGROUND_MOST = 1_024
"""How many `on_finished` and `on_close` calls may be awaited at a time; more are lost, and told."""
LOG_SECONDS = 1.0
"""A hook that fails for every request is told this often, with the number of its errors."""

Call = Callable[..., Any]


class Meters(Protocol):
    """What counts for everybody to see, by family and values of its labels."""

    def counter(self, family: str, *labels: str) -> Callable[[int], None]:
        """What adds to a counter."""

    def stopwatch(self, before: Stopwatch, family: str, *labels: str) -> Stopwatch:
        """One that goes on where `before` is, and shows its laps by a histogram."""


class HookCost(NamedTuple):
    """What a hook has cost so far."""

    plugin: str
    hook: str
    calls: int
    seconds: float
    """From the question to the verdict, waiting included."""
    errors: int
    """Calls that raised, took too long, or gave no verdict."""


class Note(NamedTuple):
    """What a plugin in monitor mode would have done."""

    plugin: str
    hook: str
    client: Client
    verdict: Verdict


class Asked(NamedTuple):
    """A plugin that is asked: where it stands, and how."""

    stage: int | None
    """Its hook stage in the policy; None when no request is held for it."""
    name: str
    instance: Plugin
    monitor: bool
    limit: float


class Hook:
    """One method of one plugin, and what it has cost."""

    __slots__ = (
        "call",
        "count_error",
        "count_monitored",
        "errors",
        "has_stage",
        "is_async",
        "limit",
        "method",
        "monitor",
        "plugin",
        "steps",
        "told",
        "watch",
    )

    def __init__(self, asked: Asked, method: str, meters: Meters | None) -> None:
        self.plugin = asked.name
        self.method = method
        self.call: Call = getattr(asked.instance, method)
        self.is_async = inspect.iscoroutinefunction(self.call)
        self.limit = asked.limit
        self.monitor = asked.monitor
        self.steps = Stopwatch()
        """From one await of a coroutine to the next: it holds up the process there."""
        self.errors = 0
        self.told = 0.0
        self.has_stage = asked.stage is not None
        self.watch = Stopwatch()
        """From the question to the verdict, waiting included."""
        # What counts for everybody to see.
        self.count_error: Callable[[int], None] | None = None
        self.count_monitored: Callable[[int], None] | None = None
        if meters is not None:
            self.count_in(meters)

    def count_in(self, meters: Meters) -> None:
        """Counted there from now on."""
        self.watch = meters.stopwatch(self.watch, "plugin_duration_seconds", self.plugin)
        self.count_error = meters.counter("plugin_errors_total", self.plugin)
        if self.has_stage:
            self.count_monitored = meters.counter("refusals_total", self.plugin, "hook", "monitor")

    @property
    def since(self) -> float | None:
        """Since when it holds up the process; None when it does not."""
        return self.steps.since if self.is_async else self.watch.since

    @property
    def calls(self) -> int:
        """How many were made, but for one that is under way."""
        return self.watch.laps


class HookChain:
    """The hooks of a configuration's plugins."""

    def __init__(
        self,
        plugins: Sequence[Asked],
        note: Callable[[Note], None] | None = None,
        *,
        meters: Meters | None = None,
    ) -> None:
        """`note` is called for what plugins in monitor mode would have done; by default it is logged.

        `meters` count calls, errors and what would have been done, if anybody is to see.
        """
        self._note = note or _log_note
        self._meters = meters
        self._hooks: list[Hook] = []
        self.stages: dict[int, dict[str, Hook]] = {}
        """The hooks of each stage, by operations."""
        self._connect = [self._hook(each, "on_connect") for each in plugins if _has(each, "on_connect")]
        for each in plugins:
            if each.stage is not None:
                methods = {one: self._hook(each, one) for one in dict.fromkeys(operations_of(each.instance).values())}
                hooks: dict[str, Hook] = {
                    operation: methods[method] for operation, method in operations_of(each.instance).items()
                }
                self.stages[each.stage] = hooks
        self._finished = [self._hook(each, "on_finished") for each in plugins if _has(each, "on_finished")]
        self._closed = [self._hook(each, "on_close") for each in plugins if _has(each, "on_close")]
        self._background: set[asyncio.Task[Any]] = set()

    def _hook(self, asked: Asked, method: str) -> Hook:
        hook = Hook(asked, method, self._meters)
        self._hooks.append(hook)
        return hook

    # What the driver wants to know.

    @property
    def asks_connect(self) -> bool:
        """Whether `connect` has anything to ask."""
        return bool(self._connect)

    @property
    def observes(self) -> bool:
        """Whether `finished` has anybody to tell."""
        return bool(self._finished)

    @property
    def follows(self) -> bool:
        """Whether `closed` has anybody to tell."""
        return bool(self._closed)

    @property
    def costs(self) -> list[HookCost]:
        """What each hook has cost so far."""
        return [HookCost(each.plugin, each.method, each.calls, each.watch.seconds, each.errors) for each in self._hooks]

    @property
    def watched(self) -> Sequence[Hook]:
        """What may hold up the process."""
        return self._hooks

    def plugin(self, stage: int) -> str:
        """The name of the plugin whose hooks a stage asks."""
        return next(iter(self.stages[stage].values())).plugin

    def count_in(self, meters: Meters) -> None:
        """What hooks cost is counted there from now on."""
        for hook in self._hooks:
            hook.count_in(meters)

    def start(self) -> None:
        """Watches over hooks from now on. To be called in the main thread."""
        if self._hooks:
            WATCHDOG.start(self._hooks)

    def stop(self) -> None:
        """Ends the watch, and what is still awaited."""
        if self._hooks:
            WATCHDOG.stop(self._hooks)
        for task in self._background:
            task.cancel()

    # Questions.

    def run(self, stage: int, client: Client, request: Request) -> Verdict | Coroutine[Any, Any, Verdict]:
        """The verdict of a stage's hook, or a coroutine that gives it. Neither raises."""
        hook = self.stages[stage][request.operation]
        if hook.is_async:
            return self.wait(hook, client, request)
        return self.taken(hook, client, request, self._call(hook, FAILED, client, request))

    def connect(self, client: Client) -> Verdict | Coroutine[Any, Any, Verdict]:
        """What the plugins say of a client that has just come, `PASS` or `close`; as `run`."""
        return self._connected(client, 0)

    def finished(self, client: Client, request: Request, result: Result) -> None:
        """Tells the plugins how a request was answered."""
        for hook in self._finished:
            self._tell(hook, client, request, result)

    def closed(self, client: Client) -> None:
        """Tells the plugins that a client is gone."""
        for hook in self._closed:
            self._tell(hook, client)

    # How hooks are called.

    def _connected(self, client: Client, place: int) -> Verdict | Coroutine[Any, Any, Verdict]:
        for index, hook in enumerate(self._connect[place:], place):
            if hook.is_async:
                return self._wait_connected(hook, client, index)
            verdict = self._admitted(hook, client, self._call(hook, FAILED_CONNECT, client))
            if verdict is not PASS:
                return verdict
        return PASS

    async def _wait_connected(self, hook: Hook, client: Client, place: int) -> Verdict:
        verdict = self._admitted(hook, client, await self._outcome(hook, FAILED_CONNECT, client))
        if verdict is not PASS:
            return verdict
        further = self._connected(client, place + 1)
        return further if isinstance(further, Verdict) else await further

    def _admitted(self, hook: Hook, client: Client, verdict: object) -> Verdict:
        if not isinstance(verdict, Verdict) or verdict.kind not in ("pass", "close"):
            verdict = self.failed(hook, _Nonsense(verdict), FAILED_CONNECT)
        return self._applied(hook, client, verdict)

    async def wait(self, hook: Hook, client: Client, request: Request) -> Verdict:
        verdict = await self._outcome(hook, FAILED, client, request)
        return PASS if verdict is PASS else self.taken(hook, client, request, verdict)

    def _call(self, hook: Hook, failed: Verdict, *arguments: object) -> object:
        """What a hook that is no coroutine gives."""
        hook.watch.start()
        try:
            outcome: object = hook.call(*arguments)
            hook.watch.stop()
        except BaseException as error:  # noqa: BLE001  (a plugin that fails, however it does, refuses)
            hook.watch.stop()
            outcome = self.failed(hook, error, failed)
        return outcome

    async def _outcome(self, hook: Hook, failed: Verdict, *arguments: object) -> object:
        """What a hook that is a coroutine gives, within its time limit whatever it does about being cancelled."""
        since = monotonic()
        task = asyncio.create_task(_watched(hook, hook.call(*arguments)))
        try:
            await asyncio.wait((task,), timeout=hook.limit)
        finally:
            if not task.done():
                self._leave(task)
            hook.watch.lap(since)
        if not task.done():
            return self.failed(hook, Overrun(), failed)
        if task.cancelled():
            return self.failed(hook, asyncio.CancelledError(), failed)
        error = task.exception()
        return task.result() if error is None else self.failed(hook, error, failed)

    def _leave(self, task: asyncio.Task[Any]) -> None:
        """Cancels a task that nobody waits for any more."""
        task.cancel()
        self._background.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, or asyncio would complain: its request was refused long ago

    def _tell(self, hook: Hook, *arguments: object) -> None:
        if not hook.is_async:
            self._call(hook, FAILED, *arguments)
        elif len(self._background) >= BACKGROUND_MOST:
            self.failed(hook, asyncio.QueueFull(), FAILED)
        else:
            task = asyncio.create_task(self._outcome(hook, FAILED, *arguments))
            self._background.add(task)
            task.add_done_callback(self._forget)

    # What becomes of an outcome.

    def taken(self, hook: Hook, client: Client, request: Request, verdict: object) -> Verdict:
        if isinstance(verdict, Verdict) and (verdict.kind != "replace" or _is_replacement(request, verdict.request)):
            return self._applied(hook, client, verdict)
        return self.raised(hook, client, _Nonsense(verdict))

    def raised(self, hook: Hook, client: Client, error: BaseException) -> Verdict:
        return self._applied(hook, client, self.failed(hook, error, FAILED))

    def _applied(self, hook: Hook, client: Client, verdict: Verdict) -> Verdict:
        if not hook.monitor:
            return verdict
        if verdict.kind != "pass":
            if hook.count_monitored is not None:
                hook.count_monitored(1)
            self._note(Note(hook.plugin, hook.method, client, verdict))
        return PASS

    def failed(self, hook: Hook, error: BaseException, verdict: Verdict) -> Verdict:
        if isinstance(error, _Exits):
            error = error.wanted
        hook.errors += 1
        if hook.count_error is not None:
            hook.count_error(1)
        now = monotonic()
        if hook.errors == 1 or now - hook.told >= LOG_SECONDS:
            hook.told = now
            log.event(
                logger, logging.ERROR, "plugin_failed",
                plugin=hook.plugin, hook=hook.method, reason=_reason(hook, error), errors=hook.errors,
            )  # fmt: skip
        return verdict


class _Nonsense(Exception):
    """A hook gave something that is no verdict, or none that fits."""

    def __init__(self, outcome: object) -> None:
        if inspect.iscoroutine(outcome):
            outcome.close()  # or it would complain that it was never awaited
        super().__init__(type(outcome).__name__)
        self.is_verdict = isinstance(outcome, Verdict)


class _Exits(Exception):
    """A coroutine wants to end the process."""

    def __init__(self, wanted: BaseException) -> None:
        super().__init__()
        self.wanted = wanted


async def _watched(hook: Hook, inner: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await _stepped(hook, inner)
    except (SystemExit, KeyboardInterrupt) as error:
        # As it is, it would end the loop, and the gateway with it.
        raise _Exits(error) from error


@types.coroutine
def _stepped(hook: Hook, inner: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Drives a coroutine, watched from one await to the next, as it holds up everything there."""
    value: Any = None
    raised: BaseException | None = None
    while True:
        hook.steps.start()
        try:
            awaited = inner.send(value) if raised is None else inner.throw(raised)
        except StopIteration as end:
            return end.value
        finally:
            hook.steps.stop()
        raised = None
        try:
            value = yield awaited
        except BaseException as error:  # noqa: BLE001  (the coroutine's own to deal with, as in any await)
            raised = error


def operations_of(plugin: Plugin | type[Plugin]) -> dict[Operation, str]:
    """The operations that a plugin is asked about, and the method for each."""
    every = "on_request" if hasattr(plugin, "on_request") else None
    methods = {each: f"on_{each}" if hasattr(plugin, f"on_{each}") else every for each in OPERATIONS}
    return {operation: method for operation, method in methods.items() if method is not None}


def spoken(verdict: Verdict) -> core.Verdict:
    """The verdict as the session takes it."""
    match verdict.kind:
        case "refuse":
            return core.Verdict.Refuse(verdict.code, verdict.text)
        case "replace" if verdict.request is not None:
            return core.Verdict.Replace(verdict.request)
        case "close":
            return core.Verdict.Close(verdict.text)
        case _:
            return core.Verdict.Pass()


def _has(asked: Asked, method: str) -> bool:
    return hasattr(asked.instance, method)


def _is_replacement(request: Request, raw: bytes | None) -> bool:
    """Whether it may go on instead: one whole request, of the same kind and with the same id."""
    try:
        message = decode_request(cast("bytes", raw))
        return message.message_id == request.message_id and message.kind == request.operation
    except (TypeError, ValueError):
        return False


def _reason(hook: Hook, error: BaseException) -> str:
    """What went wrong, without a value of the request."""
    match error:
        case Overrun():
            return f"no verdict within {hook.limit:g} seconds"
        case _Nonsense() if error.is_verdict:
            return "the verdict does not fit here"
        case _Nonsense():
            return f"expected a verdict, found {error}"
        case asyncio.QueueFull():
            return f"{BACKGROUND_MOST} calls wait already"
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = "" if frame is None else f" at {frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}"
    return f"{type(error).__name__}{place}"


def _log_note(note: Note) -> None:
    verdict = note.verdict
    log.event(
        logger, logging.INFO, "hook_monitored",
        plugin=note.plugin, hook=note.hook, verdict=verdict.kind, code=verdict.code, client=str(note.client.address),
    )  # fmt: skip
