"""What a slapd saw, read from its own log at level "stats".

slapd writes the line about a request before it answers it, so whoever has an answer finds its request here.
"""

from __future__ import annotations

import re

from ..real.servers.directory import Directory

LEVEL = "stats"
LINE = re.compile(r"conn=(\d+) op=(\d+) (.*)")
# Precedes the line about any bind of a connection that has bound before.
IMPLICIT = "BIND anonymous mech=implicit bind_ssf=0 ssf=0"


class ServerLog:
    """The requests of one slapd, from a mark on."""

    def __init__(self, directory: Directory) -> None:
        self._path = directory.process.log
        self._read = 0
        # The line that began each request, by connection and number: its result may come behind a mark.
        self._known: set[tuple[str, str]] = set()
        self._new: list[str] = []
        self.mark()

    def mark(self) -> None:
        """Forget what was seen up to now."""
        self._follow()
        self._new = []

    def requests(self) -> list[str]:
        """One line for each request since the mark, as slapd words it; Unbind is none."""
        self._follow()
        return [told for told in self._new if not told.startswith("UNBIND")]

    def _follow(self) -> None:
        with self._path.open("rb") as log:
            log.seek(self._read)
            text = log.read()
        # A line that is being written is read when it is whole.
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        for connection, operation, told in LINE.findall(whole.decode(errors="replace")):
            if (connection, operation) not in self._known and told != IMPLICIT:
                self._known.add((connection, operation))
                self._new.append(told)
