"""Tables of docs/metrics.md, made from what declares the metrics: the core's families, and those of the endpoint.

A region names the families that it is about, so their order and their headings are the page's. Each family is in one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from docs.making.regions import code, filled, table
from ostiary._core import Meters
from ostiary.admin.endpoint import FAMILIES
from ostiary.metrics import Family

PAGE = Path(__file__).resolve().parents[1] / "metrics.md"
UNIT = re.compile(r"_(seconds|bytes)(_total)?$")


def families() -> dict[str, Family]:
    """Every family that a gateway exposes, by its name."""
    counted = [
        Family(name, kind, tuple(labels), told, tuple(bounds)) for name, kind, labels, told, bounds in Meters.families()
    ]
    return {each.name: each for each in (*counted, *FAMILIES)}


def page() -> str:
    """The page, with its tables as they have to be.

    Raises:
        ValueError: a family is in no table, or in several.
    """
    known, named = families(), Counter[str]()

    def rows(names: Sequence[str]) -> str:
        named.update(names)
        each = (known[name] for name in names if name in known)
        heads = ("metric", "type", "unit", "labels", "meaning")
        return table(heads, ((code(one.name), one.kind, unit(one), labels(one), one.help) for one in each))

    def buckets(_: Sequence[str]) -> str:
        histograms = (each for each in known.values() if each.bounds)
        return table(
            ("metric", "bounds"), ((code(each.name), ", ".join(map(bound, each.bounds))) for each in histograms)
        )

    made = filled(PAGE.read_text(), {"metrics": rows, "buckets": buckets})
    once = Counter(known.keys())
    if wrong := sorted((named - once) + (once - named)):
        raise ValueError(f"{PAGE.name}: each of these is to be named by one table: {', '.join(wrong)}")
    return made


def unit(family: Family) -> str:
    """Its base unit, which its name ends with; nothing where it counts."""
    found = UNIT.search(family.name)
    return found[1] if found else ""


def labels(family: Family) -> str:
    """The names of its labels."""
    return ", ".join(map(code, family.labels))


def bound(value: float) -> str:
    """A bound as people write it."""
    return f"{value:f}".rstrip("0").rstrip(".")
