"""The verbs: what they print where, and the status they end with."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import ostiary
from ostiary.cli import main
from ostiary.cli.application import VERBS
from ostiary.plan import Plan
from ostiary.tls import throwaway_authority

VALID = """
[[listeners]]
name = "ldaps"
address = "127.0.0.1:0"
tls = { mode = "ldaps", certificate = "server.crt", key = "server.key" }
upstream = "directory"
[[upstreams]]
name = "directory"
servers = ["ldap://localhost"]
"""
SIX_FAULTS = """
workers = 0
[[listeners]]
name = "front"
address = "0.0.0.0"
tls = { mode = "ldaps", certificate = "nowhere.crt", key = "server.key" }
require_tl = "all"
upstream = "dictionary"
[[upstreams]]
name = "directory"
servers = ["ldaps://dc2"]
tls = { mode = "starttls" }
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli")
    throwaway_authority(path)
    (path / "valid.toml").write_text(VALID)
    (path / "faulty.toml").write_text(SIX_FAULTS)
    return path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def _run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ostiary", *map(str, arguments)])
        with pytest.raises(SystemExit) as raised:
            main()
        status = raised.value.code
        out, err = capsys.readouterr()
        return (status if isinstance(status, int) else 0), out, err

    return _run


@pytest.mark.parametrize("form", [["--config"], ["-c"], []])
def test_check_names_six_faults_and_exits_2(run: Run, directory: Path, form: list[str]) -> None:
    status, out, err = run("check", *form, directory / "faulty.toml")
    assert status == 2
    assert not out
    for path in (
        "workers", "listeners[0].address", "listeners[0].tls.certificate", "listeners[0].require_tl",
        "listeners[0].upstream", "upstreams[0].servers[0]",
    ):  # fmt: skip
        assert err.count(f"config: {path}: ") == 1
    assert err.endswith("6 faults\n")


def test_check_tells_faults_to_machines(run: Run, directory: Path) -> None:
    status, out, err = run("check", "--json", directory / "faulty.toml")
    told = json.loads(out)
    assert (status, err, told["valid"], len(told["faults"])) == (2, "", False, 6)
    assert told["faults"][0] == {"path": "workers", "message": 'write "auto" or a number from 1 to 256: 0'}


def test_check_tells_the_meaning(run: Run, directory: Path) -> None:
    status, out, err = run("check", directory / "valid.toml")
    assert (status, err) == (0, "")
    assert "listener ldaps\n  accepts clients on 127.0.0.1:0, inside TLS" in out
    assert out.endswith("no faults\n")


def test_check_tells_the_meaning_to_machines(run: Run, directory: Path) -> None:
    status, out, _ = run("check", "--json", "--config", directory / "valid.toml")
    told = json.loads(out)
    assert (status, told["valid"], told["notices"]) == (0, True, [])
    assert told["config"]["upstreams"][0]["servers"] == ["ldap://localhost:389"]


def test_check_wants_one_file(run: Run, directory: Path) -> None:
    assert run("check")[0] == 2
    assert run("check", "a", "--config", directory / "valid.toml")[0] == 2
    status, _, err = run("check", directory / "nowhere.toml")
    assert status == 2
    assert "not readable: " in err


def test_schema_is_json(run: Run) -> None:
    status, out, _ = run("schema")
    assert status == 0
    assert json.loads(out)["title"] == "Ostiary configuration"


def test_version_is_the_packages(run: Run) -> None:
    assert run("--version") == (0, f"ostiary {ostiary.__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [[], ["walk"], ["run"], ["run", "--config", "x", "--log-level", "loud"], ["demo", "--bind-dn", "cn=x"],
     ["demo", "--bind-dn", "cn=x", "--password-file", "x"]],
)  # fmt: skip
def test_wrong_usage_exits_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments)[0] == 2


PLAIN = """
[[listeners]]
name = "plain"
address = "127.0.0.1:{port}"
tls = {{ mode = "none" }}
upstream = "directory"

[[upstreams]]
name = "directory"
servers = ["ldap://127.0.0.1:1"]
"""


