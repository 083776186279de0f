"""A time limit that many have in common: told in time and in order, and nobody is told who is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ostiary.time_limit import TimeLimit

SECONDS = 0.05


class Waiter:
    """One who writes down that its time is over, and does what else it is to."""

    def __init__(self, name: str, told: list[str], then: Callable[[], object] = lambda: None) -> None:
        self.name = name
        self._told = told
        self._then = then

    def expire(self) -> None:
        self._told.append(self.name)
        self._then()


async def until(told: list[str], number: int) -> None:
    while len(told) < number:
        await asyncio.sleep(SECONDS / 10)


async def test_tells_those_whose_time_is_over_in_order_and_never_early() -> None:
    told: list[str] = []
    limit = TimeLimit(SECONDS)
    loop = asyncio.get_running_loop()
    began = loop.time()
    for name in ("first", "second", "third"):
        limit.begin(Waiter(name, told))
    await until(told, 3)
    assert told == ["first", "second", "third"]
    assert loop.time() - began >= SECONDS
    # It begins anew behind the last.
    limit.begin(Waiter("fourth", told))
    await until(told, 4)


async def test_does_not_tell_who_is_done_even_by_the_end_of_another() -> None:
    told: list[str] = []
    limit = TimeLimit(SECONDS)
    early, late = Waiter("early", told), Waiter("late", told)
    by_another = Waiter("by another", told)
    limit.begin(early)
    limit.begin(Waiter("ends another", told, lambda: limit.end(by_another)))
    limit.begin(by_another)
    limit.begin(late)
    limit.end(early)
    limit.end(early)
    await until(told, 2)
    assert told == ["ends another", "late"]


async def test_who_begins_again_waits_the_whole_time_again() -> None:
    told: list[str] = []
    limit = TimeLimit(SECONDS)
    again = Waiter("again", told)
    limit.begin(again)
    limit.begin(Waiter("once", told))
    limit.begin(again)
    await until(told, 2)
    assert told == ["once", "again"]


async def test_a_fault_of_one_is_told_by_the_loop_and_keeps_no_other_from_its_end() -> None:
    told: list[str] = []
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: faults.append(context["exception"]))

    def fail() -> None:
        raise ValueError("of one alone")

    limit = TimeLimit(SECONDS)
    limit.begin(Waiter("fails", told, fail))
    limit.begin(Waiter("other", told, lambda: limit.begin(Waiter("later", told))))
    await until(told, 3)
    assert told == ["fails", "other", "later"]
    assert [str(each) for each in faults] == ["of one alone"]
