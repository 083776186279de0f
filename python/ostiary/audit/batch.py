"""Records that were handed over together, and how far they have got.

Two framings, as the core writes them: a record a line, for files; and octet counting (RFC 6587, section 3.4.1:
`MSG-LEN SP SYSLOG-MSG`), for syslog. Knows no sink.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["Batch", "messages"]

# Digits of a length and a space: records are some KiB at most.
_LENGTH_MOST = 12


class Batch:
    """So many records in octets; `done` is where the first one begins that no kernel has taken whole."""

    __slots__ = ("_is_framed", "done", "octets", "records", "refused")

    def __init__(self, octets: bytes, records: int, is_framed: bool) -> None:
        self.octets = octets
        self.records = records
        self.done = 0
        self.refused = 0
        """Records that the sink can never take, whatever it is asked."""
        self._is_framed = is_framed

    @property
    def left(self) -> int:
        """How many records are still to be taken."""
        if self.done == 0:
            return self.records
        if not self._is_framed:
            return self.octets.count(b"\n", self.done)
        return sum(1 for _ in messages(self.octets, self.done))

    def reached(self, position: int) -> None:
        """Everything before the position was taken: `done` moves behind the last record that is whole."""
        if position == len(self.octets):
            self.done = position
        elif not self._is_framed:
            # Not found is -1: then nothing moves.
            self.done = max(self.done, self.octets.rfind(b"\n", self.done, position) + 1)
        else:
            for _, end in messages(self.octets, self.done):
                if end > position:
                    break
                self.done = end


def messages(octets: bytes, begin: int = 0) -> Iterator[tuple[int, int]]:
    """Where each syslog message begins and ends, without its count; `begin` is where a count stands."""
    while begin < len(octets):
        space = octets.index(b" ", begin, begin + _LENGTH_MOST)
        start = space + 1
        begin = start + int(octets[begin:space])
        yield start, begin
