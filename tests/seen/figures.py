"""What an admin endpoint exposes, asked by HTTP and taken apart by its form: numbers by name and labels.

It knows the text format, and no metric.
"""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from ..real.process import pause
from ..real.raw_client import Address

WAIT_SECONDS = 15.0
OPENMETRICS = "application/openmetrics-text"
LINE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? ([^ ]+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Labels = frozenset[tuple[str, str]]


class Figures:
    """One scrape."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._found: dict[str, dict[Labels, float]] = {}
        for name, labels, value in LINE.findall(text):
            self._found.setdefault(name, {})[frozenset(LABEL.findall(labels))] = float(value)

    def each(self, name: str, by: str, **labels: str) -> dict[str, float]:
        """The sums by one label, of samples with these labels."""
        sums: dict[str, float] = {}
        for found, value in self._matching(name, labels):
            key = dict(found)[by]
            sums[key] = sums.get(key, 0.0) + value
        return sums

    def total(self, name: str, **labels: str) -> float:
        """The sum of all samples with these labels."""
        return sum(value for _, value in self._matching(name, labels))

    def _matching(self, name: str, labels: dict[str, str]) -> list[tuple[Labels, float]]:
        asked = set(labels.items())
        return [(found, value) for found, value in self._found.get(name, {}).items() if asked <= found]


class Endpoint:
    """The admin endpoint of a gateway."""

    def __init__(self, address: Address, token: str = "") -> None:
        self.address = address
        self._credentials = {"Authorization": f"Bearer {token}"} if token else {}

    def fetch(self, path: str, accept: str = "*/*") -> tuple[int, str]:
        """The status and the text of an answer."""
        headers = {"Accept": accept, **self._credentials}
        request = urllib.request.Request(f"http://{self.address.text}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def figures(self) -> Figures:
        """What is counted now."""
        status, text = self.fetch("/metrics")
        assert status == 200, text
        return Figures(text)

    def await_figures(self, holds: Callable[[Figures], bool]) -> Figures:
        """The same once something holds of it."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not holds(found := self.figures()):
            assert time.monotonic() < deadline, found.text
            pause(0.02)
        return found

    def status(self) -> dict[str, Any]:
        """The status document."""
        status, text = self.fetch("/status")
        assert status == 200, text
        document: dict[str, Any] = json.loads(text)
        return document
