"""The harness's arithmetic: what a reader of `make bench` takes for granted."""

from __future__ import annotations

import pytest
from benches.figures import Spread, Target, differences, per_connection_bytes, per_operation_microseconds, ratios


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
