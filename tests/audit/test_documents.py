"""What docs/audit.md says is so: its example has the core's fields, its configurations load, its queries answer."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ostiary._core import audit_fields
from ostiary.config import Config
from ostiary.tls import ThrowawayFiles, throwaway_authority

from ..config.files import AROUND
from .collector import RSYSLOGD, missing
from .questions import DOCUMENT, answers, blocks
from .seen import ALICE, DESK, GROUP, HAL, PEOPLE, WEEK, WIKI

ROOT = Path(__file__).parents[2]


def test_fields_of_the_records_here_are_told() -> None:
    known = {json for json, *_ in audit_fields()}
    assert len(known) > 30
    used = {key for each in WEEK for key in re.findall(r'"(\w+)":', each)}
    assert used <= known
    (example,) = re.findall(r"^    (\{.*\})$", DOCUMENT, re.MULTILINE)
    assert set(re.findall(r'"(\w+)":', example)) <= known


@pytest.mark.parametrize("block", blocks("toml"))
def test_configurations_load(block: str, tmp_path: Path) -> None:
    throwaway_authority(tmp_path)
    names = {"logs-ca.pem": "ca.pem", "gateway.crt": "client.crt", "gateway.key": "client.key"}
    for old, new in names.items():
        block = block.replace(old, new)
    block = block.replace("/var/log/ostiary", str(tmp_path))
    assert Config.from_toml(AROUND + block, tmp_path).audit is not None


@pytest.mark.parametrize("block", blocks("rsyslog"))
def test_rsyslog_takes_its_configuration(block: str, tmp_path: Path, files: ThrowawayFiles) -> None:
    if (reason := missing()) is not None:
        pytest.skip(reason)
    named = {
        "/etc/rsyslog.d/tls/ca.pem": files.ca,
        "/etc/rsyslog.d/tls/logs.crt": files.server_certificate,
        "/etc/rsyslog.d/tls/logs.key": files.server_key,
        "/run/ostiary-audit/log": tmp_path / "log",
        "/var/log/ostiary-audit.log": tmp_path / "audit.log",
    }
    for old, new in named.items():
        block = block.replace(old, str(new))
    (tmp_path / "rsyslog.conf").write_text(block + f'action(type="omfile" file="{tmp_path}/rest")\n')
    command = [RSYSLOGD, "-N1", "-f", str(tmp_path / "rsyslog.conf")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, "error" in done.stderr.lower().replace("errors", "")) == (0, False), done.stderr


def test_logrotate_takes_the_file_away_and_nothing_is_lost(tmp_path: Path) -> None:
    command = shutil.which("logrotate") or "/usr/sbin/logrotate"
    if not Path(command).exists():
        pytest.skip("logrotate is absent: apt-get install logrotate")
    path = tmp_path / "audit.log"
    pour = [sys.executable, "-m", "tests.audit.pouring", "file", str(path), "0", "1000000", "0.01"]
    writing = subprocess.Popen(pour, cwd=ROOT)
    try:
        (block,) = blocks("logrotate")
        block = block.replace("/var/log/ostiary", str(tmp_path))
        block = block.replace("systemctl kill --signal=HUP ostiary.service", f"kill -HUP {writing.pid}")
        (tmp_path / "logrotate.conf").write_text(block)
        rotate = [command, "--force", "--state", str(tmp_path / "state"), str(tmp_path / "logrotate.conf")]
        for _ in range(3):
            # What a batch left is there: then the file is one that the writer has open.
            while not path.exists() or path.stat().st_size == 0:
                time.sleep(0.01)
            subprocess.run(rotate, check=True, timeout=30)
        while not path.exists() or path.stat().st_size == 0:
            time.sleep(0.01)
    finally:
        writing.terminate()
    assert writing.wait(30) == 0
    parts = [*sorted(tmp_path.glob("audit.log.*"), key=lambda part: -int(part.name.split(".")[2])), path]
    assert [part.name for part in parts] == ["audit.log.3.gz", "audit.log.2.gz", "audit.log.1", "audit.log"]
    texts = [gzip.decompress(part.read_bytes()) if part.suffix == ".gz" else part.read_bytes() for part in parts]
    seen = [json.loads(line)["message"] for line in b"".join(texts).splitlines()]
    assert seen == list(range(len(seen)))


def test_every_query_is_run_here() -> None:
    assert len(blocks("sh")) == 7


def test_who_read_the_payroll_group(tmp_path: Path) -> None:
    told = answers("Who read the payroll group last week?", 0, WEEK, tmp_path)
    assert sorted(told) == sorted(
        [
            ["2", "read", HAL, "10.20.3.4", "(objectClass=*)"],
            ["1", "tested", ALICE, "10.20.3.4", "(member=?)"],
            ["1", "may have read", WIKI, "10.20.3.4", "(member=?)"],
            ["1", "may have read", WIKI, "unix socket", "(cn=?)"],
            ["1", "may have read", "anonymous", "10.20.3.4", "(objectClass=*)"],
        ]
    )
    assert f'--arg group "{GROUP}"' in DOCUMENT


def test_who_read_memberships(tmp_path: Path) -> None:
    told = answers("Who read the payroll group last week?", 1, WEEK, tmp_path)
    assert sorted(told) == [
        ["1", "anonymous", "10.20.3.4", PEOPLE, "(memberOf=?)"],
        ["1", WIKI, "10.20.3.4", PEOPLE, "(uid=?)"],
    ]


def test_failed_logins_by_source(tmp_path: Path) -> None:
    told = answers("Which logins failed, by source?", 0, WEEK, tmp_path)
    assert told[0] == ["3", "192.0.2.7", "3", "2026-03-03T10:00:02.000Z"]
    assert sorted(told[1:]) == [
        ["1", "192.0.2.8", "1", "2026-03-03T10:00:03.000Z"],
        ["1", "unix socket", "1", "2026-03-03T10:00:04.000Z"],
    ]


def test_changes_of_the_help_desk(tmp_path: Path) -> None:
    told = answers("What did the help desk change?", 0, WEEK, tmp_path)
    assert [(row[3], row[4], row[5], row[6]) for row in told] == [
        ("modify", ALICE, "success", "replace:mail"),
        ("modify", ALICE, "success", "replace:userPassword"),
        ("add", f"uid=new,{PEOPLE}", "success", "objectClass uid"),
        ("delete", f"uid=old,{PEOPLE}", "insufficientAccessRights", ""),
        ("modify_dn", ALICE, "success", "uid=al"),
        ("delete", "uid=gone", "noSuchObject", ""),
        ("extended", ALICE, "success", "1.3.6.1.4.1.4203.1.11.1 password_modify"),
    ]
    assert {row[1].lower().replace(" ", "") for row in told} == {HAL}
    assert f'--arg desk "{DESK}"' in DOCUMENT


def test_passwords_in_the_clear(tmp_path: Path) -> None:
    told = answers("Who still sends passwords in the clear?", 0, WEEK, tmp_path)
    assert told == [["2", ALICE, "192.0.2.9", "ldaps"]]


def test_refusals_by_rule(tmp_path: Path) -> None:
    told = answers("What was refused by policy, and by which rule?", 0, WEEK, tmp_path)
    assert sorted(told) == [
        ["1", "allow_list", "default", "search", WIKI, "10.20.3.4", "insufficientAccessRights"],
        ["1", "allow_list", "desk", "delete", HAL, "10.20.3.4", "insufficientAccessRights"],
        ["1", "rate_limit", "flood", "compare", WIKI, "10.20.3.4", "closed"],
    ]


def test_what_each_rule_lets_pass(tmp_path: Path) -> None:
    told = answers("What does each rule let pass, and for whom?", 0, WEEK, tmp_path)
    assert sorted(told) == [
        ["1", "allow_list", "desk-writes", "enforce", "delete", HAL],
        ["1", "allow_list", "desk-writes", "enforce", "modify_dn", HAL],
    ]
