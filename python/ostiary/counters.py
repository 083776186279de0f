"""What is counted beside sessions, by the names of families and labels; under one configuration, whose names they are.

Who keeps one of these, or what it gave, keeps its meters in use: see `Totals`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ostiary._core import Meters, Stopwatch

__all__ = ["Counters", "Meter"]

PREFIX = "ostiary_"

Meter = tuple[int, int]


class Counters:
    """The meters of one configuration."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters
        # What was asked for by name once; labels have few values.
        self._found: dict[tuple[str, ...], Meter] = {}

    def meter(self, family: str, *labels: str) -> Meter:
        """The place of one value, by the family's name without its prefix. Raises: KeyError when there is none."""
        found = self._found.get((family, *labels))
        if found is None:
            found = self._found[family, *labels] = self._meters.meter(PREFIX + family, *labels)
        return found

    def counter(self, family: str, *labels: str) -> Callable[[int], None]:
        """What adds to one value. Raises: KeyError when there is none."""
        return partial(self._meters.add, self.meter(family, *labels))

    def stopwatch(self, before: Stopwatch, family: str, *labels: str) -> Stopwatch:
        """One that goes on where `before` is and shows its laps by a histogram. Raises: KeyError when there is none."""
        return self._meters.stopwatch(self.meter(family, *labels), before)

    def add(self, family: str, *labels: str, by: int = 1) -> None:
        """Adds to one value. Raises: KeyError when there is none."""
        self._meters.add(self.meter(family, *labels), by)

    def put(self, value: float, family: str, *labels: str) -> None:
        """Sets a gauge. Raises: KeyError when there is none."""
        self._meters.put(self.meter(family, *labels), value)
