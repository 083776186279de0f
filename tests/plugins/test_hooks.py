"""How hooks are asked: a plugin that raises, hangs, returns nonsense or mutates, refuses; and what is counted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from ostiary import _core as core
from ostiary.plugins import PASS, Client, Plugin, Request, Result, Verdict, close, refuse, replace
from ostiary.plugins.answering import Answering
from ostiary.plugins.hooks import FAILED, Asked, HookChain
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
    assert [each.since for each in stage._hooks.watched] == [None]


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


class Owner:
    """Whose requests are held; has asked what it is handed."""

    def __init__(self) -> None:
        self.handed: list[int] = []

    def act(self, events: tuple[core.Event, ...]) -> None:
        """What it is told."""
        for event in events:
            assert isinstance(event, core.Event.Held)
            self.handed.append(event.hold)


class Row:
    """Searches of one owner, named from 7 on, as the core gives them: the driver and the questions in one."""

    def __init__(self, owner: Any, many: int = 1) -> None:
        self.owner: Any = None
        self.verdicts: list[core.Verdict] = []
        self._held = [(7 + each, owner) for each in range(many)]
        self._stopwatch = core.Stopwatch()
        self._given = 0

    @property
    def asked(self) -> tuple[int, int, str] | None:
        """Who is asked next."""
        return (3, 0, "search") if self._held else None

    def hand_over(self) -> tuple[Any, core.Event.Held]:
        """The next one."""
        hold, owner = self._held.pop(0)
        return owner, core.Event.Held(hold, 0, 3, "search", search().raw)

    def ask(self, stopwatch: core.Stopwatch, _request: core.RawRequest) -> Row:
        """As if two of three were kept."""
        self._stopwatch, self._given, self.owner = stopwatch, 0, None
        return self

    def __iter__(self) -> Iterator[tuple[Client, Request]]:
        return self

    def __next__(self) -> tuple[Client, Request]:
        if self.over():
            self.answer(core.Verdict.Pass())
        if not self._held or self._given == 2:
            raise StopIteration
        self._given += 1
        _, self.owner = self._held.pop(0)
        self._stopwatch.start()
        return Client(1, None, "ldapi"), search()

    def over(self) -> bool:
        """Once for each."""
        self._stopwatch.stop()
        return self.owner is not None

    def answer(self, verdict: core.Verdict) -> None:
        """What a session is told."""
        assert self.owner is not None
        self.owner = None
        self.verdicts.append(verdict)


def answers(chain: HookChain, row: Row, fail: Callable[[Any, BaseException], None]) -> list[core.Verdict]:
    """What sessions are told of searches that a chain is asked about."""
    Answering(row, {3: chain}, fail).answer()
    assert [hook.since for hook in chain.stages[0].values()] == [None]
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
    ("hook", "verdict", "errors"),
    [
        (passes, core.Verdict.Pass, 0),
        (refuses, core.Verdict.Refuse, 0),
        (raises, core.Verdict.Refuse, 3),
        (nonsense, core.Verdict.Refuse, 3),
        (interrupts, core.Verdict.Refuse, 3),
        (stops, core.Verdict.Refuse, 3),
    ],
)
def test_what_is_held_is_answered_in_its_order_whatever_hooks_do(
    hook: Callable[..., Any], verdict: type, errors: int
) -> None:
    chain = chain_of(hook)
    told = answers(chain, Row(Owner(), 3), unfailing)
    assert [type(each) for each in told] == [verdict] * 3
    codes = {each.code for each in told if isinstance(each, core.Verdict.Refuse)}
    assert codes <= {50 if hook is refuses else FAILED.code}
    assert [(each.calls, each.errors) for each in chain.costs] == [(3, errors)]
    assert all(each.seconds < 60 for each in chain.costs)


def test_hooks_that_wait_are_asked_by_those_whose_requests_they_are() -> None:
    owner = Owner()
    assert answers(chain_of(late), Row(owner, 3), unfailing) == []
    assert owner.handed == [7, 8, 9]


def test_each_of_a_row_gets_its_own_outcome() -> None:
    outcomes = iter([PASS, refuse(50, "no"), RuntimeError("a secret"), PASS, True, PASS, refuse(53, "no")])

    def differs(_self: Plugin, _client: Client, _request: Request) -> Any:
        outcome = next(outcomes)
        if isinstance(outcome, RuntimeError):
            raise outcome
        return outcome

    chain = chain_of(differs)
    told = answers(chain, Row(Owner(), 7), unfailing)
    assert [each.code if isinstance(each, core.Verdict.Refuse) else type(each) for each in told] == [
        core.Verdict.Pass, 50, FAILED.code, core.Verdict.Pass, FAILED.code, core.Verdict.Pass, 53,
    ]  # fmt: skip
    assert [(each.calls, each.errors) for each in chain.costs] == [(7, 2)]


def test_who_is_gone_is_handed_nothing() -> None:
    assert answers(chain_of(late), Row(None, 2), unfailing) == []


def test_what_is_no_plugins_fault_ends_one_client_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    failed: list[tuple[Any, type]] = []
    calls = iter(range(3))

    def breaks_once(*_arguments: Any) -> Verdict:
        if next(calls) == 1:
            raise KeyError
        return FAILED

    monkeypatch.setattr(HookChain, "failed", breaks_once)
    owner = Owner()
    told = answers(chain_of(raises), Row(owner, 3), lambda who, error: failed.append((who, type(error))))
    assert [type(each) for each in told] == [core.Verdict.Refuse] * 2
    assert failed == [(owner, KeyError)]


def test_what_its_owner_cannot_ask_ends_that_one_alone() -> None:
    class Broken(Owner):
        def act(self, events: tuple[core.Event, ...]) -> None:
            super().act(events)
            if self.handed == [7, 8]:
                raise KeyError

    owner, failed = Broken(), list[tuple[Any, type]]()
    answers(chain_of(late), Row(owner, 3), lambda who, error: failed.append((who, type(error))))
    assert (owner.handed, failed) == ([7, 8, 9], [(owner, KeyError)])


def test_requests_of_a_configuration_that_is_gone_are_their_owners() -> None:
    owner = Owner()
    Answering(Row(owner, 2), {}, unfailing).answer()
    assert owner.handed == [7, 8]


def test_what_breaks_between_hooks_is_not_taken_for_a_hooks_fault() -> None:
    class Broken(Row):
        def __next__(self) -> tuple[Client, Request]:
            if self.over():
                self.answer(core.Verdict.Pass())
                raise OSError("the kernel does not tell")
            return super().__next__()

    chain = chain_of(passes)
    with pytest.raises(OSError, match="does not tell"):
        answers(chain, Broken(Owner(), 2), unfailing)
    assert [(each.calls, each.errors) for each in chain.costs] == [(1, 0)]


def test_a_hook_that_hangs_among_others_is_interrupted_alone() -> None:
    calls = iter(range(3))

    def hangs(_self: Plugin, _client: Client, _request: Request) -> Verdict:
        while next(calls) == 1:
            while True:
                pass
        return PASS

    chain = chain_of(hangs)
    chain.start()
    try:
        told = answers(chain, Row(Owner(), 3), unfailing)
    finally:
        chain.stop()
    assert [isinstance(each, core.Verdict.Pass) for each in told] == [True, False, True]
    assert [cost.errors for cost in chain.costs] == [1]
