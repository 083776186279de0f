"""The report: right rows, right words about what is missing, failed or not comparable."""

from __future__ import annotations

import json
from typing import Any

import pytest
from benches.cases import CASES
from benches.figures import Spread

from benches import compare, report, tables

CASE = next(case for case in CASES if case.name == "search-saturated")


def sample(gateway: str, number: int, value: float, **more: Any) -> dict[str, Any]:
    figures = {
        "value": value,
        "core_use": 0.99,
        "operations": 1000,
        "wall_seconds": 2.0,
        "latency_microseconds": {"p50": 100.0 * number, "p99": 900.0},
        "negotiated": ["TLSv1_3 TLS13_AES_256_GCM_SHA384 X25519"],
    }
    return {"case": CASE.name, "gateway": gateway, "round": number, **figures, **more}


def both(*rounds: tuple[float, float]) -> list[dict[str, Any]]:
    return [
        taken
        for number, (ours, theirs) in enumerate(rounds, start=1)
        for taken in (sample("ostiary", number, ours), sample("haproxy", number, theirs))
    ]


def test_row_holds_medians_ratio_and_verdict() -> None:
    table = report.rows([CASE], both((8, 10), (7, 10), (9, 12)), ["ostiary", "haproxy"])
    ours = table[0]
    assert ours.value is not None
    assert ours.ratio is not None
    assert (ours.value.median, ours.ratio.median, ours.per_second) == (8, 0.75, 500)
    assert ours.latency_microseconds["p50"] == 200
    assert [(each.text, each.verdict) for each in ours.targets] == [("<= 0.8 x haproxy", "held")]
    assert table[1].targets == ()


def test_failed_sample_is_left_out_and_told() -> None:
    samples = both((8, 10), (8, 10))
    samples[2] = {"case": CASE.name, "gateway": "ostiary", "round": 2, "error": "wrong answers: 1"}
    row = report.rows([CASE], samples, ["ostiary"])[0]
    assert (row.failures, row.ratio) == (1, Spread(0.8, 0.8, 0.8))
    assert report.complaints(samples, []) == ["search-saturated, ostiary, round 2: wrong answers: 1"]


def test_different_ciphers_are_told() -> None:
    samples = [*both((8, 10)), sample("stunnel", 1, 9, negotiated=["TLSv1_2 OTHER X25519"])]
    assert "different TLS" in report.complaints(samples, [])[0]


def test_absent_gateway_is_named() -> None:
    assert report.complaints([], ["stunnel"]) == ["stunnel is not installed and not compared"]


def test_gateway_that_waited_for_the_load_is_remarked() -> None:
    samples = [sample("haproxy", 1, 10, core_use=0.5)]
    table = report.rows([CASE], samples, ["haproxy"])
    assert report.remarks(table, samples) == [
        "search-saturated: something else was the limit, as the use of a core tells: haproxy 50%"
    ]


def test_gateway_that_did_not_keep_the_rate_is_remarked() -> None:
    case = next(case for case in CASES if case.rate == 4000)
    samples = [sample("stunnel", 1, 90) | {"case": case.name, "operations": 2000, "wall_seconds": 1.0}]
    table = report.rows([case], samples, ["stunnel"])
    assert report.remarks(table, samples) == ["search-4000: stunnel did 2,000 a second of the 4,000 asked for"]


def test_several_targets_of_one_gateway_are_all_judged() -> None:
    case = next(case for case in CASES if case.name == "search-16-outstanding")
    values = {"haproxy": 10, "ostiary+policy": 8, "ostiary+policy+seen": 9}
    samples = [sample(gateway, 1, value) | {"case": case.name} for gateway, value in values.items()]
    table = report.rows([case], samples, ["ostiary+policy+seen"])
    assert [(each.text, each.verdict) for each in table[0].targets] == [
        ("<= 1 x haproxy", "held"),
        ("<= 1.1 x ostiary+policy", "missed: 1.12"),
    ]


def test_run_is_whole_without_a_peer_but_not_without_a_sample() -> None:
    samples = both((8, 10))
    assert report.made([CASE], samples, ["ostiary", "haproxy"], ["stunnel"]).is_whole
    samples[0] = {"case": CASE.name, "gateway": "ostiary", "round": 1, "error": "wrong answers: 1"}
    assert not report.made([CASE], samples, ["ostiary", "haproxy"], []).is_whole
    assert not report.made([CASE], [], ["ostiary", "haproxy"], []).is_whole


def test_command_that_is_told_names_no_place_of_this_machine() -> None:
    words = ["--rounds", "3", "--only", "connect-bind", "--lloadd", "/opt/lloadd", "--ldaptor-python", "/opt/python"]
    options = compare.parse([*words, "--output", "/opt/results", "--publish", "/opt/docs"])
    told = "python -m benches.compare --rounds 3 --seconds 3 --only connect-bind --idle 2000 --seed 1 --publish docs"
    assert compare.command(options) == told


def test_report_comes_back_from_json_as_it_was() -> None:
    made = report.made([CASE], both((8, 10), (7, 10)), ["ostiary", "haproxy"], ["stunnel"])
    assert report.Report.read(json.loads(json.dumps(made.as_json()))) == made


def test_busy_machine_is_remarked() -> None:
    samples = [sample("haproxy", 1, 10, foreign_cpu_seconds=1.0, stolen_seconds=0.0)]
    assert "not quiet" in report.remarks([], samples)[0]


def test_markdown_shows_spread() -> None:
    samples = both((8, 10), (6, 10))
    text = tables.markdown(report.made([CASE], samples, ["ostiary", "haproxy"], []))
    assert "| ostiary | **7.00** (6.00..8.00) | **0.70** (0.60..0.80) | 500 | 99% |" in text


def test_unknown_case_is_refused() -> None:
    with pytest.raises(SystemExit) as raised:
        compare.parse(["--only", "search-sideways"])
    assert raised.value.code == 2


def test_quick_takes_fewer_rounds_unless_told() -> None:
    assert (compare.parse(["--quick"]).rounds, compare.parse(["--quick", "--rounds", "7"]).rounds) == (2, 7)
