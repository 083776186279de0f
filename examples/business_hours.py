"""Serves only in business hours, but for accounts that work at night too.

    [[plugins]]
    use = "business_hours:BusinessHours"
    begin = 08:00:00
    end = 18:00:00
    time_zone = "Europe/Vienna"
    always = ["ou=services,dc=example,dc=org"]

Binds are judged by who the client asks to be, everything else by who it has proved to be: so a connection that was
opened in time does not go on at night.
"""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Sequence
from typing import Literal

from pydantic import field_validator

from ostiary.plugins import PASS, Client, Dn, DnText, Identity, Options, Plugin, Request, Verdict, refuse

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEK: tuple[Day, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class BusinessHoursOptions(Options):
    """When the door is open, and for whom it always is."""

    begin: datetime.time
    """When a business day begins."""
    end: datetime.time
    """When it ends; before `begin`: on the next day."""
    days: tuple[Day, ...] = WEEK[:5]
    """The days on which business begins."""
    time_zone: str = "UTC"
    """Whose time it is, as "Europe/Vienna"."""
    always: tuple[DnText, ...] = ()
    """Accounts below these DNs are served at any time."""

    @field_validator("time_zone")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in zoneinfo.available_timezones():
            raise ValueError('no time zone of this name; write "Europe/Vienna"')
        return value


class BusinessHours(Plugin):
    """Refuses everything outside business hours with unwillingToPerform(53)."""

    Options = BusinessHoursOptions
    options: BusinessHoursOptions

    def __init__(self, options: BusinessHoursOptions) -> None:
        super().__init__(options)
        self._always = [Dn(each) for each in options.always]
        self._zone = zoneinfo.ZoneInfo(options.time_zone)
        self._days = [WEEK.index(each) for each in options.days]

    def meaning(self) -> Sequence[str]:
        options = self.options
        return [f"serves from {options.begin:%H:%M} to {options.end:%H:%M} {options.time_zone}"]

    def on_bind(self, _client: Client, request: Request) -> Verdict:
        return self._verdict(request.identity)

    def on_request(self, client: Client, _request: Request) -> Verdict:
        return self._verdict(client.identity)

    def now(self) -> datetime.datetime:
        """The time where business is done."""
        return datetime.datetime.now(self._zone)

    def _verdict(self, identity: Identity) -> Verdict:
        if self._is_open(self.now()):
            return PASS
        if isinstance(identity, Dn) and any(identity.is_within(each) for each in self._always):
            return PASS
        return refuse("unwillingToPerform", "outside business hours")

    def _is_open(self, now: datetime.datetime) -> bool:
        begin, end, time, today = self.options.begin, self.options.end, now.time(), now.weekday()
        if begin <= end:
            return today in self._days and begin <= time < end
        yesterday = (today - 1) % 7
        return (today in self._days and time >= begin) or (yesterday in self._days and time < end)
