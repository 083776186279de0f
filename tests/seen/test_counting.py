"""What clients were answered is what is counted, exactly, whatever the number of workers and whoever of them dies."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from ..deploy import prometheus
from ..deploy.prometheus import Prometheus
from ..real.process import pause
from .figures import OPENMETRICS, Figures
from .stage import MIXED, NAMES, Seen, SeenFactory, compare_true, forbidden, search, wrong_bind
from .volume import Crowd, Tally

OPERATIONS = "ostiary_operations_total"


def counted(figures: Figures) -> dict[tuple[str, str], float]:
    """Operations by their kind and result; without those that were never asked."""
    found = {}
    for operation in figures.each(OPERATIONS, "operation"):
        for result, value in figures.each(OPERATIONS, "result", operation=operation).items():
            if value:
                found[operation, result] = value
    return found


def answered(tally: Tally) -> dict[tuple[str, str], int]:
    """The same as clients saw it."""
    return {(operation, NAMES[code]): count for (operation, code), count in tally.codes.items()}


def of_each_worker(running: Seen, each: int) -> Crowd:
    """Clients, so many of each of two workers."""
    crowd = Crowd([running.connect() for _ in range(each * 2)])
    wanted = {0: each, 1: each}
    for _ in range(100):
        # The kernel has let them in; the workers may not have come to them yet.
        running.endpoint.await_figures(lambda figures: figures.total("ostiary_connections") == each * 2)
        connections = {worker["worker"]: worker["connections"] for worker in running.endpoint.status()["workers"]}
        if connections == wanted:
            return crowd
        for pipeline in crowd.pipelines:
            pipeline.client.close()
        running.endpoint.await_figures(lambda figures: figures.total("ostiary_connections") == 0)
        crowd = Crowd([running.connect() for _ in range(each * 2)])
    raise AssertionError("the kernel prefers one worker")


@pytest.mark.parametrize("workers", [1, 2])
def test_one_scrape_has_every_operation_of_all_workers(seen: SeenFactory, workers: int) -> None:
    running = seen(workers=workers)
    clients = [running.connect() for _ in range(8)]
    tally = Crowd(clients).ask(8_000, (*MIXED, forbidden))
    tally += Crowd(clients).ask(200, [wrong_bind], window=1)
    for client in clients:
        client.close()
    assert tally.codes.total() == 8_200
    assert counted(running.endpoint.figures()) == answered(tally)
    figures = running.endpoint.await_figures(lambda figures: figures.total("ostiary_connections") == 0)
    assert figures.total("ostiary_connections_total", tls="none") >= 8
    assert figures.total("ostiary_bind_failures_total") == figures.total("ostiary_plaintext_binds_total") == 200
    searched = tally.codes["search", 0]
    assert figures.total("ostiary_entries_total") == searched
    assert figures.total("ostiary_operation_duration_seconds_count") == 8_200
    assert figures.total("ostiary_overhead_seconds_count") == 8_200
    assert figures.total("ostiary_upstream_connections") == 0
    processes = {"supervisor", "worker-0", "worker-1"} if workers == 2 else {"gateway"}
    assert set(figures.each("process_resident_memory_bytes", "process")) == processes


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_exposed_is_sound_in_promtools_eyes(seen: SeenFactory, workers: int) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is absent: apt-get install prometheus")
    running = seen(workers=workers, audit={}, admin={"exemplars": True})
    with running.connect() as client:
        Crowd([client]).ask(100, (*MIXED, forbidden))
    _, text = running.endpoint.fetch("/metrics", "text/plain")
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    _, text = running.endpoint.fetch("/metrics", OPENMETRICS)
    assert text.endswith("# EOF\n")
    assert ' # {connection="' in text
    assert len(set(text.splitlines())) == len(text.splitlines())


def test_a_worker_that_is_killed_takes_no_count_along(seen: SeenFactory) -> None:
    running = seen(workers=2)
    crowd = of_each_worker(running, 2)
    tally = crowd.ask(4_000, MIXED)
    before = running.endpoint.figures()
    assert counted(before) == answered(tally)
    assert before.total("ostiary_connections") == before.total("ostiary_upstream_connections", state="ready") == 4
    victim = next(each["pid"] for each in running.endpoint.status()["workers"] if each["worker"] == 0)
    os.kill(victim, signal.SIGKILL)
    figures = running.endpoint.await_figures(
        lambda figures: (
            figures.total("ostiary_worker_restarts_total") == 1
            and "worker-0" in figures.each("process_open_fds", "process")
        )
    )
    assert counted(figures) == answered(tally)
    # Its gauges are gone with it; the other's stay.
    assert figures.total("ostiary_connections") == figures.total("ostiary_upstream_connections") == 2
    assert figures.total("ostiary_upstream_connections", state="ready") == 2
    again = Crowd([running.connect() for _ in range(4)])
    tally += again.ask(2_000, MIXED)
    assert counted(running.endpoint.figures()) == answered(tally)
    assert running.endpoint.status()["gateway"]["worker_restarts"] == 1
    for each in (*crowd.pipelines, *again.pipelines):
        each.client.close()
    running.endpoint.await_figures(lambda figures: figures.total("ostiary_connections") == 0)


def test_operations_that_a_killed_worker_had_answered_stay_counted_under_load(seen: SeenFactory) -> None:
    running = seen(workers=2)
    crowd = of_each_worker(running, 2)
    victim = next(each["pid"] for each in running.endpoint.status()["workers"] if each["worker"] == 0)
    crowd.start([search, compare_true], window=50)
    pause(0.5)
    os.kill(victim, signal.SIGKILL)
    pause(0.3)
    tally = crowd.stop()
    assert len(crowd.failures) == 2
    total = running.endpoint.figures().total(OPERATIONS)
    # What the dead one had answered and nobody has read, is at most a block of each of its clients.
    assert tally.codes.total() <= total <= tally.codes.total() + 2 * 50
    for each in crowd.pipelines:
        each.client.close()
    running.endpoint.await_figures(
        lambda figures: figures.total("ostiary_connections") == 0 and figures.total("ostiary_upstream_connections") == 0
    )


def test_prometheus_has_the_sums(seen: SeenFactory, tmp_path: Path) -> None:
    if prometheus.is_absent():
        pytest.skip(prometheus.MISSING)
    running = seen(workers=2, audit={})
    with running.connect() as client:
        tally = Crowd([client]).ask(3_000, MIXED)
    scraping = Prometheus(tmp_path, running.endpoint.address)
    try:
        wanted = Counter(answered(tally))
        assert scraping.data(f"sum({OPERATIONS}) == {wanted.total()}")
        found = scraping.query(f"{OPERATIONS} > 0")
        assert {(labels["operation"], labels["result"]): value for labels, value in found} == wanted
        assert [value for _, value in scraping.query("up")] == [1]
        assert [value for _, value in scraping.query("sum(ostiary_worker_restarts_total)")] == [0]
        assert {labels["process"] for labels, _ in scraping.query("process_cpu_seconds_total{process!=''}")} == {
            "supervisor", "worker-0", "worker-1",
        }  # fmt: skip
    finally:
        scraping.process.stop()
