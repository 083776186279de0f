"""The last five minutes, for plots that are there when somebody looks: rates and times, point by point.

Kept by the endpoint, so that everybody who looks sees the same, and nobody must have looked before.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ostiary.admin.figures import Figures, quantile

__all__ = ["POINTS", "STEP_SECONDS", "History"]

STEP_SECONDS = 2.0
"""Short enough to see a spike rise, long enough to cost nothing."""
POINTS = 150

Value = float | None | dict[str, float]


class History:
    """Points at equal times; each tells what happened since the one before."""

    def __init__(self, read: Callable[[], Figures]) -> None:
        self._read = read
        self._points: deque[tuple[float, dict[str, Value]]] = deque(maxlen=POINTS)
        self._last: Figures | None = None

    def note(self) -> None:
        """Adds a point; the first call is where counting starts."""
        now, before = self._read(), self._last
        if before is not None and now.monotonic > before.monotonic:
            self._points.append((time.time(), _point(now, before)))
        self._last = now

    @property
    def rates(self) -> dict[str, Value]:
        """The last point; empty before there is one."""
        return self._points[-1][1] if self._points else {}

    def document(self) -> dict[str, Any]:
        """All points, by what they tell: one list each, all equally long."""
        names = dict.fromkeys(name for _, point in self._points for name in point)
        series: dict[str, Any] = {}
        for name in names:
            column = [point.get(name) for _, point in self._points]
            if any(isinstance(each, dict) for each in column):
                words = dict.fromkeys(word for each in column if isinstance(each, dict) for word in each)
                series[name] = {
                    word: [each.get(word, 0) if isinstance(each, dict) else 0 for each in column] for word in words
                }
            else:
                series[name] = column
        return {"step_seconds": STEP_SECONDS, "times": [round(at, 1) for at, _ in self._points], **series}


def _point(now: Figures, before: Figures) -> dict[str, Value]:
    seconds = now.monotonic - before.monotonic

    def rate(family: str, **where: str) -> float:
        return _short(max(0.0, now.total(family, **where) - before.total(family, **where)) / seconds)

    def rates(family: str, *names: str) -> dict[str, float]:
        earlier = before.by(family, *names)
        found = now.by(family, *names)
        return {word: _short(max(0.0, count - earlier.get(word, 0)) / seconds) for word, count in found.items()}

    def times(family: str, share: float) -> float | None:
        found = quantile(share, now.histogram(family), before.histogram(family))
        return None if found is None else _short(found)

    return {
        "operations": rates("ostiary_operations_total", "operation"),
        "bytes": rates("ostiary_bytes_total", "side", "direction"),
        "connections": now.total("ostiary_connections"),
        "accepted": rate("ostiary_connections_total"),
        "refusals": rate("ostiary_refusals_total", mode="enforce"),
        "bind_failures": rate("ostiary_bind_failures_total"),
        "plaintext_binds": rate("ostiary_plaintext_binds_total"),
        "violations": rate("ostiary_violations_total"),
        "seconds_50": times("ostiary_operation_duration_seconds", 0.5),
        "seconds_99": times("ostiary_operation_duration_seconds", 0.99),
        "overhead_50": times("ostiary_overhead_seconds", 0.5),
        "overhead_99": times("ostiary_overhead_seconds", 0.99),
    }


def _short(value: float) -> float:
    """Four digits are more than a plot shows, and a third of the octets."""
    return float(f"{value:.4g}")