def test_run_names_faults_and_exits_2(run: Run, directory: Path) -> None:
    status, out, err = run("run", "--config", directory / "faulty.toml")
    assert (status, out) == (2, "")
    assert err.endswith("6 faults\n")
    assert "Traceback" not in err


def test_run_hands_a_plan_over_that_holds_the_configuration(
    run: Run, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[tuple[Plan, str]] = []
    monkeypatch.setattr("ostiary.worker.become", lambda plan, level: handed.append((plan, level)))
    monkeypatch.setattr("ostiary.log.configure", lambda _level: None)
    assert run("run", "--config", directory / "valid.toml", "--log-level", "debug") == (0, "", "")
    (plan, level), *_ = handed
    assert level == "debug"
    assert [server.text for server in plan.upstreams[0].servers] == ["ldap://localhost:389"]
    key = plan.listeners[0].tls["identities"][0][1]
    assert key.hex() not in repr(plan)
    assert str(key) not in repr(plan)


def start(config: Path) -> subprocess.Popen[str]:
    """The command as an operator runs it."""
    command = [sys.executable, "-m", "ostiary", "run", "--config", str(config)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_run_ends_with_status_0_when_it_is_told_to(tmp_path: Path) -> None:
    config = tmp_path / "plain.toml"
    config.write_text(PLAIN.format(port=0), encoding="utf-8")
    with start(config) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if json.loads(line)["event"] == "started":
                break
        process.send_signal(signal.SIGTERM)
        rest = [json.loads(line)["event"] for line in process.stderr]
    assert (process.returncode, rest) == (0, ["stopping", "stopped"])


def test_run_tells_an_address_in_use_in_a_line(tmp_path: Path) -> None:
    config = tmp_path / "plain.toml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config.write_text(PLAIN.format(port=taken.getsockname()[1]), encoding="utf-8")
        with start(config) as process:
            out, err = process.communicate(timeout=30)
    (event,) = [json.loads(line) for line in err.splitlines()]
    assert (process.returncode, out, event["event"]) == (1, "", "start_failed")
    assert event["error"].startswith("listener plain: cannot listen: ")


def test_module_is_the_command(directory: Path) -> None:
    arguments = [sys.executable, "-m", "ostiary", "check", str(directory / "faulty.toml")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (2, "")
    assert "config: listeners[0].require_tl: unknown key; did you mean require_tls?" in done.stderr


def test_check_takes_its_file_from_the_environment_unless_it_is_named(
    run: Run, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSTIARY_CONFIG", str(directory / "faulty.toml"))
    assert run("check")[2].endswith("6 faults\n")
    assert run("check", directory / "valid.toml")[0] == 0
    assert run("check", "--config", directory / "valid.toml")[0] == 0
    status, _, err = run("check", directory / "valid.toml", "--config", directory / "valid.toml")
    assert (status, "name one file" in err) == (2, True)


def test_run_without_a_file_names_both_ways(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OSTIARY_CONFIG", raising=False)
    status, _, err = run("run")
    assert status == 2
    assert "--config" in err
    assert "OSTIARY_CONFIG" in err


def test_health_asks_where_the_environment_says(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSTIARY_URL", "unix:/nowhere/admin")
    status, _, err = run("health")
    assert (status, "unix:/nowhere/admin" in err) == (1, True)


@pytest.mark.parametrize("arguments", [["health"], ["health", "--ready"]])
def test_health_loads_nothing_of_what_other_verbs_need(arguments: list[str]) -> None:
    script = f"""
import sys
from ostiary.cli import main
sys.argv = ["ostiary", *{arguments}, "--url", "unix:/nowhere/admin"]
try:
    main()
finally:
    print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=30)
    loaded = set(done.stdout.split())
    assert (done.returncode, "no answer" in done.stderr) == (1, True)
    assert "ostiary.cli.health" in loaded
    assert loaded & {"cryptography", "asyncio", "ostiary.cli.check", "ostiary.config", "ostiary.plugins"} == set()


def test_word_that_is_no_verb_is_told_with_what_is_meant(run: Run) -> None:
    status, _, err = run("checks", "health")
    assert (status, "'check'" in err) == (2, True)
    assert all(verb in run("--help", "health")[1] for verb in VERBS)
