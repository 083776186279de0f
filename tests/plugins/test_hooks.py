"""How hooks are asked: a plugin that raises, hangs, returns nonsense or mutates, refuses; and what is counted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from ostiary import _core as core
from ostiary.plugins import PASS, Client, Plugin, Request, Result, Verdict, close, refuse, replace
from ostiary.plugins.answering import Answering
from ostiary.plugins.hooks import FAILED, Asked, HookChain
from ostiary.plugins.watchdog import WATCHDOG
from ostiary.testing import Stage, bind, delete, search

LIMIT = 0.2
PERSON = "uid=alice,ou=people,dc=example,dc=org"


def plugin(**hooks: Callable[..., Any]) -> type[Plugin]:
    """A plugin with these hooks."""
    return type("Tried", (Plugin,), hooks)


def raises(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    raise RuntimeError("a secret of the request")


async def raises_late(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    await asyncio.sleep(0)
    raise RuntimeError("a secret of the request")


def exits(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    sys.exit(3)


async def exits_late(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    await asyncio.sleep(0)
    sys.exit("a secret of the request")


async def exits_at_once(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    raise SystemExit


def interrupts(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    raise KeyboardInterrupt


async def interrupts_late(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    await asyncio.sleep(0)
    raise KeyboardInterrupt


def cancels(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    raise asyncio.CancelledError


async def cancels_itself(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    raise asyncio.CancelledError


def spins(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    while True:
        pass


def spins_against_exceptions(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.001)


def sleeps(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    time.sleep(30)
    return PASS


def backtracks(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    re.match(r"(a+)+$", "a" * 60 + "b")
    return PASS


async def waits(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    await asyncio.sleep(30)
    return PASS


async def waits_against_cancelling(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    for _ in range(8):
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            continue
    return PASS


async def spins_between_awaits(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    await asyncio.sleep(0)
    while True:
        pass


def forgets(_self: Plugin, _client: Client, _request: Request) -> None:
    pass


def agrees(_self: Plugin, _client: Client, _request: Request) -> bool:
    return True


async def agrees_late(_self: Plugin, _client: Client, _request: Request) -> bool:
    return True


def gives_a_coroutine(_self: Plugin, _client: Client, _request: Request) -> Any:
    async def inner() -> Verdict:
        return PASS

    return inner()


def mutates_request(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    cast("Any", _request).raw = b""
    return PASS


def mutates_client(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    cast("Any", _client).name = "cn=root"
    return PASS


def mutates_verdict(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    del cast("Any", PASS).kind
    return PASS


def refuses_with_success(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    return refuse(0)


def refuses_with_an_unknown_name(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    return refuse("noSuchCode")


def asks_what_is_not_there(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    return PASS if _request.password else refuse()


def replaces_with_rubbish(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    return replace(b"rubbish")


def replaces_with_another_kind(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    return replace(delete(PERSON))


def replaces_with_another_id(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    return replace(search(message_id=9))


FAILURES = [
    raises, raises_late, exits, exits_late, exits_at_once, interrupts, interrupts_late, cancels, cancels_itself,
    spins, spins_against_exceptions, sleeps, backtracks, waits, waits_against_cancelling, spins_between_awaits,
    forgets, agrees, agrees_late, gives_a_coroutine,
    mutates_request, mutates_client, mutates_verdict,
    refuses_with_success, refuses_with_an_unknown_name, asks_what_is_not_there,
    replaces_with_rubbish, replaces_with_another_kind, replaces_with_another_id,
]  # fmt: skip


@pytest.mark.parametrize("hook", FAILURES)
def test_plugin_that_fails_refuses(hook: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(plugin(on_search=hook), time_limit_seconds=LIMIT)
    began = time.monotonic()
    assert stage.ask(search(base=PERSON)) == FAILED
    assert time.monotonic() - began < LIMIT + 1.5
    assert (FAILED.code, FAILED.text) == (80, "refused: the policy could not decide")
    (cost,) = stage.costs
    assert (cost.plugin, cost.hook, cost.calls, cost.errors) == ("Tried", "on_search", 1, 1)
    (record,) = caplog.records
    fields = vars(record)["fields"]
    assert (record.getMessage(), fields["plugin"], fields["hook"]) == ("plugin_failed", "Tried", "on_search")
    assert "secret" not in json.dumps(fields)
    assert WATCHDOG.running is None


@pytest.mark.parametrize("hook", [raises, spins, waits, forgets])
def test_plugin_that_fails_in_monitor_mode_changes_nothing(hook: Callable[..., Any]) -> None:
    stage = Stage(plugin(on_search=hook), mode="monitor", time_limit_seconds=LIMIT)
    assert stage.ask(search()) is PASS
    assert [(note.hook, note.verdict) for note in stage.notes] == [("on_search", FAILED)]
    assert stage.costs[0].errors == 1


def test_time_limit_is_the_hooks_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def quick(_self: Plugin, _client: Client, _request: Request) -> Verdict:
        time.sleep(LIMIT / 8)
        return PASS

    monkeypatch.setattr(logging.getLogger("ostiary.plugins"), "disabled", True)
    stage = Stage(plugin(on_search=quick), time_limit_seconds=LIMIT)
    for _ in range(16):
        assert stage.ask(search()) is PASS
    assert stage.costs[0].errors == 0
    assert stage.costs[0].seconds > LIMIT


async def test_nothing_but_a_hook_is_interrupted() -> None:
    async def waits_shortly(_self: Plugin, _client: Client, _request: Request) -> Verdict:
        await asyncio.sleep(LIMIT / 2)
        return PASS

    stage = Stage(plugin(on_search=waits_shortly), time_limit_seconds=LIMIT)
    asked = [asyncio.create_task(stage.ask_async(search())) for _ in range(3)]
    await asyncio.sleep(0)
    time.sleep(LIMIT / 4)  # somebody else holds up the loop
    assert await asyncio.gather(*asked) == [PASS] * 3


async def test_waiting_hooks_hold_only_their_request() -> None:
    async def waits_for_search(_self: Plugin, _client: Client, request: Request) -> Verdict:
        if request.operation == "search":
            await asyncio.sleep(LIMIT / 2)
        return PASS

    stage = Stage(plugin(on_request=waits_for_search))
    slow = asyncio.create_task(stage.ask_async(search()))
    await asyncio.sleep(0)
    assert await stage.ask_async(delete(PERSON)) is PASS
    assert not slow.done()
    assert await slow is PASS


async def test_question_of_a_client_that_is_gone_is_cancelled() -> None:
    ended = asyncio.Event()

    async def waits_long(_self: Plugin, _client: Client, _request: Request) -> Verdict:
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()
        return PASS

    asked = asyncio.create_task(Stage(plugin(on_search=waits_long)).ask_async(search()))
    await asyncio.sleep(0.01)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await asyncio.wait_for(ended.wait(), 1)


def test_hook_of_an_operation_comes_before_the_one_for_all() -> None:
    tried = plugin(
        on_search=lambda _self, _client, _request: refuse(53),
        on_request=lambda _self, _client, _request: refuse(51),
    )
    stage = Stage(tried)
    assert stage.ask(search()).code == 53
    assert stage.ask(delete(PERSON)).code == 51
    assert stage.ask(bind(PERSON, "x")).code == 51
    assert [cost.hook for cost in stage.costs] == ["on_request", "on_search"]


def test_operation_without_a_hook_passes() -> None:
    stage = Stage(plugin(on_search=lambda _self, _client, _request: refuse(53)))
    assert stage.ask(delete(PERSON)) is PASS


def test_verdicts_arrive_as_they_are_given() -> None:
    verdicts = [PASS, refuse(), refuse("busy", "later"), close("bye"), replace(search(base="dc=other"))]
    for verdict in verdicts:
        stage = Stage(plugin(on_search=lambda _self, _client, _request, _given=verdict: _given))
        assert stage.ask(search()) == verdict


def test_monitor_mode_notes_and_passes() -> None:
    stage = Stage(plugin(on_search=lambda _self, _client, _request: refuse("busy")), mode="monitor")
    assert stage.ask(search()) is PASS
    assert [(note.plugin, note.verdict.code) for note in stage.notes] == [("Tried", 51)]


def test_monitored_verdict_is_logged_by_default(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    tried = plugin(on_search=lambda _self, _client, _request: refuse("busy"))({})
    chain = HookChain([Asked(0, "tried", tried, monitor=True, limit=1.0)])
    assert chain.run(0, Client(1, "192.0.2.1", "ldaps"), search()) is PASS
    (record,) = caplog.records
    assert record.getMessage() == "hook_monitored"


def test_client_may_be_closed_when_it_comes() -> None:
    tried = plugin(on_connect=lambda _self, client: PASS if client.tls else close("TLS only"))
    stage = Stage(tried)
    assert stage.connect() is PASS
    assert stage.connect(stage.client(tls=False)) == close("TLS only")


@pytest.mark.parametrize("verdict", [None, refuse(), replace(b"x"), True])
def test_client_is_closed_where_its_hook_gives_what_does_not_fit(verdict: object) -> None:
    stage = Stage(plugin(on_connect=lambda _self, _client: verdict))
    assert stage.connect() == close("refused: the policy could not decide")


async def test_first_plugin_that_closes_ends_the_question() -> None:
    asked: list[str] = []

    def hooks(name: str, verdict: Verdict, late: bool) -> Asked:
        def now(_self: Plugin, _client: Client) -> Verdict:
            asked.append(name)
            return verdict

        async def later(_self: Plugin, _client: Client) -> Verdict:
            asked.append(name)
            await asyncio.sleep(0)
            return verdict

        return Asked(None, name, plugin(on_connect=later if late else now)({}), monitor=False, limit=1.0)

    plugins = [
        hooks("a", PASS, False), hooks("b", PASS, True), hooks("c", PASS, False), hooks("d", close("d"), True),
        hooks("e", PASS, False),
    ]  # fmt: skip
    verdict = HookChain(plugins).connect(Client(1, None, "ldapi"))
    assert not isinstance(verdict, Verdict)
    assert await verdict == close("d")
    assert asked == ["a", "b", "c", "d"]


async def test_answers_and_ends_are_told() -> None:
    told: list[object] = []

    async def finished(_self: Plugin, _client: Client, request: Request, result: Result) -> None:
        await asyncio.sleep(0)
        told.append((request.operation, result.name, result.entries))

    tried = plugin(on_finished=finished, on_close=lambda _self, client: told.append(client.number))
    stage = Stage(tried)
    client = stage.client()
    stage.finish(search(), Result(0, 7), client)
    stage.close(client)
    await asyncio.sleep(0.01)
    assert told == [client.number, ("search", "success", 7)]
    stage.finish(search(), 32, client)
    await asyncio.sleep(0.01)
    assert told[-1] == ("search", "noSuchObject", 0)


def test_what_is_told_may_fail_without_harm(caplog: pytest.LogCaptureFixture) -> None:
    def fails(_self: Plugin, _client: Client, *_rest: object) -> None:
        raise RuntimeError("a secret")

    stage = Stage(plugin(on_finished=fails))
    stage.finish(search(), 0)
    assert [cost.errors for cost in stage.costs] == [1]
    assert "a secret" not in caplog.text


async def test_calls_in_the_background_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async def waits_long(_self: Plugin, _client: Client) -> None:
        await asyncio.sleep(30)

    monkeypatch.setattr("ostiary.plugins.hooks.BACKGROUND_MOST", 5)
    chain = HookChain([Asked(None, "tried", plugin(on_close=waits_long)({}), monitor=False, limit=0.05)])
    for number in range(9):
        chain.closed(Client(number, None, "ldapi"))
    assert [cost.errors for cost in chain.costs] == [4]
    await asyncio.sleep(0.1)
    assert [(cost.calls, cost.errors) for cost in chain.costs] == [(5, 9)]


def test_failures_are_told_once_a_second(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(plugin(on_search=raises))
    for _ in range(50):
        assert stage.ask(search()) == FAILED
    assert len(caplog.records) == 1
    assert stage.costs[0].errors == 50


@dataclass
class Held:
    """Whose request is held, and what became of it."""

    asking: Held | None = None
    settled: list[tuple[int, str]] = field(default_factory=list)

    def settle(self, hold: int, outcome: Verdict | Coroutine[Any, Any, Verdict]) -> core.Verdict | None:
        """Says at once what a session is told, or not at all."""
        if isinstance(outcome, Verdict):
            self.settled.append((hold, outcome.kind))
            return core.Verdict.Refuse(outcome.code, outcome.text)
        outcome.close()
        self.settled.append((hold, "later"))
        return None


class Row:
    """Searches of one owner, named from 7 on, as the core gives them."""

    def __init__(self, owner: Any, many: int = 1) -> None:
        self.owners: list[Any] = [owner] * many
        self.verdicts: list[core.Verdict | None] | None = None
        self._given = self._lent = 0
        self._stopwatch: core.Stopwatch | None = None
        self._since: float | None = None

    def ask(self, stopwatch: core.Stopwatch | None) -> Iterator[tuple[Client, Request]]:
        """Itself."""
        self._stopwatch = stopwatch
        return self

    def __iter__(self) -> Iterator[tuple[Client, Request]]:
        return self

    def __next__(self) -> tuple[Client, Request]:
        self.over()
        # As if two of three were kept.
        if self._given == min(len(self.owners), self._lent * 3 // 2):
            raise StopIteration
        self._given += 1
        self._since = time.monotonic()
        return Client(1, None, "ldapi"), search()

    def __len__(self) -> int:
        return len(self.owners)

    def lend(self, _request: Request) -> None:
        """What one is shown as."""
        self._lent += 1

    def at(self, place: int) -> tuple[Any, int, Client, bytes]:
        """Whose one is."""
        return self.owners[place], 7 + place, Client(1, None, "ldapi"), search().raw

    def over(self) -> None:
        """Once for each."""
        if self._stopwatch is not None and self._since is not None:
            self._stopwatch.lap(self._since)
        self._since = None

    def passed(self, outcomes: list[object], passing: object) -> bool:
        """Whether all have passed."""
        if not len(outcomes) == self._given == len(self.owners) or any(each is not passing for each in outcomes):
            return False
        self.verdicts = [core.Verdict.Pass() for _ in outcomes]
        return True

    def answer(self, verdicts: list[core.Verdict | None]) -> None:
        """What sessions are told."""
        assert len(verdicts) == self._given == len(self.owners)
        self.verdicts = verdicts


def answers(chain: HookChain, row: Row, fail: Callable[[Any, BaseException], None]) -> list[core.Verdict | None] | None:
    """What sessions are told of searches that a chain is asked about."""
    Answering({3: chain}, fail).answer([(3, 0, "search", row)])
    return row.verdicts


def unfailing(_owner: Any, error: BaseException) -> None:
    raise AssertionError("it is the plugin's, or nobody's") from error


def chain_of(hook: Callable[..., Any]) -> HookChain:
    return HookChain([Asked(0, "tried", plugin(on_search=hook)({}), monitor=False, limit=LIMIT)])


def passes(_self: Plugin, _client: Client, request: Request) -> Verdict:
    return PASS if (request.operation, request.raw) == ("search", search().raw) else refuse(1, "another")


def refuses(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    return refuse(50, "no")


async def late(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    return PASS


def nonsense(_self: Plugin, _client: Client, _request: Request) -> Any:
    return True


def stops(_self: Plugin, _client: Client, _request: Request) -> Verdict:
    raise StopIteration


@pytest.mark.parametrize(
    ("hook", "verdict", "settled", "cost"),
    [
        (passes, core.Verdict.Pass, None, (2, 0)),
        (refuses, core.Verdict.Refuse, "refuse", (2, 0)),
        (raises, core.Verdict.Refuse, "refuse", (2, 2)),
        (late, type(None), "later", (0, 0)),
        (nonsense, core.Verdict.Refuse, "refuse", (2, 2)),
        (interrupts, core.Verdict.Refuse, "refuse", (2, 2)),
        (stops, core.Verdict.Refuse, "refuse", (2, 2)),
    ],
)
def test_what_is_held_is_answered_in_its_order_whatever_hooks_do(
    hook: Callable[..., Any], verdict: type, settled: str | None, cost: tuple[int, int]
) -> None:
    chain, owner = chain_of(hook), Held()
    owner.asking = owner
    told = answers(chain, Row(owner, 2), unfailing)
    assert told is not None
    assert [type(each) for each in told] == [verdict] * 2
    codes = {each.code for each in told if isinstance(each, core.Verdict.Refuse)}
    assert codes <= {50 if hook is refuses else FAILED.code}
    assert owner.settled == ([] if settled is None else [(7, settled), (8, settled)])
    assert WATCHDOG.running is None
    assert [(each.calls, each.errors) for each in chain.costs] == [cost]
    assert all(each.seconds < 60 for each in chain.costs)


def test_each_of_a_row_gets_its_own_outcome() -> None:
    outcomes = iter([PASS, refuse(50, "no"), RuntimeError("a secret"), PASS, True, PASS, refuse(53, "no")])

    def differs(_self: Plugin, _client: Client, _request: Request) -> Any:
        outcome = next(outcomes)
        if isinstance(outcome, RuntimeError):
            raise outcome
        return outcome

    chain, owner = chain_of(differs), Held()
    owner.asking = owner
    told = answers(chain, Row(owner, 7), unfailing)
    assert told is not None
    assert [each.code if isinstance(each, core.Verdict.Refuse) else type(each) for each in told] == [
        core.Verdict.Pass, 50, FAILED.code, core.Verdict.Pass, FAILED.code, core.Verdict.Pass, 53,
    ]  # fmt: skip
    assert owner.settled == [(8, "refuse"), (9, "refuse"), (11, "refuse"), (13, "refuse")]
    assert [(each.calls, each.errors) for each in chain.costs] == [(7, 2)]


def test_who_is_gone_is_told_nothing() -> None:
    assert answers(chain_of(refuses), Row(Held()), unfailing) == [None]
    assert answers(chain_of(late), Row(None), unfailing) == [None]


def test_what_is_no_plugins_fault_ends_one_client_alone() -> None:
    class Broken(Held):
        def settle(self, hold: int, outcome: Verdict | Coroutine[Any, Any, Verdict]) -> core.Verdict | None:
            if hold == 8:
                raise KeyError(hold)
            return super().settle(hold, outcome)

    owner = Broken()
    owner.asking = owner
    failed: list[tuple[Any, type]] = []
    told = answers(chain_of(refuses), Row(owner, 3), lambda who, error: failed.append((who, type(error))))
    assert told is not None
    assert [each is None for each in told] == [False, True, False]
    assert failed == [(owner, KeyError)]
    assert WATCHDOG.running is None


def test_a_row_that_nobody_can_answer_ends_its_clients() -> None:
    owner, failed = Held(), list[type]()
    Answering({}, lambda _, error: failed.append(type(error))).answer([(3, 0, "search", Row(owner, 2))])
    assert failed == [KeyError] * 2


def test_a_hook_that_hangs_among_others_is_interrupted_alone() -> None:
    calls = iter(range(3))

    def hangs(_self: Plugin, _client: Client, _request: Request) -> Verdict:
        while next(calls) == 1:
            while True:
                pass
        return PASS

    chain, owner = chain_of(hangs), Held()
    owner.asking = owner
    chain.start()
    try:
        told = answers(chain, Row(owner, 3), unfailing)
    finally:
        chain.stop()
    assert told is not None
    assert [isinstance(each, core.Verdict.Pass) for each in told] == [True, False, True]
    assert [cost.errors for cost in chain.costs] == [1]
