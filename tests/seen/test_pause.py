"""How long records wait for others to be written with."""

from __future__ import annotations

import pytest

from ostiary.seeing import FLUSH_BYTES, FLUSH_SECONDS, FLUSH_SECONDS_LEAST, FLUSH_SHARE, pause


@pytest.mark.parametrize(
    ("before", "octets", "expected"),
    [
        (FLUSH_SECONDS, 0, FLUSH_SECONDS),
        (FLUSH_SECONDS, FLUSH_BYTES, FLUSH_SECONDS),
        (FLUSH_SECONDS, 4 * FLUSH_BYTES, FLUSH_SECONDS / 4),
        (FLUSH_SECONDS, 1_000 * FLUSH_BYTES, FLUSH_SECONDS_LEAST),
        (FLUSH_SECONDS_LEAST, FLUSH_BYTES // 2, 2 * FLUSH_SECONDS_LEAST),
        (FLUSH_SECONDS_LEAST, 1, FLUSH_SECONDS),
    ],
)
def test_waits_for_about_so_many_octets_and_never_long(before: float, octets: int, expected: float) -> None:
    assert pause(before, octets, FLUSH_SHARE * FLUSH_BYTES) == pytest.approx(expected)


def test_a_small_buffer_is_emptied_before_it_is_full() -> None:
    buffer_bytes = FLUSH_BYTES
    assert pause(FLUSH_SECONDS, buffer_bytes // FLUSH_SHARE, buffer_bytes) == pytest.approx(FLUSH_SECONDS)
    assert pause(FLUSH_SECONDS, buffer_bytes, buffer_bytes) == pytest.approx(FLUSH_SECONDS / FLUSH_SHARE)
