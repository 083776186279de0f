"""The built-in plugin `rate_limit`: how often, and how much at a time. Its keys; their meaning is the core's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from ostiary.plugins.model import Options, Plugin, Rules
from ostiary.plugins.rules import OneOrMore, Operation, RuleMode, RuleName, Text

__all__ = ["RateLimit", "RateLimitOptions", "RateLimitRule"]


class RateLimitRule(Options):
    """One limit: a rate, or a number at the same time."""

    name: RuleName
    """What logs, metrics and `explain` call it; unique."""
    operations: OneOrMore[Operation | Literal["connect"]] | None = None
    """What it counts; every operation when omitted. "connect" counts connections, and stands alone."""
    key: OneOrMore[Text]
    """What has a bucket of its own: "client", "network/24", "identity", "listener" or "global"."""
    rate: Text | None = None
    """So many in a time: "20/s", "100/min", "1000/h"."""
    burst: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """So many at once; one second's worth when omitted."""
    concurrent: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Instead of a rate: so many at the same time."""
    exceeded: Literal["busy", "delay", "close"] | None = None
    """What happens beyond: "busy" answers busy(51), "delay" lets the request wait, "close" ends the connection."""
    delay_seconds: Annotated[float, Field(ge=0.01, le=60)] | None = None
    """The longest that a request waits by "delay"; then it is answered busy(51). 5 when omitted."""
    from_: OneOrMore[Text] | None = Field(None, alias="from")
    """Networks that it applies to; all when omitted."""
    mode: RuleMode = "enforce"
    """"monitor": only count and log what would have been beyond."""


class RateLimitOptions(Options):
    """Limits; a request is counted by all that it falls under."""

    limits: Annotated[tuple[RateLimitRule, ...], Field(min_length=1)]
    """The limits."""
    entries: Annotated[int, Field(ge=64, le=2**31)] = 65_536
    """How many keys are remembered at a time; beyond that the least useful are forgotten."""


class RateLimit(Plugin):
    """How often and how much at a time, by client, network, identity, listener or in all."""

    Options = RateLimitOptions
    options: RateLimitOptions

    def rules(self) -> Sequence[Rules]:
        """Its own keys are the rules."""
        data = self.options.model_dump(mode="json", by_alias=True, exclude_none=True)
        return [Rules("rate_limit", data, key_path="")]

    def meaning(self) -> Sequence[str]:
        """Each limit in words."""
        return [_in_words(limit) for limit in self.options.limits]


def _in_words(limit: RateLimitRule) -> str:
    amount = limit.rate if limit.concurrent is None else f"{limit.concurrent} at the same time"
    what = "operation" if limit.operations is None else _joined(limit.operations)
    return f"{limit.name}: {amount} by {_joined(limit.key)}, for every {what}"


def _joined(words: str | tuple[str, ...]) -> str:
    return words if isinstance(words, str) else " and ".join(words)
