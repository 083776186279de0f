"""The example that serves in business hours."""

from __future__ import annotations

import datetime

import pytest

from examples.business_hours import BusinessHours
from ostiary.errors import ConfigError
from ostiary.plugins import PASS
from ostiary.testing import Stage, bind, search

ALICE = "uid=alice,ou=people,dc=example,dc=org"
BACKUP = "cn=backup,ou=services,dc=example,dc=org"
OPTIONS = {"begin": "08:00:00", "end": "18:00:00", "always": ["OU=Services, DC=example, DC=org"]}


def at(text: str, **options: object) -> Stage:
    """The plugin at a time: 2026-11-23 is a Monday."""
    stage = Stage(BusinessHours, options=OPTIONS | options)
    now = datetime.datetime.fromisoformat(text)
    stage.plugin.now = lambda: now  # type: ignore[attr-defined]
    return stage


@pytest.mark.parametrize(
    ("time", "is_open"),
    [
        ("2026-11-23T07:59:59", False),
        ("2026-11-23T08:00:00", True),
        ("2026-11-27T17:59:59", True),
        ("2026-11-27T18:00:00", False),
        ("2026-11-28T12:00:00", False),
    ],
)
def test_door_is_open_on_days_of_business(time: str, is_open: bool) -> None:
    stage = at(time)
    assert (stage.ask(bind(ALICE, "x")) is PASS) == is_open
    assert (stage.ask(search(), stage.client(identity=ALICE)) is PASS) == is_open


@pytest.mark.parametrize(
    ("time", "is_open"),
    [
        ("2026-11-23T21:59:00", False),
        ("2026-11-23T22:00:00", True),
        ("2026-11-24T05:59:00", True),
        ("2026-11-24T06:00:00", False),
        ("2026-11-28T05:00:00", True),
        ("2026-11-29T05:00:00", False),
    ],
)
def test_night_shift_ends_on_the_next_day(time: str, is_open: bool) -> None:
    assert (at(time, begin="22:00:00", end="06:00:00").ask(bind(ALICE, "x")) is PASS) == is_open


def test_refusal_is_one_that_clients_understand() -> None:
    verdict = at("2026-11-23T03:00:00").ask(bind(ALICE, "x"))
    assert (verdict.code, verdict.text) == (53, "outside business hours")


def test_some_accounts_are_always_served() -> None:
    stage = at("2026-11-23T03:00:00")
    assert stage.ask(bind("CN=Backup,ou=services,dc=example,dc=org", "x")) is PASS
    assert stage.ask(search(), stage.client(identity=BACKUP)) is PASS
    # Whoever asks to be somebody else is judged by whom it asks to be.
    assert stage.ask(bind(ALICE, "x"), stage.client(identity=BACKUP)).code == 53
    for name in ("cn=backup\\,ou=services\\,dc=example\\,dc=org", "backup@example.org", ""):
        assert stage.ask(bind(name, "x")).code == 53


def test_faults_are_told_at_their_keys() -> None:
    with pytest.raises(ConfigError) as raised:
        Stage(BusinessHours, options={"begin": "8", "days": ["mondy"], "always": ["x"], "time_zone": "Mars"})
    told = {fault.path: fault.message for fault in raised.value.faults}
    assert sorted(told) == ["always[0]", "begin", "days[0]", "end", "time_zone"]
    assert told["always[0]"] == 'not a DN; write "ou=people,dc=example,dc=org": "x"'
    assert "did you mean monday?" in told["days[0]"]
