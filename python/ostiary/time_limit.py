"""A time limit that many have in common: one timer of the loop for all of them, as most are done long before."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Protocol

__all__ = ["TimeLimit"]


class Waiting(Protocol):
    """Who has a time limit."""

    def expire(self) -> None:
        """The time is over."""


class TimeLimit:
    """Those who wait for so long at most, in the order in which they began."""

    __slots__ = ("_ends", "_is_looking", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: dict[Waiting, float] = {}
        # A timer is set, or has come.
        self._is_looking = False

    def begin(self, waiting: Waiting) -> None:
        """It is told when its time is over, unless it ends before."""
        # Behind those who began before, even if it is one of them.
        self._ends.pop(waiting, None)
        self._ends[waiting] = monotonic() + self._seconds
        if not self._is_looking:
            self._look_in(self._seconds)

    def end(self, waiting: Waiting) -> None:
        """It waits no more, if it did."""
        self._ends.pop(waiting, None)

    def _look_in(self, seconds: float) -> None:
        self._is_looking = True
        asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        while self._ends:
            waiting, end = next(iter(self._ends.items()))
            rest = end - monotonic()
            if rest > 0:
                self._look_in(rest)
                return
            del self._ends[waiting]
            try:
                waiting.expire()
            except BaseException:
                # Its fault, of which the loop tells, is not the others'.
                self._look_in(0.0)
                raise
        self._is_looking = False
