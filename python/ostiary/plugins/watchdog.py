"""Notices a hook that holds up the whole process, and interrupts it.

A hook runs in the event loop's thread, so nothing else runs meanwhile. While one runs, `Watchdog.running` names it;
a thread looks every now and then whether it is still the same call, and sends the main thread a signal whose handler
raises `Overrun` inside of the hook. Code that never lets another thread run (a regular expression that backtracks for
ever) is caught by the same handler through a timer that counts processor time. A row of calls to one hook costs two
assignments.
"""

from __future__ import annotations

import signal
import threading
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
    """What is watched: something with a limit that counts its calls and the steps of those."""

    @property
    def limit(self) -> float:
        """How long a call may take, seconds."""

    @property
    def calls(self) -> int:
        """How many calls were made."""

    @property
    def steps(self) -> int:
        """How many steps of calls."""


class Watchdog:
    """One for the process, as signals are."""

    def __init__(self) -> None:
        self.running: Watched | None = None
        """Set by the main thread alone, around each call."""
        self._seen: tuple[Watched | None, int, int, float] = (None, 0, 0, 0.0)
        self._limits: list[float] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._before: Any = None

    def start(self, limit: float) -> None:
        """Watches from now on, until `stop` was called as often; only the main thread can be watched."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._limits.append(limit)
        step = min(max(min(self._limits) / 4, _STEP_LEAST), _STEP_MOST)
        if self._thread is None:
            self._before = signal.signal(SIGNAL, self._interrupt)
            self._stop.clear()
            self._thread = threading.Thread(target=self._watch, name="ostiary-watchdog", daemon=True)
            self._thread.start()
        signal.setitimer(signal.ITIMER_VIRTUAL, step, step)

    def stop(self, limit: float) -> None:
        """Takes one `start` back."""
        if limit not in self._limits:
            return
        self._limits.remove(limit)
        if self._limits or self._thread is None:
            return
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        self._stop.set()
        self._thread.join()
        self._thread = None
        signal.signal(SIGNAL, self._before)

    def _watch(self) -> None:
        main = threading.main_thread().ident
        while not self._stop.wait(min(max(min(self._limits, default=1.0) / 4, _STEP_LEAST), _STEP_MOST)):
            if self._is_over() and main is not None:
                signal.pthread_kill(main, SIGNAL)

    def _is_over(self) -> bool:
        running = self.running
        if running is None:
            return False
        now = monotonic()
        hook, calls, steps, since = self._seen
        if hook is not running or calls != running.calls or steps != running.steps:
            self._seen = (running, running.calls, running.steps, now)
            return False
        return now - since >= running.limit

    def _interrupt(self, _number: int, frame: FrameType | None) -> None:
        # Looked at again here: by now the hook may have ended, and nothing but a hook may be interrupted, not even the
        # lines around its call.
        if frame is not None and frame.f_globals.get("__name__") not in CALLERS and self._is_over():
            raise Overrun


WATCHDOG = Watchdog()
