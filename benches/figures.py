"""Arithmetic of the comparison: per-round ratios, their median and spread, and whether a target holds.

It does not know where numbers come from. Ratios are taken within one round, where both gateways met the same
machine; then the median is taken over the rounds. A ratio of two medians would mix moments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Spread:
    """A median with the smallest and the largest value it stands for."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """None when there is nothing to summarise."""
        if not values:
            return None
        return cls(median(values), min(values), max(values))


def ratios(values: Mapping[int, float], reference: Mapping[int, float]) -> list[float]:
    """`value / reference` for every round in which both were measured, in the order of the rounds."""
    return [
        values[number] / reference[number]
        for number in sorted(values.keys() & reference.keys())
        if reference[number] > 0
    ]


def differences(values: Mapping[int, float], others: Mapping[int, float]) -> list[float]:
    """`value - other` for every round in which both were measured, in the order of the rounds."""
    return [values[number] - others[number] for number in sorted(values.keys() & others.keys())]


def per_operation_microseconds(seconds: float, operations: int) -> float | None:
    """None when nothing was done: no operation is not a cheap operation."""
    return seconds * 1e6 / operations if operations > 0 else None


def joined(turns: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a gateway's turns came to as one sample: sums, the median of each percentile, and an operation's cost."""
    last = turns[-1]
    sums = {name: sum(turn[name] for turn in turns) for name, value in last.items() if isinstance(value, (int, float))}
    percentiles = {
        name: median(turn["latency_microseconds"][name] for turn in turns) for name in last["latency_microseconds"]
    }
    return {
        **last,
        **sums,
        "tickets": max(turn["tickets"] for turn in turns),
        "negotiated": sorted({text for turn in turns for text in turn["negotiated"]}),
        "latency_microseconds": percentiles,
        "turns": len(turns),
        "value": per_operation_microseconds(sums["cpu_seconds"], sums["operations"]),
        "core_use": sums["cpu_seconds"] / sums["wall_seconds"],
    }


def per_connection_bytes(before: int, during: int, connections: int) -> float | None:
    """What each of `connections` idle connections added."""
    return (during - before) / connections if connections > 0 else None


@dataclass(frozen=True)
class Target:
    """What is asked for of a gateway: at most `limit` times the reference, or of the unit, or more than another."""

    gateway: str
    limit: float
    kind: str  # "ratio" | "absolute" | "difference" | "share"
    beside: str = ""  # whom a difference or a share is taken from

    def verdict(self, measured: Spread | None) -> str:
        """ "held" or "missed", with a word when the rounds do not agree, or "not measured"."""
        if measured is None:
            return "not measured"
        word = "held" if measured.median <= self.limit else "missed"
        if measured.lowest <= self.limit < measured.highest:
            return f"{word} (rounds differ)"
        return word
