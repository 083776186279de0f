"""The table `[audit]`: read and checked, so that a file written for it loads, and without effect.

What it asks for is not in this version, and every check and every start says so.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ostiary.config.table import Table

PLANNED = {
    "audit": "not in this version: NOTHING is recorded",
}
"""What is said of a file that has these tables."""


class Audit(Table):
    """The record of every operation; not in this version."""

    output: Annotated[str, Field(min_length=1)] = "stdout"
    """Where it goes: `stdout`, the path of a file, or `syslog://...`."""
    format: Literal["json", "ecs", "cef"] = "json"
    """How a record is written."""
