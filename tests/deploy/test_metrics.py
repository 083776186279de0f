"""What is exposed is what docs/metrics.md says, no more and no less, and sound in promtool's eyes."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
import urllib.request

import pytest

from ..house.tree import ROOT
from ..real.raw_client import Address

DOCUMENT = (ROOT / "docs/metrics.md").read_text()
ROWS = re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \| \w* \| (.*?) ?\| (.+) \|$", DOCUMENT, re.MULTILINE)
OWN = {"le"}
WAIT_SECONDS = 15.0


@pytest.fixture(scope="session")
def text(scraped: Address) -> str:
    """The exposition in the text format, once there is something of each metric, or nothing more to wait for."""
    request = urllib.request.Request(f"http://{scraped.text}/metrics", headers={"Accept": "text/plain"})
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as answer:
            found = str(answer.read().decode())
        is_whole = all(re.search(rf"^{name}(_count)?[ {{]", found, re.MULTILINE) for name in kinds(found))
        if is_whole or time.monotonic() > deadline:
            return found
        threading.Event().wait(0.1)


def kinds(text: str) -> dict[str, str]:
    return dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))


def test_document_has_every_metric_of_its_kind(text: str) -> None:
    assert {name: kind for name, kind, *_ in ROWS} == kinds(text)
    assert len(ROWS) == len({name for name, *_ in ROWS})


def test_document_has_the_labels_of_every_metric(text: str) -> None:
    told = {name: set(re.findall(r"`(\w+)`", labels)) for name, _, labels, _ in ROWS}
    seen: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", text, re.MULTILINE):
        family = name if name in told else re.sub(r"_(bucket|sum|count)$", "", name)
        seen.setdefault(family, set()).update(set(re.findall(r'(\w+)="', labels)) - OWN)
    assert seen == told


def test_document_has_the_buckets_of_every_histogram(text: str) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\d., ]+) \|$", DOCUMENT, re.MULTILINE))
    told = {name: [float(each) for each in row.split(",")] for name, row in rows.items()}
    seen = {
        name: sorted({float(bound) for bound in re.findall(rf'^{name}_bucket\{{.*le="([^+"]+)"', text, re.MULTILINE)})
        for name, kind in kinds(text).items()
        if kind == "histogram"
    }
    assert seen == told


def test_promtool_finds_nothing_to_blame(text: str) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is absent: apt-get install prometheus")
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
