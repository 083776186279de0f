"""Asks hooks about what sessions hold, one request after the other, each verdict back to its session.

What lies around a hook is most of what many a hook costs, so there is little of it here: as long as every hook lets
pass, and it is the same one that is asked, nothing runs between two calls but a loop that the core feeds, which waits
for more meanwhile. Knows no session and no socket; who is asked, and what becomes of an outcome, is
`ostiary.plugins.hooks`'s to know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ostiary.plugins.hooks import Hook, HookChain, spoken
from ostiary.plugins.request import Request
from ostiary.plugins.verdict import PASS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ostiary._core import Event, RawRequest, Stopwatch, Verdict

__all__ = ["Answering", "Asker", "Questions"]


class Questions(Protocol):
    """Requests that sessions hold for one hook: `ostiary._core.Questions`."""

    @property
    def owner(self) -> Any | None:
        """Whose the one is that was given last, until it has its verdict."""

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Goes through them, until another hook is asked, somebody is to be told something, or one has to be lent."""

    def over(self) -> bool:
        """The hook is done with the one that was given last: what comes is not its time. False: there is none."""

    def answer(self, verdict: Verdict) -> None:
        """What its session is told; by going on without, it is told to let pass."""


class Asker(Protocol):
    """What has the sessions: `ostiary._core.Driver`."""

    @property
    def asked(self) -> tuple[int, int, str] | None:
        """Who is asked next: the configuration, the stage and the operation."""

    def ask(self, stopwatch: Stopwatch, request: RawRequest) -> Questions:
        """What that hook is asked. A request is lent, which becomes each one as long as nobody keeps it."""

    def hand_over(self) -> tuple[Any | None, Event.Held]:
        """The request that is asked about next, for its owner."""


class Answering:
    """Answers what sessions hold, as `HookChain.run` for each; this is what every request goes through where there are
    hooks.
    """

    def __init__(
        self, asker: Asker, chains: Mapping[int, HookChain], fail: Callable[[Any, BaseException], None]
    ) -> None:
        """`chains` are whom to ask, by the configuration under which a request came. `fail` is called where it is not a
        plugin that fails.
        """
        self._asker = asker
        self._chains = chains
        self._fail = fail

    def answer(self) -> None:
        """Asks until nobody is to be asked before somebody is told something."""
        while (asked := self._asker.asked) is not None:
            generation, stage, operation = asked
            try:
                chain = self._chains[generation]
                hook = chain.stages[stage][operation]
            except KeyError:
                # Its owner fails by that, alone.
                self._hand_over()
                continue
            if hook.is_async:
                self._hand_over()
            else:
                self._ask(chain, hook)

    def _ask(self, chain: HookChain, hook: Hook) -> None:
        questions = self._asker.ask(hook.watch, Request("search", b""))
        call = hook.call
        try:
            try:
                for client, request in questions:
                    outcome = call(client, request)
                    if outcome is not PASS:
                        questions.over()
                        questions.answer(spoken(chain.taken(hook, client, request, outcome)))
                    # Or it would not be the next one.
                    del request
            except BaseException as error:
                # A plugin that fails, however it does, refuses.
                if not questions.over():
                    raise
                questions.answer(spoken(chain.raised(hook, client, error)))
        except BaseException as error:
            # Whoever waits for an answer ends; the others go on.
            if questions.owner is None:
                raise
            self._fail(questions.owner, error)

    def _hand_over(self) -> None:
        """Has the request's owner ask."""
        owner, held = self._asker.hand_over()
        if owner is not None:
            try:
                owner.act((held,))
            except BaseException as error:  # noqa: BLE001  (one client's fault is not the others')
                self._fail(owner, error)
