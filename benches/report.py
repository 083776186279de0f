"""The comparison as figures: medians, ratios with their spread, targets and whether they held; and as JSON, both ways.

It does not measure, and does not know how figures are shown. What failed, was absent or is not comparable is said in
words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benches.cases import Case
from benches.figures import Spread, Target, differences, ratios

Sample = Mapping[str, Any]
# Below this use of its core, a gateway in a closed loop was waiting for the load or for others.
SATURATED_CORE_USE = 0.9
# More than this taken by other programs or by the hypervisor, in cores, and the figures are rough.
QUIET_FOREIGN_CORES = 0.1
ABSENT = "is not installed and not compared"
# Below this share of the rate asked for, a gateway did not keep up.
KEPT_RATE = 0.95


@dataclass(frozen=True)
class Judged:
    """One target of a gateway in a case, and how it went."""

    limit: float
    kind: str  # "ratio" | "absolute" | "difference" | "share"
    text: str
    verdict: str


@dataclass(frozen=True)
class Row:
    """One gateway in one case."""

    case: str
    gateway: str
    unit: str
    value: Spread | None
    ratio: Spread | None
    reference: str
    core_use: float | None
    per_second: float | None
    latency_microseconds: dict[str, float]
    targets: tuple[Judged, ...]
    failures: int
    timed: bool  # whether it has a rate, latencies and a share of a core
    rate: float | None  # operations a second asked for; none: as many as it does
    tickets: int | None  # session tickets per connection: part of what connecting costs


@dataclass(frozen=True)
class Report:
    """Everything that is told of one run."""

    facts: Mapping[str, Any]
    complaints: Sequence[str]  # what a reader must know before the numbers
    remarks: Sequence[str]
    titles: Mapping[str, str]  # of the cases, in their order
    rows: Sequence[Row]

    def of_case(self, case: str) -> list[Row]:
        """Empty for a case that was not run."""
        return [entry for entry in self.rows if entry.case == case]

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing to complain of but peers that are not there."""
        return bool(self.rows) and all(text.endswith(ABSENT) for text in self.complaints)

    def as_json(self) -> dict[str, Any]:
        """For machines; the samples themselves lie beside it."""
        return asdict(self)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Report:
        """What `as_json` gave, perhaps by way of a file."""
        return cls(**(dict(document) | {"rows": [row_of_json(entry) for entry in document["rows"]]}))


def row_of_json(entry: Mapping[str, Any]) -> Row:
    spreads = {name: None if entry[name] is None else Spread(**entry[name]) for name in ("value", "ratio")}
    return Row(**(dict(entry) | spreads | {"targets": tuple(Judged(**each) for each in entry["targets"])}))


def made(cases: Sequence[Case], samples: Sequence[Sample], gateways: Sequence[str], absent: Sequence[str]) -> Report:
    """The report of these samples, without facts: they are the caller's."""
    table = rows(cases, samples, gateways)
    titles = {case.name: case.title for case in cases if any(entry.case == case.name for entry in table)}
    return Report({}, complaints(samples, absent), remarks(table, samples), titles, table)


def rows(cases: Iterable[Case], samples: Sequence[Sample], gateway_names: Sequence[str]) -> list[Row]:
    """Every gateway of every case, in the order of the cases."""
    return [
        row(case, gateway, samples)
        for case in cases
        for gateway in gateway_names
        if gateway in case.gateways and any(is_of(sample, case, gateway) for sample in samples)
    ]


def is_of(sample: Sample, case: Case, gateway: str) -> bool:
    return bool(sample["case"] == case.name and sample["gateway"] == gateway)


def row(case: Case, gateway: str, samples: Sequence[Sample]) -> Row:
    mine = [sample for sample in samples if is_of(sample, case, gateway)]
    good = [sample for sample in mine if sample.get("value") is not None]
    theirs = values_by_round(sample for sample in samples if is_of(sample, case, case.reference))
    value = Spread.of([sample["value"] for sample in good])
    ratio = Spread.of(ratios(values_by_round(good), theirs))
    return Row(
        case=case.name,
        gateway=gateway,
        unit=case.unit,
        value=value,
        ratio=ratio,
        reference=case.reference,
        core_use=middle(sample.get("core_use") for sample in good),
        per_second=middle(sample["operations"] / sample["wall_seconds"] for sample in good if "operations" in sample),
        latency_microseconds=latencies(good),
        targets=tuple(judged(case, asked, value, ratio, samples) for asked in case.targets if asked.gateway == gateway),
        failures=sum("error" in sample for sample in mine),
        timed=case.kind == "load",
        rate=case.rate,
        tickets=max((sample["tickets"] for sample in good if "tickets" in sample), default=None),
    )


