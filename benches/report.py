"""The comparison as a table: medians, ratios with their spread, targets and whether they held.

It does not measure. What failed, was absent or is not comparable is said in words above the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benches.cases import Case
from benches.figures import Spread, differences, ratios

Sample = Mapping[str, Any]
# Below this use of its core, a gateway in a closed loop was waiting for the load or for others.
SATURATED_CORE_USE = 0.9
# More than this taken by other programs or by the hypervisor, in cores, and the figures are rough.
QUIET_FOREIGN_CORES = 0.1


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
    target: str
    verdict: str
    failures: int
    closed_loop: bool
    tickets: int | None  # session tickets per connection: part of what connecting costs


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
    target, verdict = "", ""
    for asked in case.targets:
        if asked.gateway == gateway:
            others = values_by_round(sample for sample in samples if is_of(sample, case, asked.beside))
            difference = Spread.of(differences(values_by_round(good), others))
            share = Spread.of(ratios(values_by_round(good), others))
            measured = {"ratio": ratio, "absolute": value, "difference": difference, "share": share}[asked.kind]
            kind = {
                "ratio": f"x {case.reference}",
                "difference": f"{case.unit} above {asked.beside}",
                "share": f"x {asked.beside}",
            }
            target, verdict = f"<= {asked.limit:g} {kind.get(asked.kind, case.unit)}", asked.verdict(measured)
            if asked.beside and measured is not None:
                verdict += f": {measured.median:.2f}"
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
        target=target,
        verdict=verdict,
        failures=sum("error" in sample for sample in mine),
        closed_loop=case.is_closed_loop,
        tickets=max((sample["tickets"] for sample in good if "tickets" in sample), default=None),
    )


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
    told = [f"{name} is not installed and not compared" for name in absent]
    for sample in samples:
        if "error" in sample:
            told.append(f"{sample['case']}, {sample['gateway']}, round {sample['round']}: {sample['error']}")
    negotiated = {text for sample in samples for text in sample.get("negotiated", [])}
    if len(negotiated) > 1:
        told.append(f"gateways negotiated different TLS, ratios are not comparable: {sorted(negotiated)}")
    return told


def remarks(table: Sequence[Row], samples: Sequence[Sample]) -> list[str]:
    """What the numbers do not show by themselves."""
    noted = [
        f"{entry.case}: {entry.gateway} used {entry.core_use:.0%} of its core: something else was the limit"
        for entry in table
        if entry.closed_loop and entry.core_use is not None and entry.core_use < SATURATED_CORE_USE
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


def markdown(
    cases: Iterable[Case],
    table: Sequence[Row],
    told: Sequence[str],
    noted: Sequence[str],
    facts: Mapping[str, Any],
) -> str:
    """The whole report for people."""
    lines = ["# Ostiary beside its peers", ""]
    lines += [f"- {key}: {value}" for key, value in facts.items()]
    if told:
        lines += ["", "**Before you read on**", ""] + [f"- {text}" for text in told]
    for case in cases:
        entries = [entry for entry in table if entry.case == case.name]
        if entries:
            lines += ["", f"## {case.name}: {case.title}", "", *case_table(case, entries)]
    if noted:
        lines += ["", "**Remarks**", ""] + [f"- {text}" for text in noted]
    return "\n".join(lines) + "\n"


def case_table(case: Case, entries: Sequence[Row]) -> list[str]:
    timed = case.kind == "load"
    head = ["gateway", f"{case.unit} (min..max)", f"x {case.reference} (min..max)"]
    if timed:
        head += ["ops/s", "core", "p50 us", "p99 us"]
    head += ["target", "held"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for entry in entries:
        cells = [entry.gateway, spread_text(entry.value, 2), spread_text(entry.ratio, 2)]
        if timed:
            cells += [
                number_text(entry.per_second, 0),
                "" if entry.core_use is None else f"{entry.core_use:.0%}",
                number_text(entry.latency_microseconds.get("p50"), 0),
                number_text(entry.latency_microseconds.get("p99"), 0),
            ]
        verdict = entry.verdict if not entry.failures else f"{entry.verdict} {entry.failures} failed".strip()
        lines.append("| " + " | ".join([*cells, entry.target, verdict]) + " |")
    return lines


def spread_text(spread: Spread | None, digits: int) -> str:
    if spread is None:
        return "-"
    return f"**{spread.median:.{digits}f}** ({spread.lowest:.{digits}f}..{spread.highest:.{digits}f})"


def number_text(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def as_json(
    table: Sequence[Row], told: Sequence[str], noted: Sequence[str], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The whole report for machines; the samples themselves lie beside it."""
    return {
        "facts": dict(facts),
        "complaints": list(told),
        "remarks": list(noted),
        "rows": [asdict(entry) for entry in table],
    }
