"""Many requests on few connections, as fast as Python may: written in blocks, and their answers counted, not decoded.

It knows the heads of responses, by code of its own, and nothing of who answers.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..real import wire
from ..real.raw_client import RawClient

WINDOW = 100
NAMES = {
    wire.BIND_RESPONSE: "bind", wire.SEARCH_DONE: "search", wire.COMPARE_RESPONSE: "compare",
    wire.MODIFY_RESPONSE: "modify", wire.EXTENDED_RESPONSE: "extended", wire.DELETE_RESPONSE: "delete",
}  # fmt: skip

Make = Callable[[int], bytes]
"""The request with that message id."""


@dataclass
class Tally:
    """What a client was answered: how often each operation ended with each code, and the longest wait for a block."""

    codes: Counter[tuple[str, int]] = field(default_factory=Counter)
    longest_seconds: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.codes + other.codes, max(self.longest_seconds, other.longest_seconds))


class Pipeline:
    """One connection on which requests are written without waiting for each answer."""

    def __init__(self, client: RawClient) -> None:
        self.client = client
        self.tally = Tally()
        self._next = 1000
        self._rest = b""

    def ask(self, count: int, makers: Sequence[Make], window: int = WINDOW) -> None:
        """So many requests, of each kind in turn. Raises: EOFError or OSError when the other side closes."""
        while count:
            block = min(count, window)
            began = time.monotonic()
            first = self._next
            self._next += block
            self.client.socket.sendall(b"".join(makers[each % len(makers)](each) for each in range(first, self._next)))
            self._await(block)
            self.tally.longest_seconds = max(self.tally.longest_seconds, time.monotonic() - began)
            count -= block

    def _await(self, count: int) -> None:
        while count:
            data = self.client.socket.recv(1 << 18)
            if not data:
                raise EOFError(f"closed with {count} requests unanswered")
            count -= self._count(self._rest + data)

    def _count(self, data: bytes) -> int:
        """How many final responses these octets hold; what is cut short is kept."""
        place, found = 0, 0
        while (head := wire.header(data, place)) is not None and place + head[1] + head[2] <= len(data):
            operation = place + head[1] + 2 + data[place + head[1] + 1]
            tag = data[operation]
            if tag not in wire.NOT_FINAL:
                inner = wire.header(data, operation)
                assert inner is not None
                # The result code comes first: an ENUMERATED of one octet.
                self.tally.codes[NAMES[tag], data[operation + inner[1] + 2]] += 1
                found += 1
            place += head[1] + head[2]
        self._rest = data[place:]
        return found


class Crowd:
    """Clients that ask at the same time, each in a thread of its own."""

    def __init__(self, clients: Sequence[RawClient]) -> None:
        self.pipelines = [Pipeline(client) for client in clients]
        self.failures: list[BaseException] = []
        self._threads: list[threading.Thread] = []
        self._may_end = threading.Event()

    @property
    def tally(self) -> Tally:
        return sum((each.tally for each in self.pipelines), Tally())

    def ask(self, count: int, makers: Sequence[Make], window: int = WINDOW) -> Tally:
        """So many requests of all together; what came of them."""
        share, left = divmod(count, len(self.pipelines))
        counts = [share + (place < left) for place in range(len(self.pipelines))]
        self._run([lambda each=each, of=of: each.ask(of, makers, window)  # type: ignore[misc]
                   for each, of in zip(self.pipelines, counts, strict=True)])  # fmt: skip
        self.join()
        return self.tally

    def start(self, makers: Sequence[Make], window: int = WINDOW) -> None:
        """Asks until `stop`."""

        def go_on(each: Pipeline) -> None:
            while not self._may_end.is_set():
                each.ask(window, makers, window)

        self._run([lambda each=each: go_on(each) for each in self.pipelines])  # type: ignore[misc]

    def stop(self) -> Tally:
        """Ends that, behind the last answer; what came of it."""
        self._may_end.set()
        self.join()
        return self.tally

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)
        self._threads = []

    def _run(self, works: Sequence[Callable[[], None]]) -> None:
        def guarded(work: Callable[[], None]) -> None:
            try:
                work()
            except (EOFError, OSError) as failure:
                self.failures.append(failure)

        self._threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
        for thread in self._threads:
            thread.start()
