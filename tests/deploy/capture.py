"""Everything that crosses this machine's networks by TCP, as tcpdump would see it: streams of octets by their ends.

Knows IPv4 and TCP, and nothing of what they carry. Needs root.
"""

from __future__ import annotations

import socket
import struct
import threading
from types import TracebackType
from typing import NamedTuple, Self

ETH_P_ALL = 3
TCP = 6


class Ends(NamedTuple):
    """Who sends to whom."""

    source: str
    source_port: int
    target: str
    target_port: int


class Capture:
    """What passes while it is open."""

    def __init__(self) -> None:
        self._segments: dict[Ends, dict[int, bytes]] = {}
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self._socket.settimeout(0.1)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()
        self._socket.close()

    def streams(self, port: int) -> dict[Ends, bytes]:
        """What was said from and to a port, each direction by itself."""
        return {
            ends: b"".join(octets for _, octets in sorted(segments.items()))
            for ends, segments in self._segments.items()
            if port in (ends.source_port, ends.target_port)
        }

    def _listen(self) -> None:
        while not self._is_over.is_set():
            try:
                packet = self._socket.recv(65_535)
            except TimeoutError:
                continue
            self._note(packet)

    def _note(self, packet: bytes) -> None:
        if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != TCP:
            return
        header, whole = 4 * (packet[0] & 15), struct.unpack("!H", packet[2:4])[0]
        segment = packet[header:whole]
        source_port, target_port, sequence = struct.unpack("!HHI", segment[:8])
        octets = segment[4 * (segment[12] >> 4) :]
        if octets:
            ends = Ends(socket.inet_ntoa(packet[12:16]), source_port, socket.inet_ntoa(packet[16:20]), target_port)
            # A packet crosses several interfaces, and may be sent again: the same octets at the same place.
            self._segments.setdefault(ends, {})[sequence] = octets


def tls_records(octets: bytes) -> list[int]:
    """The kinds of the TLS records that the octets are, to the last one.

    Raises:
        ValueError: they are something else.
    """
    kinds = []
    while octets:
        kind, version, length = struct.unpack("!BHH", octets[:5])
        if kind not in (20, 21, 22, 23) or version >> 8 != 3 or len(octets) < 5 + length:
            raise ValueError(f"no TLS: {octets[:40]!r}")
        kinds.append(kind)
        octets = octets[5 + length :]
    return kinds
