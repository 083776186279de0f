"""Sums, quantiles and differences of what was counted, for people: one reading of all samples.

Knows the shape of samples, and none of their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ostiary.admin.source import Sample
    from ostiary.metrics import Family

__all__ = ["Figures", "Histogram", "quantile"]

Labels = dict[str, str]
Histogram = tuple[tuple[float, ...], tuple[int, ...], float]
"""Bounds, counts by bucket, and the sum."""


class Figures:
    """Everything that was counted at one moment."""

    def __init__(self, families: Iterable[Family], samples: Iterable[Sample], monotonic: float = 0.0) -> None:
        self.monotonic = monotonic
        self._bounds = {each.name: tuple(each.bounds) for each in families}
        labels = {each.name: each.labels for each in families}
        self._found: dict[str, list[tuple[Labels, object]]] = {}
        for name, values, value in samples:
            if name in labels:
                found = self._found.setdefault(name, [])
                found.append((dict(zip(labels[name], values, strict=True)), value))

    def rows(self, family: str, **where: str) -> list[tuple[Labels, float]]:
        """Labels and numbers of a family, of those with these labels alone."""
        return [
            (labels, value)
            for labels, value in self._found.get(family, ())
            if isinstance(value, int | float) and _fits(labels, where)
        ]

    def total(self, family: str, **where: str) -> float:
        """The sum over a family."""
        return sum(value for _, value in self.rows(family, **where))

    def by(self, family: str, *names: str, **where: str) -> dict[str, float]:
        """The sums by one label; by several, with their values joined."""
        sums: dict[str, float] = {}
        for labels, value in self.rows(family, **where):
            key = " ".join(labels[name] for name in names)
            sums[key] = sums.get(key, 0) + value
        return sums

    def histogram(self, family: str, **where: str) -> Histogram:
        """The sum of a family's histograms."""
        bounds = self._bounds.get(family, ())
        counts, total = [0] * (len(bounds) + 1), 0.0
        for labels, value in self._found.get(family, ()):
            if isinstance(value, tuple | list) and _fits(labels, where):
                counts = [one + other for one, other in zip(counts, value[0], strict=True)]
                total += value[1]
        return bounds, tuple(counts), total


def quantile(share: float, now: Histogram, before: Histogram | None = None) -> float | None:
    """Below which value this share of what was observed lies, of that since `before` alone; None of nothing.

    Within a bucket observations count as spread evenly, as Prometheus does it.
    """
    bounds, counts, _ = now
    since: Sequence[int] = counts
    if before is not None:
        since = [max(0, one - other) for one, other in zip(counts, before[1], strict=True)]
    rank, low = share * sum(since), 0.0
    if not rank:
        return None
    for bound, count in zip(bounds, since, strict=False):
        if count >= rank:
            return low + (bound - low) * rank / count
        rank, low = rank - count, bound
    return low


def _fits(labels: Mapping[str, str], where: Mapping[str, str]) -> bool:
    return all(labels.get(name) == value for name, value in where.items())
