"""The supervisor in this process: what it knows of its workers, and what it does with one that does not stop."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ostiary import supervisor as supervising
from ostiary.config import Config
from ostiary.cores import usable_cores
from ostiary.plan import Plan, plan
from ostiary.supervisor import Supervisor
from ostiary.worker import received

from ..real.process import pause

CONFIGURATION = """
workers = {workers}
[[listeners]]
name = "plain"
address = "127.0.0.1:0"
tls = {{ mode = "none" }}
upstream = "directory"
[[listeners]]
name = "local"
address = "unix:ldapi"
tls = {{ mode = "none" }}
upstream = "directory"
[[upstreams]]
name = "directory"
servers = ["ldap://127.0.0.1:1"]
[limits]
drain_seconds = 0.2
"""


def planned(home: Path, workers: int | str = 2) -> Plan:
    return plan(Config.from_toml(CONFIGURATION.format(workers=workers), home))


@asynccontextmanager
async def supervised(made: Plan) -> AsyncIterator[Supervisor]:
    """A supervisor whose workers have started; it is told to stop in the end."""
    descriptor = os.memfd_create("plan", os.MFD_CLOEXEC)
    os.write(descriptor, pickle.dumps(made))
    supervisor = Supervisor(made, descriptor, "warning")
    running = asyncio.create_task(supervisor.run())
    try:
        await asyncio.gather(*(each.has_started for each in supervisor.keepers))
        yield supervisor
    finally:
        supervisor.stop()
        status = await running
        os.close(descriptor)
    assert status == 0


def restarts(supervisor: Supervisor) -> object:
    """How many workers were replaced, as everybody may read it."""
    samples = supervisor.shared.meters.samples()
    return next(value for name, _, value in samples if name == "ostiary_worker_restarts_total")


async def test_every_worker_says_how_it_is(tmp_path: Path) -> None:
    async with supervised(planned(tmp_path)) as supervisor:
        statuses = await supervisor.statuses()
        processes = supervisor.processes()
        assert processes["supervisor"] == os.getpid()
        assert [(each["worker"], each["pid"]) for each in statuses] == [
            (number, processes[f"worker-{number}"]) for number in (0, 1)
        ]
        for each in statuses:
            assert each["connections"] == {"plain": 0, "local": 0}
            assert [(listener["name"], listener["tls"]) for listener in each["listeners"]] == [
                ("plain", "none"), ("local", "none"),
            ]  # fmt: skip
        # The port that was chosen is one for all.
        assert len({each["listeners"][0]["address"] for each in statuses}) == 1
        host, _, port = statuses[0]["listeners"][0]["address"].partition(":")
        with socket.create_connection((host, int(port))):
            while sum(each["connections"]["plain"] for each in await supervisor.statuses()) != 1:
                await asyncio.sleep(0.01)
        # Questions that come at the same time are each answered.
        many = await asyncio.gather(*(supervisor.statuses() for _ in range(20)))
        assert all(len(each) == 2 for each in many)


async def test_one_that_died_is_missing_until_it_is_replaced_and_counted(tmp_path: Path) -> None:
    async with supervised(planned(tmp_path)) as supervisor:
        asked = asyncio.create_task(supervisor.statuses())
        os.kill(supervisor.processes()["worker-1"], signal.SIGKILL)
        assert len(await asked) in (1, 2)
        while "worker-1" in supervisor.processes():
            await asyncio.sleep(0.005)
        assert [each["worker"] for each in await supervisor.statuses()] == [0]
        while len(await supervisor.statuses()) != 2:
            await asyncio.sleep(0.02)
        assert restarts(supervisor) == 1


async def test_one_that_does_not_answer_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ostiary.keeping.STATUS_SECONDS", 0.1)
    async with supervised(planned(tmp_path)) as supervisor:
        stopped = supervisor.processes()["worker-0"]
        os.kill(stopped, signal.SIGSTOP)
        assert [each["worker"] for each in await supervisor.statuses()] == [1]
        os.kill(stopped, signal.SIGCONT)
        # Its late answer is nobody else's.
        while len(statuses := await supervisor.statuses()) != 2:
            pause(0.01)
        assert [each["worker"] for each in statuses] == [0, 1]


async def test_one_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "STOP_SECONDS", 0.3)
    with pytest.raises(AssertionError):
        async with supervised(planned(tmp_path)) as supervisor:
            os.kill(supervisor.processes()["worker-0"], signal.SIGSTOP)
    assert set(supervisor.processes()) == {"supervisor"}
    assert not (tmp_path / "ldapi").exists()


async def test_a_bug_in_keeping_ends_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(_keeper: object, _number: int) -> None:
        raise RuntimeError("a bug")

    async def meet_it() -> None:
        async with supervised(planned(tmp_path)) as supervisor:
            monkeypatch.setattr(supervisor, "shared", type("Shared", (), {"forget_worker": forget})())
            os.kill(supervisor.processes()["worker-0"], signal.SIGKILL)
            while not supervisor.is_stopping:
                await asyncio.sleep(0.01)

    with pytest.raises(RuntimeError, match="a bug"):
        await meet_it()


async def test_one_told_to_stop_before_its_workers_are_there_stops(tmp_path: Path) -> None:
    made = planned(tmp_path)
    descriptor = os.memfd_create("plan", os.MFD_CLOEXEC)
    os.write(descriptor, pickle.dumps(made))
    for turns in range(4):
        supervisor = Supervisor(made, descriptor, "warning")
        running = asyncio.create_task(supervisor.run())
        await asyncio.sleep(0.02 * turns)
        supervisor.stop()
        assert await running == 0
        assert set(supervisor.processes()) == {"supervisor"}
        # Futures that nobody awaits any more must not complain.
        await asyncio.gather(*(each.has_started for each in supervisor.keepers), return_exceptions=True)
    os.close(descriptor)


async def test_what_cannot_be_opened_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "ldapi").write_text("no socket")
    with pytest.raises(OSError, match="listener local: cannot listen: not a socket"):
        Supervisor(planned(tmp_path), 0, "warning")
    assert (tmp_path / "ldapi").read_text() == "no socket"


def test_a_plan_is_read_as_often_as_it_is_asked_for(tmp_path: Path) -> None:
    made = planned(tmp_path)
    descriptor = os.memfd_create("plan", os.MFD_CLOEXEC)
    os.write(descriptor, pickle.dumps(made))
    assert received(descriptor) == received(descriptor) == made
    os.close(descriptor)


@pytest.mark.parametrize(("asked", "expected"), [(1, 1), (7, 7), ('"auto"', usable_cores())])
def test_there_are_as_many_workers_as_asked_for(tmp_path: Path, asked: int | str, expected: int) -> None:
    assert planned(tmp_path, asked).workers == expected


@pytest.mark.parametrize(
    ("quotas", "expected"),
    [
        ({}, 64),
        ({"": "max 100000"}, 64),
        ({"a/b": "200000 100000"}, 2),
        ({"a/b": "150000 100000"}, 2),
        ({"a/b": "1000 100000"}, 1),
        ({"a": "300000 100000", "a/b": "max 100000"}, 3),
        ({"a": "100000 100000", "a/b": "400000 100000"}, 1),
        ({"a/b": "9999999 10000"}, 64),
        ({"a/b": "nonsense"}, 64),
        ({"a/b": "1 0"}, 64),
        ({"other": "100000 100000"}, 64),
    ],
)
def test_cores_are_those_that_the_control_groups_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quotas: dict[str, str], expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    groups, own = tmp_path / "groups", tmp_path / "own"
    for name, quota in quotas.items():
        (groups / name).mkdir(parents=True, exist_ok=True)
        (groups / name / "cpu.max").write_text(f"{quota}\n")
    own.write_text("1:cpu:/elsewhere\n0::/a/b\n")
    assert usable_cores(groups, own) == expected
    assert usable_cores(groups, tmp_path / "absent") == 64
    own.write_text("1:cpu:/a/b\n")
    assert usable_cores(groups, own) == 64
