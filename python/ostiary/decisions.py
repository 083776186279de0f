"""What rules decided, for operators: each decision counted, and logged without flooding the log."""

from __future__ import annotations

import logging
from collections import Counter, deque
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from ostiary import log
from ostiary._core import result_code_name

if TYPE_CHECKING:
    from ostiary._core import Event

__all__ = ["Decisions", "Rule"]

logger = logging.getLogger("ostiary.policy")


class Rule(NamedTuple):
    """What decided, and whether it counted."""

    plugin: str
    rule: str
    mode: str


class Decisions:
    """The decisions of a gateway's rules since it started."""

    def __init__(self, latest: deque[dict[str, Any]] | None = None) -> None:
        """`latest` takes what was decided last, for a status."""
        self._latest = latest
        self.counts: Counter[Rule] = Counter()
        """How often each rule decided other than to let pass, or would have."""

    def note(self, event: Event.Decided, client: str, listener: str) -> None:
        """Counts a decision about a request, and logs it unless this rule has said much in this second."""
        code = None if event.code is None else result_code_name(event.code)
        rule = Rule(event.plugin, event.rule, event.mode)
        self._note(rule, client=client, listener=listener, operation=event.operation, code=code)

    def note_connection(self, plugin: str, rule: str, mode: str, client: str, listener: str) -> None:
        """Counts and logs a client that was not let in, or would not have been."""
        self._note(Rule(plugin, rule, mode), client=client, listener=listener, operation="connect", code=None)

    def _note(self, rule: Rule, **fields: str | None) -> None:
        self.counts[rule] += 1
        if self._latest is not None:
            self._latest.append({"time": time(), **rule._asdict(), **fields})
        told = {key: value for key, value in fields.items() if value is not None}
        name = "decided" if rule.mode == "enforce" else "would_decide"
        log.often(logger, logging.INFO, name, rule[:2], plugin=rule.plugin, rule=rule.rule, **told)

    def tell(self) -> None:
        """Logs the counts, at the end."""
        for rule, count in sorted(self.counts.items()):
            log.event(
                logger, logging.INFO, "decisions", plugin=rule.plugin, rule=rule.rule, mode=rule.mode, count=count
            )
