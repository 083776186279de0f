"""The tables `[admin]` and `[audit]`: read and checked, so that a file written for them loads, and without effect.

What they ask for is not in this version, and every check and every start says so.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ostiary.config.addresses import Address
from ostiary.config.table import Table
from ostiary.config.values import ListenAddress

PLANNED = {
    "admin": "not in this version: nothing listens there, there are no metrics and no status",
    "audit": "not in this version: NOTHING is recorded",
}
"""What is said of a file that has these tables."""


class Admin(Table):
    """Metrics, health and status; not in this version."""

    address: ListenAddress = Address("127.0.0.1", 9389)
    """Where they are to be read."""


class Audit(Table):
    """The record of every operation; not in this version."""

    output: Annotated[str, Field(min_length=1)] = "stdout"
    """Where it goes: `stdout`, the path of a file, or `syslog://...`."""
    format: Literal["json", "ecs", "cef"] = "json"
    """How a record is written."""
