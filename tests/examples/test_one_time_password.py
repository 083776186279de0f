"""The example of the second factor, against the codes of RFC 6238 and attempts to go around it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from examples.one_time_password import OneTimePassword, code_of
from ostiary.errors import ConfigError
from ostiary.plugins import PASS, Request, Verdict
from ostiary.testing import Stage, bind, sasl_bind, search

ALICE = "uid=alice,ou=people,dc=example,dc=org"
SECRET = b"12345678901234567890"
NOW = 1_111_111_109


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    path = tmp_path / "secrets"
    encoded = base64.b32encode(SECRET).decode()
    path.write_text(f"# tokens\n\n{encoded} {ALICE}\n{encoded.lower()} alice@example.org\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def stage(secrets: Path) -> Stage:
    return at(NOW, Stage(OneTimePassword, options={"secrets_file": str(secrets)}))


def at(now: float, stage: Stage) -> Stage:
    stage.plugin.now = lambda: now  # type: ignore[attr-defined]
    return stage


def code(now: float = NOW, digits: int = 6) -> str:
    return code_of(SECRET, int(now) // 30, digits, "sha1").decode()


def wrong(verdict: Verdict) -> bool:
    return (verdict.kind, verdict.code, verdict.text) == ("refuse", 49, "")


@pytest.mark.parametrize(
    ("time", "algorithm", "secret", "expected"),
    [
        (59, "sha1", SECRET, b"94287082"),
        (1_111_111_109, "sha1", SECRET, b"07081804"),
        (20_000_000_000, "sha1", SECRET, b"65353130"),
        (59, "sha256", (SECRET * 2)[:32], b"46119246"),
        (59, "sha512", (SECRET * 4)[:64], b"90693936"),
    ],
)
def test_codes_are_those_of_rfc_6238(time: int, algorithm: str, secret: bytes, expected: bytes) -> None:
    assert code_of(secret, time // 30, 8, algorithm) == expected


@pytest.mark.parametrize("name", [ALICE, "UID=Alice, OU=people,dc=example,dc=org", "Alice@Example.ORG"])
def test_code_is_checked_and_taken_off(stage: Stage, name: str) -> None:
    verdict = stage.ask(bind(name, f"sesame{code()}", message_id=7))
    assert verdict.request is not None
    seen = Request("bind", verdict.request)
    assert (seen.name, seen.password, seen.message_id) == (name, b"sesame", 7)
    assert code() not in repr(verdict)


def test_code_is_taken_once(stage: Stage) -> None:
    request = bind(ALICE, f"sesame{code()}")
    assert stage.ask(request).kind == "replace"
    assert wrong(stage.ask(request))
    assert wrong(stage.ask(bind(ALICE.upper(), f"sesame{code()}")))
    # Neither is one from before, though the window still has it.
    assert wrong(stage.ask(bind(ALICE, f"sesame{code(NOW - 30)}")))
    assert at(NOW + 30, stage).ask(bind(ALICE, f"sesame{code(NOW + 30)}")).kind == "replace"


@pytest.mark.parametrize(("seconds", "is_taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_window_is_one_period_to_either_side(stage: Stage, seconds: int, is_taken: bool) -> None:
    assert (stage.ask(bind(ALICE, f"sesame{code(NOW + seconds)}")).kind == "replace") == is_taken


@pytest.mark.parametrize("password", ["", "sesame", "000000", "sesame000000", "é" * 6, "\0" * 8])
def test_password_without_its_code_is_wrong(stage: Stage, password: str) -> None:
    assert wrong(stage.ask(bind(ALICE, password)))


@pytest.mark.parametrize("password", ["", "\0", "\0\0"])
def test_code_alone_proves_nothing(stage: Stage, password: str) -> None:
    assert wrong(stage.ask(bind(ALICE, f"{password}{code()}")))


def test_strangers_are_refused_unless_they_may_pass(stage: Stage, secrets: Path) -> None:
    for name in ("uid=bob,ou=people,dc=example,dc=org", "EXAMPLE\\alice", "alice", "alice@elsewhere.org"):
        assert wrong(stage.ask(bind(name, f"sesame{code()}")))
    lenient = at(NOW, Stage(OneTimePassword, options={"secrets_file": str(secrets), "others": "pass"}))
    assert lenient.ask(bind("uid=bob,ou=people,dc=example,dc=org", "sesame")) is PASS
    assert wrong(lenient.ask(bind(ALICE, "sesame")))


def test_sasl_is_no_way_around(stage: Stage) -> None:
    assert stage.ask(sasl_bind("PLAIN", b"\0alice\0sesame")).code == 7


def test_anonymous_binds_and_other_requests_pass(stage: Stage) -> None:
    assert stage.ask(bind()) is PASS
    assert stage.ask(search()) is PASS


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("JBSWY3DPEHPK3PXP", "line 1 has no DN, user@domain or DOMAIN\\user behind the secret"),
        ("JBSWY3DPEHPK3PXP alice", "line 1 has no DN, user@domain or DOMAIN\\user behind the secret"),
        (f"JBSW-hunter2 {ALICE}", "the secret in line 1 is not base32"),
        (f"JBSWY3DP {ALICE}", "the secret in line 1 is shorter than 10 octets"),
    ],
)
def test_faults_of_the_file_are_told_without_the_secret(secrets: Path, line: str, told: str) -> None:
    secrets.write_text(line)
    with pytest.raises(ConfigError) as raised:
        Stage(OneTimePassword, options={"secrets_file": str(secrets)})
    (fault,) = raised.value.faults
    assert fault.message == f"{told}: {secrets}"


def test_file_that_others_can_read_is_told(secrets: Path) -> None:
    secrets.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        Stage(OneTimePassword, options={"secrets_file": str(secrets)})
    with pytest.raises(ConfigError, match="no such file"):
        Stage(OneTimePassword, options={"secrets_file": f"{secrets}-not"})
