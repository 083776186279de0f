"""Answers what sessions hold for hooks: a row of requests to one hook at a time, and each verdict back to its session.

What lies around a hook is most of what many a hook costs, so there is little of it here. Knows no session and no
socket; who is asked, and what becomes of an outcome, is `ostiary.plugins.hooks`'s to know.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from ostiary import _core as core
from ostiary.plugins.hooks import FAILED, Hook, HookChain
from ostiary.plugins.request import Request
from ostiary.plugins.verdict import PASS, Verdict
from ostiary.plugins.watchdog import WATCHDOG

if TYPE_CHECKING:
    from ostiary.plugins.client import Client

__all__ = ["Answering", "Questions"]

PASSED = core.Verdict.Pass()


class Asker(Protocol):
    """The dealings of one client with the plugins."""

    def settle(self, hold: int, outcome: Verdict | Coroutine[Any, Any, Verdict]) -> core.Verdict | None:
        """Has the session told of another outcome than `PASS`: what it is told at once, or None when it comes later."""


class Owner(Protocol):
    """Whose request it is."""

    asking: Asker | None
    """None: the client is gone, and what it asked for with it."""


class Questions(Protocol):
    """Requests that sessions hold for one hook: `ostiary._core.Questions`."""

    @property
    def owners(self) -> Sequence[Any]:
        """Whose they are: an `Owner` for each whose client is not gone."""

    def __len__(self) -> int:
        """How many there are, whose client is not gone."""

    def lend(self, request: Request) -> None:
        """What one is shown as, and others behind it as long as nobody keeps it."""

    def ask(self, stopwatch: core.Stopwatch | None) -> Iterator[tuple[Client, Request]]:
        """Itself, to go through; it measures the time from one to the next. Ends early where one has to be lent."""

    def __iter__(self) -> Iterator[tuple[Client, Request]]: ...

    def over(self) -> None:
        """The hook is done with the one that was given last: what comes is not its time."""

    def at(self, place: int) -> tuple[Any, int, Client, bytes]:
        """Whose one is, None if the client is gone, its name, its client, and its octets."""

    def passed(self, outcomes: list[object], passing: object) -> bool:
        """Has all their sessions go on, if there is an outcome for each and all are that; says whether."""

    def answer(self, verdicts: list[core.Verdict | None]) -> None:
        """Has their sessions go on, with verdicts in the order of the requests; None: it comes later."""


class Answering:
    """Answers what sessions hold. As `HookChain.run` for each, but that what lies around the hooks costs a fraction:
    this is what every request goes through where there are any.
    """

    def __init__(self, chains: Mapping[int, HookChain], fail: Callable[[Any, BaseException], None]) -> None:
        """`chains` are whom to ask, by the configuration under which a request came. `fail` is called where it is not a
        plugin that fails.
        """
        self._chains = chains
        self._fail = fail

    def answer(self, held: Iterable[tuple[int, int, str, Questions]]) -> None:
        """Asks about each, and has its session told."""
        for generation, stage, operation, questions in held:
            try:
                chain = self._chains[generation]
                hook = chain.stages[stage][operation]
                if hook.is_async:
                    questions.answer(self._awaited(chain, hook, questions))
                    continue
                outcomes: list[object] = []
                call = hook.call
                WATCHDOG.running = hook
                try:
                    for client, request in questions.ask(hook.watch):
                        outcomes.append(call(client, request))
                except BaseException as error:  # noqa: BLE001  (a plugin that fails, however it does, refuses)
                    outcomes.append(self._failed(chain, hook, questions, error))
                WATCHDOG.running = None
                if not questions.passed(outcomes, PASS):
                    self._ask_on(chain, hook, questions, outcomes)
                    questions.answer(self._taken(chain, hook, operation, questions, outcomes))
            except BaseException as error:  # noqa: BLE001  (whoever waits for an answer ends; the others go on)
                WATCHDOG.running = None
                for owner in questions.owners:
                    self._fail(owner, error)

    def _ask_on(self, chain: HookChain, hook: Hook, questions: Questions, outcomes: list[object]) -> None:
        """Asks about those that are left, since a hook has raised or kept what it was shown."""
        while len(outcomes) < len(questions):
            questions.lend(blank())
            try:
                WATCHDOG.running = hook
                for client, request in questions:
                    outcomes.append(hook.call(client, request))
            except BaseException as error:  # noqa: BLE001  (as above)
                outcomes.append(self._failed(chain, hook, questions, error))
            WATCHDOG.running = None

    def _failed(self, chain: HookChain, hook: Hook, questions: Questions, error: BaseException) -> Verdict:
        WATCHDOG.running = None
        questions.over()
        return chain.failed(hook, error, FAILED)

    def _taken(
        self, chain: HookChain, hook: Hook, operation: str, questions: Questions, outcomes: list[object]
    ) -> list[core.Verdict | None]:
        """What sessions are told, where it is not the same for all."""
        verdicts: list[core.Verdict | None] = []
        for place, outcome in enumerate(outcomes):
            if outcome is PASS:
                verdicts.append(PASSED)
                continue
            owner, hold, client, raw = questions.at(place)
            taken = partial(chain.taken, hook, client, Request(operation, raw), outcome)
            verdicts.append(self._settled(owner, hold, taken))
        return verdicts

    def _awaited(self, chain: HookChain, hook: Hook, questions: Questions) -> list[core.Verdict | None]:
        verdicts: list[core.Verdict | None] = []
        while len(verdicts) < len(questions):
            questions.lend(blank())
            for client, request in questions.ask(None):
                owner, hold, *_ = questions.at(len(verdicts))
                verdicts.append(self._settled(owner, hold, partial(chain.wait, hook, client, request)))
        return verdicts

    def _settled(
        self, owner: Owner | None, hold: int, decided: Callable[[], Verdict | Coroutine[Any, Any, Verdict]]
    ) -> core.Verdict | None:
        """What the session of a request is told."""
        if owner is None or owner.asking is None:
            return None
        try:
            return owner.asking.settle(hold, decided())
        except BaseException as error:  # noqa: BLE001  (one client's fault is not the others')
            self._fail(owner, error)
            return None


def blank() -> Request:
    """A request that the core makes another one."""
    return Request("search", b"")
