"""The table `[tracing]`: what it takes, what it refuses and how, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostiary.config import Config, checks
from ostiary.config.meaning import meaning
from ostiary.plan import TracingPlan, plan

from .files import VALID, faults

ENDPOINT = 'endpoint = "http://collector.example:4318/v1/traces"'


def with_tracing(*lines: str) -> str:
    return "\n".join([VALID, "[tracing]", *lines, ""])


@pytest.fixture(autouse=True)
def _extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is judged as where the extra is installed."""
    monkeypatch.setattr(checks, "is_installed", lambda: True)


def test_nothing_is_traced_without_the_table(certificates: Path) -> None:
    config = Config.from_toml(VALID, certificates)
    assert config.tracing is None
    assert "tracing" not in dict(meaning(config))


def test_share_is_one_in_a_hundred_unless_told(certificates: Path) -> None:
    config = Config.from_toml(with_tracing(ENDPOINT), certificates)
    assert config.tracing is not None
    assert config.tracing.sample == 0.01
    (told,) = dict(meaning(config))["tracing"]
    assert told == "sends spans of 1 % of the operations to http://collector.example:4318/v1/traces"


def test_plan_has_what_the_table_says(tmp_path: Path) -> None:
    text = with_tracing('endpoint = "https://collector.example/v1/traces"', "sample = 1")
    for old, new in (('mode = "ldaps", certificate = "server.crt", key = "server.key"', 'mode = "none"'),
                     ('tls = { mode = "starttls", ca = "ca.pem" }', "")):  # fmt: skip
        text = text.replace(old, new)
    assert plan(Config.from_toml(text, tmp_path)).tracing == TracingPlan("https://collector.example/v1/traces", 1)


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ("collector:4318", "not an http or https url"),
        ("grpc://collector:4317/v1/traces", "not an http or https url"),
        ("http://:4318/v1/traces", "not an http or https url"),
        ("http://collector:99999/v1/traces", "not an http or https url"),
        ("http://coll ector/v1/traces", "not an http or https url"),
        ("http://user:word-8Lp@collector/v1/traces", "no secret belongs into a url"),
        ("http://collector:4318", "the path of the receiver belongs here"),
        ("http://collector:4318/", "the path of the receiver belongs here"),
        ("http://collector:4318/v1/traces?key=1", "the path of the receiver belongs here"),
    ],
)
def test_endpoint_is_the_whole_url_of_a_receiver(certificates: Path, endpoint: str, message: str) -> None:
    found = faults(with_tracing(f'endpoint = "{endpoint}"'), certificates)
    assert list(found) == ["tracing.endpoint"]
    assert message in found["tracing.endpoint"]


@pytest.mark.parametrize("sample", ["-0.1", "1.5", "nan", "true", '"all"'])
def test_share_is_a_number_from_0_to_1(certificates: Path, sample: str) -> None:
    assert list(faults(with_tracing(ENDPOINT, f"sample = {sample}"), certificates)) == ["tracing.sample"]


def test_faults_name_keys_of_the_table(certificates: Path) -> None:
    found = faults(with_tracing("samples = 0.5"), certificates)
    assert found == {
        "tracing.samples": "unknown key; did you mean sample?",
        "tracing.endpoint": "missing",
    }
    assert list(faults(f"{VALID}\n[[tracing]]\n{ENDPOINT}\n", certificates)) == ["tracing"]


def test_libraries_that_are_absent_are_named(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "is_installed", lambda: False)
    assert faults(with_tracing(ENDPOINT), certificates) == {
        "tracing": "needs libraries that are not installed; pip install ostiary[otel]"
    }
