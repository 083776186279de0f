"""`ostiary demo` as a user runs it."""

from __future__ import annotations

import os
import re
import signal
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from ostiary.demo.directory import Directory
from ostiary.demo.main import run_demo
from ostiary.demo.policed_steps import POLICED_STEPS
from ostiary.demo.stage import Notes, Stage
from ostiary.demo.steps import DEMO_STEPS, Step
from ostiary.demo.tour import run_tour

COMMAND = [sys.executable, "-m", "ostiary", "demo"]
ADMIN = "cn=admin,dc=example,dc=org"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The demo's temporary files under a directory of the test."""
    return {**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}


def test_once_ends_with_success_within_its_time(environment: dict[str, str], tmp_path: Path) -> None:
    start = time.monotonic()
    done = subprocess.run(
        [*COMMAND, "--once"], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - start < 15
    assert done.stdout.count("✔") == len(DEMO_STEPS) + len(POLICED_STEPS)
    assert "✘" not in done.stdout
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []
    for explained in (
        "explain: refused by rule default of plugin allow_list",
        "rule wiki does not match: filter: the filter is (cn=?*)",
        "explain: refused by rule telephone-numbers of plugin redact",
        "busy (51): too many requests, try again later",
        "the directory was asked 3 times",
    ):
        assert explained in done.stdout


def test_once_is_quiet_about_a_reader_who_left(environment: dict[str, str]) -> None:
    with subprocess.Popen(
        [*COMMAND, "--once"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        demo.stdout.readline()
        demo.stdout.close()
        assert demo.stderr.read() == ""
        assert demo.wait(20) == 0


@pytest.fixture
def standing(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A demo after its tour, and what it printed."""
    demo = subprocess.Popen(COMMAND, env=environment, stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    printed = ""
    while "administrator's" not in printed:
        line = demo.stdout.readline()
        assert line, printed
        printed += line
    yield demo, printed
    demo.kill()
    demo.wait(5)
    demo.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stays_up_until_told_to_stop(
    standing: tuple[subprocess.Popen[str], str], number: signal.Signals, tmp_path: Path
) -> None:
    demo, _ = standing
    (place,) = tmp_path.iterdir()
    keys = list(place.glob("**/*.key"))
    assert keys
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    demo.send_signal(number)
    assert demo.wait(10) == 0
    assert list(tmp_path.iterdir()) == []


def test_printed_lines_can_be_pasted(standing: tuple[subprocess.Popen[str], str]) -> None:
    _, printed = standing
    lines = re.findall(r"^(?:LDAPTLS_CACERT=\S+ )?ldapsearch .*$", printed, re.MULTILINE)
    assert len(lines) == 6
    assert "localhost" not in "".join(lines)
    (explain,) = re.findall(r"^\S+ (?:-m ostiary )?explain .*$", printed, re.MULTILINE)
    done = run_line(explain)
    assert done.returncode == 3
    assert "refused by rule default of plugin allow_list" in done.stdout
    if not any(os.access(Path(place) / "ldapsearch", os.X_OK) for place in os.environ["PATH"].split(":")):
        pytest.skip("not installed (package ldap-utils): ldapsearch")
    *good, forgetful, allowed, refused = [run_line(line) for line in lines]
    for done in (*good, allowed):
        assert done.returncode == 0, done.stderr
        assert "cn: Alice Archer" in done.stdout
    assert (forgetful.returncode, refused.returncode) == (13, 50)


def run_line(line: str) -> subprocess.CompletedProcess[str]:
    """A printed line, as a shell takes it."""
    return subprocess.run(line, shell=True, capture_output=True, text=True, timeout=20, check=False)


def test_real_directory_takes_the_reading_tour(directory: Directory, tmp_path: Path) -> None:
    password_file = tmp_path / "password"
    password_file.write_text("opensesame\n")
    before = len(directory.tree)
    url = f"ldap://127.0.0.1:{directory.port}"
    with open(os.devnull, "w") as nowhere:
        status = run_demo(True, url, ADMIN, password_file, console=Console(file=nowhere))
    assert status == 0
    assert len(directory.tree) == before
    kinds = {seen.kind for seen in directory.seen}
    assert kinds <= {"bind", "search", "extended", "unbind"}
    # Its certificate is of no authority this machine knows: TLS is spoken all the same, and the demo says so.
    assert any(seen.name == ADMIN and seen.tls for seen in directory.seen)


def test_password_goes_to_nobody_who_cannot_prove_who_it_is(
    directory: Directory, ca: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    password_file = tmp_path / "password"
    password_file.write_text("opensesame\n")
    url = f"ldap://127.0.0.1:{directory.port}"
    monkeypatch.setattr("ostiary.demo.behind._is_here", lambda _host: False)
    assert run_demo(True, url, ADMIN, password_file, console=Console(width=200)) == 1
    assert "--ca FILE" in capsys.readouterr().out
    assert not any(seen.kind == "bind" for seen in directory.seen)
    assert run_demo(True, url, ADMIN, password_file, ca, Console(width=200)) == 0


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ldap://127.0.0.1:1", "no directory answers there"),
        ("http://x", "expected ldap://"),
        ("ldap://x:y", "expected"),
    ],
)
def test_unusable_upstream_is_told_in_one_line(url: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_demo(True, url, console=Console(width=200)) != 0
    output = capsys.readouterr().out
    assert told in output
    assert output.count("\n") == 1


async def test_step_that_fails_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    async def unmet(_: Stage, notes: Notes) -> None:
        notes.expect(False, "what was expected")

    async def broken(_: Stage, __: Notes) -> None:
        raise ConnectionResetError("reset")

    async def met(_: Stage, __: Notes) -> None:
        return

    stage = Stage({}, ssl.create_default_context(), "", None, None)
    steps = [Step("unmet", "", "", unmet), Step("broken", "", "", broken), Step("met", "", "", met)]
    assert await run_tour(stage, steps, Console(width=200)) == ["unmet", "broken"]
    printed = capsys.readouterr().out
    assert "✘ what was expected" in printed
    assert "✘ cut short: reset" in printed
