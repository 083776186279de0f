"""The built-in plugin `bind_guard`: guesses of passwords are answered here. Its keys; their meaning is the core's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from ostiary.plugins.model import Options, Plugin, Rules
from ostiary.plugins.rules import OneOrMore, Text

__all__ = ["BindGuard", "BindGuardOptions"]

Failures = Annotated[int, Field(ge=0, le=10_000)]
DAY = 86_400


class BindGuardOptions(Options):
    """Failed binds within a time, and what they cost."""

    failures: Failures = 5
    """Failures of one client on one identity until that client is locked out of it; 0: no such lockout."""
    client_failures: Failures = 50
    """Failures of one client on any identities until it is locked out of all; 0: no such lockout."""
    identity_failures: Failures = 0
    """Failures on one identity from anywhere until it is locked for everybody; 0: none, as anybody could cause it."""
    window_seconds: Annotated[float, Field(ge=1, le=DAY)] = 300.0
    """The time in which so many failures must come."""
    lockout_seconds: Annotated[float, Field(ge=0.1, le=DAY)] = 5.0
    """The first lockout; each further failure doubles it."""
    lockout_seconds_max: Annotated[float, Field(ge=0.1, le=DAY)] = 900.0
    """The longest lockout."""
    negative_cache_seconds: Annotated[float, Field(ge=0, le=DAY)] = 300.0
    """How long a wrong password is remembered, so that one sent again and again reaches no server; 0: not at all."""
    entries: Annotated[int, Field(ge=64, le=2**31)] = 65_536
    """How many keys are remembered at a time; beyond that the least useful are forgotten."""
    exempt: OneOrMore[Text] | None = None
    """Networks whose clients are not guarded."""


class BindGuard(Plugin):
    """Answers guesses of passwords itself, ever longer, and spares the directory passwords known to be wrong."""

    Options = BindGuardOptions
    options: BindGuardOptions

    def rules(self) -> Sequence[Rules]:
        """Its own keys are the rules."""
        data = self.options.model_dump(mode="json", by_alias=True, exclude_none=True)
        return [Rules("bind_guard", data, key_path="")]

    def meaning(self) -> Sequence[str]:
        """When somebody is locked out, and for how long."""
        options = self.options
        counts = {
            "one client on one identity": options.failures,
            "one client": options.client_failures,
            "one identity, from anywhere": options.identity_failures,
        }
        told = [f"locks out after {count} failures of {whose}" for whose, count in counts.items() if count]
        if told:
            times = f"{options.lockout_seconds:g} to {options.lockout_seconds_max:g} seconds"
            told.append(f"for {times}, if they come within {options.window_seconds:g} seconds")
        if options.negative_cache_seconds:
            told.append(f"remembers a wrong password for {options.negative_cache_seconds:g} seconds")
        return told
