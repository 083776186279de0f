"""What is told of an exception that nobody has caught, and what is left of a process that crashes: never a value.

Exceptions of a plugin's own tasks and threads end here, and bugs of ours. Their texts, and what Python would print
beside them, may hold what a client sent; so they are told by class, and by the places that they came by. A core dump
holds registers and what is in files, and none of the memory in which requests and keys lie.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from ostiary import log

__all__ = ["watch_loop", "watch_process"]

logger = logging.getLogger("ostiary.uncaught")

DUMPED_MEMORY = Path("/proc/self/coredump_filter")
"""Which kinds of memory a core dump takes along (Linux, core(5)); processes that are started inherit it."""
PLACES_MOST = 20
"""The innermost ones are told."""


def watch_process() -> None:
    """Takes what threads and destructors of this process raise, and keeps its memory out of core dumps."""
    threading.excepthook = lambda args: _tell("a thread ended by an exception", args.exc_type, args.exc_traceback)
    sys.unraisablehook = lambda args: _tell("an exception that goes nowhere", args.exc_type, args.exc_traceback)
    try:
        DUMPED_MEMORY.write_text("0")
    except OSError:
        # No Linux, or a /proc of which nothing may be written: as it was.
        return


def watch_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Takes what callbacks and forgotten tasks of an event loop raise."""
    loop.set_exception_handler(_handle)


def _handle(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # The message is asyncio's own; everything else in the context is shown with its content.
    error = context.get("exception")
    message = str(context.get("message", "unhandled exception in the event loop"))
    _tell(message, type(error) if error is not None else None, None if error is None else error.__traceback__)


def _tell(message: str, kind: type[BaseException] | None, trace: TracebackType | None) -> None:
    frames = traceback.extract_tb(trace)[-PLACES_MOST:]
    log.event(
        logger, logging.ERROR, "uncaught",
        text=message, error=None if kind is None else kind.__name__,
        places=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    )  # fmt: skip
