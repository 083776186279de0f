"""Records as lines: into a file that others may rotate, and to stdout.

Several workers write to the same place, so lines leave in pieces that the kernel does not mix: a file takes a batch
at once at its end (O_APPEND), a pipe takes PIPE_BUF octets. Knows no record but by the end of its line.
"""

from __future__ import annotations

import os
import select
import stat

from ostiary.audit.batch import Batch

__all__ = ["FileSink", "StdoutSink"]

# Readable for the group, which is what log shippers are put into; for nobody else.
FILE_MODE = 0o640
# The least that POSIX promises is 512; Linux has 4,096, and no record is longer.
PIPE_OCTETS = select.PIPE_BUF
STDOUT = 1


class _Lines:
    """Lines to a descriptor; after a failure in the middle of one, that line is ended and written again whole."""

    def __init__(self) -> None:
        self._is_torn = False

    def _put(self, descriptor: int, batch: Batch, end: int) -> None:
        """Writes the batch up to `end`, where a line ends. Raises: OSError."""
        begin = batch.done
        piece = memoryview(batch.octets)[begin:end]
        prefix = b"\n" if self._is_torn else b""
        if prefix:
            piece = memoryview(prefix + piece)
        taken = 0
        try:
            while taken < len(piece):
                taken += _write(descriptor, piece[taken:])
        except OSError:
            if taken:
                position = begin + taken - len(prefix)
                batch.reached(position)
                self._is_torn = position > batch.done
            raise
        self._is_torn = False
        batch.done = end


def _write(descriptor: int, piece: memoryview) -> int:
    """Writes some of the piece; waits where whoever started the gateway made the descriptor non-blocking."""
    while True:
        try:
            return os.write(descriptor, piece)
        except BlockingIOError:
            select.select([], [descriptor], [])


class FileSink(_Lines):
    """A file, made if it is not there, and only ever appended to."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._descriptor: int | None = None

    def open(self) -> None:
        """Opens or makes the file. Raises: OSError."""
        if self._descriptor is None:
            self._descriptor = _opened(self._path)

    def write(self, batch: Batch) -> None:
        """Appends what is left of the batch by one write. Raises: OSError."""
        assert self._descriptor is not None
        self._put(self._descriptor, batch, len(batch.octets))

    def close(self) -> None:
        """Closes the file: the next open takes whatever then has its name."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _opened(path: str) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, FILE_MODE)
    except FileExistsError:
        # Its mode is for whoever made it to choose, as logrotate's `create` does.
        return os.open(path, flags | os.O_CREAT, FILE_MODE)
    # A umask is made for what people create; who may read this file is said here.
    os.fchmod(descriptor, FILE_MODE)
    return descriptor


class StdoutSink(_Lines):
    """Whatever stdout is: a pipe to a container's log, a file, a terminal."""

    def __init__(self) -> None:
        super().__init__()
        self._is_file = False

    def open(self) -> None:
        """Looks what stdout is. Raises: OSError when there is none."""
        self._is_file = stat.S_ISREG(os.fstat(STDOUT).st_mode)

    def write(self, batch: Batch) -> None:
        """Writes what is left of the batch, into a pipe as many lines at once as stay together. Raises: OSError."""
        octets = batch.octets
        while batch.done < len(octets):
            end = len(octets)
            if not self._is_file and end - batch.done > PIPE_OCTETS:
                end = octets.rfind(b"\n", batch.done, batch.done + PIPE_OCTETS) + 1
                # A longer line than a pipe keeps together leaves alone.
                end = end or octets.index(b"\n", batch.done) + 1
            self._put(STDOUT, batch, end)

    def close(self) -> None:
        """Nothing: stdout is the process's, not ours to close."""
