"""The table `[admin]`: read and checked, so that a file written for it loads, and without effect.

What it asks for is not in this version, and every check and every start says so.
"""

from __future__ import annotations

from ostiary.config.addresses import Address
from ostiary.config.table import Table
from ostiary.config.values import ListenAddress

PLANNED = {
    "admin": "not in this version: nothing listens there, there are no metrics and no status",
}
"""What is said of a file that has these tables."""


class Admin(Table):
    """Metrics, health and status; not in this version."""

    address: ListenAddress = Address("127.0.0.1", 9389)
    """Where they are to be read."""
