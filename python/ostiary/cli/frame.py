"""One picture of a status document for a terminal. Draws; asks nothing.

What came from the network is put on one line and stripped of anything that moves a cursor.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ostiary.log import plain

__all__ = ["count", "frame", "seconds", "spark"]

_BARS = " ▁▂▃▄▅▆▇█"
_STYLES = {"serious": "bold red", "warning": "yellow"}
_NONE = "-"
# What a terminal without a height, a pipe, shows of each list.
_ROWS = 8
_DAYS_SERIOUS, _DAYS_WARNING = 7, 21


def frame(document: dict[str, Any], before: dict[str, Any] | None = None, height: int = 0) -> RenderableType:
    """The picture; with the document before it, how often each name came in between."""
    rows = _ROWS if not height else max(3, min(12, (height - 24) // 3))
    sides = Table.grid(padding=(0, 3), expand=True)
    sides.add_column(ratio=1)
    sides.add_column(ratio=1)
    sides.add_row(
        _top("identity", "identities", document, before, rows), _top("client", "clients", document, before, rows)
    )
    sides.add_row()
    sides.add_row(_upstreams(document), _listeners(document))
    sides.add_row()
    sides.add_row(_rules(document, rows), _certificates(document))
    return Group(
        _head(document), *_attention(document), _rates(document), Text(), _operations(document), Text(), sides,
        Text(), _refusals(document, rows),
    )  # fmt: skip


def count(value: float | None) -> str:
    """A number in three digits: 0.25, 8.4, 812, 12.3k."""
    if value is None:
        return _NONE
    for factor, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= factor:
            return f"{value / (1e3 if unit == 'k' else factor):.3g}{unit}" if value < 1e15 else f"{value:.3g}"
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def seconds(value: float | None) -> str:
    """A time in three digits: 56us, 1.2ms, 3s."""
    if value is None:
        return _NONE
    for factor, unit in ((1.0, "s"), (1e-3, "ms")):
        if value >= factor:
            return f"{value / factor:.3g}{unit}"
    return f"{value / 1e-6:.3g}us"


def spark(values: Sequence[float | None], width: int) -> str:
    """A line of bars: the last values, the highest one full."""
    last = [value or 0.0 for value in values[-width:]]
    most = max(last, default=0.0)
    return "".join(_BARS[round(value / most * (len(_BARS) - 1))] if most else _BARS[0] for value in last)


def _head(document: dict[str, Any]) -> Text:
    up = datetime.timedelta(seconds=int(document["time"] - document["started"]))
    workers = len(document["workers"])
    ready = ("ready", "green") if document["ready"] else ("not ready", "bold red")
    return Text.assemble(
        ("ostiary ", "bold"), f"{plain(document['version'])}  ", ready,
        (f"  up {up}  {workers} worker{'' if workers == 1 else 's'}  {_clock(document['time'])}", "dim"),
    )  # fmt: skip


def _attention(document: dict[str, Any]) -> Iterable[Text]:
    for each in document["attention"]:
        yield Text(plain(each["text"]), _STYLES.get(each["level"], ""))


def _rates(document: dict[str, Any]) -> Table:
    history, table = document["history"], Table.grid(padding=(0, 2))
    times = history["times"]
    operations = [sum(each[at] for each in history.get("operations", {}).values()) for at in range(len(times))]
    for title, values, write in (
        ("operations/s", operations, count),
        ("clients", history.get("connections", ()), count),
        ("refused/s", history.get("refusals", ()), count),
        ("failed binds/s", history.get("bind_failures", ()), count),
        ("99 of 100 answered in", history.get("seconds_99", ()), seconds),
        ("the gateway's share, median", history.get("overhead_50", ()), seconds),
    ):
        last = Text(write(values[-1] if values else None), "bold", justify="right")
        table.add_row(Text(title, "dim"), last, Text(spark(values, 60), "cyan", no_wrap=True))
    return table


def _operations(document: dict[str, Any]) -> Table:
    table = _table("operation", "/s", "in all", "failed", "median", "99 of 100")
    for each in document["operations"]:
        table.add_row(
            plain(each["operation"]), count(each["rate"]), count(each["count"]), count(each["failed"]),
            seconds(each["seconds_50"]), seconds(each["seconds_99"]),
        )  # fmt: skip
    return table


def _top(title: str, kind: str, document: dict[str, Any], before: dict[str, Any] | None, rows: int) -> Table:
    table = _table(title, "/s", "in all")
    earlier = dict(before["top"][kind]) if before else {}
    elapsed = document["time"] - before["time"] if before else 0.0
    for name, times in document["top"][kind][:rows]:
        rate = max(0.0, times - earlier[name]) / elapsed if name in earlier and elapsed > 0 else None
        table.add_row(plain(name) or "anonymous", count(rate), count(times))
    return table


def _upstreams(document: dict[str, Any]) -> Table:
    table = _table("server", "", "dialled in", "open")
    for upstream in document["upstreams"]:
        for each in upstream["servers"]:
            state = Text("asked", "dim") if each["up"] is None else Text("up", "green")
            state = Text("down", "bold red") if each["up"] is False else state
            connected = sum(each["connections"].values())
            table.add_row(plain(each["server"]), state, seconds(each["connect_seconds"]), count(connected))
    return table


def _listeners(document: dict[str, Any]) -> Table:
    table = _table("listener", "connected", "accepted", "failed binds")
    for each in document["listeners"]:
        table.add_row(
            plain(f"{each['name']} {each['address']}"), count(each["connections"]), count(each["accepted"]),
            count(each["bind_failures"]),
        )  # fmt: skip
    return table


def _rules(document: dict[str, Any], rows: int) -> Table:
    table = _table("plugin: rule", "decided")
    found = [(plugin["name"], rule) for plugin in document["plugins"] for rule in plugin["rules"]]
    for name, rule in sorted(found, key=lambda each: -each[1]["count"])[:rows]:
        mode = " (monitor)" if rule["mode"] == "monitor" else ""
        table.add_row(plain(f"{name}: {rule['rule']}{mode}"), count(rule["count"]))
    return table


def _certificates(document: dict[str, Any]) -> Table:
    table = _table("certificate", "days left")
    for each in document["certificates"]:
        days = each["days"]
        style = "bold red" if days < _DAYS_SERIOUS else "yellow" if days < _DAYS_WARNING else ""
        table.add_row(plain(f"{each['side']} {each['name']}"), Text(f"{days:.0f}", style))
    return table


def _refusals(document: dict[str, Any], rows: int) -> Table:
    table = _table("refused at", "client", "listener", "operation", "by", "with", numbers=False)
    for each in document["refusals"][:rows]:
        code = "(monitor)" if each["mode"] == "monitor" else plain(str(each["code"]))
        by = f"{each['plugin']}: {each['rule']}"
        table.add_row(
            _clock(each["time"]),
            *(plain(str(each[key])) for key in ("client", "listener", "operation")),
            plain(by),
            code,
        )
    return table


def _table(first: str, *others: str, numbers: bool = True) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=False)
    table.add_column(first, overflow="ellipsis", no_wrap=True)
    for title in others:
        # What is short stays whole; names give way.
        table.add_column(title, justify="right" if numbers else "left", no_wrap=True, min_width=max(len(title), 4))
    return table


def _clock(at: float) -> str:
    return datetime.datetime.fromtimestamp(at).strftime("%H:%M:%S")
