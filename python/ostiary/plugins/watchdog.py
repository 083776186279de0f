"""Notices a hook that holds up the whole process, and interrupts it.

A hook runs in the event loop's thread, so nothing else runs meanwhile. While one runs, its stopwatch says since when;
a thread looks every now and then whether that is too long ago, and sends the main thread a signal whose handler raises
`Overrun` inside of the hook. Code that never lets another thread run (a regular expression that backtracks for ever)
is caught by the same handler through a timer that counts processor time.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from time import monotonic
from types import FrameType
from typing import Any, Protocol

__all__ = ["WATCHDOG", "Overrun", "Watched"]

SIGNAL = signal.SIGVTALRM
CALLERS = frozenset({"ostiary.plugins.answering", "ostiary.plugins.hooks"})
"""The modules that call hooks."""
_STEP_LEAST = 0.01
_STEP_MOST = 0.25


class Overrun(BaseException):
    """A hook ran beyond its time limit. No Exception, so that a hook does not take it for one of its own."""


class Watched(Protocol):
    """What is watched."""

    @property
    def limit(self) -> float:
        """How long it may hold up the process, seconds."""

    @property
    def since(self) -> float | None:
        """Since when it does, by `time.monotonic()`; None when it does not."""


class Watchdog:
    """One for the process, as signals are."""

    def __init__(self) -> None:
        self._watched: list[Watched] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._before: Any = None

    def start(self, watched: Sequence[Watched]) -> None:
        """Watches these, too, from now on, until `stop` was called for them; only the main thread can be watched."""
        if threading.current_thread() is not threading.main_thread():
            return
        # Another list, as the thread may be looking at this one.
        self._watched = [*self._watched, *watched]
        if self._thread is None:
            self._before = signal.signal(SIGNAL, self._interrupt)
            self._stop.clear()
            self._thread = threading.Thread(target=self._watch, name="ostiary-watchdog", daemon=True)
            self._thread.start()
        signal.setitimer(signal.ITIMER_VIRTUAL, self._step, self._step)

    def stop(self, watched: Sequence[Watched]) -> None:
        """Takes one `start` back."""
        left = list(self._watched)
        for each in watched:
            if each in left:
                left.remove(each)
        self._watched = left
        if left or self._thread is None:
            return
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        self._stop.set()
        self._thread.join()
        self._thread = None
        signal.signal(SIGNAL, self._before)

    @property
    def _step(self) -> float:
        least = min((each.limit for each in self._watched), default=1.0)
        return min(max(least / 4, _STEP_LEAST), _STEP_MOST)

    def _watch(self) -> None:
        main = threading.main_thread().ident
        while not self._stop.wait(self._step):
            if self._is_over() and main is not None:
                signal.pthread_kill(main, SIGNAL)

    def _is_over(self) -> bool:
        now = monotonic()
        return any((since := each.since) is not None and now - since >= each.limit for each in self._watched)

    def _interrupt(self, _number: int, frame: FrameType | None) -> None:
        # Looked at again here: by now the hook may have ended, and nothing but a hook may be interrupted, not even the
        # lines around its call.
        if frame is not None and frame.f_globals.get("__name__") not in CALLERS and self._is_over():
            raise Overrun


WATCHDOG = Watchdog()
