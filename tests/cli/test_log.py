"""Log lines: their form, and what cannot get into them."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from ostiary import log

logger = logging.getLogger("ostiary.test")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[str]:
    # Colours are the handler's own; what is looked for here is what values bring along.
    return re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).split("\n")[:-1]


def test_elsewhere_than_on_a_terminal_a_line_is_json() -> None:
    stream = io.StringIO()
    log.configure("info", stream)
    log.event(logger, logging.INFO, "listener_opened", listener="ldaps", port=636, tls=None, names=("a", "b"))
    (line,) = lines(stream)
    told = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told.pop("time"))
    assert told == {
        "level": "info", "event": "listener_opened", "listener": "ldaps", "port": 636, "tls": None,
        "names": ["a", "b"],
    }  # fmt: skip


def test_on_a_terminal_a_line_is_for_people() -> None:
    stream = Terminal()
    log.configure("info", stream)
    log.event(logger, logging.WARNING, "upstream_lost", upstream="directory", reason="connection reset")
    (line,) = lines(stream)
    assert re.fullmatch(
        r'\d\d:\d\d:\d\d\.\d{3} warning upstream_lost upstream=directory reason="connection reset"', line
    )


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_values_cannot_look_like_another_event(stream: io.StringIO) -> None:
    log.configure("info", stream)
    hostile = "a\n12:00:00 info started\r\x1b[2K\x00\u202e\u2028\ud800"
    log.event(logger, logging.INFO, "refused", text=hostile, raw=hostile.encode("utf-8", "surrogatepass"))
    (line,) = stream.getvalue().split("\n")[:-1]
    plain = re.sub(r"\x1b\[[0-9;]*m", "", line)
    assert plain.isprintable()
    assert "\\n12:00:00" in plain


def test_long_values_are_cut() -> None:
    stream = io.StringIO()
    log.configure("info", stream)
    log.event(logger, logging.INFO, "refused", text="x" * 100_000)
    assert len(stream.getvalue()) < 3_000


def test_levels_are_kept() -> None:
    stream = io.StringIO()
    log.configure("info", stream)
    log.event(logger, logging.DEBUG, "hidden")
    assert not stream.getvalue()
    log.configure("trace", stream)
    log.event(logger, log.TRACE, "seen")
    assert json.loads(stream.getvalue())["level"] == "trace"


def test_fields_do_not_replace_what_every_line_has() -> None:
    stream = io.StringIO()
    log.configure("info", stream)
    log.event(logger, logging.INFO, "odd", level="none", time=1.5, infinite=float("inf"))
    told = json.loads(stream.getvalue())
    assert (told["level"], told["level_"], told["time_"], told["infinite"]) == ("info", "none", 1.5, "inf")


def test_records_of_other_libraries_are_events_too() -> None:
    stream = io.StringIO()
    log.configure("info", stream)
    logging.getLogger("asyncio").error("slow %s", "callback\n")
    told = json.loads(stream.getvalue())
    assert (told["event"], told["logger"], told["text"]) == ("message", "asyncio", "slow callback\\n")


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_failure_carries_its_traceback(stream: io.StringIO) -> None:
    log.configure("info", stream)
    try:
        raise RuntimeError("first\n12:00:00.000 info started")
    except RuntimeError as error:
        log.failure(logger, "bug", error, connection=7)
    told = lines(stream)
    assert any("RuntimeError: first" in line for line in told)
    assert not any(line.startswith("12:00:00.000 info") for line in told)


def test_secrets_are_hidden() -> None:
    stream = io.StringIO()
    log.configure("info", stream)
    log.event(logger, logging.INFO, "odd", password=SecretStr("hunter2"), nested={"password": SecretStr("hunter2")})
    assert "hunter2" not in stream.getvalue()


def test_a_worker_says_in_each_line_which_it_is() -> None:
    stream = io.StringIO()
    log.configure("info", stream, worker=3)
    log.event(logger, logging.INFO, "started", listeners=2)
    logging.getLogger("library").warning("told")
    log.configure("info", stream)
    log.event(logger, logging.INFO, "started")
    told = [json.loads(line) for line in lines(stream)]
    assert [list(line)[1:] for line in told] == [
        ["level", "event", "worker", "listeners"], ["level", "event", "worker", "logger", "text"], ["level", "event"],
    ]  # fmt: skip


def test_what_clients_bring_about_is_told_ten_times_a_second_of_each_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 7.0
    monkeypatch.setattr(log, "monotonic", lambda: now)
    monkeypatch.setattr(log, "SPARING", log.Sparing())
    stream = io.StringIO()
    log.configure("info", stream)
    for number in range(25):
        log.often(logger, logging.WARNING, "violation", ("ldaps", "client"), number=number)
    log.often(logger, logging.WARNING, "violation", ("ldaps", "upstream"), number=1)
    log.often(logger, logging.WARNING, "upstream_closed", ("ldaps", "client"), number=2)
    log.often(logger, logging.DEBUG, "violation", ("ldaps", "client"), number=3)
    now = 8.0
    for number in range(2):
        log.often(logger, logging.WARNING, "violation", ("ldaps", "client"), number=number)
    told = [json.loads(line) for line in lines(stream)]
    kinds = [(each["event"], each["number"], each.get("unlogged")) for each in told]
    first = [("violation", number, None) for number in range(log.PER_SECOND)]
    rest = [("violation", 1, None), ("upstream_closed", 2, None), ("violation", 0, 15), ("violation", 1, None)]
    assert kinds == first + rest
