"""The loop that waits in the driver: what is to be done beside sockets is done in its time, however busy these are."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from ostiary._core import Event
from ostiary.driving import Driving, drive

PATIENCE_SECONDS = 20.0


class Doorkeeper:
    """Turns each client away, and does something beside."""

    def __init__(self, driving: Driving, beside: Callable[[], object]) -> None:
        self.driving = driving
        self.beside = beside
        self.came = 0
        self.has_failed = False

    def act(self, events: tuple[Event, ...]) -> None:
        """Clients came."""
        for event in events:
            assert isinstance(event, Event.Accepted)
            self.driving.driver.remove(event.client)
            self.came += 1
        self.beside()

    def fail(self) -> None:
        """It raised."""
        self.has_failed = True


@contextlib.contextmanager
def listening() -> Iterator[socket.socket]:
    """A socket that clients can connect to."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen(64)
        yield one


def connect(address: tuple[str, int]) -> None:
    """A client that comes, and waits until it is turned away."""
    with socket.create_connection(address, PATIENCE_SECONDS) as client, contextlib.suppress(ConnectionError):
        client.recv(1)


def clients_that_came(beside: Callable[[asyncio.Event], object]) -> int:
    """Waits, with no timer of its own, for what `beside` sets when the only client comes; gives how many did."""

    async def work(driving: Driving) -> int:
        done = asyncio.Event()
        keeper = Doorkeeper(driving, lambda: beside(done))
        with listening() as door:
            driving.listen(door, keeper)
            thread = threading.Thread(target=connect, args=(door.getsockname(),))
            # Whoever waits for the driver alone waits for ever.
            asyncio.get_running_loop().call_soon(thread.start)
            await done.wait()
        await asyncio.to_thread(thread.join)
        return keeper.came

    return drive(work)


def test_what_an_event_leads_to_is_done_although_nothing_more_happens() -> None:
    assert clients_that_came(lambda done: done.set()) == 1


def test_a_timer_that_an_event_starts_runs_out_although_nothing_more_happens() -> None:
    assert clients_that_came(lambda done: asyncio.get_running_loop().call_later(0.01, done.set)) == 1


def test_timers_run_out_while_clients_never_cease_to_come() -> None:
    stop = threading.Event()

    def keep_coming(address: tuple[str, int]) -> None:
        while not stop.is_set():
            connect(address)

    async def work(driving: Driving) -> tuple[int, int]:
        keeper = Doorkeeper(driving, lambda: None)
        with listening() as door:
            driving.listen(door, keeper)
            threads = [threading.Thread(target=keep_coming, args=(door.getsockname(),)) for _ in range(2)]
            for thread in threads:
                thread.start()
            counts = []
            for _ in range(2):
                await asyncio.sleep(0.1)
                counts.append(keeper.came)
            stop.set()
            for thread in threads:
                await asyncio.to_thread(thread.join)
        return counts[0], counts[1]

    first, second = drive(work)
    assert 0 < first < second


def test_an_owner_that_raises_ends_alone(caplog: pytest.LogCaptureFixture) -> None:
    def raises() -> None:
        raise RuntimeError("a fault")

    async def work(driving: Driving) -> tuple[bool, bool]:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        done = asyncio.Event()
        keepers = [Doorkeeper(driving, raises), Doorkeeper(driving, done.set)]
        with contextlib.ExitStack() as stack:
            threads = []
            for keeper in keepers:
                door = stack.enter_context(listening())
                driving.listen(door, keeper)
                threads.append(threading.Thread(target=connect, args=(door.getsockname(),)))
            for thread in threads:
                thread.start()
                await asyncio.to_thread(thread.join)
            await done.wait()
        return keepers[0].has_failed, keepers[1].has_failed

    assert drive(work) == (True, False)
    assert caplog.text == ""
