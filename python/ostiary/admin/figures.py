"""Sums, quantiles and differences of what was counted, for people: one reading of all samples.

Knows the shape of samples, and none of their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ostiary.admin.source import Sample
    from ostiary.metrics import Family

__all__ = ["Figures", "Histogram", "quantile"]

Histogram = tuple[tuple[float, ...], tuple[int, ...], float]
"""Bounds, counts by bucket, and the sum."""


class Figures:
    """Everything that was counted at one moment."""

    def __init__(self, families: Iterable[Family], samples: Iterable[Sample], monotonic: float = 0.0) -> None:
        self.monotonic = monotonic
        self._families = {each.name: each for each in families}
        # Label values stay as they came: to name them all would take longer than all that is asked of them.
        self._found: dict[str, list[tuple[Sequence[str], Any]]] = {}
        for name, values, value in samples:
            self._found.setdefault(name, []).append((values, value))

    def rows(self, family: str) -> list[tuple[dict[str, str], float]]:
        """Labels and numbers of a family."""
        if family not in self._families:
            return []
        names = self._families[family].labels
        return [(dict(zip(names, values, strict=True)), value) for values, value in self._found.get(family, ())]

    def total(self, family: str, **where: str) -> float:
        """The sum over a family, of what has these labels alone."""
        found: float = sum(value for _, value in self._matching(family, where))
        return found

    def by(self, family: str, *names: str, **where: str) -> dict[str, float]:
        """The sums by one label; by several, with their values joined."""
        sums: dict[str, float] = {}
        if family not in self._families:
            return sums
        places = [self._families[family].labels.index(name) for name in names]
        for values, value in self._matching(family, where):
            key = values[places[0]] if len(places) == 1 else " ".join(values[place] for place in places)
            sums[key] = sums.get(key, 0) + value
        return sums

    def histogram(self, family: str, **where: str) -> Histogram:
        """The sum of a family's histograms."""
        bounds = self._families[family].bounds if family in self._families else ()
        found = [value for _, value in self._matching(family, where)]
        counts = tuple(map(sum, zip(*(each[0] for each in found), strict=True))) or (0,) * (len(bounds) + 1)
        return bounds, counts, sum(each[1] for each in found)

    def _matching(self, family: str, where: Mapping[str, str]) -> Iterable[tuple[Sequence[str], Any]]:
        found = self._found.get(family, ()) if family in self._families else ()
        for name, wanted in where.items():
            if found:
                place = self._families[family].labels.index(name)
                found = [each for each in found if each[0][place] == wanted]
        return found


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
            # Rounding must not carry it into the next bucket.
            return min(low + (bound - low) * rank / count, bound)
        rank, low = rank - count, bound
    return low