def judged(case: Case, asked: Target, value: Spread | None, ratio: Spread | None, samples: Sequence[Sample]) -> Judged:
    """One target beside what was measured; what is taken from another gateway is told, as no column has it."""
    if asked.kind in ("ratio", "absolute"):
        measured = ratio if asked.kind == "ratio" else value
        unit = f"x {case.reference}" if asked.kind == "ratio" else case.unit
        return Judged(asked.limit, asked.kind, f"<= {asked.limit:g} {unit}", asked.verdict(measured))
    mine, others = (
        values_by_round(sample for sample in samples if is_of(sample, case, name))
        for name in (asked.gateway, asked.beside)
    )
    measured = Spread.of(differences(mine, others) if asked.kind == "difference" else ratios(mine, others))
    unit = f"{case.unit} above {asked.beside}" if asked.kind == "difference" else f"x {asked.beside}"
    told = "" if measured is None else f": {measured.median:.2f}"
    return Judged(asked.limit, asked.kind, f"<= {asked.limit:g} {unit}", asked.verdict(measured) + told)


def values_by_round(samples: Iterable[Sample]) -> dict[int, float]:
    return {sample["round"]: sample["value"] for sample in samples if sample.get("value") is not None}


def middle(values: Iterable[float | None]) -> float | None:
    spread = Spread.of([value for value in values if value is not None])
    return None if spread is None else spread.median


def latencies(samples: Sequence[Sample]) -> dict[str, float]:
    """The median over the rounds of each percentile."""
    found = {}
    for name in ("p50", "p90", "p99", "p99.9", "max"):
        value = middle(sample.get("latency_microseconds", {}).get(name) for sample in samples)
        if value is not None:
            found[name] = value
    return found


def complaints(samples: Sequence[Sample], absent: Sequence[str]) -> list[str]:
    """What a reader must know before the numbers."""
    told = [f"{name} {ABSENT}" for name in absent]
    for sample in samples:
        if "error" in sample:
            told.append(f"{sample['case']}, {sample['gateway']}, round {sample['round']}: {sample['error']}")
    negotiated = {text for sample in samples for text in sample.get("negotiated", [])}
    if len(negotiated) > 1:
        told.append(f"gateways negotiated different TLS, ratios are not comparable: {sorted(negotiated)}")
    return told


def remarks(table: Sequence[Row], samples: Sequence[Sample]) -> list[str]:
    """What the numbers do not show by themselves."""
    noted = []
    for case in dict.fromkeys(entry.case for entry in table):
        idle = [
            f"{entry.gateway} {entry.core_use:.0%}"
            for entry in table
            if entry.case == case and entry.timed and entry.rate is None and entry.core_use is not None
            if entry.core_use < SATURATED_CORE_USE
        ]
        if idle:
            noted.append(f"{case}: something else was the limit, as the use of a core tells: {', '.join(idle)}")
    noted += [
        f"{entry.case}: {entry.gateway} did {entry.per_second:,.0f} a second of the {entry.rate:,.0f} asked for"
        for entry in table
        if entry.rate and entry.per_second and entry.per_second < KEPT_RATE * entry.rate
    ]
    given = {entry.gateway: entry.tickets for entry in table if entry.case == "connect-bind"}
    if len(set(given.values())) > 1:
        noted.append(f"session tickets given to each new connection, unused here: {given}")
    foreign = middle(
        (sample["foreign_cpu_seconds"] + sample["stolen_seconds"]) / sample["wall_seconds"]
        for sample in samples
        if "foreign_cpu_seconds" in sample
    )
    if foreign is not None and foreign > QUIET_FOREIGN_CORES:
        noted.append(f"the machine was not quiet: something else used {foreign:.2f} cores (median)")
    return noted
