"""The process that checks a configuration for one that serves: `python -m ostiary.checking DESCRIPTOR FILE`.

It leaves a plan, or every fault, in the memory behind the descriptor, and ends.
"""

from __future__ import annotations

import os
import pickle
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ostiary.config import load
from ostiary.config.notices import notices
from ostiary.errors import ConfigError, OstiaryError
from ostiary.plan import plan
from ostiary.reloading import Checked

__all__ = ["checked", "main"]

NICE = 5
"""Who serves goes first."""


def checked(path: Path) -> Checked:
    """What is to be said of a file."""
    try:
        asked = load(path)
        told = tuple((each.path, each.message) for each in notices(asked))
        return Checked(plan=replace(plan(asked, path), notices=told))
    except ConfigError as error:
        return Checked(faults=tuple((each.path, each.message) for each in error.faults))
    except OstiaryError as error:
        # A file that changed between the check and now.
        return Checked(faults=(("", str(error)),))


def main() -> int:
    """Checks the file; gives the exit status."""
    with suppress(PermissionError):
        # A service that may change no priorities checks at its own.
        os.nice(NICE)
    descriptor, path = int(sys.argv[1]), Path(sys.argv[2])
    said = checked(path)
    with open(descriptor, "wb", closefd=False) as memory:
        pickle.dump(said, memory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
