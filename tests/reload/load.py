"""Clients that ask without a pause while something is done to the gateway, and remember what they lacked."""

from __future__ import annotations

import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..policy.content import ALICE, ALICE_PASSWORD, PROBE
from ..real import wire
from ..real.raw_client import Address, RawClient

alice, password = ALICE.encode(), ALICE_PASSWORD.encode()
SHUT_DOWN = "notice"


class Load:
    """One client after the other, in a thread of their own: each comes, binds, searches so often, and goes."""

    def __init__(self, where: Callable[[], Address], searches: int, tls: Callable[[], ssl.SSLContext] | None) -> None:
        self.codes: Counter[int] = Counter()
        """The results of all that was asked."""
        self.clients = 0
        self.faults: list[str] = []
        self.notices = 0
        """How often a client was told to go, with nothing of what it had asked unanswered."""
        self._where = where
        self._searches = searches
        self._tls = tls
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._ends.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._ends.is_set():
            try:
                tls = None if self._tls is None else self._tls()
                with RawClient(self._where(), tls) as client:
                    self.clients += 1
                    self._talk(client)
            except Exception as error:  # noqa: BLE001  (whatever it is, somebody was not served)
                self.faults.append(f"{type(error).__name__}: {error}")

    def _talk(self, client: RawClient) -> None:
        if not self._ask(client, wire.bind(1, alice, password)):
            return
        message_id = 1
        # A moment between two requests: the load is to be there always, and not to be all that the machine does.
        while not self._ends.wait(0.002) and message_id <= self._searches:
            message_id += 1
            if not self._ask(client, wire.search(message_id, PROBE.encode(), attributes=[b"1.1"])):
                return
        client.send(wire.unbind(message_id + 1))

    def _ask(self, client: RawClient, request: bytes) -> bool:
        answer = client.ask(request)
        if answer.is_notice:
            self.notices += 1
            return False
        self.codes[answer.code] += 1
        return True


@contextmanager
def loads(
    address: Address | Callable[[], Address],
    count: int = 4,
    *,
    searches: int = 20,
    tls: Callable[[], ssl.SSLContext] | None = None,
) -> Iterator[list[Load]]:
    """So many such threads; at the end all were served."""
    found = address if callable(address) else lambda: address
    running = [Load(found, searches, tls) for _ in range(count)]
    try:
        yield running
    finally:
        for each in running:
            each.stop()
    for each in running:
        assert each.faults == []
        assert set(each.codes) == {wire.SUCCESS}
        assert each.codes.total() > 0
