"""The command line: `ostiary` and its verbs, one file each.

Exit status: 0, 1 (it ran and failed), 2 (usage or configuration); 3 (`explain`: refused).
"""

from ostiary.cli.application import main

__all__ = ["main"]
