"""A worker that does not answer an order is ended at once: what it said late would be taken for another answer."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import pytest

from ostiary import keeping

SAYS_READY_ALONE = """
import socket, sys, time
channel = socket.socket(fileno=int(sys.argv[1].split(",")[0]))
channel.sendall(b'{"ready": true}\\n')
time.sleep(600)
"""


class Generation:
    """A configuration with nothing in it."""

    number = 1
    new_memory = ()

    def __init__(self) -> None:
        self.plan_descriptor = os.open(os.devnull, os.O_RDONLY)

    def place(self, _number: int) -> Generation:
        """The same for all."""
        return self

    @property
    def descriptors(self) -> list[int]:
        """None is handed over."""
        return []

    def as_message(self) -> dict[str, Any]:
        """What a worker is told first."""
        return {}

    def sockets_of(self, _number: int) -> dict[str, list[int]]:
        """There are no listeners."""
        return {}

    def descriptors_for(self, _number: int) -> list[int]:
        """None is needed for an order."""
        return []


class Supervisor:
    """Who has one worker kept."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self.is_stopping = False
        self.died = asyncio.Event()

    def forget_worker(self, _number: int) -> None:
        """It is gone, and no other is wanted."""
        self.is_stopping = True
        self.died.set()


async def test_a_worker_that_does_not_answer_is_ended_and_not_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(keeping, "ORDER_SECONDS", 0.2)
    generation = Generation()
    supervisor = Supervisor(generation)
    keeper = keeping.Keeper(
        supervisor,  # type: ignore[arg-type]
        0,
        lambda _plan, channels: [sys.executable, "-c", SAYS_READY_ALONE, channels],
    )
    kept = asyncio.create_task(keeper.keep())
    assert await keeper.has_started
    orders: list[str] = []
    order = keeper._order

    async def ordered(message: dict[str, Any]) -> dict[str, Any] | None:
        orders.append(message["ask"])
        return await order(message)

    monkeypatch.setattr(keeper, "_order", ordered)
    # Others may have prepared: this one begins with what comes into force.
    assert await keeper.prepare(generation) is None  # type: ignore[arg-type]
    await keeper.take(generation)  # type: ignore[arg-type]
    await supervisor.died.wait()
    await kept
    os.close(generation.plan_descriptor)
    assert orders == ["prepare"]
    assert [record.getMessage() for record in caplog.records].count("worker_killed") == 1
