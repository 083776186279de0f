"""As many operations as there were are in the audit, by every way out, and what is not is counted as lost."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ostiary.tls import Throwaway

from ..audit.collector import Collector
from ..real.gateway import Value
from ..real.process import pause
from .stage import MIXED, NAMES, Seen, SeenFactory, compare_false, filtered, search, search_for_nobody, wrong_bind
from .volume import Crowd, Tally

MANY = 100_000
RECORDS, LOST = "ostiary_audit_records_total", "ostiary_audit_records_lost_total"
WAIT_SECONDS = 20.0
# A client that waits longer than this for a block of answers has met a pause: one that nobody's work explains.
PAUSE_SECONDS = 2.0
CLIENTS = 4


def crowd(running: Seen) -> Crowd:
    return Crowd([running.connect() for _ in range(CLIENTS)])


def leave(asking: Crowd) -> None:
    for each in asking.pipelines:
        each.client.close()


def ends(records: list[dict[str, Any]]) -> Counter[tuple[str, int]]:
    """How often each operation ended with each code."""
    return Counter((record["operation"], record["code"]) for record in records)


def hold_to(tally: Tally, records: list[dict[str, Any]], count: int) -> None:
    """The records are those of what clients were answered, each once, and named as in the RFC."""
    assert len(records) == tally.codes.total() == count
    assert ends(records) == tally.codes
    assert len({(record["connection"], record["message"]) for record in records}) == count
    assert all(record["result"] == NAMES[record["code"]] for record in records)


@pytest.mark.timeout(120)
def test_a_hundred_thousand_operations_are_so_many_records_in_a_file(seen: SeenFactory) -> None:
    running = seen(audit={})
    asking = crowd(running)
    tally = asking.ask(MANY, MIXED)
    leave(asking)
    running.gateway.stop()
    hold_to(tally, running.operations(), MANY)
    others = Counter(record["event"] for record in running.records() if record["event"] != "operation")
    assert others["connection_opened"] == others["connection_closed"] >= CLIENTS
    assert set(others) == {"connection_opened", "connection_closed"}


def collected(kind: str, collector: Collector, throwaway: Throwaway) -> dict[str, Value]:
    """The table `[audit]` that leads to a collector."""
    if kind == "tcp":
        return {"output": f"syslog+tcp://127.0.0.1:{collector.tcp.port}"}
    files = throwaway.files
    assert files is not None
    tls = {"ca": str(files.ca), "certificate": str(files.client_certificate), "key": str(files.client_key)}
    return {"output": f"syslog+tls://localhost:{collector.tls.port}", "tls": tls}


def kept(collector: Collector, count: int) -> list[dict[str, Any]]:
    """The records of operations that the collector has parsed, whose envelopes are as they must be."""
    messages = collector.kept(count)
    for message in messages:
        envelope = [message[key] for key in ("version", "program", "data")]
        assert envelope == ["1", "ostiary", "-"]
        record = json.loads(message["record"])
        assert message["kind"] == record["event"]
        assert message["time"] == record["time"]
        # authpriv; notice for what failed, informational otherwise.
        assert message["priority"] in ("85", "86")
    return [json.loads(message["record"]) for message in messages if message["kind"] == "operation"]


@pytest.mark.parametrize(("kind", "workers"), [("tcp", 1), ("tls", 2)])
def test_a_collector_has_a_record_of_every_operation(
    seen: SeenFactory, collector: Collector, throwaway: Throwaway, kind: str, workers: int
) -> None:
    count = 20_000
    collector.start()
    running = seen(audit=collected(kind, collector, throwaway), workers=workers)
    asking = crowd(running)
    tally = asking.ask(count, MIXED)
    leave(asking)
    running.endpoint.await_figures(lambda figures: figures.total("ostiary_connections") == 0)
    figures = running.endpoint.await_figures(lambda figures: figures.total(RECORDS) >= count + 2 * CLIENTS)
    assert figures.total(LOST) == 0
    hold_to(tally, kept(collector, int(figures.total(RECORDS))), count)


def test_traffic_goes_on_without_its_collector_and_every_loss_is_counted(
    seen: SeenFactory, collector: Collector, throwaway: Throwaway
) -> None:
    collector.start()
    running = seen(audit={**collected("tcp", collector, throwaway), "buffer_bytes": 131_072})
    asking = crowd(running)
    asking.start(MIXED)
    running.endpoint.await_figures(lambda figures: figures.total(RECORDS) > 1_000)
    assert collector.process is not None
    collector.process.kill()
    figures = running.endpoint.await_figures(lambda figures: figures.total(LOST) > 1_000)
    lost = figures.total(LOST)
    running.endpoint.await_figures(lambda figures: figures.total(LOST) > lost + 1_000)
    assert [each["output"] for each in running.events("audit_output_failed")] == [
        f"syslog+tcp://127.0.0.1:{collector.tcp.port}"
    ]
    assert running.events("audit_lost")
    # It comes back, and so do the records.
    collector.start()
    written = running.endpoint.figures().total(RECORDS)
    running.endpoint.await_figures(lambda figures: figures.total(RECORDS) > written + 1_000)
    tally = asking.stop()
    assert asking.failures == []
    assert tally.longest_seconds < PAUSE_SECONDS
    leave(asking)
    running.endpoint.await_figures(lambda figures: figures.total("ostiary_connections") == 0)
    figures = running.endpoint.await_figures(
        lambda figures: figures.total(RECORDS) + figures.total(LOST) >= tally.codes.total() + 2 * CLIENTS
    )
    assert figures.total("ostiary_operations_total") == tally.codes.total()
    connections = int(figures.total("ostiary_connections_total"))
    assert figures.total(RECORDS) + figures.total(LOST) == tally.codes.total() + 2 * connections
    assert running.events("audit_recovered")
    running.gateway.stop()
    assert sum(each["records"] for each in running.events("audit_lost")) == figures.total(LOST)


def await_growth(path: Path) -> None:
    """Returns once there is something in a file."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not path.exists() or not path.stat().st_size:
        assert time.monotonic() < deadline, f"nothing is written to {path}"
        pause(0.01)


