"""What the harness reads from the kernel, on recorded text and on a real child."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benches import machine


def test_children_time_is_found_behind_a_name_with_parentheses() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    fields = ["S", *("0" for _ in range(10)), "7", "8", str(2 * ticks), str(ticks), "20"]
    assert machine.awaited_children_seconds(f"42 (a) (b c) {' '.join(fields)}") == pytest.approx(3.0)


def test_rollup_is_read_in_bytes() -> None:
    text = "5581-7ffc ---p 00000000 00:00 0    [rollup]\nRss:      1852 kB\nPss:       150 kB\n"
    assert machine.rollup_sizes(text) == {"Rss": 1852 * 1024, "Pss": 150 * 1024}


def test_machine_time_tells_work_from_waiting_and_theft() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    line = "cpu  " + " ".join(str(count * ticks) for count in (1, 2, 3, 100, 50, 4, 5, 6, 0, 0))
    assert machine.MachineTime.read(line + "\ncpu0 1 2 3") == machine.MachineTime(busy=15.0, stolen=6.0)


def test_cpu_time_of_a_tree_holds_its_children() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass\n"
    wait = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}]); print('done'); input()"
    with subprocess.Popen(
        [sys.executable, "-c", wait], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        used = machine.cpu_seconds(process.pid)
        process.communicate("\n")
    assert used >= 0.19


def test_one_core_is_kept_for_the_gateway_when_there_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2})
    cores = machine.Cores.choose(pin=True)
    assert (cores.gateway, cores.load, cores.pinned) == (frozenset({2}), frozenset({0, 1}), True)


def test_a_single_core_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0})
    assert machine.Cores.choose(pin=True) == machine.Cores(frozenset({0}), frozenset({0}), pinned=False)


def test_cores_are_kept_awake_as_long_as_the_block_lasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cpu_dma_latency"
    file.write_bytes(b"")
    monkeypatch.setattr(machine, "WAKING_LATENCY", file)
    with machine.awake():
        assert file.read_bytes() == bytes(4)
        held = [os.readlink(entry) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
        assert str(file) in held
    assert str(file) not in [os.readlink(entry) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]


def test_where_cores_cannot_be_kept_awake_nothing_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "WAKING_LATENCY", tmp_path / "none")
    assert not machine.can_keep_awake()
    with machine.awake():
        assert not (tmp_path / "none").exists()
