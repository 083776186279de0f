"""A real Prometheus as a child process: scrapes one address, evaluates our rules, and answers queries.

It knows Prometheus' HTTP interface and the folder of the rules, and no metric.
"""

from __future__ import annotations

import json
import math
import shutil
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from ..house.tree import ROOT
from ..real.process import Process
from ..real.raw_client import Address, free_address

MISSING = "prometheus is absent: apt-get install prometheus"
RULES = ROOT / "deploy/prometheus"
# Quick, so that a rate has its points within seconds.
INTERVAL = "500ms"
WAIT_SECONDS = 25.0


def is_absent() -> bool:
    return shutil.which("prometheus") is None


class QueryFailed(Exception):
    """Prometheus could not read the query, or not execute it."""


class Prometheus:
    """One that runs until it is stopped."""

    def __init__(self, home: Path, scraped: Address) -> None:
        configuration = {
            "global": {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL, "evaluation_interval": "1s"},
            "rule_files": [str(path) for path in sorted(RULES.glob("ostiary.*.yml"))],
            "scrape_configs": [{"job_name": "ostiary", "static_configs": [{"targets": [scraped.text]}]}],
        }
        path = home / "prometheus.yml"
        # JSON is YAML.
        path.write_text(json.dumps(configuration))
        address = free_address()
        self._url = f"http://{address.text}"
        self.process = Process(
            ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={home / 'data'}",
             f"--web.listen-address={address.text}", "--log.level=warn"],
            home / "prometheus.log",
        )  # fmt: skip
        self.process.await_listening(address)

    def rules(self) -> list[dict[str, Any]]:
        """Every rule with its state, as Prometheus sees it."""
        return [rule for group in self._ask("rules", {})["groups"] for rule in group["rules"]]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """The labels and values that an expression has now. Raises: QueryFailed."""
        data = self._ask("query", {"query": expression})
        found = data["result"] if data["resultType"] == "vector" else [{"metric": {}, "value": data["result"]}]
        return [(each["metric"], float(each["value"][1])) for each in found]

    def data(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """What an expression has once it has data: numbers, not only the want of them."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            found = [(labels, value) for labels, value in self.query(expression) if math.isfinite(value)]
            if found or time.monotonic() > deadline:
                return found
            threading.Event().wait(0.1)

    def _ask(self, what: str, parameters: dict[str, str]) -> Any:
        url = f"{self._url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                with urllib.request.urlopen(url, timeout=WAIT_SECONDS) as answer:
                    return json.load(answer)["data"]
            except urllib.error.HTTPError as error:
                with error:
                    told = error.read().decode()
                # It listens before it has read its own storage.
                if error.code != 503 or time.monotonic() > deadline:
                    raise QueryFailed(f"{parameters}: {told}") from None
            threading.Event().wait(0.1)
