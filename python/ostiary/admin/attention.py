"""What an operator should look at first, said in words: read from the finished document of /status.

Not the alerts, which Prometheus raises by rules of its own over longer times; what is wrong here and now.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["attention"]

CERTIFICATE_DAYS = 21
"""What is renewed by itself is renewed before."""
CERTIFICATE_SERIOUS_DAYS = 7
SPIKE_SECONDS = 30.0
SPIKE_LEAST = 1.0
"""Failed binds a second; below, people mistype."""
SPIKE_TIMES = 3.0
"""So many times what there was before."""

_Found = Iterator[tuple[str, str]]


def attention(document: dict[str, Any]) -> list[dict[str, str]]:
    """Each with its level, `serious` or `warning`, the serious ones first."""
    found = [*_servers(document), *_certificates(document), *_counted(document), *_spike(document["history"])]
    if document["reason"] is not None and not any("does not answer" in text for _, text in found):
        found.insert(0, ("serious", f"not ready: {document['reason']}"))
    return [{"level": level, "text": text} for level, text in sorted(found, key=lambda each: each[0] != "serious")]


def _servers(document: dict[str, Any]) -> _Found:
    for upstream in document["upstreams"]:
        for server in upstream["servers"]:
            if server["up"] is False:
                where = f"{server['server']} of upstream {upstream['name']}"
                yield "serious", f"{where} does not answer: {server['error']}"


def _certificates(document: dict[str, Any]) -> _Found:
    for each in document["certificates"]:
        days = each["days"]
        if days < CERTIFICATE_DAYS:
            level = "serious" if days < CERTIFICATE_SERIOUS_DAYS else "warning"
            left = f"ends in {days:.0f} days" if days >= 1 else "ends within a day" if days > 0 else "has expired"
            yield level, f"the {each['side']} certificate {each['name']} {left}"


def _counted(document: dict[str, Any]) -> _Found:
    gateway = document["gateway"]
    if lost := gateway["audit_records_lost"]:
        yield "serious", f"{lost:.0f} audit records were lost"
    if restarts := gateway["worker_restarts"]:
        yield "warning", f"workers died and were replaced: {restarts:.0f}"
    last = document.get("reload")
    if last is not None and last["faults"]:
        first = last["faults"][0]
        where = f"{first['path']}: " if first["path"] else ""
        yield "serious", f"the configuration could not be read again: {where}{first['message']}"
    for each in document["plugins"]:
        if each["errors"]:
            yield "warning", f"plugin {each['name']} failed, and so refused: {each['errors']:.0f}"
    for each in document["listeners"]:
        if count := each["plaintext_binds"]:
            yield "warning", f"binds in the clear at listener {each['name']}: {count:.0f}"


def _spike(history: dict[str, Any]) -> _Found:
    rates = history.get("bind_failures", [])
    points = round(SPIKE_SECONDS / history["step_seconds"])
    late, early = rates[-points:], rates[:-points]
    if not early:
        return
    now = sum(late) / len(late)
    before = sum(early) / len(early)
    if now >= SPIKE_LEAST and now >= SPIKE_TIMES * before:
        yield "warning", f"binds fail more often than before: {now:.1f} a second"
