"""Metrics for Prometheus, read when they are asked for: a custom collector, and its exposition in a hurry.

The collector is prometheus_client's way to see them, and its encoders say what is right. They take ten microseconds for
each sample, in the event loop that serves clients, so what Prometheus asks for is written here, from lines whose names
and labels were written once; the tests hold both to the same octets. Knows no HTTP, and not how anything is counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar, Sample
from prometheus_client.utils import floatToGoString

__all__ = ["Exposition", "Family", "Found", "Read"]


class Family(NamedTuple):
    """One metric: what it is called and what it means."""

    name: str
    kind: str
    """counter, gauge or histogram."""
    labels: tuple[str, ...]
    help: str
    bounds: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets; the last bucket, without one, is not named."""


Found = tuple[str, Sequence[str], Any]
"""Family, label values, and a number; of a histogram counts by bucket, not cumulative, and the sum."""
Named = tuple[str, Sequence[str], int, dict[str, str], float, float]
"""An exemplar: family, label values, number of the bucket, labels of its own, value, Unix time."""
Read = Callable[[], tuple[Iterable[Family], Iterable[Found], Iterable[Named]]]
"""What there is to tell now."""

_OPEN_METRICS = "application/openmetrics-text"
_COUNTER = "_total"
_ESCAPING = re.compile(r";\s*escaping=[^;,]*")
# From here on Go, and so the exposition, writes exponents.
_PLAIN_MOST = 1_000_000
_Key = tuple[str, tuple[str, ...]]
_go_number: Callable[[float], str] = floatToGoString


class Exposition(Collector):
    """What is counted, as Prometheus reads it."""

    def __init__(self, read: Read) -> None:
        self._read = read
        # The beginnings of lines, for the label values that the last scrape saw: labels that are gone are forgotten.
        self._lines: dict[_Key, tuple[str, ...]] = {}

    def encode(self, accept: str) -> tuple[bytes, str]:
        """The metrics in the form that fits an Accept header best, and its content type."""
        # Names here need no escaping, whichever a scraper prefers.
        _, content_type = choose_encoder(_ESCAPING.sub("", accept))
        open_metrics = content_type.startswith(_OPEN_METRICS)
        families, found, named = self._read()
        by_family: dict[str, list[tuple[tuple[str, ...], Any]]] = {}
        for name, labels, value in found:
            by_family.setdefault(name, []).append((tuple(labels), value))
        exemplars = _by_bucket(named) if open_metrics else {}
        before, self._lines = self._lines, {}
        text: list[str] = []
        families = tuple(families)
        names = {each.name for each in families}
        for family in families:
            text.append(_open_head(family, names) if open_metrics else _head(family))
            for values, value in by_family.get(family.name, ()):
                key = (family.name, values)
                lines = before.get(key) or _beginnings(family, values)
                self._lines[key] = lines
                if isinstance(value, tuple | list):
                    counts, total = value
                    _histogram(text, lines, counts, total, exemplars.get(key))
                else:
                    text.append(f"{lines[0]}{_number(value)}\n")
        if open_metrics:
            text.append("# EOF\n")
        return "".join(text).encode(), content_type

    def collect(self) -> Iterator[Metric]:
        """The metrics as values of prometheus_client, for a registry of its own."""
        families, found, named = self._read()
        by_family: dict[str, list[tuple[Sequence[str], Any]]] = {}
        for name, given, value in found:
            by_family.setdefault(name, []).append((given, value))
        exemplars = _by_bucket(named)
        for family in families:
            metric = Metric(family.name.removesuffix(_COUNTER), family.help, family.kind)
            for values, value in by_family.get(family.name, ()):
                labels = dict(zip(family.labels, values, strict=True))
                if isinstance(value, tuple | list):
                    counts, total = value
                    own = exemplars.get((family.name, tuple(values)), {})
                    metric.samples += _samples(family, labels, counts, total, own)
                else:
                    metric.samples.append(Sample(family.name, labels, float(value)))
            yield metric


def _samples(
    family: Family, labels: dict[str, str], counts: Sequence[int], total: float, exemplars: dict[int, Exemplar]
) -> Iterator[Sample]:
    seen = 0
    for number, (bound, count) in enumerate(zip((*family.bounds, float("inf")), counts, strict=True)):
        seen += count
        bucket = labels | {"le": _go_number(bound)}
        yield Sample(f"{family.name}_bucket", bucket, float(seen), None, exemplars.get(number))
    yield Sample(f"{family.name}_count", labels, float(seen))
    yield Sample(f"{family.name}_sum", labels, total)


def _by_bucket(named: Iterable[Named]) -> dict[_Key, dict[int, Exemplar]]:
    found: dict[_Key, dict[int, Exemplar]] = {}
    for name, values, bucket, labels, value, time in named:
        found.setdefault((name, tuple(values)), {})[bucket] = Exemplar(labels, value, time)
    return found


def _open_head(family: Family, names: set[str]) -> str:
    """OpenMetrics names a counter without the ending of its samples; where that is another metric, it has no kind."""
    name, kind = family.name.removesuffix(_COUNTER), family.kind
    if name != family.name and name in names:
        name, kind = family.name, "unknown"
    return f"# HELP {name} {_escaped(family.help)}\n# TYPE {name} {kind}\n"


def _head(family: Family) -> str:
    told = family.help.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {family.name} {told}\n# TYPE {family.name} {family.kind}\n"


def _beginnings(family: Family, values: tuple[str, ...]) -> tuple[str, ...]:
    """What stands before the numbers of one sample: one line, or those of a histogram."""
    labels = dict(zip(family.labels, values, strict=True))
    if family.kind != "histogram":
        return (f"{family.name}{_labelled(labels)} ",)
    bounds = [_go_number(bound) for bound in (*family.bounds, float("inf"))]
    buckets = (f"{family.name}_bucket{_labelled(labels | {'le': bound})} " for bound in bounds)
    ends = (f"{family.name}_{end}{_labelled(labels)} " for end in ("count", "sum"))
    return (*buckets, *ends)


def _labelled(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items())) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _histogram(
    text: list[str], lines: tuple[str, ...], counts: Sequence[int], total: float, exemplars: dict[int, Exemplar] | None
) -> None:
    seen = 0
    for number, count in enumerate(counts):
        seen += count
        named = exemplars.get(number) if exemplars else None
        text.append(f"{lines[number]}{_number(seen)}{'' if named is None else _exemplar(named)}\n")
    text.append(f"{lines[-2]}{_number(seen)}\n{lines[-1]}{_number(total)}\n")


def _exemplar(named: Exemplar) -> str:
    return f" # {_labelled(named.labels)} {_number(named.value)} {named.timestamp}"


def _number(value: float) -> str:
    if isinstance(value, int) and 0 <= value < _PLAIN_MOST:
        return f"{value:d}.0"
    return _go_number(value)