@pytest.mark.parametrize("workers", [1, 2])
def test_rotation_under_load_loses_nothing(seen: SeenFactory, workers: int) -> None:
    running = seen(audit={}, workers=workers)
    asking = crowd(running)
    asking.start(MIXED, window=20)
    rotated: list[Path] = []
    for number in range(5):
        await_growth(running.audit)
        rotated.append(running.audit.rename(running.home / f"audit.log.{number}"))
        running.gateway.process.signal(signal.SIGHUP)
    await_growth(running.audit)
    tally = asking.stop()
    assert asking.failures == []
    leave(asking)
    running.gateway.stop()
    hold_to(tally, running.operations(*rotated, running.audit), tally.codes.total())
    assert {event.get("worker", 0) for event in running.events("reopened")} == set(range(workers))


def test_a_share_of_what_succeeds_is_recorded_and_all_that_does_not(seen: SeenFactory) -> None:
    running = seen(audit={"sampling": {"search": 0.01, "compare": 0.1}})
    asking = Crowd([running.connect()])
    asking.ask(2_000, [search])
    asking.ask(1_000, [compare_false])
    asking.ask(300, [search_for_nobody])
    asking.ask(50, [wrong_bind], window=1)
    leave(asking)
    running.gateway.stop()
    assert ends(running.operations()) == {
        ("search", 0): 20, ("compare", 5): 100, ("search", 32): 300, ("bind", 49): 50,
    }  # fmt: skip


def test_values_are_recorded_only_where_that_is_asked_for(seen: SeenFactory) -> None:
    told = {}
    for filter_values in (False, True):
        running = seen(audit={"filter_values": filter_values, "secret_attributes": ["description"]})
        with running.connect() as client:
            asked = ((b"cn", b"probe"), (b"userPassword", b"x"), (b"2.5.4.35", b"x"), (b"description", b"x"))
            for message_id, (name, value) in enumerate(asked, 1):
                client.ask(filtered(message_id, name, value))
            client.ask(compare_false(9))
        running.gateway.stop()
        told[filter_values] = [record["filter"] for record in running.operations()]
    assert told[False] == ["(cn=?)", "(userPassword=?)", "(2.5.4.35=?)", "(description=?)", "(cn=?)"]
    assert told[True] == ["(cn=probe)", "(userPassword=?)", "(2.5.4.35=?)", "(description=?)", "(cn=else)"]
