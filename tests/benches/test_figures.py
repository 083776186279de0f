"""The harness's arithmetic: what a reader of `make bench` takes for granted."""

from __future__ import annotations

import pytest
from benches.cases import CASES
from benches.figures import (
    Spread,
    Target,
    differences,
    joined,
    per_connection_bytes,
    per_operation_microseconds,
    ratios,
)


def test_ratios_are_taken_within_a_round() -> None:
    # The machine was twice as slow in round 2: within each round the ratio is the same.
    assert ratios({1: 8.0, 2: 16.0}, {1: 10.0, 2: 20.0}) == [0.8, 0.8]


def test_rounds_that_lack_one_side_do_not_count() -> None:
    assert ratios({1: 8.0, 3: 9.0}, {1: 10.0, 2: 20.0}) == [0.8]


def test_a_reference_of_zero_gives_no_ratio() -> None:
    assert ratios({1: 8.0}, {1: 0.0}) == []


def test_spread_shows_median_and_extremes() -> None:
    assert Spread.of([4.0, 1.0, 2.0, 9.0]) == Spread(median=3.0, lowest=1.0, highest=9.0)


def test_spread_of_nothing_is_nothing() -> None:
    assert Spread.of([]) is None


def test_cpu_is_shared_out_over_operations() -> None:
    assert per_operation_microseconds(0.5, 50_000) == pytest.approx(10.0)


def test_no_operations_is_not_a_cheap_operation() -> None:
    assert per_operation_microseconds(0.5, 0) is None


def turn(operations: int, cpu_seconds: float, p50: float, **more: object) -> dict[str, object]:
    told = {"tickets": 1, "negotiated": ["TLS"], "error_texts": [], "wall_seconds": 0.5}
    return told | {
        "operations": operations,
        "cpu_seconds": cpu_seconds,
        "latency_microseconds": {"p50": p50, "max": 9.0},
        **more,
    }


def test_turns_are_one_sample_in_which_each_operation_counts() -> None:
    sample = joined(
        [turn(10_000, 0.1, 5.0), turn(30_000, 0.5, 7.0, tickets=2, negotiated=["OTHER"]), turn(0, 0.0, 6.0)]
    )
    assert sample["value"] == pytest.approx(15.0)
    assert (sample["operations"], sample["cpu_seconds"], sample["wall_seconds"]) == (40_000, 0.6, 1.5)
    assert sample["core_use"] == pytest.approx(0.4)
    assert sample["latency_microseconds"] == {"p50": 6.0, "max": 9.0}
    assert (sample["turns"], sample["tickets"], sample["negotiated"]) == (3, 2, ["OTHER", "TLS"])


def test_a_single_turn_is_its_sample() -> None:
    told = turn(10_000, 0.1, 5.0)
    assert joined([told]) == told | {"turns": 1, "value": pytest.approx(10.0), "core_use": pytest.approx(0.2)}


def test_only_gateways_of_which_one_is_taken_from_the_other_take_turns() -> None:
    case = next(case for case in CASES if case.name == "search-saturated")
    names = ["ostiary", "ostiary+policy", "ostiary+policy+hook", "haproxy"]
    assert case.groups(names) == [("ostiary+policy", "ostiary+policy+hook"), ("ostiary",), ("haproxy",)]
    # One alone has nobody to take turns with.
    assert case.groups(["ostiary+policy+hook", "haproxy"]) == [("ostiary+policy+hook",), ("haproxy",)]


def test_memory_is_shared_out_over_connections() -> None:
    assert per_connection_bytes(1_000, 21_480, 2) == 10_240
    assert per_connection_bytes(1_000, 21_480, 0) is None


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.7, 0.75, 0.79], "held"),
        ([0.81, 0.9], "missed"),
        ([0.7, 0.75, 0.85], "held (rounds differ)"),
        ([0.7, 0.85, 0.9], "missed (rounds differ)"),
        ([0.8, 0.8], "held"),
        ([], "not measured"),
    ],
)
def test_target_is_judged_by_the_median_and_says_when_rounds_differ(values: list[float], verdict: str) -> None:
    assert Target("ostiary", 0.8, "ratio").verdict(Spread.of(values)) == verdict


def test_differences_are_taken_within_a_round() -> None:
    assert differences({1: 8.5, 2: 17.0, 3: 1.0}, {1: 8.0, 2: 16.0}) == [0.5, 1.0]
